//! What needs n alone.

use std::sync::OnceLock;

use zeroize::Zeroizing;

use super::arithmetic::Arithmetic;
use super::lanes::{Column, LANES, Number};
use super::modulus::{Modulus, Work, spread};
use super::power::{self, Chain};
use super::residue::Residues;
use super::words::{self, Words};
use super::{Error, Kernel, count, first, fits, random, segments, tasks};

/// The elements that a thread takes at a time where each costs a few products, and where each costs a power.
const MANY: usize = 64;
const FEW: usize = LANES;

const LENGTHS: std::ops::RangeInclusive<usize> = 128..=4096;

pub struct PublicKey {
    bits: usize,
    n: Residues,
    square_of_n: Words,
    modulus: Modulus,
    exponent: Chain,
    /// n R², whose product with m is n m R.
    lift: Number,
    corrections: OnceLock<Vec<Number>>,
}

impl PublicKey {
    /// n, little-endian, of any width.
    ///
    /// That n has two large factors, and none in common with φ(n), is for the caller to know.
    ///
    /// # Errors
    ///
    /// [`Error::Modulus`].
    pub fn new(kernel: Kernel, n: &[u8]) -> Result<Self, Error> {
        let n = words::from_bytes(n, n.len().div_ceil(8));
        let bits = words::bits(&n);
        if !LENGTHS.contains(&bits) || bits % 2 == 1 || n[0].is_multiple_of(2) {
            return Err(Error::Modulus);
        }
        let n = words::resized(&n, bits.div_ceil(64));
        let square_of_n = words::multiply(&n, &n);
        let modulus = Modulus::public(kernel, &square_of_n);
        let mut bytes = vec![0; bits.div_ceil(8)];
        words::to_bytes(&n, &mut bytes);
        let mut work = Work::new(&modulus);
        let mut lift = spread(&vec![0; modulus.limbs()]);
        work.read(std::iter::repeat_n(&bytes[..], LANES), &mut lift);
        work.multiply(&mut lift, modulus.cube());
        work.canonical(&mut lift);
        let (exponent, n) = (Chain::new(&n), Residues::new(&n));
        Ok(Self { bits, n, square_of_n, modulus, exponent, lift, corrections: OnceLock::new() })
    }

    #[must_use]
    pub fn bits(&self) -> usize {
        self.bits
    }

    #[must_use]
    pub fn value_bytes(&self) -> usize {
        self.bits.div_ceil(8)
    }

    #[must_use]
    pub fn ciphertext_bytes(&self) -> usize {
        2 * self.value_bytes()
    }

    pub(super) fn modulus(&self) -> &Modulus {
        &self.modulus
    }

    pub(super) fn n(&self) -> &[u64] {
        &self.n.n
    }

    /// So many n-th powers rⁿ of uniform r in Z*ₙ, as many as `out` has room for.
    ///
    /// # Errors
    ///
    /// [`Error::Random`], [`Error::Uneven`].
    pub fn randomness(&self, out: &mut [u8]) -> Result<(), Error> {
        let width = self.ciphertext_bytes();
        count(out, width)?;
        tasks(out, width, MANY, |_, out| {
            let units = random::units(&self.n, out.len() / width)?;
            let mut work = Work::new(&self.modulus);
            let mut bytes = Zeroizing::new(vec![0; self.value_bytes() * LANES]);
            for (units, out) in units.chunks(LANES).zip(out.chunks_mut(LANES * width)) {
                for (unit, bytes) in units.iter().zip(bytes.chunks_mut(self.value_bytes())) {
                    words::to_bytes(unit, bytes);
                }
                self.powers_to_n(&mut work, &bytes[..units.len() * self.value_bytes()], out);
            }
            Ok(())
        })
    }

    /// At most eight numbers below n to the n.
    pub(super) fn powers_to_n(&self, work: &mut Work, bases: &[u8], out: &mut [u8]) {
        let mut number = work.number();
        work.read(bases.chunks(self.value_bytes()), &mut number);
        work.enter(&mut number);
        power::public(work, &mut number, &self.exponent);
        work.leave(&mut number);
        work.write(&number, out, self.ciphertext_bytes());
    }

    /// A base for short exponents, −(r²)ⁿ for a uniform r: what the owner of a key publishes with it, if its primes are
    /// such that this is safe.
    ///
    /// # Errors
    ///
    /// [`Error::Random`].
    pub fn base(&self) -> Result<Vec<u8>, Error> {
        let width = self.ciphertext_bytes();
        let mut power = vec![0; width];
        self.randomness(&mut power)?;
        let copy = power.clone();
        self.products_by_pairs(&copy, &copy, &mut power);
        let mut negative = self.square_of_n.clone();
        words::subtract(&mut negative, &words::from_bytes(&power, self.square_of_n.len()));
        words::to_bytes(&negative, &mut power);
        Ok(power)
    }

    /// Every plaintext of `size` bytes encrypted with the n-th power at its position, which no other one may use.
    ///
    /// # Errors
    ///
    /// [`Error::Value`], [`Error::Ciphertext`] of the powers, [`Error::Uneven`].
    pub fn encrypt_with(&self, values: &[u8], size: usize, randomness: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let width = self.ciphertext_bytes();
        self.values(values, size)?;
        fits(out, count(values, size)? * width)?;
        fits(randomness, out.len())?;
        self.in_range(randomness)?;
        out.copy_from_slice(randomness);
        self.encrypt_onto(values, size, out);
        Ok(())
    }

