//! The field against big integers, with limbs at their bounds; the table lookup.

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
use curve25519_dalek::scalar::Scalar;
use num_bigint::BigUint;

use super::batch;
use super::constants::*;
use super::field::{Field, LANES_BYTES, LIMB_BOUND};
use crate::kernel::Kernel;
use crate::ristretto::Factor;

type Limbs = [u64; 5];

fn p() -> BigUint {
    (BigUint::from(1_u8) << 255) - 19_u8
}

fn value(limbs: Limbs) -> BigUint {
    limbs.iter().rev().fold(BigUint::ZERO, |sum, limb| (sum << 51) + limb)
}

fn modulo(value: &BigUint) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (byte, digit) in bytes.iter_mut().zip((value % p()).to_bytes_le()) {
        *byte = digit;
    }
    bytes
}

/// Zero, one, p and its neighbours, 2²⁵⁵ and its neighbours, the largest limbs that there may be, and mixtures.
fn edges() -> Vec<Limbs> {
    let full = (1 << 51) - 1;
    let most = LIMB_BOUND - 1;
    let mut edges = vec![
        [0; 5],
        [1, 0, 0, 0, 0],
        [full - 19, full, full, full, full],
        [full - 18, full, full, full, full],
        [full - 17, full, full, full, full],
        [full; 5],
        [0, 0, 0, 0, full + 1],
        [1, 0, 0, 0, full + 1],
        [most; 5],
        [most, 0, most, 0, most],
        [0, most, 0, most, 0],
    ];
    for i in 0..5 {
        let mut limbs = [0; 5];
        limbs[i] = most;
        edges.push(limbs);
        limbs = [most; 5];
        limbs[i] = full;
        edges.push(limbs);
    }
    let mut state = 0x9e3779b97f4a7c15_u64;
    for _ in 0..80 {
        edges.push([(); 5].map(|()| {
            state = state.wrapping_mul(0xd1342543de82ef95).wrapping_add(1);
            (state >> 12) % LIMB_BOUND
        }));
    }
    edges
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn lane(field: &Field, lane: usize) -> [u8; 32] {
    field.canonical_bytes().as_chunks::<32>().0[lane]
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn arithmetic_agrees() {
    for (number, a) in edges().into_iter().enumerate() {
        let at = number % 8;
        let (field, number) = (Field::splat(a), value(a));
        let one = BigUint::from(1_u8);
        assert_eq!(lane(&field, at), modulo(&number));
        assert_eq!(lane(&field.square(), at), modulo(&(&number * &number)));
        assert_eq!(lane(&field.neg(), at), modulo(&(p() * 2_u8 - &number)));
        assert_eq!(lane(&field.invert(), at), modulo(&number.modpow(&(p() - 2_u8), &p())));
        assert_eq!(field.is_zero() == 0xff, &number % p() == BigUint::ZERO);
        assert_eq!(field.is_negative() == 0xff, &number % p() % 2_u8 == one);
        for b in edges() {
            let (other, factor) = (Field::splat(b), value(b));
            assert_eq!(lane(&field.mul(&other), at), modulo(&(&number * &factor)));
            assert_eq!(lane(&field.add(&other).reduce(), at), modulo(&(&number + &factor)));
            assert_eq!(lane(&field.sub(&other).reduce(), at), modulo(&(&number + p() * 2_u8 - &factor)));
            assert_eq!(lane(&field.sub(&other).plus(&other).reduce(), at), modulo(&number));
            assert_eq!(field.equals(&other) == 0xff, &number % p() == &factor % p());
        }
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn lanes_keep_apart() {
    let mut bytes = [0; LANES_BYTES];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = place.wrapping_mul(place + 7).to_le_bytes()[0] & 0x7f;
    }
    let field = Field::from_bytes(&bytes);
    assert_eq!(field.canonical_bytes(), bytes);
    let squares = field.square().canonical_bytes();
    let picked = Field::select(0b1010_0110, &field, &field.square()).canonical_bytes();
    for (at, element) in bytes.as_chunks::<32>().0.iter().enumerate() {
        let number = BigUint::from_bytes_le(element);
        assert_eq!(squares.as_chunks::<32>().0[at], modulo(&(&number * &number)));
        let power = if 0b1010_0110 >> at & 1 == 1 { 1 } else { 2 };
        assert_eq!(picked.as_chunks::<32>().0[at], modulo(&number.pow(power)));
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn roots_are_roots() {
    let i = Field::splat(SQRT_M1);
    for u in edges() {
        for v in edges() {
            let (u, v) = (Field::splat(u), Field::splat(v));
            let [(square, root)] = Field::sqrt_ratios(&[(u, v)]);
            let check = root.square().mul(&v);
            assert_eq!(root.is_negative(), 0);
            if u.is_zero() == 0xff {
                assert_eq!((square, root.is_zero()), (0xff, 0xff));
            } else if v.is_zero() == 0xff {
                assert_eq!((square, root.is_zero()), (0, 0xff));
            } else {
                assert_eq!(check.equals(&Field::select(square, &u, &u.mul(&i))), 0xff);
            }
        }
    }
}

fn available() -> bool {
    let available = !matches!(Kernel::best(), Kernel::Portable);
    if !available {
        eprintln!("left out: no AVX-512 IFMA here");
    }
    available
}

#[test]
fn the_field_is_the_field_up_to_its_bounds() {
    if available() {
        // SAFETY: `available` found the features.
        unsafe { arithmetic_agrees() };
    }
}

#[test]
fn lanes_do_not_mix() {
    if available() {
        // SAFETY: `available` found the features.
        unsafe { lanes_keep_apart() };
    }
}

#[test]
fn square_roots_are_those_of_rfc_9496() {
    if available() {
        // SAFETY: `available` found the features.
        unsafe { roots_are_roots() };
    }
}

#[test]
fn constants_are_what_their_names_say() {
    let (p, one) = (p(), BigUint::from(1_u8));
    let d = (&p - 121665_u32) * BigUint::from(121666_u32).modpow(&(&p - 2_u8), &p) % &p;
    let is = |left: BigUint, right: BigUint| assert_eq!(left % &p, right % &p);
    is(value(D), d.clone());
    is(value(D2), &d * 2_u8);
    is(value(SQRT_M1).pow(2), &p - 1_u8);
    is(value(ONE_MINUS_D_SQ), &p * &p + &one - &d * &d);
    is(value(D_MINUS_ONE_SQ), (&d - &one).pow(2));
    is(value(SQRT_AD_MINUS_ONE).pow(2) + &one + &d, BigUint::ZERO);
    is(value(INVSQRT_A_MINUS_D).pow(2) * (&p * 2_u8 - &one - &d), one);
}

/// Every digit from −8 to 7 at every place, the others 0 or −1.
#[test]
fn every_digit_picks_its_multiple() {
    if !available() {
        return;
    }
    let point = RISTRETTO_BASEPOINT_POINT.compress().to_bytes();
    let sixteen = Scalar::from(16_u8);
    let mut weight = Scalar::from(2_u8);
    for _ in 0..63 {
        for digit in 1..=15_u8 {
            let scalar = weight * Scalar::from(digit);
            let factor = Factor::from_bytes(scalar.as_bytes()).unwrap();
            let mut out = [0; 32];
            // SAFETY: `available` found the features.
            assert_eq!(unsafe { batch::multiply(&point, &factor, &mut out) }, None);
            assert_eq!(out, (RISTRETTO_BASEPOINT_POINT * scalar).compress().to_bytes());
        }
        weight *= sixteen;
    }
}
