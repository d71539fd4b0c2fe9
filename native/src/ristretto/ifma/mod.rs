//! The kernel for processors with AVX-512 IFMA: eight elements at a time.
//!
//! Unsafe code is confined to this module, and there to two kinds: a 64-byte load or store through a reference, and
//! the step from code for any processor into code for this one, which [`Ifma`] makes. Everything between is safe Rust
//! with `#[target_feature]`, which the compiler lets run nowhere else.
//!
//! *Time.* The factor is used through [`Digits`](super::factor::Digits) alone, whose number is fixed, and a digit only
//! as an operand of vector instructions: all eight entries of the table are read, and masks blend one out. Elements are
//! mapped and encoded by masks too. Which point of a received batch is refused is public.
//!
//! *Traces.* After every task the stack that it used is overwritten: table entries that a digit picked, spilt digits,
//! partial products. What lies on the heap is wiped where it is dropped.

mod batch;
mod constants;
mod field;
mod point;
mod roots;
#[cfg(test)]
mod tests;

use zeroize::zeroize_stack;

use super::factor::Factor;

/// More than the deepest task uses: the frames of an optimised build add up to 23 KiB.
const STACK_BYTES: usize = 32 << 10;

/// Witness that this processor and system have AVX-512 F and IFMA.
#[derive(Clone, Copy, Debug)]
pub struct Ifma(());

#[expect(clippy::unused_self, reason = "a witness is held, not read")]
impl Ifma {
    #[must_use]
    pub fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma");
        found.then_some(Self(()))
    }

    pub(super) fn map(self, uniform: &[u8], out: &mut [u8]) {
        // SAFETY: `map` asks for avx512f and avx512ifma and for nothing else; only `detect` makes an `Ifma`, once it
        // has found both, and processors don't lose features.
        unsafe { batch::map(uniform, out) };
        zeroize_stack::<STACK_BYTES>();
    }

    pub(super) fn multiply(self, points: &[u8], factor: &Factor, out: &mut [u8]) -> Option<usize> {
        // SAFETY: as in `map`.
        let refused = unsafe { batch::multiply(points, factor, out) };
        zeroize_stack::<STACK_BYTES>();
        refused
    }

    pub(super) fn map_and_multiply(self, uniform: &[u8], factor: &Factor, out: &mut [u8]) -> Option<usize> {
        // SAFETY: as in `map`.
        let refused = unsafe { batch::map_and_multiply(uniform, factor, out) };
        zeroize_stack::<STACK_BYTES>();
        refused
    }
}
