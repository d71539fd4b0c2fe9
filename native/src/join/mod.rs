//! Join of two columns of 16-byte tokens, in parallel, beside 2 bytes a row and 16 a match.
//!
//! Rows are sorted into parts by the first bits of their tokens, block by block, as 16-bit places in their block; then
//! each part's rows are fetched, sorted and merged within a core's cache. The parts come out even because tokens are
//! pseudorandom. A column of other strings is joined all the same, but in fewer parts: then with up to 75 bytes for each
//! row of the larger side, and 16 a match. [`parts`] joins columns beyond memory.

pub mod parts;
#[cfg(feature = "python")]
pub(crate) mod python;

use std::fmt;
use std::mem;

use rayon::prelude::*;

/// The rows of a block: their places have 16 bits.
const BLOCK: usize = 1 << 16;

/// The rows of both sides that a part should have.
const PART: usize = 1 << 14;

/// The rows that a bucket of a part should have.
const BUCKET: usize = 4;

const MAX_PART_BITS: u32 = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Left,
    Right,
}

/// Why two columns were not joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Error {
    /// The first row of the left, or else of the right column whose token an earlier row has.
    Repeated { side: Side, position: usize },
    /// The column's tokens and handles are not of the same number.
    Uneven(Side),
    /// The column has 2³² rows or more.
    Long(Side),
}

impl Side {
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Right => "right",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repeated { side, position } => {
                write!(f, "the token at position {position} of the {side} column occurs before")
            }
            Self::Uneven(side) => write!(f, "the {side} column has no 4-byte handle for every 16-byte token"),
            Self::Long(side) => write!(f, "the {side} column has more rows than 32 bits number"),
        }
    }
}

impl std::error::Error for Error {}

/// A token of 16 bytes and a handle of 32 bits, little-endian, for every row.
#[derive(Clone, Copy)]
pub struct Column<'a> {
    side: Side,
    tokens: &'a [[u8; 16]],
    handles: &'a [[u8; 4]],
}

#[derive(Clone, Copy)]
struct Row {
    token: [u64; 2],
    position: u32,
}

/// The places of a block's rows by part, and the bounds of the parts.
struct Block {
    places: Vec<u16>,
    bounds: Vec<u32>,
}

/// The rows whose tokens begin with the `bits` bits of `number`.
#[derive(Clone, Copy)]
struct Part {
    number: usize,
    bits: u32,
}

/// What a thread allocates once for many parts.
#[derive(Default)]
struct Scratch {
    rows: Vec<Row>,
    ends: Vec<u32>,
}

impl<'a> Column<'a> {
    /// # Errors
    ///
    /// [`Error::Uneven`], [`Error::Long`].
    pub fn new(side: Side, tokens: &'a [u8], handles: &'a [u8]) -> Result<Self, Error> {
        let (tokens, tokens_rest) = tokens.as_chunks();
        let (handles, handles_rest) = handles.as_chunks();
        if !tokens_rest.is_empty() || !handles_rest.is_empty() || tokens.len() != handles.len() {
            return Err(Error::Uneven(side));
        }
        if u32::try_from(tokens.len()).is_err() {
            return Err(Error::Long(side));
        }
        Ok(Self { side, tokens, handles })
    }

    fn handle(&self, row: Row) -> u32 {
        u32::from_le_bytes(self.handles[row.position as usize])
    }

    fn blocks(&self, part_bits: u32) -> Vec<Block> {
        self.tokens.par_chunks(BLOCK).map(|tokens| Block::of(tokens, part_bits)).collect()
    }

    /// Fill `sorted` with the rows of a part by ascending token.
    fn part(&self, blocks: &[Block], part: Part, scratch: &mut Scratch, sorted: &mut Vec<Row>) -> Result<(), Error> {
        let rows = &mut scratch.rows;
        rows.clear();
        for (number, block) in blocks.iter().enumerate() {
            rows.extend(block.part(part.number).iter().map(|place| {
                let position = number * BLOCK + usize::from(*place);
                #[expect(clippy::cast_possible_truncation, reason = "`new` counted them")]
                let number = position as u32;
                Row { token: words(&self.tokens[position]), position: number }
            }));
        }
        scratch.sort_into(part.bits, sorted);
        if sorted.windows(2).any(|pair| pair[0].token == pair[1].token) {
            return Err(self.repeated(sorted));
        }
        Ok(())
    }

