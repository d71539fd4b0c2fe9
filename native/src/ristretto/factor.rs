//! A secret scalar, prepared once for a batch.

use curve25519_dalek::scalar::Scalar;
use zeroize::{Zeroize, Zeroizing};

use super::Error;

/// Half of a scalar k with 0 < k < ℓ: encoding many points at once doubles them.
///
/// ℓ is odd, so there is a half. A point of ristretto255 stands for its coset of the 4-torsion, of which any multiple
/// of any member lies in the coset of that multiple: half of k, then doubled, gives the bytes that k gives.
///
/// Wiped on drop. Nothing branches on it or indexes by it.
pub struct Factor {
    half: Zeroizing<Scalar>,
    digits: Digits,
}

/// 64 signed digits to the base 16, from −8 to 7, lowest first.
pub struct Digits([i8; 64]);

impl Factor {
    /// Read 32 bytes, little-endian.
    ///
    /// # Errors
    ///
    /// [`Error::Scalar`]: not 32 bytes, not below ℓ, or zero.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let bytes = Zeroizing::new(<[u8; 32]>::try_from(bytes).map_err(|_| Error::Scalar)?);
        let scalar = Option::<Scalar>::from(Scalar::from_canonical_bytes(*bytes)).map(Zeroizing::new);
        let scalar = scalar.filter(|scalar| **scalar != Scalar::ZERO).ok_or(Error::Scalar)?;
        let half = Zeroizing::new(*scalar * Scalar::from(2_u8).invert());
        let digits = Digits::of(&half);
        Ok(Self { half, digits })
    }

    pub(super) fn half(&self) -> &Scalar {
        &self.half
    }

    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code))]
    pub(super) fn half_digits(&self) -> &Digits {
        &self.digits
    }
}

impl Digits {
    fn of(scalar: &Scalar) -> Self {
        let bytes = Zeroizing::new(scalar.to_bytes());
        let mut digits = Self([0; 64]);
        for (pair, byte) in digits.0.as_chunks_mut::<2>().0.iter_mut().zip(bytes.iter()) {
            *pair = [(byte & 15).cast_signed(), (byte >> 4).cast_signed()];
        }
        // A digit of at most 15 + 1 keeps −8 to 7 and carries 0 or 1. The scalar is below 2²⁵³, the highest digit at
        // most 1 + 1.
        let mut carry = 0;
        for digit in &mut digits.0 {
            *digit += carry;
            carry = (*digit + 8) >> 4;
            *digit -= carry << 4;
        }
        debug_assert!(carry == 0);
        digits
    }

    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code))]
    pub(super) fn split_ends(&self) -> (i8, &[i8], i8) {
        (self.0[63], &self.0[1..63], self.0[0])
    }
}

impl Drop for Digits {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(digits: &Digits) -> Scalar {
        digits.0.iter().rev().fold(Scalar::ZERO, |sum, digit| {
            let size = Scalar::from(digit.unsigned_abs());
            sum * Scalar::from(16_u8) + if *digit < 0 { -size } else { size }
        })
    }

    #[test]
    fn digits_have_their_range_and_stand_for_half() {
        let minus_one = -Scalar::ONE;
        for scalar in [Scalar::ONE, Scalar::from(2_u8), Scalar::from(u64::MAX), minus_one, minus_one - Scalar::ONE] {
            let factor = Factor::from_bytes(scalar.as_bytes()).unwrap();
            assert!(factor.digits.0.iter().all(|digit| (-8..8).contains(digit)));
            assert_eq!(value(&factor.digits) + value(&factor.digits), scalar);
            assert_eq!(value(&factor.digits), *factor.half);
        }
    }

    #[test]
    fn zero_the_order_and_other_lengths_are_refused() {
        let order = (-Scalar::ONE).to_bytes().map(u16::from);
        let order: Vec<u8> = order.iter().enumerate().map(|(i, b)| (b + u16::from(i == 0)).to_le_bytes()[0]).collect();
        for bytes in [&[0; 32][..], &order, &[0xff; 32], &[1; 31], &[1; 33], &[]] {
            assert!(matches!(Factor::from_bytes(bytes), Err(Error::Scalar)));
        }
    }
}
