//! Entries of tables that secret digits number.

use core::arch::x86_64::*;

use super::product::{lanes, load, store};
use crate::paillier::lanes::Column;

/// Lane by lane, the number of the table that the digit numbers.
#[inline(never)]
#[target_feature(enable = "avx512f")]
pub fn select(table: &[Column], digits: &Column, out: &mut [Column]) {
    let digits = load(digits);
    out.fill(Column::default());
    for (value, entry) in (0..).zip(table.chunks_exact(out.len())) {
        let wanted = _mm512_cmpeq_epi64_mask(digits, lanes(value));
        for (out, entry) in out.iter_mut().zip(entry) {
            store(out, _mm512_mask_mov_epi64(load(out), wanted, load(entry)));
        }
    }
}

/// The same of a table that the lanes share: for each limb of `out` that limb of all its numbers, an even number of
/// columns. `vpermi2q` picks out of two registers by four bits of each lane's digit, masks by the higher bits.
#[inline(never)]
#[target_feature(enable = "avx512f")]
pub fn look_up(table: &[Column], digits: &Column, out: &mut [Column]) {
    let columns = table.len() / out.len();
    debug_assert!(columns.is_multiple_of(2) && columns <= 32);
    let digits = load(digits);
    let mut wanted = [0; 16];
    for (value, wanted) in (0..).zip(&mut wanted) {
        *wanted = _mm512_cmpeq_epi64_mask(_mm512_srli_epi64::<4>(digits), lanes(value));
    }
    for (out, entries) in out.iter_mut().zip(table.chunks_exact(columns)) {
        let mut limb = _mm512_setzero_si512();
        for ([low, high], wanted) in entries.as_chunks::<2>().0.iter().zip(wanted) {
            let found = _mm512_permutex2var_epi64(load(low), digits, load(high));
            limb = _mm512_mask_mov_epi64(limb, wanted, found);
        }
        store(out, limb);
    }
}
