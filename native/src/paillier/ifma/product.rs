//! Products of eight numbers side by side, radix 2⁵², one limb of all eight in a 512-bit register.
//!
//! # Magnitudes
//!
//! `vpmadd52` reads the low 52 bits of its factors and adds the low or the high 52 bits of their product to a 64-bit
//! accumulator. That is exact where both factors are below 2⁵². The limbs of every number are, on entry and on return;
//! quotient digits are because `vpmadd52lo` to zero makes them.
//!
//! *Products.* A product of L limbs by L has 2 L columns, each with at most L low and L high halves below 2⁵². A square
//! doubles its cross products: the same sums. The reduction adds to a column at most L low and L high halves of
//! quotient digits times limbs of N, and once the carry of the column below. With that carry below 2¹² a column stays
//! below 4 L · 2⁵² + 2¹², and its carry below 4 L + 1: for L ≤ 1000 below 2¹², and the column below 2⁶⁴. The largest
//! key, of 4096 bits, has L = 160.
//!
//! *Reduction.* Digit i, −column(i) / N mod 2⁵², makes column i divisible by 2⁵², and what is above it is carried to
//! column i + 1. So nothing is lost in dropping L columns, and the rest stands for (a · b + q · N) / R with q < R. By
//! the bounds of [`Modulus`](crate::paillier::modulus::Modulus) that is below 2 N < R, so that carrying through the L
//! columns left ends with no carry.
//!
//! Debug builds assert the limbs on entry and the last carry.
//!
//! Limbs go by fours. Four rows of a product are added to the columns at a time, in blocks of four by four, so that
//! 32 multiplications share eight loads and four stores.

use core::arch::x86_64::*;

use crate::paillier::lanes::Column;

pub const LIMB_BITS: u32 = 52;
pub const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;
pub const STEP: usize = 4;

pub type Four = [__m512i; 4];

#[inline]
#[target_feature(enable = "avx512f")]
pub fn lanes(x: u64) -> __m512i {
    _mm512_set1_epi64(x.cast_signed())
}

