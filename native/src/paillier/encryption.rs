//! Encryption, and what hides a ciphertext's past.

use zeroize::Zeroizing;

use super::lanes::LANES;
use super::modulus::Work;
use super::public::PublicKey;
use super::words;
use super::{Error, FEW, MANY, count, done, first, fits, power, random, tasks};

impl PublicKey {
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

    /// xⁿ mod n² of every public x below n, of as many bytes as a plaintext.
    ///
    /// # Errors
    ///
    /// [`Error::Value`], [`Error::Uneven`].
    pub fn raise_to_n(&self, bases: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let (size, width) = (self.value_bytes(), self.ciphertext_bytes());
        self.values(bases, size)?;
        fits(out, count(bases, size)? * width)?;
        done(tasks(out, width, FEW, |start, out| {
            let bases = &bases[start * size..][..out.len() / width * size];
            self.powers_to_n(&mut Work::new(&self.modulus), bases, out);
            Ok(())
        }));
        Ok(())
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

    /// A base for short exponents, −(r²)ⁿ for a uniform r, which whoever encrypts draws. That the primes are such that
    /// this is safe is for the caller to know.
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