    /// Every plaintext of `size` bytes encrypted with a fresh uniform rⁿ.
    ///
    /// # Errors
    ///
    /// [`Error::Value`], [`Error::Random`], [`Error::Uneven`].
    pub fn encrypt(&self, values: &[u8], size: usize, out: &mut [u8]) -> Result<(), Error> {
        self.encrypt_by(values, size, out, |out| self.randomness(out))
    }

    /// The same with n-th powers from elsewhere.
    ///
    /// # Errors
    ///
    /// Those of `randomness`, and [`Error::Value`], [`Error::Uneven`].
    pub fn encrypt_by(
        &self,
        values: &[u8],
        size: usize,
        out: &mut [u8],
        randomness: impl FnOnce(&mut [u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.values(values, size)?;
        fits(out, count(values, size)? * self.ciphertext_bytes())?;
        randomness(out)?;
        self.encrypt_onto(values, size, out);
        Ok(())
    }

    /// c ← (1 + m n) c.
    fn encrypt_onto(&self, values: &[u8], size: usize, out: &mut [u8]) {
        let width = self.ciphertext_bytes();
        done(tasks(out, width, MANY, |start, out| {
            let mut work = Work::new(&self.modulus);
            let (mut number, mut factor) = (work.number(), work.number());
            let values = values[start * size..].chunks(LANES * size);
            for (values, out) in values.zip(out.chunks_mut(LANES * width)) {
                work.read(values.chunks(size), &mut number);
                work.multiply(&mut number, &self.lift);
                work.add(&mut number, self.modulus.one());
                work.read(out.chunks(width), &mut factor);
                work.multiply(&mut number, &factor);
                work.canonical(&mut number);
                work.write(&number, out, width);
            }
            Ok(())
        }));
    }

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

    fn products_by_pairs(&self, left: &[u8], right: &[u8], out: &mut [u8]) {
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

    /// Every ciphertext times a fresh uniform rⁿ.
    ///
    /// # Errors
    ///
    /// [`Error::Ciphertext`], [`Error::Random`], [`Error::Uneven`].
    pub fn rerandomise(&self, ciphertexts: &[u8], out: &mut [u8]) -> Result<(), Error> {
        self.in_range(ciphertexts)?;
        fits(out, ciphertexts.len())?;
        self.randomness(out)?;
        let randomness = Zeroizing::new(out.to_vec());
        self.products_by_pairs(ciphertexts, &randomness, out);
        Ok(())
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

    fn corrections(&self) -> &[Number] {
        self.corrections.get_or_init(|| segments::corrections(&self.modulus))
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

    /// # Errors
    ///
    /// [`Error::Ciphertext`]: the first that is zero, not below n², or has a factor in common with n. [`Error::Uneven`].
    pub fn check(&self, ciphertexts: &[u8]) -> Result<(), Error> {
        let width = self.ciphertext_bytes();
        let (mut start, mut end, in_range) = match self.in_range(ciphertexts) {
            Err(Error::Ciphertext(position)) => (0, position, Err(Error::Ciphertext(position))),
            Err(error) => return Err(error),
            Ok(number) => (0, number, Ok(())),
        };
        let all_units = |start: usize, end: usize| {
            let mut product = vec![0; width];
            let whole = (ciphertexts, width);
            let segment = start..end;
            let segments = std::slice::from_ref(&segment);
            segments::products(&self.modulus, self.corrections(), whole, segments, |position| position, &mut product);
            random::is_unit(&words::from_bytes(&product, self.square_of_n.len()), self.n())
        };
        if all_units(start, end) {
            return in_range;
        }
        while end - start > 1 {
            let middle = usize::midpoint(start, end);
            if all_units(start, middle) {
                start = middle;
            } else {
                end = middle;
            }
        }
        Err(Error::Ciphertext(start))
    }

    /// The number of ciphertexts, all from 1 to n² − 1.
    pub(super) fn in_range(&self, ciphertexts: &[u8]) -> Result<usize, Error> {
        let width = self.ciphertext_bytes();
        let mut square = vec![0; width];
        words::to_bytes(&self.square_of_n, &mut square);
        let refused = |bytes: &[u8]| !words::between_zero_and(bytes, &square);
        let number = count(ciphertexts, width)?;
        first(ciphertexts, width, refused).map_or(Ok(number), |position| Err(Error::Ciphertext(position)))
    }

    /// All plaintexts are below n.
    fn values(&self, values: &[u8], size: usize) -> Result<(), Error> {
        if !(1..=self.value_bytes()).contains(&size) {
            return Err(Error::Uneven { bytes: size, size: self.value_bytes() });
        }
        count(values, size)?;
        let length = self.n().len();
        let refused = |bytes: &[u8]| words::less(&words::from_bytes(bytes, length), self.n()) == 0;
        let refused = if size < self.value_bytes() { None } else { first(values, size, refused) };
        refused.map_or(Ok(()), |position| Err(Error::Value(position)))
    }
}

fn unit(limbs: usize) -> Vec<u64> {
    let mut one = vec![0; limbs];
    one[0] = 1;
    one
}

/// Work that can't fail.
fn done(result: Result<(), std::convert::Infallible>) {
    match result {
        Ok(()) => {}
    }
}
