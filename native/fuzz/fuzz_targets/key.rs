//! A small key, on either kernel.
#![allow(dead_code, reason = "every target uses a part")]

use std::sync::OnceLock;

use miyun_native::kernel::Kernel;
use miyun_native::paillier::PrivateKey;
use num_bigint::BigUint;

/// Bytes of plaintexts and of ciphertexts.
pub const SIZE: usize = 16;
pub const WIDTH: usize = 2 * SIZE;

pub struct Keys {
    pub p: BigUint,
    pub q: BigUint,
    pub n: BigUint,
    pub square: BigUint,
    pub kernels: [PrivateKey; 2],
}

pub fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        // The largest primes below 2⁶⁴.
        let [p, q]: [BigUint; 2] = [59_u8, 83].map(|below| (BigUint::from(1_u8) << 64_u32) - below);
        let kernels = [Kernel::Portable, Kernel::best()]
            .map(|kernel| PrivateKey::new(kernel, &p.to_bytes_le(), &q.to_bytes_le()).unwrap());
        let n = &p * &q;
        Keys { square: &n * &n, n, p, q, kernels }
    })
}

/// The numbers of a batch, without a rest.
pub fn numbers(bytes: &[u8], width: usize) -> Vec<BigUint> {
    bytes.chunks_exact(width).map(BigUint::from_bytes_le).collect()
}
