//! The kernel for processors with AVX-512 IFMA: eight elements at a time.
//!
//! Unsafe code is confined to this module, and there to two kinds: a 64-byte load or store through a reference, and
//! the step from code for any processor into code for this one, of which an [`Ifma`] is witness: only
//! [`kernel`](crate::kernel) makes one, once it has found both features, and processors don't lose them. Everything
//! between is safe Rust with `#[target_feature]`, which the compiler lets run nowhere else.
//!
//! *Time.* The factor is used through [`Digits`](super::factor::Digits) alone, whose number is fixed, and a digit only
//! as an operand of vector instructions: all eight entries of the table are read, and masks blend one out. Elements are
//! mapped and encoded by masks too. Which point of a received batch is refused is public.

mod batch;
mod coding;
mod constants;
mod field;
mod point;
mod roots;
#[cfg(test)]
mod tests;

use super::factor::Factor;
use crate::kernel::Ifma;

pub(super) fn map(_: Ifma, uniform: &[u8], out: &mut [u8]) {
    // SAFETY: `map` asks for avx512f and avx512ifma and for nothing else, and an `Ifma` is witness of both.
    unsafe { batch::map(uniform, out) };
}

pub(super) fn multiply(_: Ifma, points: &[u8], factor: &Factor, out: &mut [u8]) -> Option<usize> {
    // SAFETY: as in `map`.
    unsafe { batch::multiply(points, factor, out) }
}

pub(super) fn map_and_multiply(_: Ifma, uniform: &[u8], factor: &Factor, out: &mut [u8]) -> Option<usize> {
    // SAFETY: as in `map`.
    unsafe { batch::map_and_multiply(uniform, factor, out) }
}
