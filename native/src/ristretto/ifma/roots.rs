//! Powers: inverses and square roots.

use core::arch::x86_64::__mmask8;

use super::constants::SQRT_M1;
use super::field::Field;

impl Field {
    /// The 2^`times`-th power. `times` is public.
    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn square_times(&self, times: usize) -> Self {
        let mut power = *self;
        for _ in 0..times {
            power = power.square();
        }
        power
    }

    /// self^((p − 5) / 8), that is self^(2²⁵² − 3).
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn pow_p58(&self) -> Self {
        let square = self.square();
        let to_9 = square.square_times(2).mul(self);
        let to_11 = square.mul(&to_9);
        let ones_5 = to_9.mul(&to_11.square());
        let ones_10 = ones_5.square_times(5).mul(&ones_5);
        let ones_20 = ones_10.square_times(10).mul(&ones_10);
        let ones_40 = ones_20.square_times(20).mul(&ones_20);
        let ones_50 = ones_40.square_times(10).mul(&ones_10);
        let ones_100 = ones_50.square_times(50).mul(&ones_50);
        let ones_200 = ones_100.square_times(100).mul(&ones_100);
        let ones_250 = ones_200.square_times(50).mul(&ones_50);
        ones_250.square_times(2).mul(self)
    }

    /// self^(p − 2): the inverse, and 0 for 0. p − 2 = 8 · (p − 5) / 8 + 3.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn invert(&self) -> Self {
        let cube = self.square().mul(self);
        self.pow_p58().square_times(3).mul(&cube)
    }

    /// `SQRT_RATIO_M1` of RFC 9496, 4.2: in which lanes u / v is a square, and the root of it or of √−1 · u / v.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub fn sqrt_ratio(u: &Self, v: &Self) -> (__mmask8, Self) {
        let v3 = v.square().mul(v);
        let v7 = v3.square().mul(v);
        let root = u.mul(&v3).mul(&u.mul(&v7).pow_p58());
        let check = v.mul(&root.square());
        let i = Self::splat(SQRT_M1);
        let minus_u = u.neg();
        let correct = check.equals(u);
        let flipped = check.equals(&minus_u);
        let flipped_i = check.equals(&minus_u.mul(&i));
        let root = Self::select(flipped | flipped_i, &root.mul(&i), &root).abs();
        (correct | flipped, root)
    }
}
