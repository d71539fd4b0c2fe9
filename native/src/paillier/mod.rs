//! Batches of Paillier ciphertexts: bytes in, bytes out, the same bytes from either kernel.
//!
//! Numbers are little-endian and of fixed width: for a key of b bits a plaintext has w = ⌈b / 8⌉ bytes, a ciphertext,
//! an n-th power that blinds one, and a fixed base have 2 w, a prime has ⌈b / 16⌉. Batches are concatenations. Every
//! function writes its results over the whole of `out`; nothing in `out` counts if it fails.
//!
//! Public are: n, ciphertexts, the lengths of batches, lengths in bits of primes and exponents, segments and their
//! indices, and the positions of what is refused. Nothing branches on plaintexts, primes, randomness or exponents, or
//! indexes by them. A product is exact whatever the ciphertexts are; see `modulus` for the magnitudes.

mod fixed;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "confined to this module")]
mod ifma;
mod lanes;
mod modulus;
mod portable;
mod power;
mod private;
mod public;
#[cfg(feature = "python")]
pub mod python;
mod random;
mod residue;
mod segments;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;

use rayon::prelude::*;
use zeroize::zeroize_stack;

use lanes::Column;
use modulus::Modulus;

pub use fixed::FixedBase;
pub use private::PrivateKey;
pub use public::PublicKey;

/// What a task leaves on the stack is a frame or two of spilt registers.
const STACK_BYTES: usize = 8 << 10;

/// Why a batch was not computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// n is even, too short or too long, or of an odd number of bits.
    Modulus,
    /// p and q are not two primes of half the length of their product.
    Primes,
    /// So many bytes, no multiple of so many; or results that belong to another number of elements.
    Uneven {
        bytes: usize,
        size: usize,
    },
    /// The first plaintext that is not below n.
    Value(usize),
    /// The first ciphertext, or n-th power, that is zero, not below n², or, where that is looked for, no unit.
    Ciphertext(usize),
    Offsets,
    /// The first index of no ciphertext.
    Index(usize),
    /// The first exponent that is longer than announced; or, alone, a number of bits that isn't supported.
    Exponent(usize),
    /// Not a unit modulo n², or exponents below half the length of n.
    Base,
    /// The operating system gives no random bytes.
    Random,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Modulus => f.write_str("n is odd and has an even number of bits, from 128 to 4096"),
            Self::Primes => f.write_str("p and q are different primes, each of half the length of their product"),
            Self::Uneven { bytes, size } => write!(f, "a batch of {bytes} bytes where {size}, or a multiple, belong"),
            Self::Value(position) => write!(f, "the plaintext at position {position} is not below n"),
            Self::Ciphertext(position) => write!(f, "the ciphertext at position {position} is no unit below n²"),
            Self::Offsets => f.write_str("the offsets do not fit the indices"),
            Self::Index(position) => write!(f, "the index at position {position} is of no ciphertext"),
            Self::Exponent(position) => write!(f, "the exponent at position {position} has too many bits"),
            Self::Base => f.write_str("the base is no unit below n², or the exponents are too short or too long"),
            Self::Random => f.write_str("the operating system gives no random bytes"),
        }
    }
}

impl std::error::Error for Error {}

/// What computes. All kernels give the same bytes and refuse the same ones.
#[derive(Clone, Copy, Debug)]
pub enum Kernel {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Ifma(ifma::Ifma),
}

impl Kernel {
    /// The fastest one that runs here.
    #[must_use]
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(ifma) = ifma::Ifma::detect() {
            return Self::Ifma(ifma);
        }
        Self::Portable
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(_) => "avx512ifma",
        }
    }

    fn limb_bits(self) -> usize {
        match self {
            Self::Portable => 64,
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(_) => 52,
        }
    }

    /// The number of limbs is a multiple of this.
    fn limb_step(self) -> usize {
        match self {
            Self::Portable => 1,
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(_) => 4,
        }
    }

    /// Bits of a digit of a fixed base's exponent: a bigger table is worth it where looking up is cheap.
    fn digit_bits(self) -> usize {
        match self {
            Self::Portable => 5,
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(_) => 8,
        }
    }

    fn multiply(self, modulus: &Modulus, a: &mut [Column], b: &[Column], wide: &mut [Column]) {
        match self {
            Self::Portable => portable::multiply(modulus, a, b),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma.multiply(modulus, a, b, wide),
        }
    }

    fn square(self, modulus: &Modulus, a: &mut [Column], wide: &mut [Column]) {
        match self {
            Self::Portable => portable::square(modulus, a),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma.square(modulus, a, wide),
        }
    }

    fn reduce(self, modulus: &Modulus, a: &mut [Column], wide: &mut [Column]) {
        match self {
            Self::Portable => portable::reduce(modulus, a),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma.reduce(modulus, a, wide),
        }
    }

    fn add(self, a: &mut [Column], b: &[Column]) {
        match self {
            Self::Portable => portable::add(a, b),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma.add(a, b),
        }
    }

    fn canonical(self, modulus: &Modulus, a: &mut [Column]) {
        match self {
            Self::Portable => portable::canonical(modulus, a),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma.canonical(modulus, a),
        }
    }

    fn select(self, table: &[Column], digits: &Column, out: &mut [Column]) {
        match self {
            Self::Portable => portable::select(table, digits, out),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma.select(table, digits, out),
        }
    }

    fn look_up(self, table: &[Column], digits: &Column, out: &mut [Column]) {
        match self {
            Self::Portable => portable::look_up(table, digits, out),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma.look_up(table, digits, out),
        }
    }
}

/// The number of elements of `size` bytes in a batch.
fn count(batch: &[u8], size: usize) -> Result<usize, Error> {
    if batch.len().is_multiple_of(size) {
        Ok(batch.len() / size)
    } else {
        Err(Error::Uneven { bytes: batch.len(), size })
    }
}

fn fits(batch: &[u8], size: usize) -> Result<(), Error> {
    if batch.len() == size { Ok(()) } else { Err(Error::Uneven { bytes: batch.len(), size }) }
}

/// Call `work(start, out)` for every `most` elements of `out`, or fewer for all threads to have some, in eights, in
/// parallel. The stack that it used is overwritten.
fn tasks<E: Send>(
    out: &mut [u8],
    width: usize,
    most: usize,
    work: impl Fn(usize, &mut [u8]) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let share = (out.len() / width).div_ceil(rayon::current_num_threads()).next_multiple_of(lanes::LANES);
    let size = share.clamp(lanes::LANES, most);
    out.par_chunks_mut(width * size).enumerate().try_for_each(|(task, out)| {
        let done = work(task * size, out);
        zeroize_stack::<STACK_BYTES>();
        done
    })
}

/// The first element of which `refused` holds.
fn first(batch: &[u8], width: usize, refused: impl Fn(&[u8]) -> bool + Send + Sync) -> Option<usize> {
    batch.par_chunks(width).position_first(refused)
}
