//! Join of columns beyond memory: dealt over files by part, then joined part by part.
//!
//! The parts come out even whoever chose the tokens, for the part of a token is a keyed hash of it, strongly universal
//! (multiply-shift on vectors: M. Thorup, arXiv:1504.06804), under a key drawn for this join alone. A part of one side has m rows on average
//! and at most `capacity`, twice that. Tokens as they should be, pseudorandom, are more with a probability below
//! e^(−m/3); different ones that were chosen against it, with one below 1 / m (Chebyshev). What else makes a part
//! longer is a token that occurs often. Either is refused, on the sight of `capacity` rows.

use std::fmt;
use std::io;
use std::path::Path;

use rayon::prelude::*;

use super::{Column, Side, join};
use crate::spill::{Order, Spill};

const KEY_WORDS: usize = 5;

/// Why columns were not joined.
#[derive(Debug)]
pub enum Error {
    /// A token twice in a column, or columns that are none. The position is one within a part.
    Columns(super::Error),
    /// More rows in a part than it holds, and the first of them with different tokens.
    Crowded(Side),
    /// The folder, or its disk.
    File(io::Error),
}

/// Two columns, dealt over parts.
pub struct Parts {
    key: Key,
    count: u16,
    capacity: usize,
    left: Dealt,
    right: Dealt,
}

/// A column in files.
struct Dealt {
    side: Side,
    tokens: Spill,
    handles: Spill,
}

struct Key([u64; KEY_WORDS]);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Columns(super::Error::Repeated { side, .. }) => write!(f, "a token twice in the {side} column"),
            Self::Columns(error) => error.fmt(f),
            Self::Crowded(side) => write!(f, "the tokens of the {side} column crowd in one part"),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<super::Error> for Error {
    fn from(error: super::Error) -> Self {
        Self::Columns(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl Parts {
    /// Empty columns in files of `folder`, of which a part holds at most `capacity` rows of a side.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn new(folder: &Path, parts: u16, capacity: usize) -> Result<Self, Error> {
        Ok(Self {
            key: Key::random()?,
            count: parts,
            capacity,
            left: Dealt::new(Side::Left, folder, parts)?,
            right: Dealt::new(Side::Right, folder, parts)?,
        })
    }

    /// Append rows to a side's column: many, for they are written by part.
    ///
    /// # Errors
    ///
    /// [`Error::File`]; [`super::Error::Uneven`].
    pub fn add(&mut self, side: Side, tokens: &[u8], handles: &[u8]) -> Result<(), Error> {
        let Column { tokens, handles, .. } = Column::new(side, tokens, handles)?;
        let parts: Vec<u16> = tokens.par_iter().map(|token| self.key.part(token, self.count)).collect();
        let order = Order::of(&parts, usize::from(self.count));
        let (tokens, handles) = rayon::join(|| sorted(tokens, &order), || sorted(handles, &order));
        let dealt = match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        };
        dealt.tokens.append(&order.bounds, tokens.as_flattened())?;
        dealt.handles.append(&order.bounds, handles.as_flattened())?;
        Ok(())
    }

    /// The handles of equal tokens in a part, as [`join()`] gives them.
    ///
    /// # Errors
    ///
    /// [`Error::Crowded`], [`Error::File`]; [`super::Error::Repeated`].
    pub fn pairs(&self, part: u16) -> Result<Vec<u64>, Error> {
        let part = usize::from(part);
        let (left_tokens, left_handles) = self.left.read(part, self.capacity)?;
        let (right_tokens, right_handles) = self.right.read(part, self.capacity)?;
        Ok(join(
            Column::new(Side::Left, &left_tokens, &left_handles)?,
            Column::new(Side::Right, &right_tokens, &right_handles)?,
        )?)
    }
}

impl Dealt {
    fn new(side: Side, folder: &Path, parts: u16) -> Result<Self, Error> {
        let parts = usize::from(parts);
        Ok(Self { side, tokens: Spill::new(folder, 16, parts)?, handles: Spill::new(folder, 4, parts)? })
    }

    fn read(&self, part: usize, capacity: usize) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let tokens = self.tokens.read(part, capacity)?;
        let handles = self.handles.read(part, capacity)?;
        if self.tokens.count(part) > capacity as u64 {
            join(Column::new(self.side, &tokens, &handles)?, Column::new(self.side.other(), &[], &[])?)?;
            return Err(Error::Crowded(self.side));
        }
        Ok((tokens, handles))
    }
}

impl Key {
    fn random() -> io::Result<Self> {
        let mut key = [0; KEY_WORDS];
        for word in &mut key {
            *word = getrandom::u64()?;
        }
        Ok(Self(key))
    }

    /// The part of a token. The high half of the sum is pairwise independent and uniform; its product with the number
    /// of parts has the part in the high half.
    fn part(&self, token: &[u8; 16], parts: u16) -> u16 {
        let words = token.as_chunks().0.iter().map(|word| u64::from(u32::from_le_bytes(*word)));
        let sum = words.zip(&self.0).fold(self.0[4], |sum, (word, key)| sum.wrapping_add(word.wrapping_mul(*key)));
        #[expect(clippy::cast_possible_truncation, reason = "below the number of parts")]
        let part = ((sum >> 32) * u64::from(parts) >> 32) as u16;
        part
    }
}

