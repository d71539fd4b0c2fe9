//! Secret uniform permutations: of numbers in memory, and by [`file`] of records beyond it.

pub mod file;
#[cfg(feature = "python")]
pub(crate) mod python;

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use zeroize::{Zeroize, Zeroizing};

const SEED_BYTES: usize = 32;
const BUFFER_BYTES: usize = 4096;

/// Write a uniform permutation of 0 … n − 1 over `out`, n numbers of 32 bits, little-endian.
///
/// Fisher–Yates on the stream of ChaCha20 under a seed from the operating system. The steps write to places that are
/// secret: who shares the processor's caches could learn some of it by timing them, as with any shuffle in memory.
///
/// # Errors
///
/// The operating system gives no random bytes.
///
/// # Panics
///
/// There are 2³² numbers or more.
pub fn permutation(out: &mut [[u8; 4]]) -> Result<(), getrandom::Error> {
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    getrandom::fill(&mut *seed)?;
    permutation_of(&seed, out);
    Ok(())
}

fn permutation_of(seed: &[u8; SEED_BYTES], out: &mut [[u8; 4]]) {
    let count = u32::try_from(out.len()).expect("as many numbers as 32 bits number");
    for (number, out) in (0..count).zip(out.iter_mut()) {
        *out = number.to_le_bytes();
    }
    let mut source = Source::new(seed);
    for last in (1..count).rev() {
        out.swap(last as usize, source.up_to(last) as usize);
    }
}

/// Uniform numbers. Wiped on drop, the cipher by itself.
struct Source {
    cipher: ChaCha20,
    buffer: [u8; BUFFER_BYTES],
    used: usize,
}

impl Source {
    fn new(seed: &[u8; SEED_BYTES]) -> Self {
        Self { cipher: ChaCha20::new(seed.into(), &[0; 12].into()), buffer: [0; BUFFER_BYTES], used: BUFFER_BYTES }
    }

    fn next(&mut self) -> u32 {
        if self.used == BUFFER_BYTES {
            self.buffer.fill(0);
            self.cipher.apply_keystream(&mut self.buffer);
            self.used = 0;
        }
        let number = u32::from_le_bytes(self.buffer.as_chunks().0[self.used / 4]);
        self.used += 4;
        number
    }

    /// Uniform from 0 to `last`, which is below 2³² − 1. The high half of a product with a random number is, once the
    /// 2³² mod (last + 1) lowest products of each run of 2³² are rejected (D. Lemire, arXiv:1805.10941).
    fn up_to(&mut self, last: u32) -> u32 {
        let range = last + 1;
        loop {
            let product = u64::from(self.next()) * u64::from(range);
            #[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
            let (high, low) = ((product >> 32) as u32, product as u32);
            if low >= range || low >= range.wrapping_neg() % range {
                return high;
            }
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.buffer.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(seed: [u8; SEED_BYTES], count: usize) -> Vec<u32> {
        let mut out = vec![[0; 4]; count];
        permutation_of(&seed, &mut out);
        out.into_iter().map(u32::from_le_bytes).collect()
    }

    #[test]
    fn every_number_occurs_once() {
        for count in [0, 1, 2, 3, 1023, 1024, 1025, 5000] {
            let mut out = numbers([1; SEED_BYTES], count);
            out.sort_unstable();
            assert!(out.into_iter().eq(0..u32::try_from(count).unwrap()));
        }
    }

    #[test]
    fn a_seed_fixes_it_and_the_system_gives_another_each_time() {
        assert_eq!(numbers([1; SEED_BYTES], 100), numbers([1; SEED_BYTES], 100));
        assert_ne!(numbers([1; SEED_BYTES], 100), numbers([2; SEED_BYTES], 100));
        let (mut one, mut other) = ([[0; 4]; 100], [[0; 4]; 100]);
        permutation(&mut one).unwrap();
        permutation(&mut other).unwrap();
        assert_ne!(one, other);
    }

    /// χ² with 23 degrees of freedom is above 65 with a probability of 7 · 10⁻⁶; the seeds are fixed.
    #[test]
    fn the_orders_of_four_are_equally_frequent() {
        let mut counts = std::collections::HashMap::<_, u32>::new();
        for seed in 0_u16..24_000 {
            let mut bytes = [0; SEED_BYTES];
            bytes[..2].copy_from_slice(&seed.to_le_bytes());
            *counts.entry(numbers(bytes, 4)).or_default() += 1;
        }
        let chi_square: f64 = counts.values().map(|n| (f64::from(*n) - 1000.0).powi(2) / 1000.0).sum();
        assert!(counts.len() == 24 && chi_square < 65.0, "{chi_square}");
    }

    #[test]
    fn numbers_are_rejected_without_bias() {
        let mut source = Source::new(&[3; SEED_BYTES]);
        let last = 3 << 30;
        let high = (0..40_000).filter(|_| source.up_to(last) > last / 2).count();
        assert!((19_400..20_600).contains(&high), "{high}");
    }
}