    fn repeated(&self, rows: &mut [Row]) -> Error {
        rows.sort_unstable_by_key(|row| (row.key(), row.position));
        let later = rows.windows(2).filter(|pair| pair[0].token == pair[1].token).map(|pair| pair[1].position);
        Error::Repeated { side: self.side, position: later.min().unwrap_or_default() as usize }
    }
}

impl Row {
    fn key(&self) -> u128 {
        u128::from(self.token[0]) << 64 | u128::from(self.token[1])
    }
}

impl Block {
    #[expect(clippy::cast_possible_truncation, reason = "a block has 2¹⁶ rows")]
    fn of(tokens: &[[u8; 16]], part_bits: u32) -> Self {
        let mut bounds = vec![0; (1 << part_bits) + 1];
        for token in tokens {
            bounds[part_of(token, part_bits) + 1] += 1;
        }
        for part in 1..bounds.len() {
            bounds[part] += bounds[part - 1];
        }
        let mut next = bounds.clone();
        let mut places = vec![0; tokens.len()];
        for (place, token) in tokens.iter().enumerate() {
            let slot = &mut next[part_of(token, part_bits)];
            places[*slot as usize] = place as u16;
            *slot += 1;
        }
        Self { places, bounds }
    }

    fn part(&self, part: usize) -> &[u16] {
        &self.places[self.bounds[part] as usize..self.bounds[part + 1] as usize]
    }
}

/// The handles of equal tokens, the left one in the high and the right one in the low half, ascending.
///
/// # Errors
///
/// [`Error::Repeated`].
pub fn join(left: Column, right: Column) -> Result<Vec<u64>, Error> {
    let rows = left.tokens.len() + right.tokens.len();
    let part_bits = (rows / PART).max(1).ilog2().min(MAX_PART_BITS);
    let (left_blocks, right_blocks) = (left.blocks(part_bits), right.blocks(part_bits));
    let parts: Vec<Result<Vec<u64>, Error>> = (0..1 << part_bits)
        .into_par_iter()
        .map_init(Default::default, |(scratch, left_rows, right_rows), number| {
            let part = Part { number, bits: part_bits };
            left.part(&left_blocks, part, scratch, left_rows)?;
            right.part(&right_blocks, part, scratch, right_rows)?;
            Ok(merge(left, left_rows, right, right_rows))
        })
        .collect();
    drop((left_blocks, right_blocks));
    if let Some(error) = parts.iter().filter_map(|part| part.as_ref().err()).min() {
        return Err(*error);
    }
    let mut pairs = Vec::with_capacity(parts.iter().flatten().map(Vec::len).sum());
    parts.into_iter().flatten().for_each(|part| pairs.extend(part));
    pairs.par_sort_unstable();
    Ok(pairs)
}

impl Scratch {
    /// Deal the rows into buckets of a few by the bits that follow their part's, then sort each.
    fn sort_into(&mut self, part_bits: u32, sorted: &mut Vec<Row>) {
        let bucket_bits = (self.rows.len() / BUCKET).max(2).ilog2();
        #[expect(clippy::cast_possible_truncation, reason = "below 2³²")]
        let bucket = |row: &Row| (row.token[0] << part_bits >> (u64::BITS - bucket_bits)) as usize;
        let ends = &mut self.ends;
        ends.clear();
        ends.resize(1 << bucket_bits, 0_u32);
        for row in &self.rows {
            ends[bucket(row)] += 1;
        }
        let mut start = 0;
        for end in ends.iter_mut() {
            start += mem::replace(end, start);
        }
        sorted.clone_from(&self.rows);
        for row in &self.rows {
            let place = &mut ends[bucket(row)];
            sorted[*place as usize] = *row;
            *place += 1;
        }
        let mut start = 0;
        for end in ends {
            sorted[start as usize..*end as usize].sort_unstable_by_key(Row::key);
            start = *end;
        }
    }
}

