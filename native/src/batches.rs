//! Batches cut in tasks for all threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use zeroize::zeroize_stack;

/// More than the deepest task uses: the frames of an optimised build add up to 23 KiB.
const STACK_BYTES: usize = 32 << 10;

/// Call `work(start, out)` for every `size` elements of `out`, of `width` bytes each, in parallel. The stack that it
/// used is overwritten: spilt digits, entries that a digit picked, partial products. What lies on the heap is wiped
/// where it is dropped.
///
/// # Errors
///
/// One of those that `work` gives.
pub fn tasks<E: Send>(
    out: &mut [u8],
    width: usize,
    size: usize,
    work: impl Fn(usize, &mut [u8]) -> Result<(), E> + Sync,
) -> Result<(), E> {
    out.par_chunks_mut(width * size).enumerate().try_for_each(|(task, out)| {
        let done = work(task * size, out);
        zeroize_stack::<STACK_BYTES>();
        done
    })
}

/// The first position that any task refuses.
pub struct Refused(AtomicUsize);

impl Refused {
    #[must_use]
    pub fn none() -> Self {
        Self(AtomicUsize::new(usize::MAX))
    }

    pub fn at(&self, position: usize) {
        self.0.fetch_min(position, Ordering::Relaxed);
    }

    /// Whether one before `position` is known already.
    #[must_use]
    pub fn is_before(&self, position: usize) -> bool {
        self.0.load(Ordering::Relaxed) < position
    }

    #[must_use]
    pub fn first(self) -> Option<usize> {
        Some(self.0.into_inner()).filter(|position| *position != usize::MAX)
    }
}
