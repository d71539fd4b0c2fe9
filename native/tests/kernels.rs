//! Every kernel against plain curve25519-dalek, element by element.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, IsIdentity};
use miyun_native::ristretto::{
    Error, Expander, Factor, Kernel, Messages, blind, derive_tokens, hash_to_group, map_to_group, multiply,
};
use sha2::{Digest, Sha512};

const DST: &[u8] = b"MIYUN-TEST";

fn kernels() -> Vec<Kernel> {
    vec![Kernel::Portable, Kernel::best()]
}

fn sizes() -> impl Iterator<Item = usize> {
    (0..=20).chain(255..=257).chain([511, 1000])
}

/// Uniform bytes that depend on the arguments.
fn uniform(label: &str, number: usize) -> [u8; 64] {
    Sha512::new_with_prefix(label).chain_update(number.to_le_bytes()).finalize().into()
}

fn scalar(number: usize) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&uniform("scalar", number))
}

fn factor(scalar: &Scalar) -> Factor {
    Factor::from_bytes(scalar.as_bytes()).unwrap()
}

fn points(count: usize) -> Vec<RistrettoPoint> {
    (0..count).map(|number| RistrettoPoint::from_uniform_bytes(&uniform("point", number))).collect()
}

fn encoded(points: &[RistrettoPoint]) -> Vec<u8> {
    points.iter().flat_map(|point| point.compress().to_bytes()).collect()
}

fn multiplied(kernel: Kernel, points: &[u8], scalar: &Scalar) -> Result<Vec<u8>, Error> {
    let mut out = vec![0xaa; points.len()];
    multiply(kernel, points, &factor(scalar), &mut out).map(|()| out)
}

fn mapped(kernel: Kernel, uniform: &[u8]) -> Vec<u8> {
    let mut out = vec![0xaa; uniform.len() / 2];
    map_to_group(kernel, uniform, &mut out).unwrap();
    out
}

fn number(low: u128, high: u128) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&low.to_le_bytes());
    bytes[16..].copy_from_slice(&high.to_le_bytes());
    bytes
}

/// Around 0, around p = 2²⁵⁵ − 19, around 2²⁵⁵ and 2²⁵⁶, and single bits.
fn edges() -> Vec<[u8; 32]> {
    let top = 1_u128 << 127;
    let mut edges = Vec::new();
    for distance in 0..40 {
        edges.push(number(distance, 0));
        edges.push(number(u128::MAX - distance, top - 1));
        edges.push(number(distance, top));
        edges.push(number(u128::MAX - distance, u128::MAX));
    }
    for bit in 0..128 {
        edges.push(number(1 << bit, 0));
        edges.push(number(0, 1 << bit));
    }
    edges
}

#[test]
fn batches_of_every_size_are_multiplied() {
    for kernel in kernels() {
        for size in sizes() {
            let (points, scalar) = (points(size), scalar(size));
            let products: Vec<_> = points.iter().map(|point| point * scalar).collect();
            assert_eq!(multiplied(kernel, &encoded(&points), &scalar), Ok(encoded(&products)));
        }
    }
}

#[test]
fn scalars_at_their_ends_multiply() {
    let points = points(9);
    for kernel in kernels() {
        for small in 1..40_u64 {
            for scalar in [Scalar::from(small), -Scalar::from(small)] {
                let products: Vec<_> = points.iter().map(|point| point * scalar).collect();
                assert_eq!(multiplied(kernel, &encoded(&points), &scalar), Ok(encoded(&products)));
            }
        }
    }
}

#[test]
fn batches_of_every_size_are_mapped_hashed_and_blinded() {
    for kernel in kernels() {
        for size in sizes() {
            let batch: Vec<u8> = (0..size).flat_map(|number| uniform("map", number)).collect();
            let elements: Vec<_> = batch.as_chunks().0.iter().map(RistrettoPoint::from_uniform_bytes).collect();
            assert_eq!(mapped(kernel, &batch), encoded(&elements));

            let messages: Vec<Vec<u8>> =
                (0..size).map(|n| uniform("message", n).repeat(4)[..n % 250].to_vec()).collect();
            let ends = messages.iter().scan(0_usize, |end, message| {
                *end += message.len();
                Some(*end)
            });
            let bounds: Vec<u8> =
                [0].into_iter().chain(ends).flat_map(|end| u32::try_from(end).unwrap().to_le_bytes()).collect();
            let values = messages.concat();
            let messages = Messages::new(&values, &bounds).unwrap();
            let expander = Expander::new(DST).unwrap();
            let mut hashes = vec![0xaa; 32 * size];
            hash_to_group(kernel, messages, &expander, &mut hashes).unwrap();
            let mut plain = vec![0; 32 * size];
            hash_to_group(Kernel::Portable, messages, &expander, &mut plain).unwrap();
            assert_eq!(hashes, plain);

            let scalar = scalar(size);
            let mut blinded = vec![0xaa; 32 * size];
            blind(kernel, messages, &expander, &factor(&scalar), &mut blinded).unwrap();
            assert_eq!(multiplied(kernel, &hashes, &scalar), Ok(blinded));
        }
    }
}

