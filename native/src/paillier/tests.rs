//! What keys do, on either kernel, against the formulas in big integers.

use std::sync::LazyLock;

use num_bigint::BigUint;
use proptest::prelude::*;

use super::{Error, FixedBase, Kernel, PrivateKey, PublicKey, lanes::LANES};

/// Numbers that a seed fixes.
pub struct Source(u64);

impl Source {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e3779b97f4a7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58476d1ce4e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d049bb133111eb);
        x ^ x >> 31
    }

    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code))]
    pub fn edge_word(&mut self) -> u64 {
        match self.word() % 4 {
            0 => 0,
            1 => u64::MAX,
            _ => self.word(),
        }
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.word().to_le_bytes()[0]).collect()
    }

    pub fn below(&mut self, bound: &BigUint) -> BigUint {
        let count = usize::try_from(bound.bits()).unwrap() / 8 + 9;
        BigUint::from_bytes_le(&self.bytes(count)) % bound
    }

    fn prime(&mut self, bits: u64) -> BigUint {
        let two = BigUint::from(2_u8);
        loop {
            let high = BigUint::from(3_u8) << (bits - 2);
            let candidate = self.below(&(BigUint::from(1_u8) << (bits - 2))) | high | BigUint::from(1_u8);
            if (3_u32..1000).step_by(2).any(|divisor| &candidate % divisor == BigUint::ZERO) {
                continue;
            }
            if two.modpow(&(&candidate - 1_u8), &candidate) == BigUint::from(1_u8) {
                return candidate;
            }
        }
    }
}

fn one() -> BigUint {
    BigUint::from(1_u8)
}

fn padded(number: &BigUint, width: usize) -> Vec<u8> {
    let mut bytes = number.to_bytes_le();
    assert!(bytes.len() <= width);
    bytes.resize(width, 0);
    bytes
}

fn joined(numbers: &[BigUint], width: usize) -> Vec<u8> {
    numbers.iter().flat_map(|number| padded(number, width)).collect()
}

fn split(bytes: &[u8], width: usize) -> Vec<BigUint> {
    bytes.chunks(width).map(BigUint::from_bytes_le).collect()
}

struct Case {
    p: BigUint,
    q: BigUint,
    n: BigUint,
    square: BigUint,
    key: PrivateKey,
    source: Source,
}

impl Case {
    fn new(kernel: Kernel, bits: u64, seed: u64) -> Self {
        let mut source = Source::new(seed);
        let (p, q) = primes(&mut source, bits);
        Self::of(kernel, p, q, source)
    }

    fn of(kernel: Kernel, p: BigUint, q: BigUint, source: Source) -> Self {
        let key = PrivateKey::new(kernel, &p.to_bytes_le(), &q.to_bytes_le()).unwrap();
        let n = &p * &q;
        Self { square: &n * &n, n, p, q, key, source }
    }

    fn key(&self) -> &PublicKey {
        self.key.public()
    }

    fn width(&self) -> usize {
        self.key().ciphertext_bytes()
    }

    fn size(&self) -> usize {
        self.key().value_bytes()
    }

    fn values(&mut self, count: usize) -> Vec<BigUint> {
        let edges = [BigUint::ZERO, one(), &self.n - 1_u8, &self.n >> 1];
        (0..count).map(|i| if i < 4 { edges[i].clone() } else { self.source.below(&self.n) }).collect()
    }

    /// Units mod n², with 1 and n² − 1.
    fn units(&mut self, count: usize) -> Vec<BigUint> {
        let edges = [&self.square - 1_u8, one(), &self.square >> 1];
        (0..count).map(|i| if i < 3 { edges[i].clone() } else { self.source.below(&self.square) }).collect()
    }

    /// By the formula: the power of (1 + n) that c has as a factor.
    fn plain(&self, c: &BigUint) -> BigUint {
        let order = (&self.p - 1_u8) * (&self.q - 1_u8);
        let x = (c.modpow(&order, &self.square) - 1_u8) / &self.n;
        x * order.modinv(&self.n).unwrap() % &self.n
    }

