//! Sums, multiples and packs.

use num_bigint::BigUint;
use proptest::prelude::*;

use super::{Case, joined, one, small, split};
use crate::paillier::{Error, Kernel};

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
