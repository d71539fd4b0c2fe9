//! Microseconds per element on one thread. `cargo run --release --example measure [elements]`

use std::hint::black_box;
use std::time::Instant;

use miyun_native::ristretto::{
    Expander, Factor, Kernel, Messages, blind, derive_tokens, hash_to_group, map_to_group, multiply,
};

fn time<T>(label: &str, count: usize, mut work: impl FnMut() -> T) -> T {
    let mut best = f64::INFINITY;
    let mut last = None;
    for _ in 0..9 {
        let start = Instant::now();
        last = Some(black_box(work()));
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{label:>24} {:8.3} µs", best * 1e6 / f64::from(u32::try_from(count).unwrap()));
    last.unwrap()
}

fn main() {
    let count: usize = std::env::args().nth(1).map_or(4_096, |text| text.parse().unwrap());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let values: Vec<u8> = (0..count).flat_map(|i| format!("{i:024}").into_bytes()).collect();
    let offsets: Vec<u8> = (0..=count).flat_map(|i| u32::try_from(24 * i).unwrap().to_le_bytes()).collect();
    let messages = Messages::new(&values, &offsets).unwrap();
    let expander = Expander::new(b"MIYUN-V1-ristretto255_XMD:SHA-512_R255MAP_RO_").unwrap();
    let factor = Factor::from_bytes(&[7; 32]).unwrap();
    pool.install(|| {
        for kernel in [Kernel::Portable, Kernel::best()] {
            println!("{}", kernel.name());
            let uniform: Vec<u8> = (0..64 * count).map(|i| (i * i >> 7).to_le_bytes()[0]).collect();
            let mut points = vec![0; 32 * count];
            let mut out = vec![0; 32 * count];
            time("map_to_group", count, || map_to_group(kernel, &uniform, &mut points).unwrap());
            time("hash_to_group", count, || hash_to_group(kernel, messages, &expander, &mut points).unwrap());
            time("multiply", count, || multiply(kernel, &points, &factor, &mut out).unwrap());
            time("blind", count, || blind(kernel, messages, &expander, &factor, &mut out).unwrap());
            time("derive_tokens", count, || derive_tokens(&points, b"key", &mut out[..16 * count]).unwrap());
        }
    });
}