    fn is_power_of_n(&self, c: &BigUint) -> bool {
        let order = (&self.p - 1_u8) * (&self.q - 1_u8);
        c.modpow(&order, &self.square) == one()
    }

    fn decrypted(&self, ciphertexts: &[u8]) -> Result<Vec<BigUint>, Error> {
        let mut out = vec![0xaa; ciphertexts.len() / 2];
        self.key.decrypt(ciphertexts, &mut out).map(|()| split(&out, self.size()))
    }
}

fn primes(source: &mut Source, bits: u64) -> (BigUint, BigUint) {
    loop {
        let (p, q) = (source.prime(bits / 2), source.prime(bits / 2));
        if p != q {
            return (p, q);
        }
    }
}

/// Small keys of many lengths, and those that are in use.
fn cases() -> impl Iterator<Item = Case> {
    static PRIMES: LazyLock<Vec<(BigUint, BigUint)>> = LazyLock::new(|| {
        let lengths = [128, 130, 200, 202, 208, 256, 416, 2048, 3072];
        lengths.map(|bits| primes(&mut Source::new(bits), bits)).to_vec()
    });
    let kernels = || [Kernel::Portable, Kernel::best()].into_iter();
    let case = |kernel, (p, q): &(BigUint, BigUint)| Case::of(kernel, p.clone(), q.clone(), Source::new(p.bits()));
    PRIMES.iter().flat_map(move |primes| kernels().map(move |kernel| case(kernel, primes)))
}

fn small() -> impl Iterator<Item = Case> {
    cases().take(12)
}

#[test]
fn ciphertexts_are_those_of_the_formula() {
    for mut case in cases() {
        for count in (0..=17).rev().step_by(if case.n.bits() > 600 { 17 } else { 1 }) {
            let values = case.values(count);
            let randomness = case.units(count);
            let mut out = vec![0xaa; count * case.width()];
            let (bytes, pool) = (joined(&values, case.size()), joined(&randomness, case.width()));
            case.key().encrypt_with(&bytes, case.size(), &pool, &mut out).unwrap();
            let expected = values.iter().zip(&randomness).map(|(m, r)| (one() + m * &case.n) * r % &case.square);
            assert!(split(&out, case.width()).into_iter().eq(expected));
            case.key().add(&out, &pool, &mut vec![0; out.len()]).unwrap();
        }
    }
}

#[test]
fn what_is_encrypted_is_decrypted() {
    for mut case in cases() {
        for count in (0..=17).step_by(if case.n.bits() > 600 { 17 } else { 1 }) {
            let values = case.values(count);
            let bytes = joined(&values, case.size());
            let mut uniform = vec![0; count * case.width()];
            let mut halves = uniform.clone();
            case.key().encrypt(&bytes, case.size(), &mut uniform).unwrap();
            case.key.encrypt(&bytes, case.size(), &mut halves).unwrap();
            for ciphertexts in [&uniform, &halves] {
                case.key().check(ciphertexts).unwrap();
                assert_eq!(case.decrypted(ciphertexts).unwrap(), values);
                if case.n.bits() < 600 {
                    assert!(split(ciphertexts, case.width()).iter().map(|c| case.plain(c)).eq(values.iter().cloned()));
                }
            }
            let mut again = uniform.clone();
            case.key().rerandomise(&uniform, &mut again).unwrap();
            assert_eq!(case.decrypted(&again).unwrap(), values);
            let distinct: std::collections::HashSet<_> =
                [&uniform, &halves, &again].into_iter().flat_map(|batch| batch.chunks(case.width())).collect();
            assert_eq!(distinct.len(), 3 * count);
        }
    }
}

