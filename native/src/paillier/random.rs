//! Secret numbers from the operating system, without bias.

use num_bigint::BigUint;

use super::Error;
use super::residue::Residues;
use super::words::{self, Words};

pub fn bytes(out: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(out).map_err(|_| Error::Random)
}

/// Uniform from 1 to n − 1. How many draws are rejected says nothing about the one that isn't.
pub fn below(n: &[u64]) -> Result<Words, Error> {
    let bits = words::bits(n);
    let mut raw = zeroize::Zeroizing::new(vec![0; bits.div_ceil(8)]);
    loop {
        bytes(&mut raw)?;
        if !bits.is_multiple_of(8) {
            *raw.last_mut().expect("n is not zero") &= (1 << (bits % 8)) - 1;
        }
        let number = words::from_bytes(&raw, n.len());
        let zero = words::equal(&number, &words::zero(n.len()));
        if words::less(&number, n) & !zero == 1 {
            return Ok(number);
        }
    }
}

/// So many numbers, uniform in Z*ₙ. A modulus from someone else may have small factors.
pub fn units(n: &Residues, count: usize) -> Result<Vec<Words>, Error> {
    let mut units = (0..count).map(|_| below(&n.n)).collect::<Result<Vec<_>, _>>()?;
    if !are_units(n, &units)? {
        for unit in &mut units {
            while !are_units(n, std::slice::from_ref(unit))? {
                *unit = below(&n.n)?;
            }
        }
    }
    Ok(units)
}

/// Whether all are prime to n. The gcd, which takes a time that depends on its operands, is of their product with
/// one number more, drawn here: if they are units, a uniform one that is independent of them. What isn't a unit is
/// thrown away, by [`units`]; a unit may be so too, by way of the number drawn here, and is then asked about again.
fn are_units(n: &Residues, numbers: &[Words]) -> Result<bool, Error> {
    let blind = below(&n.n)?;
    let product = numbers.iter().fold(blind, |product, number| n.product(&product, number));
    Ok(is_unit(&product, &n.n))
}

/// Whether public numbers are prime to each other.
pub fn is_unit(number: &[u64], n: &[u64]) -> bool {
    big(number).modinv(&big(n)).is_some()
}

pub fn big(words: &[u64]) -> BigUint {
    let digits = words.iter().flat_map(|word| [*word, *word >> 32]);
    #[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
    BigUint::new(digits.map(|half| half as u32).collect())
}
