//! Natural numbers as 64-bit words, lowest first. Nothing here but [`bits`] and [`between_zero_and`] branches on a word
//! or indexes by one.

use std::hint::black_box;

use zeroize::Zeroizing;

pub type Words = Zeroizing<Vec<u64>>;

pub fn zero(count: usize) -> Words {
    Zeroizing::new(vec![0; count])
}

/// `count` words of little-endian bytes, of which the rest must be zero.
pub fn from_bytes(bytes: &[u8], count: usize) -> Words {
    let mut words = zero(count);
    for (word, bytes) in words.iter_mut().zip(bytes.chunks(8)) {
        let mut whole = Zeroizing::new([0; 8]);
        whole[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_le_bytes(*whole);
    }
    words
}

/// The lowest bytes, as many as fit.
pub fn to_bytes(words: &[u64], out: &mut [u8]) {
    out.fill(0);
    for (bytes, word) in out.chunks_mut(8).zip(words) {
        let length = bytes.len();
        bytes.copy_from_slice(&word.to_le_bytes()[..length]);
    }
}

pub fn resized(words: &[u64], count: usize) -> Words {
    let mut out = zero(count);
    let common = count.min(words.len());
    out[..common].copy_from_slice(&words[..common]);
    out
}

/// The length of a number, which is public.
pub fn bits(words: &[u64]) -> usize {
    let highest = words.iter().rposition(|word| *word != 0);
    highest.map_or(0, |i| 64 * i + (64 - words[i].leading_zeros() as usize))
}

/// All ones if `a` is `b`, otherwise zero.
#[inline]
pub fn mask_equal(a: u64, b: u64) -> u64 {
    let difference = a ^ b;
    black_box(((difference | difference.wrapping_neg()) >> 63).wrapping_sub(1))
}

#[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
#[inline]
fn halves(x: u128) -> (u64, u64) {
    (x as u64, (x >> 64) as u64)
}

/// a ← a + b, with the carry out. `b` is no longer than `a`.
pub fn add(a: &mut [u64], b: &[u64]) -> u64 {
    debug_assert!(b.len() <= a.len());
    let mut carry = 0;
    for (i, a) in a.iter_mut().enumerate() {
        let b = b.get(i).copied().unwrap_or(0);
        (*a, carry) = halves(u128::from(*a) + u128::from(b) + u128::from(carry));
    }
    carry
}

/// a ← a − b, with the borrow out. `b` is no longer than `a`.
pub fn subtract(a: &mut [u64], b: &[u64]) -> u64 {
    debug_assert!(b.len() <= a.len());
    let mut borrow = 0;
    for (i, a) in a.iter_mut().enumerate() {
        let b = b.get(i).copied().unwrap_or(0);
        let (difference, high) = halves(u128::from(*a).wrapping_sub(u128::from(b)).wrapping_sub(u128::from(borrow)));
        *a = difference;
        borrow = high & 1;
    }
    borrow
}

/// 1 if a < b, otherwise 0; both have the same number of words.
pub fn less(a: &[u64], b: &[u64]) -> u64 {
    debug_assert!(a.len() == b.len());
    let mut borrow = 0;
    for (a, b) in a.iter().zip(b) {
        borrow = halves(u128::from(*a).wrapping_sub(u128::from(*b)).wrapping_sub(u128::from(borrow))).1 & 1;
    }
    borrow
}

/// 1 if a = b, otherwise 0.
pub fn equal(a: &[u64], b: &[u64]) -> u64 {
    debug_assert!(a.len() == b.len());
    mask_equal(a.iter().zip(b).fold(0, |any, (a, b)| any | (a ^ b)), 0) & 1
}

/// Whether 0 < a < b, of little-endian bytes, equally many. Looks at words from the highest on, until two differ: of a
/// uniform secret below b that tells what is known, but with a probability of 2⁻⁶⁴.
pub fn between_zero_and(a: &[u8], b: &[u8]) -> bool {
    debug_assert!(a.len() == b.len());
    let ((heads_a, tail_a), (heads_b, tail_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let tail = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let pairs = heads_a.iter().zip(heads_b).rev().map(|(a, b)| (u64::from_le_bytes(*a), u64::from_le_bytes(*b)));
    let mut orders = std::iter::once((tail(tail_a), tail(tail_b))).chain(pairs).map(|(a, b)| a.cmp(&b));
    let order = orders.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal);
    order.is_lt() && a.iter().any(|byte| *byte != 0)
}

/// a ← a − n where carry · 2^(64 · length) + a ≥ n.
pub fn reduce_once(a: &mut [u64], carry: u64, n: &[u64]) {
    let keep = black_box((less(a, n) & (carry ^ 1)).wrapping_neg());
    let mut borrow = 0;
    for (a, n) in a.iter_mut().zip(n) {
        let taken = n & !keep;
        let (difference, high) =
            halves(u128::from(*a).wrapping_sub(u128::from(taken)).wrapping_sub(u128::from(borrow)));
        *a = difference;
        borrow = high & 1;
    }
}

/// a ← a − b mod n, for a, b < n.
pub fn subtract_mod(a: &mut [u64], b: &[u64], n: &[u64]) {
    let mask = black_box(subtract(a, b).wrapping_neg());
    let mut carry = 0;
    for (a, n) in a.iter_mut().zip(n) {
        (*a, carry) = halves(u128::from(*a) + u128::from(n & mask) + u128::from(carry));
    }
}

pub fn multiply(a: &[u64], b: &[u64]) -> Words {
    let mut out = zero(a.len() + b.len());
    for (i, x) in a.iter().enumerate() {
        let mut carry = 0;
        for (out, y) in out[i..].iter_mut().zip(b) {
            (*out, carry) = halves(u128::from(*x) * u128::from(*y) + u128::from(*out) + u128::from(carry));
        }
        out[i + b.len()] = carry;
    }
    out
}

/// a · b mod 2^(64 · length), both of one length.
pub fn multiply_low(a: &[u64], b: &[u64]) -> Words {
    let mut out = zero(a.len());
    for (i, x) in a.iter().enumerate() {
        let mut carry = 0;
        for (out, y) in out[i..].iter_mut().zip(b) {
            (*out, carry) = halves(u128::from(*x) * u128::from(*y) + u128::from(*out) + u128::from(carry));
        }
    }
    out
}

/// The inverse of an odd number mod 2⁶⁴: every step of Newton's doubles the right bits, of which n itself has three.
pub fn inverse_word(n: u64) -> u64 {
    (0..5).fold(n, |x, _| x.wrapping_mul(2_u64.wrapping_sub(n.wrapping_mul(x))))
}

/// The inverse of an odd number mod 2^(64 · length).
pub fn inverse_power_of_two(n: &[u64]) -> Words {
    let mut inverse = zero(n.len());
    inverse[0] = inverse_word(n[0]);
    let mut right = 1;
    while right < n.len() {
        right *= 2;
        // x (2 − n x)
        let product = multiply_low(n, &inverse);
        let mut factor = zero(n.len());
        factor[0] = 2;
        subtract(&mut factor, &product);
        inverse = multiply_low(&inverse, &factor);
    }
    inverse
}

/// 2^exponent mod n. The exponent and the length of n are public; n is above 1.
pub fn power_of_two_mod(exponent: usize, n: &[u64]) -> Words {
    let start = exponent.min(bits(n) - 1);
    let mut x = zero(n.len());
    x[start / 64] = 1 << (start % 64);
    for _ in start..exponent {
        let mut carry = 0;
        for word in x.iter_mut() {
            (*word, carry) = (*word << 1 | carry, *word >> 63);
        }
        reduce_once(&mut x, carry, n);
    }
    x
}

/// The Montgomery product a · b / 2^(64 · length) mod n, below n, in the first words of `t`, which has two more than n.
/// `k` is −1 / n mod 2⁶⁴, and a · b below n · 2^(64 · length).
pub fn montgomery(n: &[u64], k: u64, a: &[u64], b: &[u64], t: &mut [u64]) {
    let length = n.len();
    let (n, b, t) = (&n[..length], &b[..length], &mut t[..length + 2]);
    t.fill(0);
    for x in a {
        let mut carry = 0;
        for (t, y) in t.iter_mut().zip(b) {
            (*t, carry) = halves(u128::from(*x) * u128::from(*y) + u128::from(*t) + u128::from(carry));
        }
        let (low, high) = halves(u128::from(t[length]) + u128::from(carry));
        (t[length], t[length + 1]) = (low, high);
        let q = t[0].wrapping_mul(k);
        let mut carry = halves(u128::from(q) * u128::from(n[0]) + u128::from(t[0])).1;
        for j in 1..length {
            (t[j - 1], carry) = halves(u128::from(q) * u128::from(n[j]) + u128::from(t[j]) + u128::from(carry));
        }
        let (low, high) = halves(u128::from(t[length]) + u128::from(carry));
        t[length - 1] = low;
        t[length] = t[length + 1] + high;
    }
    let (t, carry) = t.split_at_mut(length);
    reduce_once(t, carry[0], n);
}