#[test]
fn short_values_are_the_same_as_long_ones() {
    for mut case in small() {
        let randomness = joined(&case.units(9), case.width());
        let values = case.source.bytes(9);
        let long = joined(&values.iter().map(|byte| BigUint::from(*byte)).collect::<Vec<_>>(), case.size());
        let (mut one, mut other) = (vec![0; randomness.len()], vec![0; randomness.len()]);
        case.key().encrypt_with(&values, 1, &randomness, &mut one).unwrap();
        case.key().encrypt_with(&long, case.size(), &randomness, &mut other).unwrap();
        assert_eq!(one, other);
    }
}

#[test]
fn randomness_is_n_th_powers() {
    for case in small() {
        for count in [0, 1, 7, 8, 9, 65] {
            let mut out = vec![0; count * case.width()];
            case.key().randomness(&mut out).unwrap();
            assert!(split(&out, case.width()).iter().all(|c| case.is_power_of_n(c) && *c != one()));
            case.key.randomness(&mut out).unwrap();
            assert!(split(&out, case.width()).iter().all(|c| case.is_power_of_n(c) && *c != one()));
        }
    }
}

#[test]
fn powers_to_n_and_by_halves_are_those_of_the_formula() {
    for mut case in cases() {
        let mut bases: Vec<_> = (0..LANES).map(|_| case.source.below(&case.n)).collect();
        (bases[3], bases[5]) = (one(), &case.n - 1_u8);
        let mut out = vec![0; LANES * case.width()];
        let mut work = super::modulus::Work::new(case.key().modulus());
        case.key().powers_to_n(&mut work, &joined(&bases, case.size()), &mut out);
        let expected: Vec<_> = bases.iter().map(|r| r.modpow(&case.n, &case.square)).collect();
        assert_eq!(split(&out, case.width()), expected);
        let words = |n: &BigUint, prime: &BigUint| {
            let mut digits = (n % prime).to_u64_digits();
            digits.resize(prime.to_u64_digits().len(), 0);
            zeroize::Zeroizing::new(digits)
        };
        // x = r^q mod p and r^p mod q, lane by lane.
        let left: Vec<_> = bases.iter().map(|r| words(&r.modpow(&case.q, &case.p), &case.p)).collect();
        let right: Vec<_> = bases.iter().map(|r| words(&r.modpow(&case.p, &case.q), &case.q)).collect();
        case.key.powers(&left, &right, &mut out);
        assert_eq!(split(&out, case.width()), expected);
    }
}

#[test]
fn a_fixed_base_gives_its_powers() {
    for mut case in cases() {
        let base = case.key().base().unwrap();
        let h = BigUint::from_bytes_le(&base);
        assert!(case.is_power_of_n(&h));
        for bits in [case.key().bits().div_ceil(2), case.key().bits() / 2 + 7] {
            let fixed = FixedBase::new(case.key(), &base, bits).unwrap();
            let length = bits.div_ceil(64);
            for count in [1, 8, 17] {
                let mut exponents: Vec<_> = (0..count).map(|_| case.source.below(&(one() << bits))).collect();
                exponents[0] = (one() << bits) - 1_u8;
                exponents[count / 2] = BigUint::ZERO;
                let digits: Vec<u64> = exponents
                    .iter()
                    .flat_map(|x| {
                        let mut digits = x.to_u64_digits();
                        digits.resize(length, 0);
                        digits
                    })
                    .collect();
                let mut out = vec![0; count * case.width()];
                fixed.powers(case.key(), &digits, length, &mut out);
                assert!(split(&out, case.width()).into_iter().eq(exponents.iter().map(|x| h.modpow(x, &case.square))));
                fixed.randomness(case.key(), &mut out).unwrap();
                assert!(split(&out, case.width()).iter().all(|c| case.is_power_of_n(c) && *c != one()));
            }
            if case.n.bits() > 1000 {
                break;
            }
        }
        let zero = vec![0; case.width()];
        assert!(matches!(FixedBase::new(case.key(), &base, case.key().bits() / 2 - 1), Err(Error::Base)));
        assert!(matches!(FixedBase::new(case.key(), &zero, case.key().bits()), Err(Error::Base)));
        assert!(matches!(
            FixedBase::new(case.key(), &padded(&case.p, zero.len()), case.key().bits()),
            Err(Error::Base)
        ));
    }
}

