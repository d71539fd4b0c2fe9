//! A string of 32 bytes is taken, and comes back from a multiplication by one, exactly if dalek decodes it.
#![no_main]

use curve25519_dalek::ristretto::CompressedRistretto;
use curve25519_dalek::traits::IsIdentity;
use libfuzzer_sys::fuzz_target;
use miyun_native::ristretto::{Error, Factor, Kernel, multiply};

fuzz_target!(|encoding: [u8; 32]| {
    let mut one = [0; 32];
    one[0] = 1;
    let one = Factor::from_bytes(&one).unwrap();
    let point = CompressedRistretto(encoding).decompress().filter(|point| !point.is_identity());
    let expected = point.map(|_| encoding).ok_or(Error::Refused(0));
    for kernel in [Kernel::Portable, Kernel::best()] {
        let mut out = [0; 32];
        assert_eq!(multiply(kernel, &encoding, &one, &mut out).map(|()| out), expected);
    }
});
