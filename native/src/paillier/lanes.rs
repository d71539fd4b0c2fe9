//! Eight numbers side by side: a column is one limb of each.

use zeroize::{DefaultIsZeroes, Zeroizing};

pub const LANES: usize = 8;

#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Column(pub [u64; LANES]);

impl DefaultIsZeroes for Column {}

/// Columns, lowest first. Wiped on drop.
pub type Number = Zeroizing<Vec<Column>>;

pub fn zero(limbs: usize) -> Number {
    Zeroizing::new(vec![Column::default(); limbs])
}

/// Limbs of `bits` bits, 52 or 64, from little-endian bytes.
pub fn limbs(bytes: &[u8], bits: usize, out: impl Iterator<Item: Put>) {
    let mask = u64::MAX >> (64 - bits);
    for (i, limb) in out.enumerate() {
        let (start, shift) = (i * bits / 8, i * bits % 8);
        let rest = bytes.get(start..).unwrap_or(&[]);
        let word = rest.first_chunk().map_or_else(
            || rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
            |bytes| u64::from_le_bytes(*bytes),
        );
        limb.put(word >> shift & mask);
    }
}

/// Somewhere that a limb goes.
pub trait Put {
    fn put(self, limb: u64);
}

impl Put for &mut u64 {
    fn put(self, limb: u64) {
        *self = limb;
    }
}

impl Put for (usize, &mut Column) {
    fn put(self, limb: u64) {
        self.1.0[self.0] = limb;
    }
}

/// Read one lane from little-endian bytes.
pub fn read(bytes: &[u8], bits: usize, lane: usize, number: &mut [Column]) {
    limbs(bytes, bits, number.iter_mut().map(|column| (lane, column)));
}

/// Write one lane, of a number that fits, as little-endian bytes.
pub fn write(number: &[Column], bits: usize, lane: usize, out: &mut [u8]) {
    let mut carry = 0;
    for (i, column) in number.iter().enumerate() {
        let (start, shift, end) = (i * bits / 8, i * bits % 8, (i + 1) * bits / 8);
        let word = column.0[lane] << shift | carry;
        // Steps of 6 and 7 bytes in turn, of which the first leaves four bits; or of 8.
        carry = if end - start == 6 { word >> 48 } else { 0 };
        let Some(rest) = out.get_mut(start..) else { return };
        if let Some(bytes) = rest.first_chunk_mut() {
            *bytes = word.to_le_bytes();
        } else {
            let length = rest.len();
            rest.copy_from_slice(&word.to_le_bytes()[..length]);
        }
    }
    let written = (number.len() * bits).div_ceil(8).min(out.len());
    out[written..].fill(0);
}