#[test]
fn segments_multiply_what_they_list() {
    for mut case in small() {
        let ciphertexts = case.units(40);
        let bytes = joined(&ciphertexts, case.width());
        let random: Vec<usize> = (0..23).map(|_| usize::try_from(case.source.word() % 9).unwrap()).collect();
        for lengths in
            [vec![], vec![0], vec![1], vec![0, 3, 0, 17, 1], vec![700], vec![1; 9], vec![64, 65, 63, 0, 129], random]
        {
            let total: usize = lengths.iter().sum();
            let indices: Vec<usize> = (0..total).map(|_| usize::try_from(case.source.word() % 40).unwrap()).collect();
            let mut offsets = vec![0];
            for length in &lengths {
                offsets.push(offsets.last().unwrap() + length);
            }
            let mut out = vec![0xaa; lengths.len() * case.width()];
            let index_bytes: Vec<_> = indices.iter().map(|i| u32::try_from(*i).unwrap().to_le_bytes()).collect();
            let offset_bytes: Vec<_> = offsets.iter().map(|i| (*i as u64).to_le_bytes()).collect();
            case.key().product(&bytes, &offset_bytes, &index_bytes, &mut out).unwrap();
            let expected = offsets.windows(2).map(|pair| {
                indices[pair[0]..pair[1]].iter().fold(one(), |product, i| product * &ciphertexts[*i] % &case.square)
            });
            assert!(split(&out, case.width()).into_iter().eq(expected), "{lengths:?}");
        }
        let offsets = |list: &[u64]| list.iter().map(|i| i.to_le_bytes()).collect::<Vec<_>>();
        let indices = [[0; 4], 39_u32.to_le_bytes(), 40_u32.to_le_bytes()];
        let mut out = vec![0; case.width()];
        let mut product =
            |list: &[u64], count: usize| case.key().product(&bytes, &offsets(list), &indices[..count], &mut out);
        assert_eq!(product(&[0, 2], 2), Ok(()));
        assert_eq!(product(&[0, 3], 3), Err(Error::Index(2)));
        for wrong in [&[][..], &[1, 2], &[0, 1], &[0, 3], &[0, 3, 2], &[0, u64::MAX]] {
            assert_eq!(product(wrong, 2), Err(Error::Offsets));
        }
    }
}

