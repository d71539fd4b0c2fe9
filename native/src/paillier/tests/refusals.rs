//! What is refused, and that the first such is named.

use num_bigint::BigUint;

use super::{Source, joined, one, small};
use crate::paillier::{Error, Kernel, PrivateKey, PublicKey};

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
