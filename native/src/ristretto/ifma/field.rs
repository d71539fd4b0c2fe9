//! Eight elements of GF(2²⁵⁵ − 19) side by side, radix 2⁵¹, one limb of all eight in a 512-bit register.
//!
//! # Magnitudes
//!
//! `vpmadd52` reads the low 52 bits of its factors and adds the low or the high 52 bits of their product to a 64-bit
//! accumulator. Two types keep that exact:
//!
//! - [`Field`]: every limb is below [`LIMB_BOUND`] = 2⁵¹ + 2¹³ < 2⁵². Only these are multiplied.
//! - [`Loose`]: every limb is below [`LOOSE_BOUND`] = 2⁵⁹. Sums and differences; [`Loose::reduce`] makes a `Field`.
//!
//! *Products.* Write β = 2⁵¹ + 2¹³. A low half is below 2⁵² and a high half at most β² / 2⁵² < 2⁵⁰ + 2¹³. Column k
//! collects n(k) halves of either kind, n = 1, 2, 3, 4, 5, 4, 3, 2, 1 for k = 0 … 8, so that an accumulator stays below
//! 5 · 2⁵² < 2⁵⁵. A high half weighs 2^(51k + 52) = 2 · 2^(51(k + 1)): doubled, it moves up by one column. The columns
//! c(k) = lo(k) + 2 · hi(k − 1) are below (n(k) + n(k − 1) / 2 + ε) · 2⁵², with ε < 2⁻³⁰ for all roundings. Columns 5
//! to 9 return as 19 times themselves to columns 0 to 4, 2²⁵⁵ being 19. The bounds of c(0) … c(9) in units of 2⁵² are
//! 1, 2.5, 4, 5.5, 7, 6.5, 5, 3.5, 2, 0.5, so that c(k) + 19 · c(k + 5) is below 124.5, 97.5, 70.5, 43.5 and 16.5: the
//! first is the largest, below 2⁵⁹, and no step leaves 64 bits.
//!
//! *Reduction.* Limbs below 2⁵⁹ give carries below 2⁸. Limb 0 becomes at most 2⁵¹ − 1 + 19 · (2⁸ − 1) < 2⁵¹ + 2¹³, the
//! others at most 2⁵¹ − 1 + 2⁸ − 1: a `Field`. (A square doubles its cross products in the accumulators: the same sums.)
//!
//! *Sums.* `add` is below 2 · β. `sub` adds 4p, whose limbs, at least 2⁵³ − 76, exceed β, so that nothing goes below
//! zero, and is below β + 2⁵³. `plus` adds one β more. All are below 2⁵⁴ < 2⁵⁹.
//!
//! Debug builds assert the bounds on entry to every product and reduction.
//!
//! Nothing here branches on or indexes by a limb.

use core::arch::x86_64::*;

use zeroize::Zeroize;

/// The bytes of eight elements.
pub const LANES_BYTES: usize = 256;

const LIMB_BITS: u32 = 51;
const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;
pub(super) const LIMB_BOUND: u64 = (1 << LIMB_BITS) + (1 << 13);
const LOOSE_BOUND: u64 = 1 << 59;

/// Eight elements, ready to be multiplied: limbs below 2⁵¹ + 2¹³.
#[derive(Clone, Copy)]
pub struct Field([__m512i; 5]);

/// Eight sums or differences: limbs below 2⁵⁹.
#[derive(Clone, Copy)]
pub struct Loose([__m512i; 5]);

