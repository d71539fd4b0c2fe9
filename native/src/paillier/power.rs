//! Powers in eight lanes. Bases and results are in Montgomery form.

use super::lanes::{Column, LANES, zero};
use super::modulus::Work;
use super::words::{self, Words};

const PUBLIC_WINDOW: usize = 6;
const SECRET_WINDOW: usize = 5;
const SMALL_WINDOW: usize = 4;

/// A public exponent, above zero, as a chain: so many squarings, then the product with so high an odd power.
pub struct Chain(Vec<(usize, Option<usize>)>);

impl Chain {
    pub fn new(exponent: &[u64]) -> Self {
        let bit = |i: usize| exponent[i / 64] >> (i % 64) & 1 == 1;
        let mut steps = Vec::new();
        let mut squarings = 0;
        let mut end = words::bits(exponent);
        while end > 0 {
            if !bit(end - 1) {
                squarings += 1;
                end -= 1;
                continue;
            }
            let mut start = end.saturating_sub(PUBLIC_WINDOW);
            while !bit(start) {
                start += 1;
            }
            let odd = (start..end).rev().fold(0, |value, i| value << 1 | usize::from(bit(i)));
            steps.push((squarings + end - start, Some(odd)));
            (squarings, end) = (0, start);
        }
        steps.push((squarings, None));
        Self(steps)
    }
}

/// base ← base^exponent, which takes as long as the exponent says.
pub fn public(work: &mut Work, base: &mut [Column], chain: &Chain) {
    let limbs = base.len();
    let mut odd = zero(limbs << (PUBLIC_WINDOW - 1));
    odd[..limbs].copy_from_slice(base);
    work.square(base);
    for i in 1..1 << (PUBLIC_WINDOW - 1) {
        odd.copy_within((i - 1) * limbs..i * limbs, i * limbs);
        work.multiply(&mut odd[i * limbs..(i + 1) * limbs], base);
    }
    base.copy_from_slice(work.modulus.one());
    let mut started = false;
    for (squarings, power) in &chain.0 {
        for _ in 0..if started { *squarings } else { 0 } {
            work.square(base);
        }
        if let Some(power) = power {
            work.multiply(base, &odd[power / 2 * limbs..][..limbs]);
            started = true;
        }
    }
}

/// base⁰, base¹, …
fn table(work: &mut Work, base: &[Column], entries: usize) -> super::lanes::Number {
    let limbs = base.len();
    let mut table = zero(limbs * entries);
    table[..limbs].copy_from_slice(work.modulus.one());
    table[limbs..2 * limbs].copy_from_slice(base);
    for i in 2..entries {
        table.copy_within((i - 1) * limbs..i * limbs, i * limbs);
        work.multiply(&mut table[i * limbs..(i + 1) * limbs], base);
    }
    table
}

/// The bits `start` to `start + width` of a number.
pub fn digit(number: &[u64], start: usize, width: usize) -> u64 {
    let (word, shift) = (start / 64, start % 64);
    let mut digit = number[word] >> shift;
    if shift + width > 64 && word + 1 < number.len() {
        digit |= number[word + 1] << (64 - shift);
    }
    digit & ((1 << width) - 1)
}

/// base ← base^exponent, one secret exponent of publicly so many bits for all lanes.
pub fn secret(work: &mut Work, base: &mut [Column], exponent: &Words, bits: usize) {
    let table = table(work, base, 1 << SECRET_WINDOW);
    let mut factor = work.number();
    base.copy_from_slice(work.modulus.one());
    for window in (0..bits.div_ceil(SECRET_WINDOW)).rev() {
        for _ in 0..SECRET_WINDOW {
            work.square(base);
        }
        let digits = Column([digit(exponent, SECRET_WINDOW * window, SECRET_WINDOW); LANES]);
        work.select(&table, &digits, &mut factor);
        work.multiply(base, &factor);
    }
}

/// base ← base^exponent, lane by lane, of secret exponents of publicly so many bits.
pub fn small(work: &mut Work, base: &mut [Column], exponents: &Column, bits: usize) {
    let table = table(work, base, 1 << SMALL_WINDOW);
    let mut factor = work.number();
    base.copy_from_slice(work.modulus.one());
    for window in (0..bits.div_ceil(SMALL_WINDOW)).rev() {
        for _ in 0..SMALL_WINDOW {
            work.square(base);
        }
        let digits = Column(exponents.0.map(|exponent| digit(&[exponent], SMALL_WINDOW * window, SMALL_WINDOW)));
        work.select(&table, &digits, &mut factor);
        work.multiply(base, &factor);
    }
}