#[test]
fn powers_signs_and_packs() {
    for mut case in small() {
        for count in [0, 1, 8, 17] {
            let ciphertexts = case.units(count);
            let bytes = joined(&ciphertexts, case.width());
            let mut exponents: Vec<u64> = (0..count).map(|_| case.source.word()).collect();
            for (exponent, edge) in exponents.iter_mut().zip([u64::MAX, 0, 1, 1 << 63, (1 << 63) - 1, 7]) {
                *exponent = edge;
            }
            let mut out = vec![0; bytes.len()];
            let raw: Vec<_> = exponents.iter().map(|x| x.to_le_bytes()).collect();
            case.key().power(&bytes, &raw, 64, &mut out).unwrap();
            let power = |c: &BigUint, x: u64| c.modpow(&BigUint::from(x), &case.square);
            let expected = ciphertexts.iter().zip(&exponents).map(|(c, x)| power(c, *x));
            assert!(split(&out, case.width()).into_iter().eq(expected));
            case.key().signed_power(&bytes, &raw, 64, &mut out).unwrap();
            let signed = |c: &BigUint, x: u64| {
                let x = x.cast_signed();
                let base = if x < 0 { c.modinv(&case.square).unwrap() } else { c.clone() };
                power(&base, x.unsigned_abs())
            };
            assert!(
                split(&out, case.width())
                    .into_iter()
                    .eq(ciphertexts.iter().zip(&exponents).map(|(c, x)| signed(c, *x)))
            );
            case.key().negate(&bytes, &mut out).unwrap();
            let inverses = ciphertexts.iter().map(|c| c.modinv(&case.square).unwrap());
            assert!(split(&out, case.width()).into_iter().eq(inverses));
            for bits in [1, 5, 20] {
                let low: Vec<_> = exponents.iter().map(|x| (x & ((1 << bits) - 1)).to_le_bytes()).collect();
                case.key().power(&bytes, &low, bits, &mut out).unwrap();
                let expected = ciphertexts.iter().zip(&low).map(|(c, x)| power(c, u64::from_le_bytes(*x)));
                assert!(split(&out, case.width()).into_iter().eq(expected));
            }
            for (slots, bits) in [(1, 1), (3, 20), (6, 20), (40, 3)] {
                let mut out = vec![0; count.div_ceil(slots) * case.width()];
                case.key().pack(&bytes, slots, bits, &mut out).unwrap();
                let packed = |group: &[BigUint]| {
                    group.iter().rev().fold(one(), |packed, c| power(&packed, 1 << bits) * c % &case.square)
                };
                assert!(split(&out, case.width()).into_iter().eq(ciphertexts.chunks(slots).map(packed)));
            }
        }
        let two = joined(&case.units(2), case.width());
        let mut out = vec![0; two.len()];
        let exponents = [8_u64.to_le_bytes(), 16_u64.to_le_bytes()];
        assert_eq!(case.key().power(&two, &exponents, 4, &mut out), Err(Error::Exponent(1)));
        assert_eq!(case.key().power(&two, &exponents, 65, &mut out), Err(Error::Exponent(0)));
        assert_eq!(case.key().pack(&two, 2, case.key().bits() / 2, &mut out[..case.width()]), Err(Error::Exponent(0)));
        assert!(case.key().power(&two, &exponents[..1], 64, &mut out).is_err());
    }
}

#[test]
fn what_is_no_unit_or_too_large_is_refused() {
    for mut case in small() {
        let width = case.width();
        for position in [0, 70] {
            for wrong in [BigUint::ZERO, case.square.clone(), (one() << (8 * width)) - 1_u8] {
                let mut ciphertexts = case.units(71);
                ciphertexts[position] = wrong;
                if ciphertexts[position] >= case.square || ciphertexts[position] == BigUint::ZERO {
                    let bytes = joined(&ciphertexts, width);
                    let mut out = vec![0; bytes.len()];
                    let refused = Err(Error::Ciphertext(position));
                    assert_eq!(case.key().check(&bytes), refused);
                    assert_eq!(case.key().add(&bytes, &bytes, &mut out), refused);
                    assert_eq!(case.key().rerandomise(&bytes, &mut out), refused);
                    assert_eq!(case.key.decrypt(&bytes, &mut out[..71 * width / 2]), refused);
                }
            }
            for shared in [case.p.clone(), case.q.clone(), case.n.clone(), &case.p * &case.p, &case.n * 5_u8] {
                let mut ciphertexts = case.units(71);
                ciphertexts[position] = shared;
                let bytes = joined(&ciphertexts, width);
                let mut out = vec![0; bytes.len()];
                assert_eq!(case.key().check(&bytes), Err(Error::Ciphertext(position)));
                assert_eq!(case.key().negate(&bytes, &mut out), Err(Error::Ciphertext(position)));
                assert_eq!(case.decrypted(&bytes), Err(Error::Ciphertext(position)));
            }
            let mut ciphertexts = case.units(71);
            (ciphertexts[9], ciphertexts[30]) = (case.q.clone(), BigUint::ZERO);
            let bytes = joined(&ciphertexts, width);
            assert_eq!(case.key().check(&bytes), Err(Error::Ciphertext(9)));
            assert_eq!(case.decrypted(&bytes), Err(Error::Ciphertext(9)));
            let mut values = case.values(71);
            values[position] = case.n.clone();
            let mut out = vec![0; 71 * width];
            let bytes = joined(&values, case.size());
            assert_eq!(case.key().encrypt(&bytes, case.size(), &mut out), Err(Error::Value(position)));
            assert!(matches!(case.key().encrypt(&bytes[1..], case.size(), &mut out), Err(Error::Uneven { .. })));
        }
    }
}

