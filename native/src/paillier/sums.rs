//! Sums, multiples and packs of what ciphertexts hide.

use zeroize::Zeroizing;

use super::arithmetic::Arithmetic;
use super::lanes::{Column, LANES, Number};
use super::modulus::{Work, spread};
use super::public::PublicKey;
use super::{Error, FEW, MANY, done, fits, power, random, segments, tasks};

impl PublicKey {
    /// The sums of plaintexts by pairs: products of ciphertexts.
    ///
    /// # Errors
    ///
    /// [`Error::Ciphertext`] in either batch, [`Error::Uneven`].
    pub fn add(&self, left: &[u8], right: &[u8], out: &mut [u8]) -> Result<(), Error> {
        fits(right, left.len())?;
        fits(out, left.len())?;
        self.in_range(left)?;
        self.in_range(right)?;
        self.products_by_pairs(left, right, out);
        Ok(())
    }

    pub(super) fn products_by_pairs(&self, left: &[u8], right: &[u8], out: &mut [u8]) {
        let width = self.ciphertext_bytes();
        done(tasks(out, width, MANY, |start, out| {
            let mut work = Work::new(&self.modulus);
            let (mut number, mut factor) = (work.number(), work.number());
            let pairs = left[start * width..].chunks(LANES * width).zip(right[start * width..].chunks(LANES * width));
            for ((left, right), out) in pairs.zip(out.chunks_mut(LANES * width)) {
                work.read(left.chunks(width), &mut number);
                work.read(right.chunks(width), &mut factor);
                work.multiply_plain(&mut number, &factor);
                work.write(&number, out, width);
            }
            Ok(())
        }));
    }

    /// For each segment the product of the ciphertexts that its indices number; of none, 1.
    ///
    /// # Errors
    ///
    /// [`Error::Offsets`]: not ascending from 0 to the number of indices. [`Error::Index`], [`Error::Ciphertext`],
    /// [`Error::Uneven`].
    pub fn product(
        &self,
        ciphertexts: &[u8],
        offsets: &[[u8; 8]],
        indices: &[[u8; 4]],
        out: &mut [u8],
    ) -> Result<(), Error> {
        let width = self.ciphertext_bytes();
        let number = self.in_range(ciphertexts)?;
        let read = |offset: &[u8; 8]| usize::try_from(u64::from_le_bytes(*offset)).unwrap_or(usize::MAX);
        let offsets: Vec<usize> = offsets.iter().map(read).collect();
        let ends = (offsets.first(), offsets.last());
        if ends != (Some(&0), Some(&indices.len())) || !offsets.is_sorted() {
            return Err(Error::Offsets);
        }
        let index = |position: usize| u32::from_le_bytes(indices[position]) as usize;
        if let Some(position) = (0..indices.len()).find(|position| index(*position) >= number) {
            return Err(Error::Index(position));
        }
        fits(out, (offsets.len() - 1) * width)?;
        let ranges: Vec<_> = offsets.windows(2).map(|pair| pair[0]..pair[1]).collect();
        segments::products(&self.modulus, self.corrections(), (ciphertexts, width), &ranges, index, out);
        Ok(())
    }

    /// Every ciphertext to the power at its position, of 64 bits, little-endian, of which the lowest `bits` are used.
    ///
    /// # Errors
    ///
    /// [`Error::Exponent`]: more than `bits`, or those above 64. [`Error::Ciphertext`], [`Error::Uneven`].
    pub fn power(&self, ciphertexts: &[u8], exponents: &[[u8; 8]], bits: usize, out: &mut [u8]) -> Result<(), Error> {
        let number = self.in_range(ciphertexts)?;
        let wide = |exponent: &[u8; 8]| u64::from_le_bytes(*exponent).unbounded_shr(u32::try_from(bits).unwrap_or(64));
        if bits > 64 {
            return Err(Error::Exponent(0));
        }
        if let Some(position) = exponents.iter().position(|exponent| wide(exponent) != 0) {
            return Err(Error::Exponent(position));
        }
        fits(exponents.as_flattened(), 8 * number)?;
        fits(out, ciphertexts.len())?;
        let width = self.ciphertext_bytes();
        done(tasks(out, width, FEW, |start, out| {
            let mut work = Work::new(&self.modulus);
            let mut number = work.number();
            work.read(ciphertexts[start * width..][..out.len()].chunks(width), &mut number);
            work.enter(&mut number);
            let mut column = Zeroizing::new(Column::default());
            for (to, from) in column.0.iter_mut().zip(&exponents[start..]) {
                *to = u64::from_le_bytes(*from);
            }
            power::small(&mut work, &mut number, &column, bits);
            work.leave(&mut number);
            work.write(&number, out, width);
            Ok(())
        }));
        Ok(())
    }

