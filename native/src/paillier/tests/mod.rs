//! What keys do, on either kernel, against the formulas in big integers.

use std::sync::LazyLock;

use num_bigint::BigUint;

use super::{Error, Kernel, PrivateKey, PublicKey};

mod encryption;
mod refusals;
mod sums;

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
