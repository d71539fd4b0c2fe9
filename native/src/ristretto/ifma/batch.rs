//! Batches in eights. The last eight are filled up with the generator or with zeros.

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_COMPRESSED;
use zeroize::Zeroize;

use super::field::LANES_BYTES;
use super::point::Point;
use crate::ristretto::factor::Factor;
use crate::ristretto::{POINT_BYTES, UNIFORM_BYTES};

const LANES: usize = 8;

#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn map(uniform: &[u8], out: &mut [u8]) {
    for (uniform, out) in uniform.chunks(LANES * UNIFORM_BYTES).zip(out.chunks_mut(LANES * POINT_BYTES)) {
        let encoded = from_uniform(uniform).encode();
        out.copy_from_slice(&encoded[..out.len()]);
    }
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn multiply(points: &[u8], factor: &Factor, out: &mut [u8]) -> Option<usize> {
    let mut products = Vec::with_capacity(out.len().div_ceil(LANES_BYTES));
    let mut filled = [[0; LANES_BYTES]; 2];
    for lane in filled.as_flattened_mut().as_chunks_mut().0 {
        *lane = RISTRETTO_BASEPOINT_COMPRESSED.to_bytes();
    }
    for bytes in points.chunks(2 * LANES_BYTES) {
        filled.as_flattened_mut()[..bytes.len()].copy_from_slice(bytes);
        let decoded = Point::decode(&filled);
        for (used, (valid, point)) in bytes.chunks(LANES_BYTES).zip(&decoded) {
            if let Some(lane) = first_lane(!valid, used.len() / POINT_BYTES) {
                let position = LANES * products.len() + lane;
                products.zeroize();
                return Some(position);
            }
            products.push(point.multiply(factor.half_digits()));
        }
    }
    double_and_encode(products, out);
    None
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn map_and_multiply(uniform: &[u8], factor: &Factor, out: &mut [u8]) -> Option<usize> {
    let mut products = Vec::with_capacity(out.len().div_ceil(LANES_BYTES));
    for (group, uniform) in uniform.chunks(LANES * UNIFORM_BYTES).enumerate() {
        let point = from_uniform(uniform);
        if let Some(lane) = first_lane(point.is_identity(), uniform.len() / UNIFORM_BYTES) {
            products.zeroize();
            return Some(LANES * group + lane);
        }
        products.push(point.multiply(factor.half_digits()));
    }
    double_and_encode(products, out);
    None
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn double_and_encode(mut products: Vec<Point>, out: &mut [u8]) {
    Point::double_and_encode(&products, |group, encoded| {
        let rest = &mut out[group * LANES_BYTES..];
        let length = rest.len().min(LANES_BYTES);
        rest[..length].copy_from_slice(&encoded[..length]);
    });
    products.zeroize();
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn from_uniform(uniform: &[u8]) -> Point {
    let mut halves = [[0; LANES_BYTES]; 2];
    for (lane, uniform) in uniform.as_chunks::<UNIFORM_BYTES>().0.iter().enumerate() {
        for (half, bytes) in halves.iter_mut().zip(uniform.as_chunks::<POINT_BYTES>().0) {
            half.as_chunks_mut::<POINT_BYTES>().0[lane] = *bytes;
        }
    }
    Point::from_uniform(&halves)
}

/// The first of the marked lanes, of those in use.
fn first_lane(marked: u8, used: usize) -> Option<usize> {
    (0..used).find(|lane| marked >> lane & 1 == 1)
}
