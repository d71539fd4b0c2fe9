//! Products over lists are those of big integers; lists that fit nothing are refused; the kernels agree.
#![no_main]

mod key;

use libfuzzer_sys::fuzz_target;
use miyun_native::paillier::Error;
use num_bigint::BigUint;

use key::{WIDTH, keys, numbers};

fuzz_target!(|input: (&[u8], Vec<u16>, Vec<u8>)| {
    let (bytes, offsets, indices) = input;
    let bytes = &bytes[..bytes.len() / WIDTH * WIDTH];
    let key = keys();
    let ciphertexts = numbers(bytes, WIDTH);
    let raw_offsets: Vec<_> = offsets.iter().map(|offset| u64::from(*offset).to_le_bytes()).collect();
    let raw_indices: Vec<_> = indices.iter().map(|index| u32::from(*index).to_le_bytes()).collect();
    let ends = (offsets.first().copied(), offsets.last().copied().map(usize::from));
    let fit = ends == (Some(0), Some(indices.len())) && offsets.is_sorted();
    let zero = BigUint::ZERO;
    let expected = if let Some(position) = ciphertexts.iter().position(|c| *c >= key.square || *c == zero) {
        Err(Error::Ciphertext(position))
    } else if !fit {
        Err(Error::Offsets)
    } else if let Some(position) = indices.iter().position(|index| usize::from(*index) >= ciphertexts.len()) {
        Err(Error::Index(position))
    } else {
        let product = |range: &[u16]| {
            let listed = &indices[usize::from(range[0])..usize::from(range[1])];
            let start = BigUint::from(1_u8);
            listed.iter().fold(start, |product, index| product * &ciphertexts[usize::from(*index)] % &key.square)
        };
        Ok(offsets.windows(2).map(product).collect::<Vec<_>>())
    };
    for private in &key.kernels {
        let mut out = vec![0xaa; offsets.len().saturating_sub(1) * WIDTH];
        let result = private.public().product(bytes, &raw_offsets, &raw_indices, &mut out);
        assert_eq!(result.map(|()| numbers(&out, WIDTH)), expected);
    }
});