#[test]
fn edges_are_mapped_in_every_combination() {
    let some: Vec<_> = edges().into_iter().step_by(7).collect();
    for first in edges() {
        let batch: Vec<u8> = some.iter().flat_map(|second| [first, *second].concat()).collect();
        let elements: Vec<_> = batch.as_chunks().0.iter().map(RistrettoPoint::from_uniform_bytes).collect();
        for kernel in kernels() {
            assert_eq!(mapped(kernel, &batch), encoded(&elements));
        }
    }
}

/// Edges, edges with a bit changed, and random strings, one at a time.
#[test]
fn exactly_the_encodings_of_dalek_other_than_the_identity_are_taken() {
    let random = (0..3000).map(|n| {
        let mut bytes: [u8; 32] = uniform("encoding", n)[..32].try_into().unwrap();
        // Nearly all strings would be refused for these two alone.
        bytes[0] &= if n % 16 == 0 { 0xff } else { 0xfe };
        bytes[31] &= if n % 16 == 1 { 0xff } else { 0x7f };
        bytes
    });
    let valid = points(40).into_iter().flat_map(|point| {
        let bytes = point.compress().to_bytes();
        (0..256).step_by(5).chain([255]).map(move |bit| {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            flipped
        })
    });
    let scalar = scalar(0);
    let mut taken = 0;
    for bytes in edges().into_iter().chain(random).chain(valid) {
        let point = CompressedRistretto(bytes).decompress().filter(|point| !point.is_identity());
        let expected = point.map(|point| (point * scalar).compress().to_bytes().to_vec()).ok_or(Error::Refused(0));
        taken += usize::from(expected.is_ok());
        for kernel in kernels() {
            assert_eq!(multiplied(kernel, &bytes, &scalar), expected, "{bytes:02x?}");
        }
    }
    assert!(taken > 500, "{taken}");
}

#[test]
fn the_first_of_the_refused_is_named_in_every_lane_and_task() {
    let good = encoded(&points(600));
    let mut high = points(1)[0].compress().to_bytes();
    high[31] |= 0x80;
    let not_below_p = number(u128::MAX - 18, (1 << 127) - 1);
    let bad = [RistrettoPoint::identity().compress().to_bytes(), high, not_below_p, [0xff; 32], number(1, 0)];
    let positions = (0..17).chain(250..262).chain([511, 512, 599]);
    for (position, bytes) in positions.zip(bad.into_iter().cycle()) {
        for kernel in kernels() {
            for (size, later) in [(600, vec![]), (600, vec![599, 300]), (position + 1, vec![])] {
                let mut batch = good[..32 * size].to_vec();
                for place in later.into_iter().chain([position]).filter(|place| *place >= position) {
                    batch[32 * place..][..32].copy_from_slice(&bytes);
                }
                assert_eq!(multiplied(kernel, &batch, &scalar(1)), Err(Error::Refused(position)));
            }
        }
    }
}

#[test]
fn what_is_no_batch_is_refused() {
    let expander = Expander::new(DST).unwrap();
    let offsets = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    for bounds in
        [vec![], vec![0; 3], vec![0; 5], offsets(&[0]), offsets(&[0, 3]), offsets(&[1, 2]), offsets(&[0, 2, 1, 2])]
    {
        assert_eq!(Messages::new(b"ab", &bounds).err(), Some(Error::Offsets));
    }
    assert_eq!(Expander::new(b"").err(), Some(Error::Tag));
    for kernel in kernels() {
        let mut out = [0; 64];
        assert_eq!(
            multiply(kernel, &[0; 33], &factor(&scalar(0)), &mut out),
            Err(Error::Uneven { bytes: 33, size: 32 })
        );
        assert_eq!(map_to_group(kernel, &[0; 65], &mut out), Err(Error::Uneven { bytes: 65, size: 64 }));
        assert!(map_to_group(kernel, &[0; 64], &mut out).is_err());
        let bounds = offsets(&[0, 2]);
        assert!(hash_to_group(kernel, Messages::new(b"ab", &bounds).unwrap(), &expander, &mut out).is_err());
    }
    for key in [&[][..], &[0; 65]] {
        assert_eq!(derive_tokens(&[0; 32], key, &mut [0; 16]), Err(Error::Key));
    }
    assert_eq!(derive_tokens(&[0; 31], b"key", &mut [0; 16]), Err(Error::Uneven { bytes: 31, size: 32 }));
}
