//! Eight points of the Edwards curve behind ristretto255 side by side: extended coordinates, a = −1.

use core::arch::x86_64::*;

use zeroize::Zeroize;

use super::constants::{D, D_MINUS_ONE_SQ, D2, INVSQRT_A_MINUS_D, ONE_MINUS_D_SQ, SQRT_AD_MINUS_ONE, SQRT_M1};
use super::field::{Field, LANES_BYTES};
use crate::ristretto::factor::Digits;

/// (X : Y : Z : T) with x = X/Z, y = Y/Z and xy = T/Z.
#[derive(Clone, Copy)]
pub struct Point {
    x: Field,
    y: Field,
    z: Field,
    t: Field,
}

/// A point ready to be added: (Y + X, Y − X, 2Z, 2dT).
#[derive(Clone, Copy)]
struct Addend {
    sum: Field,
    difference: Field,
    z2: Field,
    t2d: Field,
}

/// The four factors from which the double of a point is put together.
struct Factors {
    e: Field,
    f: Field,
    g: Field,
    h: Field,
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
    fn identity() -> Self {
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

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn addend(&self) -> Addend {
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
    fn add(&self, other: &Addend) -> Self {
        let a = self.y.sub(&self.x).reduce().mul(&other.difference);
        let b = self.y.add(&self.x).reduce().mul(&other.sum);
        let c = self.t.mul(&other.t2d);
        let d = self.z.mul(&other.z2);
        let e = b.sub(&a).reduce();
        let f = d.sub(&c).reduce();
        let g = d.add(&c).reduce();
        let h = b.add(&a).reduce();
        Self { x: e.mul(&f), y: g.mul(&h), z: f.mul(&g), t: e.mul(&h) }
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
        let (highest, others) = digits.split_highest();
        let mut result = Self::identity().add(&Addend::times(&table, highest));
        for digit in others.iter().rev() {
            result = result.double_without_t().double_without_t().double_without_t().double();
            result = result.add(&Addend::times(&table, *digit));
        }
        result
    }

    /// RFC 9496, 4.3.1: which lanes hold the canonical encoding of an element other than the identity, and the points.
    /// The others hold points that mean nothing.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn decode(bytes: &[u8; LANES_BYTES]) -> (u8, Self) {
        let one = Field::one();
        let s = Field::from_bytes(bytes);
        let ss = s.square();
        let u1 = one.sub(&ss).reduce();
        let u2 = one.add(&ss).reduce();
        let u2_square = u2.square();
        let v = Field::splat(D).mul(&u1.square()).add(&u2_square).reduce().neg();
        let (square, root) = Field::sqrt_ratio(&one, &v.mul(&u2_square));
        let den_x = root.mul(&u2);
        let den_y = root.mul(&den_x).mul(&v);
        let x = s.add(&s).reduce().mul(&den_x).abs();
        let y = u1.mul(&den_y);
        let t = x.mul(&y);
        // y = 0 makes an encoding invalid, x = 0 makes it the identity: either way t = 0.
        let valid = canonical_and_even(bytes) & square & !t.is_negative() & !t.is_zero();
        (valid, Self { x, y, z: one, t })
    }

    /// RFC 9496, 4.3.4: MAP. The highest bit of every string is ignored.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn map(bytes: &[u8; LANES_BYTES]) -> Self {
        let one = Field::one();
        let minus_one = one.neg();
        let d = Field::splat(D);
        let t = Field::from_bytes(bytes);
        let r = t.square().mul(&Field::splat(SQRT_M1));
        let u = r.add(&one).reduce().mul(&Field::splat(ONE_MINUS_D_SQ));
        let v = minus_one.sub(&r.mul(&d)).reduce().mul(&r.add(&d).reduce());
        let (square, root) = Field::sqrt_ratio(&u, &v);
        let s = Field::select(square, &root, &root.mul(&t).abs().neg());
        let c = Field::select(square, &minus_one, &r);
        let n = c.mul(&r.sub(&one).reduce()).mul(&Field::splat(D_MINUS_ONE_SQ)).sub(&v).reduce();
        let ss = s.square();
        let w0 = s.add(&s).reduce().mul(&v);
        let w1 = n.mul(&Field::splat(SQRT_AD_MINUS_ONE));
        let w2 = one.sub(&ss).reduce();
        let w3 = one.add(&ss).reduce();
        Self { x: w0.mul(&w3), y: w2.mul(&w1), z: w1.mul(&w3), t: w0.mul(&w2) }
    }

