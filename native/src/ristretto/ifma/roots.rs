//! Powers: inverses and square roots.
//!
//! A chain of squarings waits for each product before the next. Several chains side by side fill that time: a root of
//! two takes little longer than a root of one.

use core::arch::x86_64::__mmask8;

use super::constants::SQRT_M1;
use super::field::Field;

/// Elements on which the same is done.
#[derive(Clone, Copy)]
struct Chains<const N: usize>([Field; N]);

impl<const N: usize> Chains<N> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn mul(&self, other: &Self) -> Self {
        let mut products = *self;
        for i in 0..N {
            products.0[i] = self.0[i].mul(&other.0[i]);
        }
        products
    }

    /// The 2^`times`-th powers. `times` is public.
    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn square_times(&self, times: usize) -> Self {
        let mut powers = *self;
        for _ in 0..times {
            for power in &mut powers.0 {
                *power = power.square();
            }
        }
        powers
    }

    /// The powers to (p − 5) / 8, that is to 2²⁵² − 3.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn pow_p58(&self) -> Self {
        let square = self.square_times(1);
        let to_9 = square.square_times(2).mul(self);
        let to_11 = square.mul(&to_9);
        let ones_5 = to_9.mul(&to_11.square_times(1));
        let ones_10 = ones_5.square_times(5).mul(&ones_5);
        let ones_20 = ones_10.square_times(10).mul(&ones_10);
        let ones_40 = ones_20.square_times(20).mul(&ones_20);
        let ones_50 = ones_40.square_times(10).mul(&ones_10);
        let ones_100 = ones_50.square_times(50).mul(&ones_50);
        let ones_200 = ones_100.square_times(100).mul(&ones_100);
        let ones_250 = ones_200.square_times(50).mul(&ones_50);
        ones_250.square_times(2).mul(self)
    }
}

impl Field {
    /// self^(p − 2): the inverse, and 0 for 0. p − 2 = 8 · (p − 5) / 8 + 3.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn invert(&self) -> Self {
        let cube = self.square().mul(self);
        let [power] = Chains([*self]).pow_p58().square_times(3).0;
        power.mul(&cube)
    }

    /// `SQRT_RATIO_M1` of RFC 9496, 4.2, of pairs u, v: in which lanes u / v is a square, and the root of it or of
    /// √−1 · u / v.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn sqrt_ratios<const N: usize>(ratios: &[(Self, Self); N]) -> [(__mmask8, Self); N] {
        let mut bases = [Self::zero(); N];
        for (base, (u, v)) in bases.iter_mut().zip(ratios) {
            let v3 = v.square().mul(v);
            *base = u.mul(&v3.square().mul(v));
        }
        let powers = Chains(bases).pow_p58().0;
        let mut roots = [(0, Self::zero()); N];
        for (root, ((u, v), power)) in roots.iter_mut().zip(ratios.iter().zip(&powers)) {
            *root = Self::checked_root(u, v, &u.mul(&v.square().mul(v)).mul(power));
        }
        roots
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn checked_root(u: &Self, v: &Self, root: &Self) -> (__mmask8, Self) {
        let check = v.mul(&root.square());
        let i = Self::splat(SQRT_M1);
        let minus_u = u.neg();
        let correct = check.equals(u);
        let flipped = check.equals(&minus_u);
        let flipped_i = check.equals(&minus_u.mul(&i));
        let root = Self::select(flipped | flipped_i, &root.mul(&i), root).abs();
        (correct | flipped, root)
    }
}
