//! Between rows of bytes and columns of limbs: eight words of eight rows are transposed at a time.

use core::arch::x86_64::*;

use super::product::{LIMB_BITS, LIMB_MASK, lanes, load, store};
use crate::paillier::lanes::{Column, LANES};

const WORD_BITS: usize = 64;
const ROW_BYTES: usize = 8 * LANES;

/// Limbs of eight little-endian numbers; `words` is memory for as many words as they have, whatever is in it.
#[inline(never)]
#[target_feature(enable = "avx512f")]
pub fn read(rows: &[&[u8]; LANES], number: &mut [Column], words: &mut [Column]) {
    let limb_bits = LIMB_BITS as usize;
    let count = (limb_bits * number.len()).div_ceil(WORD_BITS) + 1;
    for (i, words) in words[..count.next_multiple_of(LANES)].as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        for (word, row) in words.iter_mut().zip(rows) {
            *word = column(row.get(i * ROW_BYTES..).unwrap_or(&[]));
        }
        transpose(words);
    }
    for (i, limb) in number.iter_mut().enumerate() {
        let (word, shift) = (limb_bits * i / WORD_BITS, limb_bits * i % WORD_BITS);
        // A shift by 64 gives zero.
        let low = _mm512_srlv_epi64(load(&words[word]), lanes(shift as u64));
        let high = _mm512_sllv_epi64(load(&words[word + 1]), lanes((WORD_BITS - shift) as u64));
        store(limb, _mm512_and_si512(_mm512_or_si512(low, high), lanes(LIMB_MASK)));
    }
}

/// Eight little-endian numbers of as many bytes as each row has, of which they need no more.
#[inline(never)]
#[target_feature(enable = "avx512f")]
pub fn write(number: &[Column], rows: &mut [&mut [u8]; LANES], words: &mut [Column]) {
    let limb_bits = LIMB_BITS as usize;
    let count = rows[0].len().div_ceil(8);
    let words = &mut words[..count.next_multiple_of(LANES)];
    for (i, word) in words.iter_mut().enumerate() {
        let (limb, shift) = (WORD_BITS * i / limb_bits, WORD_BITS * i % limb_bits);
        let part = |place: usize| number.get(limb + place).map_or(_mm512_setzero_si512(), |column| load(column));
        let low = _mm512_srlv_epi64(part(0), lanes(shift as u64));
        let middle = _mm512_sllv_epi64(part(1), lanes((limb_bits - shift) as u64));
        let high = _mm512_sllv_epi64(part(2), lanes((2 * limb_bits - shift) as u64));
        store(word, _mm512_or_si512(low, _mm512_or_si512(middle, high)));
    }
    for (i, words) in words.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        transpose(words);
        for (column, row) in words.iter().zip(rows.iter_mut()) {
            put(column, &mut row[i * ROW_BYTES..]);
        }
    }
}

/// The first 64 bytes, or what there is and zeros.
#[inline]
fn column(bytes: &[u8]) -> Column {
    let mut column = Column::default();
    if let Some(whole) = bytes.first_chunk::<ROW_BYTES>() {
        for (word, bytes) in column.0.iter_mut().zip(whole.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
    } else {
        for (word, bytes) in column.0.iter_mut().zip(bytes.chunks(8)) {
            *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
    }
    column
}

/// As many of its bytes as there is room for.
#[inline]
fn put(column: &Column, out: &mut [u8]) {
    if let Some(whole) = out.first_chunk_mut::<ROW_BYTES>() {
        for (bytes, word) in whole.as_chunks_mut().0.iter_mut().zip(column.0) {
            *bytes = word.to_le_bytes();
        }
    } else {
        for (bytes, word) in out.chunks_mut(8).zip(column.0) {
            let length = bytes.len();
            bytes.copy_from_slice(&word.to_le_bytes()[..length]);
        }
    }
}

/// Pairs of words, then pairs of pairs and these of fours, trade places.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(square: &mut [Column; LANES]) {
    let [a, b, c, d, e, f, g, h] = square.each_ref().map(|column| load(column));
    let even = fours([
        _mm512_unpacklo_epi64(a, b),
        _mm512_unpacklo_epi64(c, d),
        _mm512_unpacklo_epi64(e, f),
        _mm512_unpacklo_epi64(g, h),
    ]);
    let odd = fours([
        _mm512_unpackhi_epi64(a, b),
        _mm512_unpackhi_epi64(c, d),
        _mm512_unpackhi_epi64(e, f),
        _mm512_unpackhi_epi64(g, h),
    ]);
    for (pair, (even, odd)) in square.as_chunks_mut::<2>().0.iter_mut().zip(even.into_iter().zip(odd)) {
        store(&mut pair[0], even);
        store(&mut pair[1], odd);
    }
}

/// The transpose of four rows of four pairs.
#[inline]
#[target_feature(enable = "avx512f")]
fn fours([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    const EVEN: i32 = 0b10_00_10_00;
    const ODD: i32 = 0b11_01_11_01;
    let (ab, cd) = (_mm512_shuffle_i64x2::<EVEN>(a, b), _mm512_shuffle_i64x2::<EVEN>(c, d));
    let (ab_odd, cd_odd) = (_mm512_shuffle_i64x2::<ODD>(a, b), _mm512_shuffle_i64x2::<ODD>(c, d));
    [
        _mm512_shuffle_i64x2::<EVEN>(ab, cd),
        _mm512_shuffle_i64x2::<EVEN>(ab_odd, cd_odd),
        _mm512_shuffle_i64x2::<ODD>(ab, cd),
        _mm512_shuffle_i64x2::<ODD>(ab_odd, cd_odd),
    ]
}
