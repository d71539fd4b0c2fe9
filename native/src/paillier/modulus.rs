//! Arithmetic modulo one number, in eight lanes, over either kernel.

use num_bigint::BigUint;
use zeroize::Zeroizing;

use super::arithmetic::Arithmetic;
#[cfg(target_arch = "x86_64")]
use super::ifma;
use super::lanes::{self, Column, LANES, Number};
use super::words::{self, Words};
use super::{Kernel, random};

/// An odd modulus N with what Montgomery products modulo it need. R is 2^(limb bits · limbs), at least 16 N.
///
/// *Magnitudes.* A product of a and b is exact and below 2 N if a · b ≤ R · N: the sum a · b + q · N that is divided by
/// R has q < R. Here a and b are either both below 4 N, of which 16 N² ≤ R · N, or one is below N, a constant, and
/// the other below R, anything that its limbs can hold.
pub struct Modulus {
    pub(super) kernel: Kernel,
    pub(super) n: Words,
    /// −1 / N mod 2^(limb bits).
    pub(super) k: u64,
    one: Number,
    square: Number,
    cube: Number,
    quotient: Option<Quotient>,
}

/// For plain products with IFMA: ⌊2^(52 (shift + limbs)) / N⌋, where 2^(52 shift) ≤ N.
pub struct Quotient {
    pub(super) shift: usize,
    pub(super) mu: Words,
}

impl Quotient {
    /// None where N² / 2^(52 shift) has no place in as many limbs as N has, with two bits left, or the kernel has no
    /// use for it. `n` is public.
    pub fn new(kernel: Kernel, n: &[u64], limbs: usize) -> Option<Self> {
        let (bits, limb_bits) = (words::bits(n), kernel.limb_bits());
        let shift = (bits - 1) / limb_bits;
        if matches!(kernel, Kernel::Portable) || 2 * bits + 2 > limb_bits * (shift + limbs) {
            return None;
        }
        let mu = (BigUint::from(1_u8) << (limb_bits * (shift + limbs))) / random::big(n);
        let mut out = words::zero(limbs);
        lanes::limbs(&mu.to_bytes_le(), limb_bits, out.iter_mut());
        Some(Self { shift, mu: out })
    }
}

impl Modulus {
    /// `n` is odd and above 1.
    pub fn new(kernel: Kernel, n: &[u64]) -> Self {
        let bits = kernel.limb_bits();
        let limbs = (words::bits(n) + 4).div_ceil(bits).next_multiple_of(kernel.limb_step());
        let convert = |words: &[u64]| {
            let mut bytes = Zeroizing::new(vec![0; 8 * words.len()]);
            words::to_bytes(words, &mut bytes);
            let mut out = words::zero(limbs);
            lanes::limbs(&bytes, bits, out.iter_mut());
            out
        };
        let power = |times: usize| spread(&convert(&words::power_of_two_mod(times * bits * limbs, n)));
        let k = words::inverse_word(n[0]).wrapping_neg() & (u64::MAX >> (64 - bits));
        Self { kernel, n: convert(n), k, one: power(1), square: power(2), cube: power(3), quotient: None }
    }

    /// The same for an N that is public, with faster [`Work::multiply_plain`].
    pub fn public(kernel: Kernel, n: &[u64]) -> Self {
        let modulus = Self::new(kernel, n);
        let quotient = Quotient::new(kernel, n, modulus.limbs());
        Self { quotient, ..modulus }
    }

    pub fn limbs(&self) -> usize {
        self.n.len()
    }

    /// R mod N: one, in Montgomery form.
    pub fn one(&self) -> &[Column] {
        &self.one
    }

    /// R² mod N, whose product with a number gives its Montgomery form.
    pub fn square(&self) -> &[Column] {
        &self.square
    }

    /// R³ mod N.
    pub fn cube(&self) -> &[Column] {
        &self.cube
    }
}

/// The same number in every lane.
pub fn spread(limbs: &[u64]) -> Number {
    Zeroizing::new(limbs.iter().map(|limb| Column([*limb; LANES])).collect())
}

