//! Single numbers modulo a secret one: what a key needs once, and the little that is left to do on each plaintext.

use zeroize::Zeroizing;

use super::words::{self, Words};

const WINDOW: usize = 4;

/// An odd modulus with what its Montgomery products need; R is 2^(64 · words).
pub struct Residues {
    pub n: Words,
    k: u64,
    one: Words,
    square: Words,
}

impl Residues {
    pub fn new(n: &[u64]) -> Self {
        let one = words::power_of_two_mod(64 * n.len(), n);
        let square = words::power_of_two_mod(128 * n.len(), n);
        let k = words::inverse_word(n[0]).wrapping_neg();
        Self { n: Zeroizing::new(n.to_vec()), k, one, square }
    }

    /// a · b / R, below n, for a · b below n · R.
    pub fn product(&self, a: &[u64], b: &[u64]) -> Words {
        let mut t = words::zero(self.n.len() + 2);
        words::montgomery(&self.n, self.k, a, b, &mut t);
        words::resized(&t, self.n.len())
    }

    /// a · R mod n.
    pub fn enter(&self, a: &[u64]) -> Words {
        self.product(a, &self.square)
    }

    /// a mod n, for a of as many words as n.
    pub fn reduce(&self, a: &[u64]) -> Words {
        let entered = self.enter(a);
        let mut one = words::zero(self.n.len());
        one[0] = 1;
        self.product(&entered, &one)
    }

    /// `base`, given and returned with its factor R, to a secret exponent, whose number of words is public.
    pub fn power(&self, base: &[u64], exponent: &[u64]) -> Words {
        let mut table = vec![self.one.clone()];
        for i in 1..1 << WINDOW {
            table.push(self.product(&table[i - 1], base));
        }
        let mut power = self.one.clone();
        for word in exponent.iter().rev() {
            for window in (0..64 / WINDOW).rev() {
                for _ in 0..WINDOW {
                    power = self.product(&power, &power);
                }
                let digit = word >> (WINDOW * window) & ((1 << WINDOW) - 1);
                let mut factor = words::zero(self.n.len());
                for (value, entry) in (0..).zip(&table) {
                    let mask = words::mask_equal(digit, value);
                    for (out, word) in factor.iter_mut().zip(entry.iter()) {
                        *out |= word & mask;
                    }
                }
                power = self.product(&power, &factor);
            }
        }
        power
    }

    /// Whether `a`, with its factor R, is 1.
    pub fn is_one(&self, a: &[u64]) -> bool {
        words::equal(a, &self.one) == 1
    }
}
