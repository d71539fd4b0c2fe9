//! A secret uniform permutation of records beyond memory.
//!
//! Every record goes to a bucket that is drawn for it; then the buckets follow each other, each permuted by itself. The
//! order is uniform (C. R. Rao, Sankhyā A 23, 1961; M. Sandelius, J. R. Stat. Soc. B 24, 1962): of n records and the
//! sizes nᵢ of the buckets that the draw gave, every partition into buckets of these sizes is equally likely, and each
//! gives ∏ nᵢ! orders, which no other partition gives.

use std::fmt;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::{SEED_BYTES, Source};
use crate::spill::{Order, Spill};

/// What a bucket should be at most to stay in a core's cache.
const BUCKET_BYTES: u64 = 1 << 20;

const MOST_BUCKETS: u16 = u16::MAX;

#[derive(Debug)]
pub enum Error {
    /// Records of no bytes.
    Record,
    /// Bytes that are no records, more of them than were announced, or some after the first block was taken.
    Records,
    /// The folder, its disk, or the operating system's random bytes.
    File(io::Error),
}

/// Records that come in, then go out in another order.
pub struct Shuffle {
    source: Source,
    record: usize,
    left: u64,
    buckets: u16,
    next: Option<u16>,
    spill: Spill,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record => f.write_str("records of no bytes"),
            Self::Records => f.write_str("no records, more than were announced, or some that come too late"),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl Shuffle {
    /// For up to `records` records of `record` bytes, in a file of `folder`.
    ///
    /// A bucket of 1 MiB is in memory at a time, or of D / 2¹⁶ where all are D > 64 GiB. That a bucket has twice its share
    /// of m records has a probability below e^(−m / 3).
    ///
    /// # Errors
    ///
    /// [`Error::Record`], [`Error::File`].
    pub fn new(folder: &Path, record: usize, records: u64) -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        getrandom::fill(&mut *seed).map_err(io::Error::from)?;
        Self::of(&seed, folder, record, records, BUCKET_BYTES)
    }

    fn of(seed: &[u8; SEED_BYTES], folder: &Path, record: usize, records: u64, bucket: u64) -> Result<Self, Error> {
        if record == 0 {
            return Err(Error::Record);
        }
        let buckets = records.saturating_mul(record as u64).div_ceil(bucket).max(1);
        let buckets = u16::try_from(buckets).unwrap_or(MOST_BUCKETS);
        let spill = Spill::new(folder, record, usize::from(buckets))?;
        Ok(Self { source: Source::new(seed), record, left: records, buckets, next: None, spill })
    }

    /// Take records: many, for they are written by bucket.
    ///
    /// # Errors
    ///
    /// [`Error::Records`], [`Error::File`].
    pub fn add(&mut self, records: &[u8]) -> Result<(), Error> {
        let count = (records.len() / self.record) as u64;
        if !records.len().is_multiple_of(self.record) || count > self.left || self.next.is_some() {
            return Err(Error::Records);
        }
        let last = u32::from(self.buckets) - 1;
        #[expect(clippy::cast_possible_truncation, reason = "below the number of buckets")]
        let buckets: Vec<u16> = (0..count).map(|_| self.source.up_to(last) as u16).collect();
        let order = Order::of(&buckets, usize::from(self.buckets));
        let mut sorted = vec![0; records.len()];
        for (record, place) in records.chunks_exact(self.record).zip(&order.places) {
            sorted[*place as usize * self.record..][..self.record].copy_from_slice(record);
        }
        self.spill.append(&order.bounds, &sorted)?;
        self.left -= count;
        Ok(())
    }

