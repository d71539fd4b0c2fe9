//! Points and their strings: decoding, MAP, encoding.

use core::arch::x86_64::*;

use super::constants::{D, D_MINUS_ONE_SQ, INVSQRT_A_MINUS_D, ONE_MINUS_D_SQ, SQRT_AD_MINUS_ONE, SQRT_M1};
use super::field::{Field, LANES_BYTES};
use super::point::{Factors, Point};

impl Point {
    /// RFC 9496, 4.3.1: which lanes hold the canonical encoding of an element other than the identity, and the points.
    /// The others hold points that mean nothing.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn decode<const N: usize>(encodings: &[[u8; LANES_BYTES]; N]) -> [(u8, Self); N] {
        let mut begun = [Decoding::of(&encodings[0]); N];
        let mut ratios = [(Field::one(), Field::one()); N];
        for i in 0..N {
            begun[i] = Decoding::of(&encodings[i]);
            ratios[i].1 = begun[i].v.mul(&begun[i].u2.square());
        }
        let roots = Field::sqrt_ratios(&ratios);
        let mut points = [(0, Self::identity()); N];
        for i in 0..N {
            let (square, root) = &roots[i];
            let (positive, point) = begun[i].end(root);
            points[i] = (canonical_and_even(&encodings[i]) & square & positive, point);
        }
        points
    }

    /// RFC 9496, 4.3.4: MAP, twice. The highest bit of every string is ignored.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn map(halves: &[[u8; LANES_BYTES]; 2]) -> [Self; 2] {
        let one = Field::one();
        let d = Field::splat(D);
        let parameters = [Field::from_bytes(&halves[0]), Field::from_bytes(&halves[1])];
        let mut ratios = [(one, one); 2];
        for (ratio, t) in ratios.iter_mut().zip(&parameters) {
            let r = t.square().mul(&Field::splat(SQRT_M1));
            let u = r.add(&one).reduce().mul(&Field::splat(ONE_MINUS_D_SQ));
            let v = one.neg().sub(&r.mul(&d)).reduce().mul(&r.add(&d).reduce());
            *ratio = (u, v);
        }
        let [first, second] = Field::sqrt_ratios(&ratios);
        [
            Self::map_with(&parameters[0], &ratios[0].1, first.0, &first.1),
            Self::map_with(&parameters[1], &ratios[1].1, second.0, &second.1),
        ]
    }

    /// The end of MAP, from v and the root of u / v.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn map_with(t: &Field, v: &Field, square: __mmask8, root: &Field) -> Self {
        let one = Field::one();
        let minus_one = one.neg();
        let r = t.square().mul(&Field::splat(SQRT_M1));
        let s = Field::select(square, root, &root.mul(t).abs().neg());
        let c = Field::select(square, &minus_one, &r);
        let n = c.mul(&r.sub(&one).reduce()).mul(&Field::splat(D_MINUS_ONE_SQ)).sub(v).reduce();
        let ss = s.square();
        let w0 = s.add(&s).reduce().mul(v);
        let w1 = n.mul(&Field::splat(SQRT_AD_MINUS_ONE));
        let w2 = one.sub(&ss).reduce();
        let w3 = one.add(&ss).reduce();
        Self { x: w0.mul(&w3), y: w2.mul(&w1), z: w1.mul(&w3), t: w0.mul(&w2) }
    }

    /// RFC 9496, 4.3.4: the sum of the maps of the first and the second halves of eight uniform strings.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn from_uniform(halves: &[[u8; LANES_BYTES]; 2]) -> Self {
        let [first, second] = Self::map(halves);
        first.add(&second.addend())
    }

    /// RFC 9496, 4.3.2.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn encode(&self) -> [u8; LANES_BYTES] {
        let u1 = self.z.add(&self.y).reduce().mul(&self.z.sub(&self.y).reduce());
        let u2 = self.x.mul(&self.y);
        let [(_, root)] = Field::sqrt_ratios(&[(Field::one(), u1.mul(&u2.square()))]);
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

/// What the decoding of a string s begins with.
#[derive(Clone, Copy)]
struct Decoding {
    s: Field,
    u1: Field,
    u2: Field,
    v: Field,
}

impl Decoding {
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn of(bytes: &[u8; LANES_BYTES]) -> Self {
        let one = Field::one();
        let s = Field::from_bytes(bytes);
        let ss = s.square();
        let u1 = one.sub(&ss).reduce();
        let u2 = one.add(&ss).reduce();
        let v = Field::splat(D).mul(&u1.square()).add(&u2.square()).reduce().neg();
        Self { s, u1, u2, v }
    }

    /// From the root 1/√(v · u₂²): the point, and where its t is neither negative nor zero. y = 0 makes an encoding
    /// invalid, x = 0 makes it the identity: either way t = 0.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn end(&self, root: &Field) -> (__mmask8, Point) {
        let den_x = root.mul(&self.u2);
        let den_y = root.mul(&den_x).mul(&self.v);
        let x = self.s.add(&self.s).reduce().mul(&den_x).abs();
        let y = self.u1.mul(&den_y);
        let t = x.mul(&y);
        (!t.is_negative() & !t.is_zero(), Point { x, y, z: Field::one(), t })
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