impl Zeroize for Field {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn lanes(x: u64) -> __m512i {
    _mm512_set1_epi64(x.cast_signed())
}

#[inline]
#[target_feature(enable = "avx512f")]
fn below(limbs: &[__m512i; 5], bound: u64) -> bool {
    let mut within = 0xff;
    for limb in limbs {
        within &= _mm512_cmplt_epu64_mask(*limb, lanes(bound));
    }
    within == 0xff
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(column: &[u64; 8]) -> __m512i {
    // SAFETY: the reference is valid for 64 bytes, and `loadu` asks for no alignment.
    unsafe { _mm512_loadu_si512(column.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(register: __m512i) -> [u64; 8] {
    let mut column = [0; 8];
    // SAFETY: the array is valid for 64 bytes, and `storeu` asks for no alignment.
    unsafe { _mm512_storeu_si512(column.as_mut_ptr().cast(), register) };
    column
}

impl Field {
    /// The same element in every lane, of limbs below 2⁵¹.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn splat(limbs: [u64; 5]) -> Self {
        Self([lanes(limbs[0]), lanes(limbs[1]), lanes(limbs[2]), lanes(limbs[3]), lanes(limbs[4])])
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn zero() -> Self {
        Self::splat([0; 5])
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn one() -> Self {
        Self::splat([1, 0, 0, 0, 0])
    }

    /// Eight strings of 32 bytes, little-endian. The highest bit of each is ignored.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn from_bytes(bytes: &[u8; LANES_BYTES]) -> Self {
        let mut columns = [[0; 8]; 5];
        for (lane, element) in bytes.as_chunks::<32>().0.iter().enumerate() {
            let mut words = [0; 4];
            for (word, bytes) in words.iter_mut().zip(element.as_chunks::<8>().0) {
                *word = u64::from_le_bytes(*bytes);
            }
            columns[0][lane] = words[0] & LIMB_MASK;
            columns[1][lane] = (words[0] >> 51 | words[1] << 13) & LIMB_MASK;
            columns[2][lane] = (words[1] >> 38 | words[2] << 26) & LIMB_MASK;
            columns[3][lane] = (words[2] >> 25 | words[3] << 39) & LIMB_MASK;
            columns[4][lane] = words[3] >> 12 & LIMB_MASK;
        }
        let [a, b, c, d, e] = &columns;
        Self([load(a), load(b), load(c), load(d), load(e)])
    }

    /// The canonical strings of 32 bytes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn canonical_bytes(&self) -> [u8; LANES_BYTES] {
        let limbs = self.canonical().0;
        let columns = [store(limbs[0]), store(limbs[1]), store(limbs[2]), store(limbs[3]), store(limbs[4])];
        let mut bytes = [0; LANES_BYTES];
        for (lane, element) in bytes.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            let words = [
                columns[0][lane] | columns[1][lane] << 51,
                columns[1][lane] >> 13 | columns[2][lane] << 38,
                columns[2][lane] >> 26 | columns[3][lane] << 25,
                columns[3][lane] >> 39 | columns[4][lane] << 12,
            ];
            for (bytes, word) in element.as_chunks_mut::<8>().0.iter_mut().zip(words) {
                *bytes = word.to_le_bytes();
            }
        }
        bytes
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn add(&self, other: &Self) -> Loose {
        Loose(self.0).plus(other)
    }

    /// self − other + 4p.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn sub(&self, other: &Self) -> Loose {
        debug_assert!(below(&self.0, LIMB_BOUND) && below(&other.0, LIMB_BOUND));
        let first = lanes(4 * (LIMB_MASK - 18));
        let rest = lanes(4 * LIMB_MASK);
        let mut limbs = self.0;
        limbs[0] = _mm512_sub_epi64(_mm512_add_epi64(limbs[0], first), other.0[0]);
        for i in 1..5 {
            limbs[i] = _mm512_sub_epi64(_mm512_add_epi64(limbs[i], rest), other.0[i]);
        }
        Loose(limbs)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn neg(&self) -> Self {
        Self::zero().sub(self).reduce()
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn mul(&self, other: &Self) -> Self {
        debug_assert!(below(&self.0, LIMB_BOUND) && below(&other.0, LIMB_BOUND));
        let (a, b) = (&self.0, &other.0);
        let mut low = [_mm512_setzero_si512(); 9];
        let mut high = [_mm512_setzero_si512(); 9];
        for i in 0..5 {
            for j in 0..5 {
                low[i + j] = _mm512_madd52lo_epu64(low[i + j], a[i], b[j]);
                high[i + j] = _mm512_madd52hi_epu64(high[i + j], a[i], b[j]);
            }
        }
        fold(&low, &high)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn square(&self) -> Self {
        debug_assert!(below(&self.0, LIMB_BOUND));
        let a = &self.0;
        let mut low = [_mm512_setzero_si512(); 9];
        let mut high = [_mm512_setzero_si512(); 9];
        for i in 0..5 {
            for j in i + 1..5 {
                low[i + j] = _mm512_madd52lo_epu64(low[i + j], a[i], a[j]);
                high[i + j] = _mm512_madd52hi_epu64(high[i + j], a[i], a[j]);
            }
        }
        for k in 1..8 {
            low[k] = _mm512_add_epi64(low[k], low[k]);
            high[k] = _mm512_add_epi64(high[k], high[k]);
        }
        for i in 0..5 {
            low[2 * i] = _mm512_madd52lo_epu64(low[2 * i], a[i], a[i]);
            high[2 * i] = _mm512_madd52hi_epu64(high[2 * i], a[i], a[i]);
        }
        fold(&low, &high)
    }

    /// `yes` in the lanes of `mask`, `no` in the others.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn select(mask: __mmask8, yes: &Self, no: &Self) -> Self {
        let mut limbs = no.0;
        for i in 0..5 {
            limbs[i] = _mm512_mask_blend_epi64(mask, no.0[i], yes.0[i]);
        }
        Self(limbs)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn is_zero(&self) -> __mmask8 {
        let [a, b, c, d, e] = self.canonical().0;
        let any = _mm512_or_si512(_mm512_or_si512(_mm512_or_si512(a, b), _mm512_or_si512(c, d)), e);
        _mm512_testn_epi64_mask(any, any)
    }

    /// Where the canonical representative is odd: "negative" in the sense of RFC 9496.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn is_negative(&self) -> __mmask8 {
        _mm512_test_epi64_mask(self.canonical().0[0], lanes(1))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn equals(&self, other: &Self) -> __mmask8 {
        self.sub(other).reduce().is_zero()
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn negate_if(&self, mask: __mmask8) -> Self {
        Self::select(mask, &self.neg(), self)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn abs(&self) -> Self {
        self.negate_if(self.is_negative())
    }

    /// The canonical representative: the value below p, its limbs below 2⁵¹.
    ///
    /// The value V of a `Field` is below 2p, so that V mod p is V − qp with q = ⌊(V + 19) / 2²⁵⁵⌋ of 0 or 1, found by
    /// carrying through the limbs. V − qp = V + 19q − q · 2²⁵⁵, and the carry out of limb 4, dropped, is q.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn canonical(&self) -> Self {
        debug_assert!(below(&self.0, LIMB_BOUND));
        let mut carry = lanes(19);
        for limb in &self.0 {
            carry = _mm512_srli_epi64::<LIMB_BITS>(_mm512_add_epi64(*limb, carry));
        }
        carry = _mm512_madd52lo_epu64(_mm512_setzero_si512(), carry, lanes(19));
        let mut limbs = self.0;
        for limb in &mut limbs {
            let sum = _mm512_add_epi64(*limb, carry);
            *limb = _mm512_and_si512(sum, lanes(LIMB_MASK));
            carry = _mm512_srli_epi64::<LIMB_BITS>(sum);
        }
        Self(limbs)
    }
}

impl Loose {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn plus(&self, other: &Field) -> Self {
        let mut limbs = self.0;
        for i in 0..5 {
            limbs[i] = _mm512_add_epi64(limbs[i], other.0[i]);
        }
        Self(limbs)
    }

    /// Carry every limb into the next, once.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn reduce(&self) -> Field {
        debug_assert!(below(&self.0, LOOSE_BOUND));
        let [a, b, c, d, e] = self.0;
        let mask = lanes(LIMB_MASK);
        Field([
            _mm512_madd52lo_epu64(_mm512_and_si512(a, mask), _mm512_srli_epi64::<LIMB_BITS>(e), lanes(19)),
            _mm512_add_epi64(_mm512_and_si512(b, mask), _mm512_srli_epi64::<LIMB_BITS>(a)),
            _mm512_add_epi64(_mm512_and_si512(c, mask), _mm512_srli_epi64::<LIMB_BITS>(b)),
            _mm512_add_epi64(_mm512_and_si512(d, mask), _mm512_srli_epi64::<LIMB_BITS>(c)),
            _mm512_add_epi64(_mm512_and_si512(e, mask), _mm512_srli_epi64::<LIMB_BITS>(d)),
        ])
    }
}

/// The element whose product has these sums of low and high halves by column.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn fold(low: &[__m512i; 9], high: &[__m512i; 9]) -> Field {
    let mut columns = [low[0]; 10];
    for k in 1..9 {
        columns[k] = _mm512_add_epi64(low[k], _mm512_add_epi64(high[k - 1], high[k - 1]));
    }
    columns[9] = _mm512_add_epi64(high[8], high[8]);
    let mut limbs = [columns[0]; 5];
    for k in 0..5 {
        let top = columns[k + 5];
        let times_18 = _mm512_add_epi64(_mm512_slli_epi64::<4>(top), _mm512_slli_epi64::<1>(top));
        limbs[k] = _mm512_add_epi64(_mm512_add_epi64(columns[k], top), times_18);
    }
    Loose(limbs).reduce()
}
