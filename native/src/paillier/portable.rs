//! The kernel for every processor: lane by lane, 64-bit limbs. Products are below N.

use super::lanes::{self, Column, LANES};
use super::modulus::Modulus;
use super::words;

fn each(modulus: &Modulus, a: &mut [Column], b: impl Fn(usize, &mut [u64])) {
    let length = modulus.limbs();
    let (mut left, mut right, mut t) = (words::zero(length), words::zero(length), words::zero(length + 2));
    for lane in 0..LANES {
        for (word, column) in left.iter_mut().zip(a.iter()) {
            *word = column.0[lane];
        }
        b(lane, &mut right);
        words::montgomery(&modulus.n, modulus.k, &left, &right, &mut t);
        for (column, word) in a.iter_mut().zip(t.iter()) {
            column.0[lane] = *word;
        }
    }
}

pub fn multiply(modulus: &Modulus, a: &mut [Column], b: &[Column]) {
    each(modulus, a, |lane, right| {
        for (word, column) in right.iter_mut().zip(b) {
            *word = column.0[lane];
        }
    });
}

pub fn square(modulus: &Modulus, a: &mut [Column]) {
    let copy = {
        let mut copy = lanes::zero(a.len());
        copy.copy_from_slice(a);
        copy
    };
    multiply(modulus, a, &copy);
}

pub fn reduce(modulus: &Modulus, a: &mut [Column]) {
    each(modulus, a, |_, right| right[0] = 1);
}

pub fn add(a: &mut [Column], b: &[Column]) {
    let mut carry = [false; LANES];
    for (a, b) in a.iter_mut().zip(b) {
        for lane in 0..LANES {
            (a.0[lane], carry[lane]) = a.0[lane].carrying_add_(b.0[lane], carry[lane]);
        }
    }
    debug_assert!(carry == [false; LANES]);
}

/// `carrying_add` and `borrowing_sub` of `u64`, later than the oldest compiler that this crate is for.
trait Carrying: Sized {
    fn carrying_add_(self, other: Self, carry: bool) -> (Self, bool);
    fn borrowing_sub_(self, other: Self, borrow: bool) -> (Self, bool);
}

impl Carrying for u64 {
    fn carrying_add_(self, other: Self, carry: bool) -> (Self, bool) {
        let (sum, first) = self.overflowing_add(other);
        let (sum, second) = sum.overflowing_add(Self::from(carry));
        (sum, first | second)
    }

    fn borrowing_sub_(self, other: Self, borrow: bool) -> (Self, bool) {
        let (difference, first) = self.overflowing_sub(other);
        let (difference, second) = difference.overflowing_sub(Self::from(borrow));
        (difference, first | second)
    }
}

pub fn canonical(modulus: &Modulus, a: &mut [Column]) {
    let mut borrow = [false; LANES];
    for (a, n) in a.iter().zip(modulus.n.iter()) {
        for lane in 0..LANES {
            borrow[lane] = a.0[lane].borrowing_sub_(*n, borrow[lane]).1;
        }
    }
    let masks = borrow.map(|borrow| words::mask_equal(u64::from(borrow), 0));
    let mut borrow = [false; LANES];
    for (a, n) in a.iter_mut().zip(modulus.n.iter()) {
        for lane in 0..LANES {
            (a.0[lane], borrow[lane]) = a.0[lane].borrowing_sub_(n & masks[lane], borrow[lane]);
        }
    }
}

pub fn select(table: &[Column], digits: &Column, out: &mut [Column]) {
    out.fill(Column::default());
    for (value, entry) in (0..).zip(table.chunks_exact(out.len())) {
        let masks = digits.0.map(|digit| words::mask_equal(digit, value));
        for (out, entry) in out.iter_mut().zip(entry) {
            for lane in 0..LANES {
                out.0[lane] |= entry.0[lane] & masks[lane];
            }
        }
    }
}

pub fn look_up(table: &[Column], digits: &Column, out: &mut [Column]) {
    let columns = table.len() / out.len();
    for lane in 0..LANES {
        let masks: Vec<u64> = (0..).take(LANES * columns).map(|i| words::mask_equal(digits.0[lane], i)).collect();
        for (out, entries) in out.iter_mut().zip(table.chunks_exact(columns)) {
            let entries = entries.iter().flat_map(|column| column.0);
            out.0[lane] = entries.zip(&masks).fold(0, |limb, (entry, mask)| limb | entry & mask);
        }
    }
}