/// A modulus and the memory that a product takes.
pub struct Work<'a> {
    pub modulus: &'a Modulus,
    wide: Number,
}

impl<'a> Work<'a> {
    pub fn new(modulus: &'a Modulus) -> Self {
        Self { modulus, wide: lanes::zero(4 * modulus.limbs()) }
    }

    pub fn number(&self) -> Number {
        lanes::zero(self.modulus.limbs())
    }

    /// Up to eight numbers, little-endian; the other lanes are as they were.
    pub fn read<'b>(&mut self, bytes: impl Iterator<Item = &'b [u8]>, number: &mut [Column]) {
        let kernel = self.modulus.kernel;
        let mut rows: [&[u8]; LANES] = [&[]; LANES];
        let mut used = 0;
        for (row, bytes) in rows.iter_mut().zip(bytes) {
            *row = bytes;
            used += 1;
        }
        if used == LANES {
            kernel.read(&rows, number, &mut self.wide);
        } else {
            for (lane, row) in rows[..used].iter().enumerate() {
                lanes::read(row, kernel.limb_bits(), lane, number);
            }
        }
    }

    /// Up to eight lanes, of `width` bytes each, which their numbers don't exceed.
    pub fn write(&mut self, number: &[Column], out: &mut [u8], width: usize) {
        let kernel = self.modulus.kernel;
        if out.len() == LANES * width {
            let mut rows = out.chunks_exact_mut(width);
            let mut rows = std::array::from_fn(|_| rows.next().expect("there are eight"));
            kernel.write(number, &mut rows, &mut self.wide);
        } else {
            for (lane, out) in out.chunks_mut(width).enumerate() {
                lanes::write(number, kernel.limb_bits(), lane, out);
            }
        }
    }

    /// a ← a · b / R mod N.
    pub fn multiply(&mut self, a: &mut [Column], b: &[Column]) {
        let wide = &mut self.wide[..2 * self.modulus.limbs()];
        self.modulus.kernel.multiply(self.modulus, a, b, wide);
    }

    /// a ← a · b mod N, below N, for a, b < N.
    pub fn multiply_plain(&mut self, a: &mut [Column], b: &[Column]) {
        match (self.modulus.kernel, &self.modulus.quotient) {
            #[cfg(target_arch = "x86_64")]
            (Kernel::Ifma(ifma), Some(quotient)) => {
                ifma::multiply_plain(ifma, self.modulus, quotient, a, b, &mut self.wide);
            }
            _ => {
                self.enter(a);
                self.multiply(a, b);
                self.canonical(a);
            }
        }
    }

    /// a ← a² / R mod N.
    pub fn square(&mut self, a: &mut [Column]) {
        let wide = &mut self.wide[..2 * self.modulus.limbs()];
        self.modulus.kernel.square(self.modulus, a, wide);
    }

    /// To Montgomery form.
    pub fn enter(&mut self, a: &mut [Column]) {
        self.multiply(a, &self.modulus.square);
    }

    /// From Montgomery form to the number below N.
    pub fn leave(&mut self, a: &mut [Column]) {
        let wide = &mut self.wide[..2 * self.modulus.limbs()];
        self.modulus.kernel.reduce(self.modulus, a, wide);
        self.canonical(a);
    }

    /// a + b, below R, not reduced.
    pub fn add(&self, a: &mut [Column], b: &[Column]) {
        self.modulus.kernel.add(a, b);
    }

    /// From a number below 2 N to the one below N.
    pub fn canonical(&self, a: &mut [Column]) {
        self.modulus.kernel.canonical(self.modulus, a);
    }

    /// Of a table of numbers, lane by lane, the one that a secret digit numbers.
    pub fn select(&self, table: &[Column], digits: &Column, out: &mut [Column]) {
        self.modulus.kernel.select(table, digits, out);
    }

    /// Of a table that all lanes share, the number that a secret digit numbers. The table has, for each limb, that limb
    /// of all its numbers, eight to a column.
    pub fn look_up(&self, table: &[Column], digits: &Column, out: &mut [Column]) {
        self.modulus.kernel.look_up(table, digits, out);
    }
}
