//! What needs the primes.

use zeroize::Zeroizing;

use super::arithmetic::Arithmetic;
use super::lanes::LANES;
use super::modulus::{Modulus, Work};
use super::public::PublicKey;
use super::residue::Residues;
use super::words::{self, Words};
use super::{Error, Kernel, count, fits, power, random, tasks};
use crate::batches::Refused;

const TASK: usize = LANES;

/// p and q with what follows from them. Wiped on drop; nothing branches on a word of it.
pub struct PrivateKey {
    public: PublicKey,
    p: Half,
    q: Half,
    /// R / p mod q.
    p_inverse: Words,
    /// q² for single numbers, and R / p² mod q².
    q_square: Residues,
    p_square_inverse: Words,
}

/// One prime.
struct Half {
    prime: Residues,
    bits: usize,
    square: Modulus,
    square_bytes: usize,
    square_words: Words,
    less_one: Words,
    /// 1 / p mod 2^(64 · words).
    inverse: Words,
    /// R / L((1 + n)^(p − 1)) mod p, which is −R / q.
    scale: Words,
}

impl Half {
    fn new(kernel: Kernel, p: &[u64], q: &[u64]) -> Result<Self, Error> {
        let prime = Residues::new(p);
        let square_words = words::multiply(p, p);
        let square = Modulus::new(kernel, &square_words);
        let mut less_one = Zeroizing::new(p.to_vec());
        less_one[0] -= 1;
        // The primes have one length, so that q is below 2 p.
        let mut negative = Zeroizing::new(p.to_vec());
        words::subtract_mod(&mut negative, &prime.reduce(q), p);
        words::reduce_once(&mut negative, 0, p);
        let scale = inverse(&prime, &negative)?;
        let bits = words::bits(p);
        let square_bytes = (2 * bits).div_ceil(8);
        let inverse = words::inverse_power_of_two(p);
        Ok(Self { prime, bits, square, square_bytes, square_words, less_one, inverse, scale })
    }

    /// The plaintexts mod p of at most eight ciphertexts, with whether each is one.
    fn decrypt(&self, work: &mut Work, ciphertexts: &[u8], width: usize) -> Vec<(Words, bool)> {
        // c = low + high · R is taken to Montgomery form in two parts, either below R.
        let bits = self.square.kernel.limb_bits() * self.square.limbs();
        let (mut number, mut high) = (work.number(), work.number());
        let mut upper = Zeroizing::new(vec![0; LANES * width]);
        for (upper, ciphertext) in upper.chunks_mut(width).zip(ciphertexts.chunks(width)) {
            let rest = ciphertext.get(bits / 8..).unwrap_or(&[]);
            upper[..rest.len()].copy_from_slice(rest);
        }
        work.read(ciphertexts.chunks(width).map(|bytes| &bytes[..width.min(bits / 8)]), &mut number);
        work.read(upper.chunks(width), &mut high);
        work.enter(&mut number);
        work.multiply(&mut high, self.square.cube());
        work.add(&mut number, &high);
        power::secret(work, &mut number, &self.less_one, self.bits);
        work.leave(&mut number);
        let mut bytes = Zeroizing::new(vec![0; LANES * self.square_bytes]);
        work.write(&number, &mut bytes, self.square_bytes);
        let used = ciphertexts.len() / width;
        bytes.chunks(self.square_bytes).take(used).map(|bytes| self.logarithm(bytes)).collect()
    }

    /// (x − 1) / p, times what makes it a plaintext, and whether p divides x − 1.
    fn logarithm(&self, x: &[u8]) -> (Words, bool) {
        let mut x = words::from_bytes(x, 2 * self.prime.n.len());
        let borrow = words::subtract(&mut x, &[1]);
        let quotient = words::multiply_low(&words::resized(&x, self.prime.n.len()), &self.inverse);
        let exact = words::equal(&words::multiply(&quotient, &self.prime.n), &x) & !borrow;
        (self.prime.product(&quotient, &self.scale), exact == 1)
    }

    /// x^p mod p² of at most eight x below p.
    fn powers(&self, work: &mut Work, bases: &[Words]) -> Vec<Words> {
        let mut number = work.number();
        let mut bytes = Zeroizing::new(vec![0; LANES * self.square_bytes]);
        for (bytes, base) in bytes.chunks_mut(self.square_bytes).zip(bases) {
            words::to_bytes(base, bytes);
        }
        work.read(bytes.chunks(self.square_bytes), &mut number);
        work.enter(&mut number);
        power::secret(work, &mut number, &self.prime.n, self.bits);
        work.leave(&mut number);
        work.write(&number, &mut bytes, self.square_bytes);
        let length = self.square_words.len();
        bytes.chunks(self.square_bytes).take(bases.len()).map(|bytes| words::from_bytes(bytes, length)).collect()
    }
}

/// R / a mod a prime, by Fermat; it also finds out numbers that aren't prime.
fn inverse(prime: &Residues, a: &[u64]) -> Result<Words, Error> {
    let mut exponent = prime.n.clone();
    words::subtract(&mut exponent, &[2]);
    let inverse = prime.power(&prime.enter(a), &exponent);
    let found = prime.is_one(&prime.product(&inverse, &prime.enter(a)));
    if found { Ok(inverse) } else { Err(Error::Primes) }
}

