//! Batches of Paillier ciphertexts: bytes in, bytes out, the same bytes from either kernel.
//!
//! Numbers are little-endian and of fixed width: for a key of b bits a plaintext has w = ⌈b / 8⌉ bytes, a ciphertext,
//! an n-th power that blinds one, and a fixed base have 2 w, a prime has ⌈b / 16⌉. Batches are concatenations. Every
//! function writes its results over the whole of `out`; nothing in `out` counts if it fails.
//!
//! Public are: n, ciphertexts, the lengths of batches, lengths in bits of primes and exponents, segments and their
//! indices, and the positions of what is refused. Nothing branches on plaintexts, primes, randomness or exponents, or
//! indexes by them. A product is exact whatever the ciphertexts are; see `modulus` for the magnitudes.

mod arithmetic;
mod encryption;
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
mod sums;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;

use rayon::prelude::*;

use crate::batches;

pub use crate::kernel::Kernel;
pub use fixed::FixedBase;
pub use private::PrivateKey;
pub use public::PublicKey;

/// The elements that a thread takes at a time where each costs a few products, and where each costs a power.
const MANY: usize = 64;
const FEW: usize = lanes::LANES;

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

/// Call `work(start, out)` for every `most` elements of `out`, or fewer for all threads to have some, in eights.
fn tasks<E: Send>(
    out: &mut [u8],
    width: usize,
    most: usize,
    work: impl Fn(usize, &mut [u8]) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let share = (out.len() / width).div_ceil(rayon::current_num_threads()).next_multiple_of(lanes::LANES);
    batches::tasks(out, width, share.clamp(lanes::LANES, most), work)
}

/// The first element of which `refused` holds.
fn first(batch: &[u8], width: usize, refused: impl Fn(&[u8]) -> bool + Send + Sync) -> Option<usize> {
    batch.par_chunks(width).position_first(refused)
}

/// Work that can't fail.
fn done(result: Result<(), std::convert::Infallible>) {
    match result {
        Ok(()) => {}
    }
}
