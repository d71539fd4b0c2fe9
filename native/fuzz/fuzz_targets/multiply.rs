//! A scalar and a batch of uniform strings, some of whose elements are overwritten: the kernels agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use miyun_native::ristretto::{Factor, Kernel, map_to_group, multiply};

fuzz_target!(|input: (&[u8], [u8; 32], Vec<(u8, [u8; 32])>)| {
    let (uniform, scalar, replaced) = input;
    let uniform = uniform.as_chunks::<64>().0.as_flattened();
    let Ok(factor) = Factor::from_bytes(&scalar) else { return };
    let [one, other] = [Kernel::Portable, Kernel::best()].map(|kernel| {
        let mut points = vec![0; uniform.len() / 2];
        map_to_group(kernel, uniform, &mut points).unwrap();
        for (place, bytes) in &replaced {
            if let Some(point) = points.as_chunks_mut::<32>().0.get_mut(usize::from(*place)) {
                *point = *bytes;
            }
        }
        let mut products = vec![0; points.len()];
        multiply(kernel, &points, &factor, &mut products).map(|()| (points, products))
    });
    assert_eq!(one, other);
});
