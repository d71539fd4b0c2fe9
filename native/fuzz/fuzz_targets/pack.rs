//! Packs, powers and negatives are those of big integers, or refused; the kernels agree.
#![no_main]

mod key;

use libfuzzer_sys::fuzz_target;
use miyun_native::paillier::Error;
use num_bigint::BigUint;

use key::{WIDTH, keys, numbers};

fuzz_target!(|input: (&[u8], u8, u8, u64)| {
    let (bytes, slots, bits, exponent) = input;
    let bytes = &bytes[..bytes.len() / WIDTH * WIDTH];
    let (slots, bits) = (usize::from(slots), usize::from(bits));
    let key = keys();
    let ciphertexts = numbers(bytes, WIDTH);
    let out_of_range = ciphertexts.iter().position(|c| *c >= key.square || *c == BigUint::ZERO);
    let no_unit = ciphertexts.iter().position(|c| c.modinv(&key.n).is_none());
    let room = slots > 0 && bits > 0 && slots * bits < 128;
    for private in &key.kernels {
        let public = private.public();
        let mut packed = vec![0xaa; ciphertexts.len().div_ceil(slots.max(1)) * WIDTH];
        let result = public.pack(bytes, slots, bits, &mut packed);
        if let Some(position) = out_of_range {
            assert_eq!(result, Err(Error::Ciphertext(position)));
            continue;
        }
        assert_eq!(result, if room { Ok(()) } else { Err(Error::Exponent(0)) });
        if room {
            let shift = BigUint::from(1_u8) << bits;
            let pack = |group: &[BigUint]| {
                let start = BigUint::from(1_u8);
                group.iter().rev().fold(start, |packed, c| packed.modpow(&shift, &key.square) * c % &key.square)
            };
            assert!(numbers(&packed, WIDTH).into_iter().eq(ciphertexts.chunks(slots).map(pack)));
        }
        let mut out = vec![0xaa; bytes.len()];
        let exponents = vec![exponent.to_le_bytes(); ciphertexts.len()];
        public.power(bytes, &exponents, 64, &mut out).unwrap();
        let powers = ciphertexts.iter().map(|c| c.modpow(&BigUint::from(exponent), &key.square));
        assert!(numbers(&out, WIDTH).into_iter().eq(powers));
        let negated = public.negate(bytes, &mut out);
        assert_eq!(negated, no_unit.map_or(Ok(()), |position| Err(Error::Ciphertext(position))));
        if no_unit.is_none() {
            assert!(numbers(&out, WIDTH).into_iter().eq(ciphertexts.iter().map(|c| c.modinv(&key.square).unwrap())));
        }
    }
});