impl PrivateKey {
    /// p and q, little-endian, of any width.
    ///
    /// # Errors
    ///
    /// [`Error::Primes`], [`Error::Modulus`]. A test of Fermat's to one base is all that is asked of p and q.
    pub fn new(kernel: Kernel, p: &[u8], q: &[u8]) -> Result<Self, Error> {
        let wide = |bytes: &[u8]| words::from_bytes(bytes, bytes.len().div_ceil(8));
        let (p, q) = (wide(p), wide(q));
        let bits = words::bits(&p);
        if bits != words::bits(&q) || bits < 64 || p[0] & q[0] & 1 == 0 {
            return Err(Error::Primes);
        }
        let length = bits.div_ceil(64);
        let (p, q) = (words::resized(&p, length), words::resized(&q, length));
        let n = words::multiply(&p, &q);
        if words::equal(&p, &q) == 1 || words::bits(&n) != 2 * bits {
            return Err(Error::Primes);
        }
        let mut bytes = vec![0; 8 * n.len()];
        words::to_bytes(&n, &mut bytes);
        let public = PublicKey::new(kernel, &bytes)?;
        let (halves, square) = ((Half::new(kernel, &p, &q)?, Half::new(kernel, &q, &p)?), words::multiply(&q, &q));
        let p_inverse = inverse(&halves.1.prime, &halves.1.prime.reduce(&p))?;
        // The order of the units mod q² is q (q − 1).
        let q_square = Residues::new(&square);
        let mut exponent = words::multiply(&q, &halves.1.less_one);
        words::subtract(&mut exponent, &[1]);
        let base = q_square.enter(&q_square.reduce(&halves.0.square_words));
        let p_square_inverse = q_square.power(&base, &exponent);
        let (p, q) = halves;
        Ok(Self { public, p, q, p_inverse, q_square, p_square_inverse })
    }

    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The plaintexts.
    ///
    /// # Errors
    ///
    /// [`Error::Ciphertext`]: the first that is no unit below n². [`Error::Uneven`].
    pub fn decrypt(&self, ciphertexts: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let (size, width) = (self.public.value_bytes(), self.public.ciphertext_bytes());
        // One out of range may come after one that is no unit.
        let number =
            self.public.in_range(ciphertexts).or_else(|error| self.public.check(ciphertexts).and(Err(error)))?;
        fits(out, number * size)?;
        let refused = Refused::none();
        let _: Result<(), std::convert::Infallible> = tasks(out, size, TASK, |start, out| {
            let count = out.len() / size;
            let ciphertexts = &ciphertexts[start * width..][..count * width];
            let left = self.p.decrypt(&mut Work::new(&self.p.square), ciphertexts, width);
            let right = self.q.decrypt(&mut Work::new(&self.q.square), ciphertexts, width);
            for (lane, (left, right)) in left.iter().zip(&right).enumerate() {
                if !(left.1 && right.1) {
                    refused.at(start + lane);
                }
                words::to_bytes(&self.combine(&left.0, &right.0), &mut out[lane * size..][..size]);
            }
            Ok(())
        });
        refused.first().map_or(Ok(()), |position| Err(Error::Ciphertext(position)))
    }

    /// The number below n that is `left` mod p and `right` mod q: left + p ((right − left) / p mod q).
    fn combine(&self, left: &[u64], right: &[u64]) -> Words {
        let q = &self.q.prime;
        let mut factor = Zeroizing::new(right.to_vec());
        words::subtract_mod(&mut factor, &q.reduce(left), &q.n);
        let mut whole = words::multiply(&q.product(&factor, &self.p_inverse), &self.p.prime.n);
        words::add(&mut whole, left);
        whole
    }

    /// n-th powers rⁿ of uniform r in Z*ₙ, by halves.
    ///
    /// rⁿ mod p² is a p-th power: x^p, of an x that is rᑫ mod p. As gcd(n, φ(n)) = 1, which primes of one length have,
    /// r ↦ rᑫ is a bijection of Z*ₚ, so that a uniform x gives what a uniform r does; and mod q likewise.
    ///
    /// # Errors
    ///
    /// [`Error::Random`], [`Error::Uneven`].
    pub fn randomness(&self, out: &mut [u8]) -> Result<(), Error> {
        let width = self.public.ciphertext_bytes();
        count(out, width)?;
        tasks(out, width, TASK, |_, out| {
            let draw = |prime: &Residues| (0..out.len() / width).map(|_| random::below(&prime.n)).collect();
            let (left, right): (Result<Vec<_>, _>, Result<Vec<_>, _>) = (draw(&self.p.prime), draw(&self.q.prime));
            self.powers(&left?, &right?, out);
            Ok(())
        })
    }

    pub(super) fn powers(&self, left: &[Words], right: &[Words], out: &mut [u8]) {
        let left = self.p.powers(&mut Work::new(&self.p.square), left);
        let right = self.q.powers(&mut Work::new(&self.q.square), right);
        let out = out.chunks_mut(self.public.ciphertext_bytes());
        for (out, (left, right)) in out.zip(left.iter().zip(&right)) {
            let q = &self.q_square;
            let mut factor = right.clone();
            words::subtract_mod(&mut factor, &q.reduce(left), &q.n);
            let mut whole = words::multiply(&q.product(&factor, &self.p_square_inverse), &self.p.square_words);
            words::add(&mut whole, left);
            words::to_bytes(&whole, out);
        }
    }

    /// [`PublicKey::encrypt`], faster.
    ///
    /// # Errors
    ///
    /// Its own.
    pub fn encrypt(&self, values: &[u8], size: usize, out: &mut [u8]) -> Result<(), Error> {
        self.public.encrypt_by(values, size, out, |out| self.randomness(out))
    }
}
