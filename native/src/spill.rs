//! Records of one size beyond memory: in a file without a name, run after run, each run sorted by lane.
//!
//! A run begins with the bounds of its lanes; what stays in memory is its place, eight bytes, and a count per lane.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

const BOUND_BYTES: usize = 4;
const ATTEMPTS: usize = 16;

pub struct Spill {
    file: File,
    record: usize,
    runs: Vec<u64>,
    counts: Vec<u64>,
    end: u64,
}

/// The order of records by lane, those of one lane as they were: `places[i]` is where record i goes, and the records of
/// lane l go to `bounds[l]..bounds[l + 1]`.
pub struct Order {
    pub places: Vec<u32>,
    pub bounds: Vec<u32>,
}

impl Spill {
    /// An empty one for `lanes` lanes of records of `record` bytes.
    ///
    /// # Errors
    ///
    /// No file can be made in `folder`.
    pub fn new(folder: &Path, record: usize, lanes: usize) -> io::Result<Self> {
        Ok(Self { file: unnamed(folder)?, record, runs: Vec::new(), counts: vec![0; lanes], end: 0 })
    }

    /// Append a run of records that lie as their [`Order`] says.
    ///
    /// # Errors
    ///
    /// They can't be written.
    pub fn append(&mut self, bounds: &[u32], records: &[u8]) -> io::Result<()> {
        let header: Vec<u8> = bounds.iter().flat_map(|bound| bound.to_le_bytes()).collect();
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&header)?;
        self.file.write_all(records)?;
        self.runs.push(self.end);
        self.end += (header.len() + records.len()) as u64;
        for (count, bounds) in self.counts.iter_mut().zip(bounds.windows(2)) {
            *count += u64::from(bounds[1] - bounds[0]);
        }
        Ok(())
    }

    #[must_use]
    pub fn count(&self, lane: usize) -> u64 {
        self.counts[lane]
    }

    /// The records of a lane, the first `most` of them, in the order in which they came.
    ///
    /// # Errors
    ///
    /// They can't be read.
    pub fn read(&self, lane: usize, most: usize) -> io::Result<Vec<u8>> {
        let mut file = &self.file;
        let size = usize::try_from(self.counts[lane]).map_or(most, |count| count.min(most)) * self.record;
        let mut records = Vec::with_capacity(size);
        for start in &self.runs {
            if records.len() == size {
                break;
            }
            let mut header = [0; 2 * BOUND_BYTES];
            file.seek(SeekFrom::Start(start + (lane * BOUND_BYTES) as u64))?;
            file.read_exact(&mut header)?;
            let [from, to] = header.as_chunks().0 else { unreachable!("two bounds") };
            let [from, to] = [*from, *to].map(|bound| u32::from_le_bytes(bound) as usize * self.record);
            let wanted = (to - from).min(size - records.len());
            let header_bytes = (self.counts.len() + 1) * BOUND_BYTES;
            file.seek(SeekFrom::Start(start + (header_bytes + from) as u64))?;
            if file.take(wanted as u64).read_to_end(&mut records)? != wanted {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(records)
    }
}

impl Order {
    /// The order of records whose lanes these are, each below `count`.
    ///
    /// # Panics
    ///
    /// There are 2³² records or more.
    #[must_use]
    pub fn of(lanes: &[u16], count: usize) -> Self {
        let mut bounds = vec![0_u32; count + 1];
        for lane in lanes {
            bounds[usize::from(*lane) + 1] += 1;
        }
        for lane in 0..count {
            bounds[lane + 1] += bounds[lane];
        }
        assert_eq!(bounds[count] as usize, lanes.len(), "fewer records than 32 bits number");
        let mut next = bounds.clone();
        let mut place = |lane: &u16| {
            let next = &mut next[usize::from(*lane)];
            *next += 1;
            *next - 1
        };
        let places = lanes.iter().map(&mut place).collect();
        Self { places, bounds }
    }
}

/// A new file that only this process sees, and that is gone with it.
fn unnamed(folder: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    for _ in 0..ATTEMPTS {
        let path = folder.join(format!(".spill-{:016x}", getrandom::u64()?));
        match options.open(&path) {
            Ok(file) => {
                fs::remove_file(&path)?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spilled(runs: &[&[(u16, u8)]], lanes: usize) -> Spill {
        let mut spill = Spill::new(&std::env::temp_dir(), 1, lanes).unwrap();
        for run in runs {
            let order = Order::of(&run.iter().map(|(lane, _)| *lane).collect::<Vec<_>>(), lanes);
            let mut records = vec![0; run.len()];
            for ((_, record), place) in run.iter().zip(&order.places) {
                records[*place as usize] = *record;
            }
            spill.append(&order.bounds, &records).unwrap();
        }
        spill
    }

    #[test]
    fn a_lane_has_its_records_in_the_order_in_which_they_came() {
        let spill = spilled(&[&[(2, 1), (0, 2), (2, 3)], &[], &[(1, 4), (2, 5)]], 4);
        let lanes: Vec<_> = (0..4).map(|lane| spill.read(lane, 10).unwrap()).collect();
        assert_eq!(lanes, [vec![2], vec![4], vec![1, 3, 5], vec![]]);
        assert_eq!((0..4).map(|lane| spill.count(lane)).collect::<Vec<_>>(), [1, 1, 3, 0]);
        assert_eq!(spill.read(2, 2).unwrap(), [1, 3]);
        assert!(spill.read(2, 0).unwrap().is_empty());
    }

    #[test]
    fn the_file_has_no_name() {
        let folder = std::env::temp_dir().join(format!("miyun-{:016x}", getrandom::u64().unwrap()));
        fs::create_dir(&folder).unwrap();
        let spill = Spill::new(&folder, 1, 1).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::remove_dir(&folder).unwrap();
        drop(spill);
        assert!(Spill::new(&folder, 1, 1).is_err());
    }
}
