//! Published vectors, those of the portable backend's tests. `MIYUN_VECTORS` names their folder if it is elsewhere.

use std::path::PathBuf;

use miyun_native::ristretto::{
    Error, Expander, Factor, Kernel, Messages, blind, derive_tokens, hash_to_group, map_to_group, multiply,
};
use serde_json::Value;

fn load(name: &str) -> Value {
    let near = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors");
    let folder = std::env::var_os("MIYUN_VECTORS").map_or(near, PathBuf::from);
    let path = folder.join(name).with_extension("json");
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

fn unhex(value: &Value) -> Vec<u8> {
    let digits: Vec<u8> =
        value.as_str().unwrap().chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.as_chunks().0.iter().map(|[high, low]| high << 4 | low).collect()
}

fn kernels() -> [Kernel; 2] {
    [Kernel::Portable, Kernel::best()]
}

fn small(number: u8) -> Factor {
    let mut bytes = [0; 32];
    bytes[0] = number;
    Factor::from_bytes(&bytes).unwrap()
}

#[test]
fn rfc_9496() {
    let vectors = load("rfc9496_ristretto255");
    let multiples: Vec<_> = vectors["multiples_of_the_generator"].as_array().unwrap().iter().map(unhex).collect();
    let pairs = vectors["element_derivation"].as_array().unwrap();
    let uniform: Vec<_> = pairs.iter().flat_map(|pair| unhex(&pair["uniform"])).collect();
    let derived: Vec<_> = pairs.iter().flat_map(|pair| unhex(&pair["point"])).collect();
    let invalid = vectors["invalid_encodings"].as_object().unwrap().values().flat_map(|list| list.as_array().unwrap());
    let invalid: Vec<_> = invalid.map(unhex).collect();
    assert_eq!((multiples.len(), pairs.len(), invalid.len()), (16, 11, 29));
    for kernel in kernels() {
        let mut out = [0; 32];
        for (number, multiple) in (0..).zip(&multiples).skip(1) {
            multiply(kernel, &multiples[1], &small(number), &mut out).unwrap();
            assert_eq!(out[..], multiple[..]);
        }
        for bad in invalid.iter().chain([&multiples[0]]) {
            let batch = [&multiples[1], &multiples[2], bad, &multiples[3]].map(Vec::as_slice).concat();
            assert_eq!(multiply(kernel, &batch, &small(5), &mut [0; 128]), Err(Error::Refused(2)));
        }
        let mut out = vec![0; derived.len()];
        map_to_group(kernel, &uniform, &mut out).unwrap();
        assert_eq!(out, derived);
    }
}

#[test]
fn rfc_9497() {
    let vectors = load("rfc9497_oprf_ristretto255_sha512");
    let expander = Expander::new(&unhex(&vectors["group_dst"])).unwrap();
    let key = Factor::from_bytes(&unhex(&vectors["secret_key"])).unwrap();
    for kernel in kernels() {
        for vector in vectors["vectors"].as_array().unwrap() {
            let input = unhex(&vector["input"]);
            let offsets = [0, u32::try_from(input.len()).unwrap()].map(u32::to_le_bytes);
            let messages = Messages::new(&input, offsets.as_flattened()).unwrap();
            let blinding = Factor::from_bytes(&unhex(&vector["blind"])).unwrap();
            let (mut element, mut blinded, mut evaluated) = ([0; 32], [0; 32], [0; 32]);
            hash_to_group(kernel, messages, &expander, &mut element).unwrap();
            multiply(kernel, &element, &blinding, &mut blinded).unwrap();
            assert_eq!(blinded[..], unhex(&vector["blinded_element"]));
            blind(kernel, messages, &expander, &blinding, &mut element).unwrap();
            assert_eq!(element, blinded);
            multiply(kernel, &blinded, &key, &mut evaluated).unwrap();
            assert_eq!(evaluated[..], unhex(&vector["evaluation_element"]));
        }
    }
}

/// From Python: `hashlib.blake2b(bytes(range(32)), key=b"key", digest_size=16).hexdigest()`.
#[test]
fn tokens_are_those_of_hashlib() {
    let points: Vec<u8> = (0..32).collect();
    let mut token = [0; 16];
    derive_tokens(&points, b"key", &mut token).unwrap();
    assert_eq!(token[..], unhex(&Value::from("748803183706fc5ef86c3136377daa74")));
}