fn sorted<const N: usize>(rows: &[[u8; N]], order: &Order) -> Vec<[u8; N]> {
    let mut sorted = vec![[0; N]; rows.len()];
    for (row, place) in rows.iter().zip(&order.places) {
        sorted[*place as usize] = *row;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use std::env::temp_dir;

    use super::*;

    type Rows = Vec<([u8; 16], u32)>;

    /// Numbers as tokens, spread as tokens are or as they are, under handles in another order.
    fn rows(numbers: impl ExactSizeIterator<Item = u32>, spread: bool) -> Rows {
        let mixed = |x: u128| (x ^ x >> 65).wrapping_mul(0x9e3779b97f4a7c15f39cc0605cedc835);
        let token = |number: u32| {
            let number = u128::from(number);
            if spread { mixed(mixed(mixed(number + 1))) } else { number }.to_be_bytes()
        };
        (0_u32..).zip(numbers).map(|(row, number)| (token(number), row.wrapping_mul(7))).collect()
    }

    fn bytes(rows: &[([u8; 16], u32)]) -> (Vec<u8>, Vec<u8>) {
        (rows.iter().flat_map(|row| row.0).collect(), rows.iter().flat_map(|row| row.1.to_le_bytes()).collect())
    }

    fn in_memory(left: &Rows, right: &Rows) -> Vec<u64> {
        let (left, right) = (bytes(left), bytes(right));
        join(Column::new(Side::Left, &left.0, &left.1).unwrap(), Column::new(Side::Right, &right.0, &right.1).unwrap())
            .unwrap()
    }

    /// Joined part by part, of rows that come in chunks.
    fn in_parts(mut parts: Parts, left: &Rows, right: &Rows) -> Result<Vec<u64>, Error> {
        for (side, rows) in [(Side::Left, left), (Side::Right, right)] {
            for (number, chunk) in rows.chunks(700).enumerate() {
                let (some, rest) = chunk.split_at(chunk.len().min(number));
                for rows in [some, rest] {
                    let (tokens, handles) = bytes(rows);
                    parts.add(side, &tokens, &handles)?;
                }
            }
        }
        let mut pairs = Vec::new();
        for part in 0..parts.count {
            pairs.extend(parts.pairs(part)?);
        }
        pairs.sort_unstable();
        Ok(pairs)
    }

    #[test]
    fn equals_the_join_in_memory() {
        for (left, right) in [(0, 0), (0, 9), (9, 0), (1, 1), (3000, 9000), (40_000, 20_000)] {
            for spread in [true, false] {
                let (left, right) = (rows(0..left, spread), rows((0..right).rev(), spread));
                let expected = in_memory(&left, &right);
                for count in [1, 3, 17, 300] {
                    let parts = Parts::new(&temp_dir(), count, 1 << 17).unwrap();
                    assert_eq!(in_parts(parts, &left, &right).unwrap(), expected);
                }
            }
        }
    }

    #[test]
    fn a_token_twice_is_found_in_any_part_and_in_a_part_beyond_its_capacity() {
        let numbers = rows(0..5000, true);
        let mut once_more = numbers.clone();
        once_more.push((numbers[17].0, 90_000));
        let the_same: Rows = (0..5000).map(|handle| ([7; 16], handle)).collect();
        for twice in [once_more, the_same] {
            for (left, right, expected) in [(&twice, &numbers, Side::Left), (&numbers, &twice, Side::Right)] {
                let parts = Parts::new(&temp_dir(), 8, 2000).unwrap();
                let error = in_parts(parts, left, right).unwrap_err();
                assert!(
                    matches!(error, Error::Columns(super::super::Error::Repeated { side, .. }) if side == expected),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn a_part_beyond_its_capacity_is_not_read() {
        let (few, many) = (rows(0..10, true), rows(0..101, true));
        let parts = || Parts::new(&temp_dir(), 1, 100).unwrap();
        assert!(matches!(in_parts(parts(), &many, &few), Err(Error::Crowded(Side::Left))));
        assert!(matches!(in_parts(parts(), &few, &many), Err(Error::Crowded(Side::Right))));
    }

    #[test]
    fn parts_are_even_whatever_the_tokens() {
        let key = Key([0x9e3779b97f4a7c15, 0xf39cc0605cedc835, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9, 5]);
        for (spread, shift) in [(true, 0), (false, 0), (false, 64), (false, 96)] {
            let mut counts = [0; 16];
            for (token, _) in rows(0..160_000, spread) {
                let token = (u128::from_be_bytes(token) << shift).to_be_bytes();
                counts[usize::from(key.part(&token, 16))] += 1;
            }
            assert!(counts.iter().all(|count| (5_000..20_000).contains(count)), "{counts:?}");
        }
    }

    #[test]
    fn what_is_no_column_or_no_folder_is_refused() {
        let mut parts = Parts::new(&temp_dir(), 1, 1).unwrap();
        assert!(matches!(parts.add(Side::Left, &[0; 16], &[0; 3]), Err(Error::Columns(_))));
        assert!(matches!(Parts::new(Path::new("/nowhere/at/all"), 1, 1), Err(Error::File(_))));
    }
}
