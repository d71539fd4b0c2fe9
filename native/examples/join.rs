//! Seconds for a join in memory and in parts, and for a permutation in memory and in a file.
//! `cargo run --release --example join [rows] [threads]`

use std::env::temp_dir;
use std::time::Instant;

use miyun_native::join::parts::Parts;
use miyun_native::join::{Column, Side, join};
use miyun_native::shuffle::file::Shuffle;
use miyun_native::shuffle::permutation;

const PIECE: usize = 1 << 18;

fn mix(mut x: u64) -> u64 {
    x = (x ^ x >> 30).wrapping_mul(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d049bb133111eb);
    x ^ x >> 31
}

fn tokens(first: usize, order: &[[u8; 4]]) -> Vec<u8> {
    let number = |place: &[u8; 4]| first as u64 + u64::from(u32::from_le_bytes(*place));
    order.iter().flat_map(|p| [mix(number(p) * 2 + 1), mix(number(p) * 2 + 2)]).flat_map(u64::to_le_bytes).collect()
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    println!("{what:<22} {:.3} s", start.elapsed().as_secs_f64());
    result
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().unwrap());
    let count = arguments.next().unwrap_or(1_000_000);
    let threads = arguments.next().unwrap_or(0);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().unwrap();
    let mut order = vec![[0; 4]; count];
    timed("permutation", || permutation(&mut order).unwrap());
    timed("permutation in a file", || {
        let mut shuffle = Shuffle::new(&temp_dir(), 4, count as u64).unwrap();
        order.chunks(PIECE).for_each(|records| shuffle.add(records.as_flattened()).unwrap());
        while shuffle.next_block().unwrap().is_some() {}
    });
    let left = tokens(0, &order);
    permutation(&mut order).unwrap();
    let right = tokens(count / 2, &order);
    let handles = order.as_flattened();
    for _ in 0..3 {
        let pairs = timed("join", || {
            let left = Column::new(Side::Left, &left, handles).unwrap();
            let right = Column::new(Side::Right, &right, handles).unwrap();
            join(left, right).unwrap().len()
        });
        let in_parts = timed("join in parts", || {
            let count = u16::try_from(count / (1 << 18)).unwrap().max(16);
            let mut parts = Parts::new(&temp_dir(), count, 1 << 20).unwrap();
            for (side, tokens) in [(Side::Left, &left), (Side::Right, &right)] {
                for (tokens, handles) in tokens.chunks(16 * PIECE).zip(handles.chunks(4 * PIECE)) {
                    parts.add(side, tokens, handles).unwrap();
                }
            }
            (0..count).map(|part| parts.pairs(part).unwrap().len()).sum::<usize>()
        });
        assert_eq!(pairs, in_parts);
    }
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    }
}