#[test]
fn keys_are_refused() {
    let mut source = Source::new(9);
    let kernel = Kernel::best();
    let (p, q, long) = (source.prime(128), source.prime(128), source.prime(130));
    let new = |p: &BigUint, q: &BigUint| PrivateKey::new(kernel, &p.to_bytes_le(), &q.to_bytes_le()).map(|_| ());
    assert_eq!(new(&p, &q), Ok(()));
    let composite = &p - 2_u8;
    for (p, q) in [(&p, &p), (&p, &long), (&(&p - 1_u8), &q), (&composite, &q), (&p, &composite), (&BigUint::ZERO, &q)]
    {
        assert_eq!(new(p, q), Err(Error::Primes));
    }
    for n in [BigUint::ZERO, one(), (&p * &q) + 1_u8, &p * &long >> 1 | one(), one() << 4097 | one()] {
        assert!(matches!(PublicKey::new(kernel, &n.to_bytes_le()), Err(Error::Modulus)), "{} bits", n.bits());
    }
}

/// A modulus from someone else: of its residues, a third and more are no units.
#[test]
fn a_modulus_with_small_factors_gets_units() {
    let mut source = Source::new(10);
    let n = source.prime(201) * 105_u8;
    assert!(n.bits() == 208);
    for kernel in [Kernel::Portable, Kernel::best()] {
        let key = PublicKey::new(kernel, &n.to_bytes_le()).unwrap();
        let mut out = vec![0; 65 * key.ciphertext_bytes()];
        key.randomness(&mut out).unwrap();
        key.check(&out).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_and_multiples_of_plaintexts(
        seed: u64,
        half in 64_u64..150,
        rows in prop::collection::vec((any::<u32>(), any::<u32>(), any::<i64>()), 0..18),
    ) {
        for kernel in [Kernel::Portable, Kernel::best()] {
            let case = Case::new(kernel, 2 * half, seed);
            let key = case.key();
            let encrypt = |values: Vec<BigUint>| {
                let mut out = vec![0; values.len() * case.width()];
                key.encrypt(&joined(&values, case.size()), case.size(), &mut out).unwrap();
                out
            };
            let left = encrypt(rows.iter().map(|row| row.0.into()).collect());
            let right = encrypt(rows.iter().map(|row| row.1.into()).collect());
            let mut out = vec![0; left.len()];
            key.add(&left, &right, &mut out).unwrap();
            let sums = rows.iter().map(|row| BigUint::from(row.0) + row.1);
            prop_assert!(case.decrypted(&out).unwrap().into_iter().eq(sums));
            let exponents: Vec<_> = rows.iter().map(|row| row.2.to_le_bytes()).collect();
            key.signed_power(&left, &exponents, 64, &mut out).unwrap();
            let multiples = rows.iter().map(|row| {
                let size = BigUint::from(row.0) * row.2.unsigned_abs() % &case.n;
                if row.2 < 0 { (&case.n - size) % &case.n } else { size }
            });
            prop_assert!(case.decrypted(&out).unwrap().into_iter().eq(multiples));
            let mut packed = vec![0; rows.len().div_ceil(3) * case.width()];
            key.pack(&left, 3, 33, &mut packed).unwrap();
            let slots = rows.chunks(3).map(|group| {
                group.iter().rev().fold(BigUint::ZERO, |sum, row| (sum << 33) + row.0)
            });
            prop_assert!(case.decrypted(&packed).unwrap().into_iter().eq(slots));
        }
    }
}
