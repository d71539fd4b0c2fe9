//! The kernel for every processor: curve25519-dalek, which chooses between vector and plain code by itself.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::traits::IsIdentity;
use zeroize::Zeroizing;

use super::factor::Factor;
use super::{POINT_BYTES, UNIFORM_BYTES};

pub(super) fn map(uniform: &[u8], out: &mut [u8]) {
    for (uniform, out) in uniform.as_chunks::<UNIFORM_BYTES>().0.iter().zip(out.as_chunks_mut::<POINT_BYTES>().0) {
        *out = RistrettoPoint::from_uniform_bytes(uniform).compress().to_bytes();
    }
}

pub(super) fn multiply(points: &[u8], factor: &Factor, out: &mut [u8]) -> Option<usize> {
    let decoded = points.as_chunks::<POINT_BYTES>().0.iter().map(|point| CompressedRistretto(*point).decompress());
    multiply_each(decoded, factor, out)
}

pub(super) fn map_and_multiply(uniform: &[u8], factor: &Factor, out: &mut [u8]) -> Option<usize> {
    let mapped = uniform.as_chunks().0.iter().map(|uniform| Some(RistrettoPoint::from_uniform_bytes(uniform)));
    multiply_each(mapped, factor, out)
}

fn multiply_each(
    points: impl ExactSizeIterator<Item = Option<RistrettoPoint>>,
    factor: &Factor,
    out: &mut [u8],
) -> Option<usize> {
    let mut products = Zeroizing::new(Vec::with_capacity(points.len()));
    for (position, point) in points.enumerate() {
        match point {
            Some(point) if !point.is_identity() => products.push(point * factor.half()),
            _ => return Some(position),
        }
    }
    let encoded = RistrettoPoint::double_and_compress_batch(products.iter());
    for (out, encoded) in out.as_chunks_mut::<POINT_BYTES>().0.iter_mut().zip(encoded) {
        *out = encoded.to_bytes();
    }
    None
}
