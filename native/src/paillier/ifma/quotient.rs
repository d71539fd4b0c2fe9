//! Plain products mod N, by an approximate quotient (Barrett): as much work as one Montgomery product, where those take
//! two, for numbers that come as bytes and go as bytes.
//!
//! *The quotient.* N has b bits, β = 2⁵² and β^f ≤ N, with f = ⌊(b − 1) / 52⌋. The product T < N² has the high part
//! T₁ = ⌊T / β^f⌋; μ = ⌊β^(f + L) / N⌋. T₁ μ / β^L is at most T / N, and short of it by less than β^f / N ≤ 1, plus
//! T / β^(f + L) ≤ 1/4 by the condition of [`Quotient::new`](crate::paillier::modulus::Quotient::new), plus what
//! columns left out would have added: those up to L − 5, each below 2 L · 2⁵², in all below 4 L β⁻⁴. So its integer
//! part q is at least ⌊T / N⌋ − 2, and T − q N is in 0 … 3 N − 1, below β^L: its L low limbs are those of the
//! difference of the low limbs of both.
//!
//! Columns stay below 2 L · 2⁵² in either product and are carried through before they are factors.

use core::arch::x86_64::*;

use super::product::{
    LIMB_MASK, STEP, below, block, canonical, carry, lanes, lanes4, load, load4, product, store, store4,
};
use crate::paillier::lanes::Column;

/// a ← a · b mod N, for a, b < N; `wide` has four times their limbs, whatever is in it.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn multiply_plain(n: &[u64], shift: usize, mu: &[u64], a: &mut [Column], b: &[Column], wide: &mut [Column]) {
    let limbs = n.len();
    debug_assert!(a.len() == limbs && b.len() == limbs && mu.len() == limbs && wide.len() == 4 * limbs);
    debug_assert!(below(a, LIMB_MASK + 1) && below(b, LIMB_MASK + 1));
    let (whole, other) = wide.split_at_mut(2 * limbs);
    product(a, b, whole);
    let lost = carry(whole);
    debug_assert!(_mm512_test_epi64_mask(lost, lost) == 0);
    high(&whole[shift..shift + limbs], mu, other);
    a.copy_from_slice(&other[limbs..]);
    low(a, n, other);
    let mut borrow = _mm512_setzero_si512();
    for ((out, whole), other) in a.iter_mut().zip(whole.iter()).zip(other.iter()) {
        let difference = _mm512_sub_epi64(_mm512_sub_epi64(load(whole), load(other)), borrow);
        borrow = _mm512_srli_epi64::<63>(difference);
        store(out, _mm512_and_si512(difference, lanes(LIMB_MASK)));
    }
    canonical(n, a);
    canonical(n, a);
}

/// The limbs of a product from L on, but for the carry out of columns up to L − 5, which are left out.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn high(x: &[Column], y: &[u64], wide: &mut [Column]) {
    let limbs = y.len();
    let quads = limbs / STEP;
    let start = limbs.saturating_sub(2 * STEP);
    wide[start..].fill(Column::default());
    let (columns, y) = (wide.as_chunks_mut::<STEP>().0, y.as_chunks::<STEP>().0);
    for (i, x) in x.as_chunks::<STEP>().0.iter().enumerate() {
        let x = load4(x);
        let columns = &mut columns[i..];
        let first = quads.saturating_sub(2 + i);
        let mut low = load4(&columns[first]);
        for (j, y) in y.iter().enumerate().skip(first) {
            let done;
            (done, low) = block(low, load4(&columns[j + 1]), &x, &lanes4(y));
            store4(&mut columns[j], done);
        }
        store4(&mut columns[quads], low);
    }
    carry(&mut wide[start..]);
}

/// The L low limbs of a product.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn low(x: &[Column], y: &[u64], wide: &mut [Column]) {
    let limbs = y.len();
    let quads = limbs / STEP;
    wide[..limbs + STEP].fill(Column::default());
    let (columns, y) = (wide.as_chunks_mut::<STEP>().0, y.as_chunks::<STEP>().0);
    for (i, x) in x.as_chunks::<STEP>().0.iter().enumerate() {
        let x = load4(x);
        let columns = &mut columns[i..];
        let mut low = load4(&columns[0]);
        for (j, y) in y[..quads - i].iter().enumerate() {
            let done;
            (done, low) = block(low, load4(&columns[j + 1]), &x, &lanes4(y));
            store4(&mut columns[j], done);
        }
        store4(&mut columns[quads - i], low);
    }
    carry(&mut wide[..limbs]);
}
