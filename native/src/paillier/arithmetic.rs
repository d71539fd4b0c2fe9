//! What the kernels do with numbers in eight lanes, and the sizes that suit each.

#[cfg(target_arch = "x86_64")]
use super::ifma;
use super::lanes::{self, Column, LANES};
use super::modulus::Modulus;
use super::portable;
use crate::kernel::Kernel;

/// See [`Work`](super::modulus::Work) for what the methods compute. `wide` is memory, whatever is in it.
pub trait Arithmetic: Copy {
    fn limb_bits(self) -> usize;

    /// The number of limbs is a multiple of this.
    fn limb_step(self) -> usize;

    /// Bits of a digit of a fixed base's exponent: a bigger table is worth it where looking up is cheap.
    fn digit_bits(self) -> usize;

    fn read(self, rows: &[&[u8]; LANES], number: &mut [Column], wide: &mut [Column]);
    fn write(self, number: &[Column], rows: &mut [&mut [u8]; LANES], wide: &mut [Column]);
    fn multiply(self, modulus: &Modulus, a: &mut [Column], b: &[Column], wide: &mut [Column]);
    fn square(self, modulus: &Modulus, a: &mut [Column], wide: &mut [Column]);
    fn reduce(self, modulus: &Modulus, a: &mut [Column], wide: &mut [Column]);
    fn add(self, a: &mut [Column], b: &[Column]);
    fn canonical(self, modulus: &Modulus, a: &mut [Column]);
    fn select(self, table: &[Column], digits: &Column, out: &mut [Column]);
    fn look_up(self, table: &[Column], digits: &Column, out: &mut [Column]);
}

impl Arithmetic for Kernel {
    fn limb_bits(self) -> usize {
        match self {
            Self::Portable => 64,
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(_) => 52,
        }
    }

    fn limb_step(self) -> usize {
        match self {
            Self::Portable => 1,
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(_) => 4,
        }
    }

    fn digit_bits(self) -> usize {
        match self {
            Self::Portable => 5,
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(_) => 8,
        }
    }

    fn read(self, rows: &[&[u8]; LANES], number: &mut [Column], wide: &mut [Column]) {
        match self {
            Self::Portable => {
                for (lane, row) in rows.iter().enumerate() {
                    lanes::read(row, self.limb_bits(), lane, number);
                }
            }
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma::read(ifma, rows, number, wide),
        }
    }

    fn write(self, number: &[Column], rows: &mut [&mut [u8]; LANES], wide: &mut [Column]) {
        match self {
            Self::Portable => {
                for (lane, row) in rows.iter_mut().enumerate() {
                    lanes::write(number, self.limb_bits(), lane, row);
                }
            }
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma::write(ifma, number, rows, wide),
        }
    }

    fn multiply(self, modulus: &Modulus, a: &mut [Column], b: &[Column], wide: &mut [Column]) {
        match self {
            Self::Portable => portable::multiply(modulus, a, b),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma::multiply(ifma, modulus, a, b, wide),
        }
    }

    fn square(self, modulus: &Modulus, a: &mut [Column], wide: &mut [Column]) {
        match self {
            Self::Portable => portable::square(modulus, a),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma::square(ifma, modulus, a, wide),
        }
    }

    fn reduce(self, modulus: &Modulus, a: &mut [Column], wide: &mut [Column]) {
        match self {
            Self::Portable => portable::reduce(modulus, a),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma::reduce(ifma, modulus, a, wide),
        }
    }

    fn add(self, a: &mut [Column], b: &[Column]) {
        match self {
            Self::Portable => portable::add(a, b),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma::add(ifma, a, b),
        }
    }

    fn canonical(self, modulus: &Modulus, a: &mut [Column]) {
        match self {
            Self::Portable => portable::canonical(modulus, a),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma::canonical(ifma, modulus, a),
        }
    }

    fn select(self, table: &[Column], digits: &Column, out: &mut [Column]) {
        match self {
            Self::Portable => portable::select(table, digits, out),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma::select(ifma, table, digits, out),
        }
    }

    fn look_up(self, table: &[Column], digits: &Column, out: &mut [Column]) {
        match self {
            Self::Portable => portable::look_up(table, digits, out),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(ifma) => ifma::look_up(ifma, table, digits, out),
        }
    }
}
