//! What needs n alone.

use std::sync::OnceLock;

use super::lanes::{LANES, Number};
use super::modulus::{Modulus, Work, spread};
use super::power::Chain;
use super::residue::Residues;
use super::words::{self, Words};
use super::{Error, Kernel, count, first, random, segments};

const LENGTHS: std::ops::RangeInclusive<usize> = 128..=4096;

pub struct PublicKey {
    pub(super) bits: usize,
    pub(super) n: Residues,
    pub(super) square_of_n: Words,
    pub(super) modulus: Modulus,
    pub(super) exponent: Chain,
    /// n R², whose product with m is n m R.
    pub(super) lift: Number,
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

    pub(super) fn n(&self) -> &[u64] {
        &self.n.n
    }

    pub(super) fn corrections(&self) -> &[Number] {
        self.corrections.get_or_init(|| segments::corrections(&self.modulus))
    }

    /// # Errors
    ///
    /// [`Error::Ciphertext`]: the first that is zero, not below n², or has a factor in common with n.
    /// [`Error::Uneven`].
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
}
