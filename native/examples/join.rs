//! Seconds for a join, and for a permutation. `cargo run --release --example join [rows] [threads]`

use std::time::Instant;

use miyun_native::join::{Column, Side, join};
use miyun_native::shuffle::permutation;

fn mix(mut x: u64) -> u64 {
    x = (x ^ x >> 30).wrapping_mul(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d049bb133111eb);
    x ^ x >> 31
}

fn tokens(first: usize, order: &[[u8; 4]]) -> Vec<u8> {
    let number = |place: &[u8; 4]| first as u64 + u64::from(u32::from_le_bytes(*place));
    order.iter().flat_map(|p| [mix(number(p) * 2 + 1), mix(number(p) * 2 + 2)]).flat_map(u64::to_le_bytes).collect()
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().unwrap());
    let count = arguments.next().unwrap_or(1_000_000);
    let threads = arguments.next().unwrap_or(0);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().unwrap();
    let mut order = vec![[0; 4]; count];
    let start = Instant::now();
    permutation(&mut order).unwrap();
    println!("permutation {:.3} s", start.elapsed().as_secs_f64());
    let left = tokens(0, &order);
    permutation(&mut order).unwrap();
    let right = tokens(count / 2, &order);
    for _ in 0..3 {
        let start = Instant::now();
        let left = Column::new(Side::Left, &left, order.as_flattened()).unwrap();
        let right = Column::new(Side::Right, &right, order.as_flattened()).unwrap();
        let pairs = join(left, right).unwrap();
        println!("join {:.3} s, {} pairs", start.elapsed().as_secs_f64(), pairs.len());
    }
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    }
}