    /// The same with signed exponents, two's complement, whose sizes have at most `bits` bits.
    ///
    /// # Errors
    ///
    /// [`Error::Exponent`], [`Error::Ciphertext`] for one that isn't a unit, [`Error::Uneven`].
    pub fn signed_power(
        &self,
        ciphertexts: &[u8],
        exponents: &[[u8; 8]],
        bits: usize,
        out: &mut [u8],
    ) -> Result<(), Error> {
        fits(out, ciphertexts.len())?;
        fits(ciphertexts, exponents.len() * self.ciphertext_bytes())?;
        let mut bases = Zeroizing::new(vec![0; ciphertexts.len()]);
        self.negate(ciphertexts, &mut bases)?;
        let mut sizes = Zeroizing::new(vec![[0; 8]; exponents.len()]);
        let chosen = bases.chunks_mut(self.ciphertext_bytes()).zip(ciphertexts.chunks(self.ciphertext_bytes()));
        for ((base, ciphertext), (size, exponent)) in chosen.zip(sizes.iter_mut().zip(exponents)) {
            let exponent = u64::from_le_bytes(*exponent);
            let sign = std::hint::black_box((exponent >> 63).wrapping_neg());
            *size = (exponent ^ sign).wrapping_sub(sign).to_le_bytes();
            let inverted = sign.to_le_bytes()[0];
            for (base, byte) in base.iter_mut().zip(ciphertext) {
                *base = *base & inverted | byte & !inverted;
            }
        }
        self.power(&bases, &sizes, bits, out)
    }

    /// The inverse of every ciphertext, which encrypts the negative of what it does.
    ///
    /// # Errors
    ///
    /// [`Error::Ciphertext`] for one that isn't a unit, [`Error::Uneven`].
    pub fn negate(&self, ciphertexts: &[u8], out: &mut [u8]) -> Result<(), Error> {
        self.in_range(ciphertexts)?;
        fits(out, ciphertexts.len())?;
        let width = self.ciphertext_bytes();
        let inverted = tasks(out, width, MANY, |start, out| {
            let ciphertexts = &ciphertexts[start * width..][..out.len()];
            self.invert(ciphertexts, out).ok_or(())
        });
        inverted.map_err(|()| self.check(ciphertexts).expect_err("one is no unit"))
    }

    /// One inversion for all: the products of all before, the inverse of the last, and back. By lanes.
    fn invert(&self, ciphertexts: &[u8], out: &mut [u8]) -> Option<()> {
        let width = self.ciphertext_bytes();
        let mut work = Work::new(&self.modulus);
        let mut numbers = Vec::new();
        let mut products: Vec<Number> = Vec::new();
        for group in ciphertexts.chunks(LANES * width) {
            let mut number = work.number();
            number.copy_from_slice(&spread(&unit(self.modulus.limbs())));
            work.read(group.chunks(width), &mut number);
            work.enter(&mut number);
            let mut product = products.last().unwrap_or(&number).clone();
            if !products.is_empty() {
                work.multiply(&mut product, &number);
            }
            numbers.push(number);
            products.push(product);
        }
        let mut total = products.pop()?;
        work.leave(&mut total);
        let mut bytes = vec![0; LANES * width];
        work.write(&total, &mut bytes, width);
        let square = random::big(&self.square_of_n);
        for lane in bytes.chunks_mut(width) {
            let inverse = num_bigint::BigUint::from_bytes_le(lane).modinv(&square)?.to_bytes_le();
            lane.fill(0);
            lane[..inverse.len()].copy_from_slice(&inverse);
        }
        let mut inverse = work.number();
        work.read(bytes.chunks(width), &mut inverse);
        work.enter(&mut inverse);
        let groups = out.chunks_mut(LANES * width).zip(&numbers).enumerate().rev();
        for (group, (out, number)) in groups {
            let mut result = inverse.clone();
            if group > 0 {
                work.multiply(&mut result, &products[group - 1]);
                work.multiply(&mut inverse, number);
            }
            work.leave(&mut result);
            work.write(&result, out, width);
        }
        Some(())
    }

    /// Of every `slots` ciphertexts, the last ones perhaps fewer, one of all their plaintexts, that of the first in the
    /// lowest `bits` bits, of the second in the next, and so on.
    ///
    /// # Errors
    ///
    /// [`Error::Exponent`]: no slots, or no room for them below n. [`Error::Ciphertext`], [`Error::Uneven`].
    pub fn pack(&self, ciphertexts: &[u8], slots: usize, bits: usize, out: &mut [u8]) -> Result<(), Error> {
        let width = self.ciphertext_bytes();
        let number = self.in_range(ciphertexts)?;
        if slots == 0 || bits == 0 || slots.checked_mul(bits).is_none_or(|all| all >= self.bits) {
            return Err(Error::Exponent(0));
        }
        fits(out, number.div_ceil(slots) * width)?;
        done(tasks(out, width, FEW, |start, out| {
            let groups: Vec<&[u8]> =
                ciphertexts[start * slots * width..].chunks(slots * width).take(out.len() / width).collect();
            let mut work = Work::new(&self.modulus);
            let (mut packed, mut factor) = (work.number(), work.number());
            packed.copy_from_slice(self.modulus.one());
            for slot in (0..slots).rev() {
                if slot + 1 < slots {
                    for _ in 0..bits {
                        work.square(&mut packed);
                    }
                }
                factor.copy_from_slice(&spread(&unit(self.modulus.limbs())));
                for (lane, group) in groups.iter().enumerate() {
                    if let Some(ciphertext) = group.chunks(width).nth(slot) {
                        super::lanes::read(ciphertext, self.modulus.kernel.limb_bits(), lane, &mut factor);
                    }
                }
                work.enter(&mut factor);
                work.multiply(&mut packed, &factor);
            }
            work.leave(&mut packed);
            work.write(&packed, out, width);
            Ok(())
        }));
        Ok(())
    }
}

fn unit(limbs: usize) -> Vec<u64> {
    let mut one = vec![0; limbs];
    one[0] = 1;
    one
}
