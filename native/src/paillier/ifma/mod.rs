//! The kernel for processors with AVX-512 IFMA: the eight lanes are one register.
//!
//! Unsafe code is confined to this module, and there to two kinds: a 64-byte load or store through a reference, and
//! the step from code for any processor into code for this one, of which an [`Ifma`] is witness: only
//! [`kernel`](crate::kernel) makes one, once it has found both features, and processors don't lose them. Everything
//! between is safe Rust with `#[target_feature]`, which the compiler lets run nowhere else.
//!
//! *Time.* Nothing branches on a limb or a digit or indexes memory by one: loops depend on the number of limbs, a
//! table's every entry is read, and digits are operands of compares into masks and of `vpermi2q`, from registers to
//! a register.

mod product;
mod quotient;
mod table;
#[cfg(test)]
mod tests;
mod transpose;

use super::lanes::{Column, LANES};
use super::modulus::{Modulus, Quotient};
use crate::kernel::Ifma;

pub(super) fn multiply(_: Ifma, modulus: &Modulus, a: &mut [Column], b: &[Column], wide: &mut [Column]) {
    // SAFETY: `multiply` asks for avx512f and avx512ifma and for nothing else, and an `Ifma` is witness of both.
    unsafe { product::multiply(&modulus.n, modulus.k, a, b, wide) };
}

pub(super) fn square(_: Ifma, modulus: &Modulus, a: &mut [Column], wide: &mut [Column]) {
    // SAFETY: as in `multiply`.
    unsafe { product::square(&modulus.n, modulus.k, a, wide) };
}

pub(super) fn multiply_plain(
    _: Ifma,
    modulus: &Modulus,
    quotient: &Quotient,
    a: &mut [Column],
    b: &[Column],
    wide: &mut [Column],
) {
    // SAFETY: as in `multiply`.
    unsafe { quotient::multiply_plain(&modulus.n, quotient.shift, &quotient.mu, a, b, wide) };
}

pub(super) fn reduce(_: Ifma, modulus: &Modulus, a: &mut [Column], wide: &mut [Column]) {
    // SAFETY: as in `multiply`.
    unsafe { product::reduce(&modulus.n, modulus.k, a, wide) };
}

pub(super) fn add(_: Ifma, a: &mut [Column], b: &[Column]) {
    // SAFETY: as in `multiply`.
    unsafe { product::add(a, b) };
}

pub(super) fn canonical(_: Ifma, modulus: &Modulus, a: &mut [Column]) {
    // SAFETY: as in `multiply`.
    unsafe { product::canonical(&modulus.n, a) };
}

pub(super) fn select(_: Ifma, table: &[Column], digits: &Column, out: &mut [Column]) {
    // SAFETY: as in `multiply`.
    unsafe { table::select(table, digits, out) };
}

pub(super) fn look_up(_: Ifma, table: &[Column], digits: &Column, out: &mut [Column]) {
    // SAFETY: as in `multiply`.
    unsafe { table::look_up(table, digits, out) };
}

pub(super) fn read(_: Ifma, rows: &[&[u8]; LANES], number: &mut [Column], wide: &mut [Column]) {
    // SAFETY: as in `multiply`.
    unsafe { transpose::read(rows, number, wide) };
}

pub(super) fn write(_: Ifma, number: &[Column], rows: &mut [&mut [u8]; LANES], wide: &mut [Column]) {
    // SAFETY: as in `multiply`.
    unsafe { transpose::write(number, rows, wide) };
}
