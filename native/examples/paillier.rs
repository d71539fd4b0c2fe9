//! Microseconds per element of Paillier kernels on one thread. `cargo run --release --example paillier [bits]`

use std::hint::black_box;
use std::time::Instant;

use miyun_native::paillier::{FixedBase, Kernel, PrivateKey};
use num_bigint::BigUint;

fn time<T>(label: &str, count: usize, repeats: usize, mut work: impl FnMut() -> T) {
    let mut best = f64::INFINITY;
    for _ in 0..repeats {
        let start = Instant::now();
        black_box(work());
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{label:>28} {:10.2} µs", best * 1e6 / f64::from(u32::try_from(count).unwrap()));
}

/// The next prime from a number of so many bits that has its two highest set.
fn prime(bits: u64, seed: u64) -> BigUint {
    let two = BigUint::from(2_u8);
    let mut candidate = BigUint::from(3_u8) << (bits - 2) | BigUint::from(seed).pow(20) | BigUint::from(1_u8);
    loop {
        let small = (3_u32..2000).step_by(2).all(|divisor| &candidate % divisor != BigUint::ZERO);
        if small && two.modpow(&(&candidate - 1_u8), &candidate) == BigUint::from(1_u8) {
            return candidate;
        }
        candidate += 2_u8;
    }
}

fn main() {
    let bits: u64 = std::env::args().nth(1).map_or(3072, |text| text.parse().unwrap());
    let (p, q) = (prime(bits / 2, 0x9e3779b97f4a7c15).to_bytes_le(), prime(bits / 2, 0xd1342543de82ef95).to_bytes_le());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        for kernel in [Kernel::Portable, Kernel::best()] {
            let (many, few, repeats) = if matches!(kernel, Kernel::Portable) { (64, 8, 1) } else { (4096, 64, 3) };
            println!("{}", kernel.name());
            time("PrivateKey::new", 1, 1, || PrivateKey::new(kernel, &p, &q).unwrap());
            let private = PrivateKey::new(kernel, &p, &q).unwrap();
            let key = private.public();
            let (size, width) = (key.value_bytes(), key.ciphertext_bytes());
            let base = key.base().unwrap();
            let short = usize::try_from(bits / 2).unwrap();
            time("FixedBase::new", 1, 1, || FixedBase::new(key, &base, short).unwrap());
            let fixed = FixedBase::new(key, &base, short).unwrap();
            let values = vec![7; size * many];
            let mut out = vec![0; width * many];
            time("encrypt, uniform", few, repeats, || {
                key.encrypt(&values[..few * size], size, &mut out[..few * width]).unwrap();
            });
            time("encrypt, CRT", few, repeats, || {
                private.encrypt(&values[..few * size], size, &mut out[..few * width]).unwrap();
            });
            let some = 4 * few;
            time("encrypt, fixed base", some, repeats, || {
                let draw = |out: &mut [u8]| fixed.randomness(key, out);
                key.encrypt_by(&values[..some * size], size, &mut out[..some * width], draw).unwrap();
            });
            for i in some..many {
                out.copy_within((i - some) * width..(i - some + 1) * width, i * width);
            }
            let pool = out.clone();
            time("encrypt, warm", many, repeats, || key.encrypt_with(&values, size, &pool, &mut out).unwrap());
            time("add", many, repeats, || key.add(&pool, &pool, &mut out).unwrap());
            let mut plain = vec![0; few * size];
            time("decrypt", few, repeats, || private.decrypt(&out[..few * width], &mut plain).unwrap());
            let count = 8 * many;
            for segments in [1, 100, count / 10] {
                let offsets: Vec<_> = (0..=segments).map(|i| ((count * i / segments) as u64).to_le_bytes()).collect();
                let indices: Vec<_> =
                    (0..count).map(|i| u32::try_from(i * 7919 % many).unwrap().to_le_bytes()).collect();
                let mut totals = vec![0; segments * width];
                let label = format!("product, {segments} segments");
                time(&label, count, repeats, || key.product(&pool, &offsets, &indices, &mut totals).unwrap());
            }
            let exponents = vec![u64::MAX.to_le_bytes(); few];
            let some = few * width;
            time("power, 64 bits", few, repeats, || {
                key.power(&pool[..some], &exponents, 64, &mut out[..some]).unwrap();
            });
            time("negate", few, repeats, || key.negate(&pool[..some], &mut out[..some]).unwrap());
            time("pack, 8 slots of 40", few, repeats, || {
                key.pack(&pool[..some], 8, 40, &mut out[..some / 8]).unwrap();
            });
            time("check", many, repeats, || key.check(&pool).unwrap());
        }
    });
}
