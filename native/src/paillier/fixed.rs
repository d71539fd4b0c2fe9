//! Powers of one base with short random exponents (Damgård, Jurik, Nielsen 2010), by tables of its powers.

use rayon::prelude::*;

use super::arithmetic::Arithmetic;
use super::lanes::{Column, LANES, zero};
use super::modulus::Work;
use super::power::digit;
use super::public::PublicKey;
use super::{Error, random, tasks, words};

/// The elements that a thread takes at a time: they share the way of a window's table from memory.
const TASK: usize = 64;

/// hₙ = hⁿ mod n², with h^(n · d · 2^(bits · i)) for every digit d and position i of an exponent.
///
/// Short exponents are for a receiver without the key, and under the conditions on h and the primes in DJN; who calls
/// answers for both. Exponents are uniform of a fixed length, at least half of that of n. Exponents are secret: every
/// entry of a table is read for every digit.
pub struct FixedBase {
    digit_bits: usize,
    exponent_bits: usize,
    windows: Vec<Vec<Column>>,
}

impl FixedBase {
    /// # Errors
    ///
    /// [`Error::Base`]: no unit below n², or exponents of less than half, or more than all of the length of n.
    pub fn new(key: &PublicKey, base: &[u8], exponent_bits: usize) -> Result<Self, Error> {
        let range = key.bits().div_ceil(2)..=key.bits();
        if !range.contains(&exponent_bits) || key.check(base).is_err() || base.len() != key.ciphertext_bytes() {
            return Err(Error::Base);
        }
        let modulus = &key.modulus;
        let digit_bits = modulus.kernel.digit_bits();
        let mut work = Work::new(modulus);
        // Of eight windows at a time a lane has the lowest power, which comes from the one before by squaring.
        let mut power = work.number();
        work.read(std::iter::repeat_n(base, LANES), &mut power);
        work.enter(&mut power);
        let count = exponent_bits.div_ceil(digit_bits);
        let mut steps = vec![power.clone(); count.div_ceil(LANES)];
        for window in 0..count {
            let step = &mut steps[window / LANES];
            for (step, power) in step.iter_mut().zip(power.iter()) {
                step.0[window % LANES] = power.0[0];
            }
            for _ in 0..digit_bits {
                work.square(&mut power);
            }
        }
        let tables = steps.par_iter().flat_map_iter(|step| Self::tables(&mut Work::new(modulus), step, digit_bits));
        let mut windows: Vec<_> = tables.collect();
        windows.truncate(count);
        Ok(Self { digit_bits, exponent_bits, windows })
    }

    fn tables(work: &mut Work, step: &[Column], digit_bits: usize) -> Vec<Vec<Column>> {
        let columns = (1 << digit_bits) / LANES;
        let mut tables = vec![vec![Column::default(); columns * step.len()]; LANES];
        let mut power = work.number();
        power.copy_from_slice(work.modulus.one());
        for entry in 0..1 << digit_bits {
            for (lane, table) in tables.iter_mut().enumerate() {
                for (limb, column) in power.iter().enumerate() {
                    table[limb * columns + entry / LANES].0[entry % LANES] = column.0[lane];
                }
            }
            work.multiply(&mut power, step);
        }
        tables
    }

    /// n-th powers that blind a ciphertext each.
    ///
    /// # Errors
    ///
    /// [`Error::Random`], [`Error::Uneven`].
    ///
    /// # Panics
    ///
    /// The key is another one than that of [`Self::new`].
    pub fn randomness(&self, key: &PublicKey, out: &mut [u8]) -> Result<(), Error> {
        super::count(out, key.ciphertext_bytes())?;
        let exponent_words = self.exponent_bits.div_ceil(64);
        let width = key.ciphertext_bytes();
        tasks(out, width, TASK, |_, out| {
            let count = out.len() / width;
            let mut raw = zeroize::Zeroizing::new(vec![0; 8 * exponent_words * count]);
            random::bytes(&mut raw)?;
            let mut exponents = words::from_bytes(&raw, exponent_words * count);
            for exponent in exponents.chunks_mut(exponent_words) {
                let unused = 64 * exponent_words - self.exponent_bits;
                exponent[exponent_words - 1] &= u64::MAX >> unused;
            }
            self.powers(key, &exponents, exponent_words, out);
            Ok(())
        })
    }

    /// hₙ to exponents of so many words each.
    pub(super) fn powers(&self, key: &PublicKey, exponents: &[u64], exponent_words: usize, out: &mut [u8]) {
        let modulus = &key.modulus;
        assert!(self.windows[0].len() == modulus.limbs() << self.digit_bits >> 3, "the key is that of the base");
        let width = key.ciphertext_bytes();
        let limbs = modulus.limbs();
        let mut work = Work::new(modulus);
        let mut factor = work.number();
        let mut powers = zero(limbs * (out.len() / width).div_ceil(LANES));
        for (window, table) in self.windows.iter().enumerate() {
            let start = window * self.digit_bits;
            let groups = powers.chunks_mut(limbs).zip(exponents.chunks(LANES * exponent_words));
            for (power, exponents) in groups {
                let mut digits = zeroize::Zeroizing::new(Column::default());
                for (digits, exponent) in digits.0.iter_mut().zip(exponents.chunks(exponent_words)) {
                    *digits = digit(exponent, start, self.digit_bits);
                }
                if window == 0 {
                    work.look_up(table, &digits, power);
                } else {
                    work.look_up(table, &digits, &mut factor);
                    work.multiply(power, &factor);
                }
            }
        }
        for (power, out) in powers.chunks_mut(limbs).zip(out.chunks_mut(LANES * width)) {
            work.leave(power);
            work.write(power, out, width);
        }
    }
}
