//! Batches of ristretto255 elements (RFC 9496): bytes in, bytes out, the same bytes from either kernel.
//!
//! Every function writes its results over the whole of `out`. The lengths of batches, the tag, and the positions of
//! what is refused are public; messages, elements, factors and keys are not branched on.

mod factor;
mod hash;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "confined to this module")]
mod ifma;
mod portable;

use std::fmt;

use blake2::Blake2bMac;
use blake2::digest::consts::U16;
use blake2::digest::{FixedOutput, KeyInit, Update};
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::batches::{self, Refused};

pub use crate::kernel::Kernel;
pub use factor::Factor;
pub use hash::{Expander, Messages};

pub const POINT_BYTES: usize = 32;
pub const UNIFORM_BYTES: usize = 64;
pub const TOKEN_BYTES: usize = 16;

/// The elements that a thread takes at a time: a multiple of eight, enough to share an inversion.
const TASK: usize = 256;

/// Why a batch was not computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The first point that is the identity or not canonically encoded.
    Refused(usize),
    /// So many bytes, no multiple of so many; or results that belong to another number of elements.
    Uneven {
        bytes: usize,
        size: usize,
    },
    Offsets,
    Tag,
    Scalar,
    Key,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(position) => {
                write!(f, "the point at position {position} is the identity or not canonically encoded")
            }
            Self::Uneven { bytes, size } => write!(f, "a batch of {bytes} bytes is no multiple of {size}"),
            Self::Offsets => f.write_str("the offsets do not fit the values"),
            Self::Tag => f.write_str("a domain separation tag has at least one byte"),
            Self::Scalar => f.write_str("a scalar has 32 bytes, is not zero and below the order of the group"),
            Self::Key => f.write_str("a token key has 1 to 64 bytes"),
        }
    }
}

impl std::error::Error for Error {}

/// What the kernels do.
trait Points: Copy {
    fn map(self, uniform: &[u8], out: &mut [u8]);

    /// Gives the first position refused, if any.
    fn multiply(self, points: &[u8], factor: &Factor, out: &mut [u8]) -> Option<usize>;

    /// Gives the first position whose element is the identity, if any.
    fn map_and_multiply(self, uniform: &[u8], factor: &Factor, out: &mut [u8]) -> Option<usize>;
}

impl Points for Kernel {
    fn map(self, uniform: &[u8], out: &mut [u8]) {
        match self {
            Self::Portable => portable::map(uniform, out),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma::map(ifma, uniform, out),
        }
    }

    fn multiply(self, points: &[u8], factor: &Factor, out: &mut [u8]) -> Option<usize> {
        match self {
            Self::Portable => portable::multiply(points, factor, out),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma::multiply(ifma, points, factor, out),
        }
    }

    fn map_and_multiply(self, uniform: &[u8], factor: &Factor, out: &mut [u8]) -> Option<usize> {
        match self {
            Self::Portable => portable::map_and_multiply(uniform, factor, out),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma::map_and_multiply(ifma, uniform, factor, out),
        }
    }
}

/// The number of elements of `size` bytes in a batch.
///
/// # Errors
///
/// [`Error::Uneven`]: there is a rest.
pub fn count(batch: &[u8], size: usize) -> Result<usize, Error> {
    if batch.len().is_multiple_of(size) {
        Ok(batch.len() / size)
    } else {
        Err(Error::Uneven { bytes: batch.len(), size })
    }
}

/// hash_to_ristretto255 of RFC 9380 (suite `ristretto255_XMD:SHA-512_R255MAP_RO_`) of every message.
///
/// # Errors
///
/// [`Error::Uneven`]: `out` has no 32 bytes for each message.
pub fn hash_to_group(kernel: Kernel, messages: Messages, expander: &Expander, out: &mut [u8]) -> Result<(), Error> {
    fits(out, messages.len() * POINT_BYTES)?;
    tasks(out, |start, out| {
        kernel.map(&expand(messages, expander, start, out.len() / POINT_BYTES), out);
        None
    })
}