    /// RFC 9496, 4.3.4: the sum of the maps of the first and the second halves of eight uniform strings.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn from_uniform(halves: &[[u8; LANES_BYTES]; 2]) -> Self {
        Self::map(&halves[0]).add(&Self::map(&halves[1]).addend())
    }

    /// RFC 9496, 4.3.2.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn encode(&self) -> [u8; LANES_BYTES] {
        let u1 = self.z.add(&self.y).reduce().mul(&self.z.sub(&self.y).reduce());
        let u2 = self.x.mul(&self.y);
        let (_, root) = Field::sqrt_ratio(&Field::one(), &u1.mul(&u2.square()));
        let den1 = root.mul(&u1);
        let den2 = root.mul(&u2);
        let z_inverse = den1.mul(&den2).mul(&self.t);
        let rotated_den = den1.mul(&Field::splat(INVSQRT_A_MINUS_D));
        self.encode_with(&self.t, &z_inverse, &rotated_den, &den2)
    }

    /// The end of an encoding, from 1/z and from the denominators of the rotated and of the plain point.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn encode_with(&self, t: &Field, z_inverse: &Field, rotated_den: &Field, den: &Field) -> [u8; LANES_BYTES] {
        let i = Field::splat(SQRT_M1);
        let rotate = t.mul(z_inverse).is_negative();
        let x = Field::select(rotate, &self.y.mul(&i), &self.x);
        let y = Field::select(rotate, &self.x.mul(&i), &self.y);
        let den = Field::select(rotate, rotated_den, den);
        let y = y.negate_if(x.mul(z_inverse).is_negative());
        den.mul(&self.z.sub(&y).reduce()).abs().canonical_bytes()
    }

    /// The encodings of twice each point, with one inversion for all and no square root: the root that an encoding
    /// takes is a product of the double's factors. The method is that of curve25519-dalek's
    /// `double_and_compress_batch`.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn double_and_encode(points: &[Self], mut put: impl FnMut(usize, &[u8; LANES_BYTES])) {
        let mut doubles = Vec::with_capacity(points.len());
        let mut product = Field::one();
        for point in points {
            let double = Double::of(point, &product);
            product = product.mul(&double.own);
            doubles.push(double);
        }
        let mut inverse = product.invert();
        for (index, double) in doubles.iter().enumerate().rev() {
            put(index, &double.encode(&inverse.mul(&double.before)));
            inverse = inverse.mul(&double.own);
        }
    }
}

/// A double as x = E/F and y = G/H, kept apart until the shared inversion is done.
struct Double {
    factors: Factors,
    ef: Field,
    gh: Field,
    /// E · F · G · H, or 1 where that is 0: where the double is the identity.
    own: Field,
    identity: __mmask8,
    /// The product of all those before.
    before: Field,
}

impl Double {
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn of(point: &Point, before: &Field) -> Self {
        let xy = point.x.mul(&point.y);
        let zz = point.z.square();
        let dtt = point.t.square().mul(&Field::splat(D));
        let e = xy.add(&xy).reduce();
        let f = zz.add(&dtt).reduce();
        let g = point.y.square().add(&point.x.square()).reduce();
        let h = zz.sub(&dtt).reduce();
        let ef = e.mul(&f);
        let gh = g.mul(&h);
        let product = ef.mul(&gh);
        let identity = product.is_zero();
        let own = Field::select(identity, &Field::one(), &product);
        Self { factors: Factors { e, f, g, h }, ef, gh, own, identity, before: *before }
    }

    /// From 1/own.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn encode(&self, inverse: &Field) -> [u8; LANES_BYTES] {
        let Factors { e, f, g, h } = &self.factors;
        let inverse = Field::select(self.identity, &Field::zero(), inverse);
        let eg = e.mul(g);
        let double = Point { x: e.mul(h), y: g.mul(f), z: f.mul(h), t: eg };
        let z_inverse = inverse.mul(&eg);
        let den = inverse.mul(&self.gh).mul(&Field::splat(INVSQRT_A_MINUS_D));
        double.encode_with(&eg, &z_inverse, &inverse.mul(&self.ef), &den)
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

/// Which of eight strings are below p and even, as the encoding of a nonnegative field element is.
fn canonical_and_even(bytes: &[u8; LANES_BYTES]) -> u8 {
    let mut mask = 0;
    for (lane, element) in bytes.as_chunks::<32>().0.iter().enumerate() {
        let [first, middle @ .., last] = element;
        let all_ones = *last == 0x7f && middle.iter().all(|byte| *byte == 0xff);
        let below_p = *last <= 0x7f && !(all_ones && *first >= 0xed);
        mask |= u8::from(below_p && first & 1 == 0) << lane;
    }
    mask
}
