//! Encryption, decryption and randomness.

use num_bigint::BigUint;

use super::{cases, joined, one, padded, small, split};
use crate::paillier::lanes::LANES;
use crate::paillier::modulus::Work;
use crate::paillier::{Error, FixedBase};

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
        let mut work = Work::new(&case.key().modulus);
        case.key().powers_to_n(&mut work, &joined(&bases, case.size()), &mut out);
        let expected: Vec<_> = bases.iter().map(|r| r.modpow(&case.n, &case.square)).collect();
        assert_eq!(split(&out, case.width()), expected);
        for count in [0, 1, 11] {
            let bases = case.values(count);
            let mut out = vec![0xaa; count * case.width()];
            case.key().raise_to_n(&joined(&bases, case.size()), &mut out).unwrap();
            assert!(split(&out, case.width()).into_iter().eq(bases.iter().map(|x| x.modpow(&case.n, &case.square))));
        }
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
