//! Bytes are ciphertexts under a key exactly if each number is a unit below n²; decryption then is that of the formula,
//! and either kernel says the same, of the same position.
#![no_main]

mod key;

use libfuzzer_sys::fuzz_target;
use miyun_native::paillier::Error;
use num_bigint::BigUint;

use key::{SIZE, WIDTH, keys, numbers};

fuzz_target!(|input: (Vec<u8>, Vec<(u8, u8)>)| {
    let (mut bytes, special) = input;
    let key = keys();
    for (place, which) in special {
        let edges = [&key.p * 3_u8, key.q.clone(), key.n.clone(), &key.square - 1_u8, key.square.clone()];
        let number = &edges[usize::from(which) % edges.len()];
        if let Some(out) = bytes.chunks_exact_mut(WIDTH).nth(usize::from(place)) {
            out.fill(0);
            out[..number.to_bytes_le().len()].copy_from_slice(&number.to_bytes_le());
        }
    }
    let one = BigUint::from(1_u8);
    let refused = numbers(&bytes, WIDTH).iter().position(|c| *c >= key.square || c.modinv(&key.n).is_none());
    let expected = if bytes.len() % WIDTH == 0 { refused.map(Error::Ciphertext) } else { None };
    for private in &key.kernels {
        let mut plain = vec![0; bytes.len() / 2];
        let checked = private.public().check(&bytes);
        let decrypted = private.decrypt(&bytes, &mut plain);
        if bytes.len() % WIDTH != 0 {
            assert!(matches!(checked, Err(Error::Uneven { .. })));
            assert!(matches!(decrypted, Err(Error::Uneven { .. })));
            continue;
        }
        assert_eq!(checked.err(), expected);
        assert_eq!(decrypted.err(), expected);
        if expected.is_none() {
            let order = (&key.p - 1_u8) * (&key.q - 1_u8);
            let scale = order.modinv(&key.n).unwrap();
            let formula = |c: &BigUint| (c.modpow(&order, &key.square) - &one) / &key.n * &scale % &key.n;
            assert!(numbers(&plain, SIZE).into_iter().eq(numbers(&bytes, WIDTH).iter().map(formula)));
        }
    }
});