fn merge(left: Column, left_rows: &[Row], right: Column, right_rows: &[Row]) -> Vec<u64> {
    let mut pairs = Vec::new();
    let mut others = right_rows.iter().peekable();
    for row in left_rows {
        while others.next_if(|other| other.key() < row.key()).is_some() {}
        if let Some(other) = others.next_if(|other| other.token == row.token) {
            pairs.push(u64::from(left.handle(*row)) << 32 | u64::from(right.handle(*other)));
        }
    }
    pairs
}

fn words(token: &[u8; 16]) -> [u64; 2] {
    let number = u128::from_be_bytes(*token);
    #[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
    [(number >> 64) as u64, number as u64]
}

fn part_of(token: &[u8; 16], part_bits: u32) -> usize {
    usize::from(u16::from_be_bytes([token[0], token[1]]) >> (16 - part_bits).min(15)) & ((1 << part_bits) - 1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn bytes(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    /// A token that spreads over the parts, or one that does not.
    fn token(number: u32, spread: bool) -> [u8; 16] {
        let mixed = u128::from(number).wrapping_mul(0x9e3779b97f4a7c15f39cc0605cedc835);
        if spread { mixed.to_be_bytes() } else { u128::from(number).to_be_bytes() }
    }

    fn joined(left: &[u32], right: &[u32], spread: bool) -> Result<Vec<(u32, u32)>, Error> {
        let tokens = |numbers: &[u32]| numbers.iter().flat_map(|n| token(*n, spread)).collect::<Vec<u8>>();
        let handles = |numbers: &[u32], factor: u32| {
            (0..u32::try_from(numbers.len()).unwrap()).map(|row| row.wrapping_mul(factor)).collect::<Vec<u32>>()
        };
        let (left_tokens, right_tokens) = (tokens(left), tokens(right));
        let (left_handles, right_handles) = (bytes(&handles(left, 7)), bytes(&handles(right, 13)));
        let left = Column::new(Side::Left, &left_tokens, &left_handles)?;
        let right = Column::new(Side::Right, &right_tokens, &right_handles)?;
        let pairs = join(left, right)?;
        Ok(pairs.into_iter().map(|pair| ((pair >> 32) as u32, u32::try_from(pair & 0xffff_ffff).unwrap())).collect())
    }

    fn expected(left: &[u32], right: &[u32]) -> Vec<(u32, u32)> {
        let rows: HashMap<u32, u32> = (0..).zip(right).map(|(row, number)| (*number, row)).collect();
        let found = (0..).zip(left).filter_map(|(row, number): (u32, _)| Some((row, *rows.get(number)?)));
        let mut pairs: Vec<_> = found.map(|(row, other)| (row.wrapping_mul(7), other.wrapping_mul(13))).collect();
        pairs.sort_unstable();
        pairs
    }

    #[test]
    fn equals_a_hash_join() {
        for (left, right) in [(0, 0), (0, 5), (5, 0), (1, 1), (100, 300), (70_000, 200_000), (131_072, 65_536)] {
            let numbers: Vec<u32> = (0..left).collect();
            let others: Vec<u32> = (0..right).rev().map(|number| number * 3).collect();
            for spread in [true, false] {
                assert_eq!(joined(&numbers, &others, spread).unwrap(), expected(&numbers, &others));
            }
        }
    }

    #[test]
    fn the_first_repetition_is_named_and_the_left_one_before_the_right_one() {
        let numbers: Vec<u32> = (0..100_000).collect();
        let mut repeated = numbers.clone();
        for (place, number) in [(99_999, 7), (70_001, 70_000), (80_000, 5), (90_000, 5)] {
            repeated[place] = number;
        }
        for spread in [true, false] {
            let error = |side, position| Err(Error::Repeated { side, position });
            assert_eq!(joined(&numbers, &repeated, spread), error(Side::Right, 70_001));
            assert_eq!(joined(&repeated, &numbers, spread), error(Side::Left, 70_001));
            assert_eq!(joined(&repeated, &repeated, spread), error(Side::Left, 70_001));
        }
    }

    #[test]
    fn uneven_columns_are_refused() {
        for (tokens, handles) in [(16, 0), (15, 4), (16, 5), (32, 4)] {
            let error = Column::new(Side::Right, &vec![0; tokens], &vec![0; handles]).err();
            assert_eq!(error, Some(Error::Uneven(Side::Right)));
        }
    }
}