/// The one-way map of RFC 9496, 4.3.4: 64 uniform bytes to 32.
///
/// # Errors
///
/// [`Error::Uneven`]: no multiple of 64 bytes, or an `out` that isn't half as long.
pub fn map_to_group(kernel: Kernel, uniform: &[u8], out: &mut [u8]) -> Result<(), Error> {
    fits(out, count(uniform, UNIFORM_BYTES)? * POINT_BYTES)?;
    tasks(out, |start, out| {
        kernel.map(&uniform[start * UNIFORM_BYTES..][..2 * out.len()], out);
        None
    })
}

/// Every point times the factor.
///
/// # Errors
///
/// [`Error::Refused`]: the first point that is the identity or not canonically encoded. [`Error::Uneven`].
pub fn multiply(kernel: Kernel, points: &[u8], factor: &Factor, out: &mut [u8]) -> Result<(), Error> {
    fits(out, count(points, POINT_BYTES)? * POINT_BYTES)?;
    tasks(out, |start, out| kernel.multiply(&points[start * POINT_BYTES..][..out.len()], factor, out))
}

/// [`multiply`] of [`hash_to_group`], byte for byte, without the encoding and decoding between them.
///
/// # Errors
///
/// Theirs. No message is known whose hash is the identity.
pub fn blind(
    kernel: Kernel,
    messages: Messages,
    expander: &Expander,
    factor: &Factor,
    out: &mut [u8],
) -> Result<(), Error> {
    fits(out, messages.len() * POINT_BYTES)?;
    tasks(out, |start, out| {
        kernel.map_and_multiply(&expand(messages, expander, start, out.len() / POINT_BYTES), factor, out)
    })
}

/// Keyed BLAKE2b (RFC 7693) of every point, 16 bytes each.
///
/// # Errors
///
/// [`Error::Key`]: not 1 to 64 bytes. [`Error::Uneven`].
pub fn derive_tokens(points: &[u8], key: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let keyed = Some(key).filter(|key| !key.is_empty()).and_then(|key| Blake2bMac::<U16>::new_from_slice(key).ok());
    let keyed = keyed.ok_or(Error::Key)?;
    fits(out, count(points, POINT_BYTES)? * TOKEN_BYTES)?;
    let points = points.as_chunks::<POINT_BYTES>().0;
    out.as_chunks_mut::<TOKEN_BYTES>().0.par_iter_mut().zip(points).with_min_len(TASK).for_each(|(token, point)| {
        let mut state = keyed.clone();
        state.update(point);
        *token = state.finalize_fixed().into();
    });
    Ok(())
}

fn fits(out: &[u8], expected: usize) -> Result<(), Error> {
    if out.len() == expected { Ok(()) } else { Err(Error::Uneven { bytes: out.len(), size: expected }) }
}

fn expand(messages: Messages, expander: &Expander, start: usize, count: usize) -> Zeroizing<Vec<u8>> {
    let mut uniform = Zeroizing::new(vec![0; count * UNIFORM_BYTES]);
    for (index, uniform) in uniform.as_chunks_mut::<UNIFORM_BYTES>().0.iter_mut().enumerate() {
        *uniform = expander.expand(messages.get(start + index));
    }
    uniform
}

/// Call `work(start, out)` for every [`TASK`] points of `out`, in parallel. It gives the first position that it refuses,
/// counted from `start`. Tasks behind a position already refused are left out.
fn tasks(out: &mut [u8], work: impl Fn(usize, &mut [u8]) -> Option<usize> + Sync) -> Result<(), Error> {
    let refused = Refused::none();
    batches::tasks(out, POINT_BYTES, TASK, |start, out| {
        if !refused.is_before(start)
            && let Some(position) = work(start, out)
        {
            refused.at(start + position);
        }
        Ok(())
    })?;
    refused.first().map_or(Ok(()), |position| Err(Error::Refused(position)))
}
