//! Products of many ciphertexts, over lists of their indices.
//!
//! Ciphertexts are not brought into Montgomery form. The Montgomery product of k plain numbers is their product over
//! R^(k − 1), and one product more, with R^(k + 1), gives the Montgomery form of theirs. Segments are cut in blocks; a
//! lane computes a block, eight of about the same length go together, and shorter ones are filled up with R, one in
//! Montgomery form. The products of blocks, in Montgomery form, are multiplied in the same way until one a segment is
//! left.

use std::ops::Range;

use rayon::prelude::*;

use super::arithmetic::Arithmetic;
use super::lanes::{self, Column, LANES, Number, zero};
use super::modulus::{Modulus, Work};

/// The most factors of a block: the product that corrects it is 1/64 of the work.
pub const MOST: usize = 64;
const FEWEST: usize = 4;

/// R² to R^(MOST + 1), each in all lanes.
pub fn corrections(modulus: &Modulus) -> Vec<Number> {
    let mut work = Work::new(modulus);
    let mut power = work.number();
    power.copy_from_slice(modulus.square());
    let mut powers = Vec::with_capacity(MOST);
    for _ in 0..MOST {
        work.canonical(&mut power);
        powers.push(power.clone());
        // R^k · R² / R
        work.multiply(&mut power, modulus.square());
    }
    powers
}

/// Where factors come from.
enum Source<'a> {
    /// Plain, as bytes.
    Plain { bytes: &'a [u8], width: usize },
    /// In Montgomery form, eight to a `Number`.
    Groups(&'a [Number]),
}

impl Source<'_> {
    /// The numbers of all lanes.
    fn read_all(&self, work: &mut Work, indices: [usize; LANES], number: &mut [Column]) {
        if let Self::Plain { bytes, width } = self {
            work.read(indices.iter().map(|index| &bytes[index * width..][..*width]), number);
        } else {
            for (lane, index) in indices.into_iter().enumerate() {
                self.read(work, index, lane, number);
            }
        }
    }

    fn read(&self, work: &Work, index: usize, lane: usize, number: &mut [Column]) {
        match self {
            Self::Plain { bytes, width } => {
                lanes::read(&bytes[index * width..][..*width], work.modulus.kernel.limb_bits(), lane, number);
            }
            Self::Groups(groups) => {
                for (column, from) in number.iter_mut().zip(groups[index / LANES].iter()) {
                    column.0[lane] = from.0[index % LANES];
                }
            }
        }
    }
}

/// For every segment, a range of the positions that `index` knows, the product of its ciphertexts. None gives 1.
pub fn products(
    modulus: &Modulus,
    corrections: &[Number],
    ciphertexts: (&[u8], usize),
    segments: &[Range<usize>],
    index: impl Fn(usize) -> usize + Sync,
    out: &mut [u8],
) {
    let (bytes, width) = ciphertexts;
    let (mut groups, mut places, mut ranges) =
        level(modulus, Some(corrections), &Source::Plain { bytes, width }, segments, index);
    while ranges.iter().any(|range| range.len() > 1) {
        let source = Source::Groups(&groups);
        let next = level(modulus, None, &source, &ranges, |position| places[position]);
        (groups, places, ranges) = next;
    }
    let source = Source::Groups(&groups);
    let parts = ranges.par_chunks(LANES).zip(out.par_chunks_mut(LANES * width));
    parts.for_each(|(ranges, out)| {
        let mut work = Work::new(modulus);
        let mut number = work.number();
        number.copy_from_slice(modulus.one());
        for (lane, range) in ranges.iter().enumerate() {
            if let Some(position) = range.clone().next() {
                source.read(&work, places[position], lane, &mut number);
            }
        }
        work.leave(&mut number);
        work.write(&number, out, width);
    });
}

/// The products of blocks, in groups of eight; where, in the order of segments, each block's product is among them;
/// and the range of blocks of each segment.
fn level(
    modulus: &Modulus,
    corrections: Option<&[Number]>,
    source: &Source,
    segments: &[Range<usize>],
    index: impl Fn(usize) -> usize + Sync,
) -> (Vec<Number>, Vec<usize>, Vec<Range<usize>>) {
    let total: usize = segments.iter().map(Range::len).sum();
    let most = (total / (2 * LANES * rayon::current_num_threads())).clamp(FEWEST, MOST);
    let mut blocks = Vec::new();
    let mut ranges = Vec::with_capacity(segments.len());
    for segment in segments {
        let first = blocks.len();
        let parts = segment.len().div_ceil(most);
        let bound = |part: usize| segment.start + segment.len() * part / parts;
        blocks.extend((0..parts).map(|part| bound(part)..bound(part + 1)));
        ranges.push(first..blocks.len());
    }
    let mut order: Vec<usize> = (0..blocks.len()).collect();
    order.sort_by_key(|block| std::cmp::Reverse(blocks[*block].len()));
    let mut places = vec![0; blocks.len()];
    for (place, block) in order.iter().enumerate() {
        places[*block] = place;
    }
    let one_by_lane = |lane: usize, number: &mut [Column]| {
        for (column, one) in number.iter_mut().zip(modulus.one()) {
            column.0[lane] = one.0[lane];
        }
    };
    let group = |work: &mut Work, group: &[usize]| {
        let mut product = work.number();
        let mut factor = work.number();
        let mut correction = zero(modulus.limbs());
        factor.copy_from_slice(modulus.one());
        for (lane, block) in group.iter().enumerate() {
            source.read(work, index(blocks[*block].start), lane, &mut product);
        }
        // The first is the longest, the last the shortest.
        let together = if group.len() == LANES { blocks[group[LANES - 1]].len() } else { 1 };
        for step in 1..together {
            let indices = std::array::from_fn(|lane| index(blocks[group[lane]].start + step));
            source.read_all(work, indices, &mut factor);
            work.multiply(&mut product, &factor);
        }
        for step in together..blocks[group[0]].len() {
            for (lane, block) in group.iter().enumerate() {
                let block = &blocks[*block];
                if step < block.len() {
                    source.read(work, index(block.start + step), lane, &mut factor);
                } else if step == block.len() {
                    one_by_lane(lane, &mut factor);
                }
            }
            work.multiply(&mut product, &factor);
        }
        if let Some(corrections) = corrections {
            for (lane, block) in group.iter().enumerate() {
                for (column, from) in correction.iter_mut().zip(corrections[blocks[*block].len() - 1].iter()) {
                    column.0[lane] = from.0[lane];
                }
            }
            work.multiply(&mut product, &correction);
        }
        product
    };
    let groups = order.par_chunks(LANES).map_init(|| Work::new(modulus), |work, blocks| group(work, blocks)).collect();
    (groups, places, ranges)
}