#[inline]
#[target_feature(enable = "avx512f")]
pub fn load(column: &Column) -> __m512i {
    // SAFETY: the reference is valid for 64 bytes, and `Column` has an alignment of 64.
    unsafe { _mm512_load_si512(core::ptr::from_ref(column).cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub fn store(column: &mut Column, register: __m512i) {
    // SAFETY: as in `load`, for writing.
    unsafe { _mm512_store_si512(core::ptr::from_mut(column).cast(), register) };
}

#[inline]
#[target_feature(enable = "avx512f")]
pub fn load4(columns: &[Column; 4]) -> Four {
    let [a, b, c, d] = columns;
    [load(a), load(b), load(c), load(d)]
}

#[inline]
#[target_feature(enable = "avx512f")]
pub fn store4(columns: &mut [Column; 4], registers: Four) {
    for i in 0..4 {
        store(&mut columns[i], registers[i]);
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub fn lanes4(limbs: &[u64; 4]) -> Four {
    [lanes(limbs[0]), lanes(limbs[1]), lanes(limbs[2]), lanes(limbs[3])]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn halves(columns: &[__m512i; 8]) -> (Four, Four) {
    let [a, b, c, d, e, f, g, h] = *columns;
    ([a, b, c, d], [e, f, g, h])
}

#[inline]
#[target_feature(enable = "avx512f")]
fn eight(low: Four, high: Four) -> [__m512i; 8] {
    let ([a, b, c, d], [e, f, g, h]) = (low, high);
    [a, b, c, d, e, f, g, h]
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn row(columns: &mut [__m512i; 8], r: usize, x: __m512i, y: &Four) {
    for s in 0..4 {
        columns[r + s] = _mm512_madd52lo_epu64(columns[r + s], x, y[s]);
    }
    for s in 0..4 {
        columns[r + s + 1] = _mm512_madd52hi_epu64(columns[r + s + 1], x, y[s]);
    }
}

/// The product of four limbs by four.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn block(low: Four, high: Four, x: &Four, y: &Four) -> (Four, Four) {
    let mut columns = eight(low, high);
    for r in 0..4 {
        row(&mut columns, r, x[r], y);
    }
    halves(&columns)
}

#[target_feature(enable = "avx512f")]
pub fn below(number: &[Column], bound: u64) -> bool {
    let mut within = 0xff;
    for column in number {
        within &= _mm512_cmplt_epu64_mask(load(column), lanes(bound));
    }
    within == 0xff
}

/// a ← a · b / R mod N; `wide` has twice their limbs, whatever is in it.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn multiply(n: &[u64], k: u64, a: &mut [Column], b: &[Column], wide: &mut [Column]) {
    debug_assert!(a.len() == n.len() && b.len() == n.len() && wide.len() == 2 * n.len());
    debug_assert!(below(a, 1 << LIMB_BITS) && below(b, 1 << LIMB_BITS));
    product(a, b, wide);
    divide(n, k, wide, a);
}

/// The columns of a · b.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn product(a: &[Column], b: &[Column], wide: &mut [Column]) {
    wide.fill(Column::default());
    let (wide, b) = (wide.as_chunks_mut::<STEP>().0, b.as_chunks::<STEP>().0);
    for (i, x) in a.as_chunks::<STEP>().0.iter().enumerate() {
        let x = load4(x);
        let columns = &mut wide[i..];
        let mut low = load4(&columns[0]);
        for (j, y) in b.iter().enumerate() {
            let done;
            (done, low) = block(low, load4(&columns[j + 1]), &x, &load4(y));
            store4(&mut columns[j], done);
        }
        store4(&mut columns[b.len()], low);
    }
}

/// a ← a² / R mod N.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn square(n: &[u64], k: u64, a: &mut [Column], wide: &mut [Column]) {
    debug_assert!(a.len() == n.len() && wide.len() == 2 * n.len());
    debug_assert!(below(a, 1 << LIMB_BITS));
    wide.fill(Column::default());
    {
        let (wide, a) = (wide.as_chunks_mut::<STEP>().0, a.as_chunks::<STEP>().0);
        for (i, x) in a.iter().enumerate() {
            let x = load4(x);
            let columns = &mut wide[2 * i..];
            let mut cross = eight(load4(&columns[0]), load4(&columns[1]));
            for r in 0..4 {
                for s in r + 1..4 {
                    cross[r + s] = _mm512_madd52lo_epu64(cross[r + s], x[r], x[s]);
                    cross[r + s + 1] = _mm512_madd52hi_epu64(cross[r + s + 1], x[r], x[s]);
                }
            }
            let (done, mut low) = halves(&cross);
            store4(&mut columns[0], done);
            for (j, y) in a[i + 1..].iter().enumerate() {
                let done;
                (done, low) = block(low, load4(&columns[j + 2]), &x, &load4(y));
                store4(&mut columns[j + 1], done);
            }
            store4(&mut columns[a.len() - i], low);
        }
    }
    for (pair, x) in wide.as_chunks_mut::<2>().0.iter_mut().zip(a.iter()) {
        let x = load(x);
        let [low, high] = pair;
        store(low, _mm512_madd52lo_epu64(_mm512_slli_epi64::<1>(load(low)), x, x));
        store(high, _mm512_madd52hi_epu64(_mm512_slli_epi64::<1>(load(high)), x, x));
    }
    divide(n, k, wide, a);
}

/// a ← a / R mod N.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub fn reduce(n: &[u64], k: u64, a: &mut [Column], wide: &mut [Column]) {
    let (low, high) = wide.split_at_mut(n.len());
    low.copy_from_slice(a);
    high.fill(Column::default());
    divide(n, k, wide, a);
}

/// The columns divided by R mod N.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn divide(n: &[u64], k: u64, wide: &mut [Column], out: &mut [Column]) {
    let k = lanes(k);
    {
        let wide = wide.as_chunks_mut::<STEP>().0;
        let (first, rest) = n.as_chunks::<STEP>().0.split_first().expect("a modulus has four limbs or more");
        let first = lanes4(first);
        for i in 0..=rest.len() {
            let columns = &mut wide[i..];
            let mut head = eight(load4(&columns[0]), load4(&columns[1]));
            let mut digits = [_mm512_setzero_si512(); 4];
            for r in 0..4 {
                digits[r] = _mm512_madd52lo_epu64(_mm512_setzero_si512(), head[r], k);
                row(&mut head, r, digits[r], &first);
                head[r + 1] = _mm512_add_epi64(head[r + 1], _mm512_srli_epi64::<LIMB_BITS>(head[r]));
            }
            let mut low = halves(&head).1;
            for (j, y) in rest.iter().enumerate() {
                let done;
                (done, low) = block(low, load4(&columns[j + 2]), &digits, &lanes4(y));
                store4(&mut columns[j + 1], done);
            }
            store4(&mut columns[rest.len() + 1], low);
        }
    }
    out.copy_from_slice(&wide[n.len()..]);
    let lost = carry(out);
    debug_assert!(_mm512_test_epi64_mask(lost, lost) == 0);
}

/// From columns to limbs; gives the carry out.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn carry(number: &mut [Column]) -> __m512i {
    let mut carry = _mm512_setzero_si512();
    for column in number {
        let sum = _mm512_add_epi64(load(column), carry);
        store(column, _mm512_and_si512(sum, lanes(LIMB_MASK)));
        carry = _mm512_srli_epi64::<LIMB_BITS>(sum);
    }
    carry
}

/// a ← a + b, below R.
#[inline(never)]
#[target_feature(enable = "avx512f")]
pub fn add(a: &mut [Column], b: &[Column]) {
    for (a, b) in a.iter_mut().zip(b) {
        store(a, _mm512_add_epi64(load(a), load(b)));
    }
    let lost = carry(a);
    debug_assert!(_mm512_test_epi64_mask(lost, lost) == 0);
}

/// a ← a − N where that is not below zero. A difference of two limbs and a borrow below zero has its highest bit set.
#[inline(never)]
#[target_feature(enable = "avx512f")]
pub fn canonical(n: &[u64], a: &mut [Column]) {
    debug_assert!(below(a, 1 << LIMB_BITS));
    let mut borrow = _mm512_setzero_si512();
    for (a, n) in a.iter().zip(n) {
        let difference = _mm512_sub_epi64(_mm512_sub_epi64(load(a), lanes(*n)), borrow);
        borrow = _mm512_srli_epi64::<63>(difference);
    }
    let taken = _mm512_testn_epi64_mask(borrow, borrow);
    borrow = _mm512_setzero_si512();
    for (a, n) in a.iter_mut().zip(n) {
        let n = _mm512_maskz_mov_epi64(taken, lanes(*n));
        let difference = _mm512_sub_epi64(_mm512_sub_epi64(load(a), n), borrow);
        borrow = _mm512_srli_epi64::<63>(difference);
        store(a, _mm512_and_si512(difference, lanes(LIMB_MASK)));
    }
    debug_assert!(_mm512_test_epi64_mask(borrow, borrow) == 0);
}
