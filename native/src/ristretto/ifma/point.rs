//! Eight points of the Edwards curve behind ristretto255 side by side: extended coordinates, a = −1.

use core::arch::x86_64::*;

use zeroize::Zeroize;

use super::constants::D2;
use super::field::Field;
use crate::ristretto::factor::Digits;

/// (X : Y : Z : T) with x = X/Z, y = Y/Z and xy = T/Z.
#[derive(Clone, Copy)]
pub struct Point {
    pub(super) x: Field,
    pub(super) y: Field,
    pub(super) z: Field,
    pub(super) t: Field,
}

/// A point ready to be added: (Y + X, Y − X, 2Z, 2dT).
#[derive(Clone, Copy)]
pub(super) struct Addend {
    sum: Field,
    difference: Field,
    z2: Field,
    t2d: Field,
}

/// The four factors from which a double or a sum is put together.
pub(super) struct Factors {
    pub(super) e: Field,
    pub(super) f: Field,
    pub(super) g: Field,
    pub(super) h: Field,
}

impl Zeroize for Point {
    fn zeroize(&mut self) {
        self.x.zeroize();
        self.y.zeroize();
        self.z.zeroize();
        self.t.zeroize();
    }
}

impl Point {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn identity() -> Self {
        Self { x: Field::zero(), y: Field::one(), z: Field::one(), t: Field::zero() }
    }

    /// In which lanes the element is the identity: its points are those with x = 0 or y = 0.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn is_identity(&self) -> u8 {
        self.t.is_zero()
    }

    /// dbl-2008-hwcd with every sign changed. T is not read.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn double_factors(&self) -> Factors {
        let xx = self.x.square();
        let yy = self.y.square();
        let zz = self.z.square();
        let h = xx.add(&yy).reduce();
        let e = h.sub(&self.x.add(&self.y).reduce().square()).reduce();
        let g = xx.sub(&yy).reduce();
        let f = zz.add(&zz).plus(&g).reduce();
        Factors { e, f, g, h }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn double(&self) -> Self {
        let Factors { e, f, g, h } = self.double_factors();
        Self { x: e.mul(&f), y: g.mul(&h), z: f.mul(&g), t: e.mul(&h) }
    }

    /// The double with a T that means nothing, for a point that is only doubled next.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn double_without_t(&self) -> Self {
        let Factors { e, f, g, h } = self.double_factors();
        Self { x: e.mul(&f), y: g.mul(&h), z: f.mul(&g), t: self.t }
    }

    /// T is not read.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn times_16(&self) -> Self {
        self.double_without_t().double_without_t().double_without_t().double()
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn addend(&self) -> Addend {
        Addend {
            sum: self.y.add(&self.x).reduce(),
            difference: self.y.sub(&self.x).reduce(),
            z2: self.z.add(&self.z).reduce(),
            t2d: self.t.mul(&Field::splat(D2)),
        }
    }

    /// add-2008-hwcd-3: complete, whatever the points.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn add(&self, other: &Addend) -> Self {
        let Factors { e, f, g, h } = self.sum_factors(other);
        Self { x: e.mul(&f), y: g.mul(&h), z: f.mul(&g), t: e.mul(&h) }
    }

    /// The sum with a T that means nothing, for a point that is doubled next.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn add_without_t(&self, other: &Addend) -> Self {
        let Factors { e, f, g, h } = self.sum_factors(other);
        Self { x: e.mul(&f), y: g.mul(&h), z: f.mul(&g), t: self.t }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn sum_factors(&self, other: &Addend) -> Factors {
        let a = self.y.sub(&self.x).reduce().mul(&other.difference);
        let b = self.y.add(&self.x).reduce().mul(&other.sum);
        let c = self.t.mul(&other.t2d);
        let d = self.z.mul(&other.z2);
        let e = b.sub(&a).reduce();
        let f = d.sub(&c).reduce();
        let g = d.add(&c).reduce();
        let h = b.add(&a).reduce();
        Factors { e, f, g, h }
    }

    /// Every point times the number that the digits stand for: 252 doublings and 64 additions, whatever the digits.
    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn multiply(&self, digits: &Digits) -> Self {
        let first = self.addend();
        let mut table = [first; 8];
        let mut multiple = self.double();
        table[1] = multiple.addend();
        for entry in &mut table[2..] {
            multiple = multiple.add(&first);
            *entry = multiple.addend();
        }
        let (highest, middle, lowest) = digits.split_ends();
        let mut result = Self::identity().add_without_t(&Addend::times(&table, highest));
        for digit in middle.iter().rev() {
            result = result.times_16().add_without_t(&Addend::times(&table, *digit));
        }
        result.times_16().add(&Addend::times(&table, lowest))
    }
}

impl Addend {
    /// The multiple that belongs to a digit from −8 to 7. Every entry is read; blends pick one.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn times(table: &[Self; 8], digit: i8) -> Self {
        let digit = _mm512_set1_epi64(i64::from(digit));
        let size = _mm512_abs_epi64(digit);
        let negative = _mm512_cmplt_epi64_mask(digit, _mm512_setzero_si512());
        let mut picked = Point::identity().addend();
        let mut number = _mm512_setzero_si512();
        for entry in table {
            number = _mm512_add_epi64(number, _mm512_set1_epi64(1));
            picked = Self::select(_mm512_cmpeq_epi64_mask(size, number), entry, &picked);
        }
        let negated = Self { sum: picked.difference, difference: picked.sum, z2: picked.z2, t2d: picked.t2d.neg() };
        Self::select(negative, &negated, &picked)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn select(mask: __mmask8, yes: &Self, no: &Self) -> Self {
        Self {
            sum: Field::select(mask, &yes.sum, &no.sum),
            difference: Field::select(mask, &yes.difference, &no.difference),
            z2: Field::select(mask, &yes.z2, &no.z2),
            t2d: Field::select(mask, &yes.t2d, &no.t2d),
        }
    }
}