    /// The next records in the new order; `None` when all have gone. None of them is taken any more.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn next_block(&mut self) -> Result<Option<Vec<u8>>, Error> {
        while let bucket = self.next.unwrap_or_default()
            && bucket < self.buckets
        {
            self.next = Some(bucket + 1);
            let mut records = self.spill.read(usize::from(bucket), usize::MAX)?;
            if !records.is_empty() {
                self.permute(&mut records);
                return Ok(Some(records));
            }
        }
        self.next = Some(self.buckets);
        Ok(None)
    }

    /// Fisher–Yates.
    fn permute(&mut self, records: &mut [u8]) {
        let size = self.record;
        for last in (1..records.len() / size).rev() {
            #[expect(clippy::cast_possible_truncation, reason = "a bucket is in memory, and has no 2³² records")]
            let other = self.source.up_to(last as u32) as usize;
            if other != last {
                let (before, after) = records.split_at_mut(last * size);
                before[other * size..][..size].swap_with_slice(&mut after[..size]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::env::temp_dir;

    use super::*;

    fn record(number: u64, size: usize) -> Vec<u8> {
        number.to_le_bytes().into_iter().cycle().take(size).collect()
    }

    fn shuffled(seed: u64, count: u64, size: usize, bucket: u64) -> Vec<Vec<u8>> {
        let mut bytes = [0; SEED_BYTES];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut shuffle = Shuffle::of(&bytes, &temp_dir(), size, count, bucket).unwrap();
        for number in 0..count {
            shuffle.add(&record(number, size)).unwrap();
        }
        let mut records = Vec::new();
        while let Some(block) = shuffle.next_block().unwrap() {
            records.extend(block.chunks(size).map(<[u8]>::to_vec));
        }
        assert!(shuffle.next_block().unwrap().is_none());
        records
    }

    #[test]
    fn every_record_comes_out_once() {
        for (count, size, bucket) in [(0, 8, 1), (1, 8, 1), (5000, 8, 4000), (5000, 20, 1000), (5000, 8, 1 << 20)] {
            let mut records = shuffled(1, count, size, bucket);
            let before: Vec<_> = (0..count).map(|number| record(number, size)).collect();
            assert!(count < 2 || records != before);
            records.sort_unstable_by_key(|record| u64::from_le_bytes(record.as_chunks().0[0]));
            assert_eq!(records, before);
        }
    }

    /// χ² with 23 degrees of freedom is above 65 with a probability of 7 · 10⁻⁶; the seeds are fixed.
    #[test]
    fn the_orders_of_four_are_equally_frequent() {
        for (bucket, buckets) in [(1, 32), (16, 2), (32, 1)] {
            assert_eq!(Shuffle::of(&[0; SEED_BYTES], &temp_dir(), 8, 4, bucket).unwrap().buckets, buckets);
            let mut counts = HashMap::<_, u32>::new();
            for seed in 0..2_400 {
                *counts.entry(shuffled(seed, 4, 8, bucket)).or_default() += 1;
            }
            let chi_square: f64 = counts.values().map(|n| (f64::from(*n) - 100.0).powi(2) / 100.0).sum();
            assert!(counts.len() == 24 && chi_square < 65.0, "{chi_square}");
        }
    }

    #[test]
    fn no_more_records_are_taken_than_announced_and_none_once_one_is_out() {
        let mut shuffle = Shuffle::new(&temp_dir(), 4, 3).unwrap();
        shuffle.add(&[0; 8]).unwrap();
        assert!(matches!(shuffle.add(&[0; 3]), Err(Error::Records)));
        assert!(matches!(shuffle.add(&[0; 8]), Err(Error::Records)));
        assert!(shuffle.next_block().unwrap().is_some());
        assert!(matches!(shuffle.add(&[0; 4]), Err(Error::Records)));
        assert!(matches!(Shuffle::new(&temp_dir(), 0, 3), Err(Error::Record)));
    }

    #[test]
    fn the_system_gives_another_order_each_time() {
        let mut orders = [0; 2].map(|_| Shuffle::new(&temp_dir(), 1, 256).unwrap());
        let records: Vec<u8> = (0..=255).collect();
        let [one, other] = orders.each_mut().map(|shuffle| {
            shuffle.add(&records).unwrap();
            shuffle.next_block().unwrap()
        });
        assert_ne!(one, other);
    }
}
