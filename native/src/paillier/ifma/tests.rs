//! Products, with operands at their bounds, against big integers.

use num_bigint::BigUint;

use crate::paillier::arithmetic::Arithmetic;
use crate::paillier::lanes::{self, Column, LANES, Number};
use crate::paillier::modulus::{Modulus, Work, spread};
use crate::paillier::random::big;
use crate::paillier::tests::Source;
use crate::paillier::{Kernel, words};

fn kernels() -> impl Iterator<Item = Kernel> {
    [Kernel::Portable].into_iter().chain(Some(Kernel::best()).filter(|best| !matches!(best, Kernel::Portable)))
}

/// The longest moduli for some numbers of limbs, and shorter ones.
fn moduli(kernel: Kernel, source: &mut Source) -> Vec<(BigUint, Modulus)> {
    let mut moduli = Vec::new();
    for bits in [60, 128, 204, 412, 1000, 2048, 3072, 4096, 6144, 6236, 8192] {
        for full in [false, true] {
            let one = BigUint::from(1_u8);
            let n: BigUint =
                if full { (&one << bits) - &one } else { source.below(&(&one << bits)) | (&one << (bits - 1)) | one };
            let digits = n.to_u64_digits();
            let modulus = Modulus::public(kernel, &digits);
            moduli.push((n, modulus));
        }
    }
    moduli
}

fn number(work: &mut Work, values: &[BigUint]) -> Number {
    assert!(values.len() == LANES);
    let bytes: Vec<_> = values.iter().map(BigUint::to_bytes_le).collect();
    let mut number = work.number();
    work.read(bytes.iter().map(Vec::as_slice), &mut number);
    number
}

fn values(work: &Work, number: &[Column]) -> Vec<BigUint> {
    let bits = work.modulus.kernel.limb_bits();
    let value = |lane: usize| number.iter().rev().fold(BigUint::ZERO, |sum, column| (sum << bits) + column.0[lane]);
    (0..LANES).map(value).collect()
}

#[test]
fn products_are_exact_and_below_twice_the_modulus() {
    let mut source = Source::new(1);
    for kernel in kernels() {
        for (n, modulus) in moduli(kernel, &mut source) {
            let mut work = Work::new(&modulus);
            let r = BigUint::from(1_u8) << (kernel.limb_bits() * modulus.limbs());
            assert!(&n * 16_u8 <= r);
            let one = BigUint::from(1_u8);
            let mut below_4 =
                vec![BigUint::ZERO, one.clone(), &n - &one, n.clone(), &n + &one, &n * 2_u8, &n * 4_u8 - &one];
            below_4.push(source.below(&n));
            let mut below_r = vec![&r - &one, &r >> 1, &r - &n, BigUint::ZERO, one.clone()];
            below_r.resize_with(LANES, || source.below(&r));
            let constants: Vec<_> =
                [0, 1, 2, 3, 4, 5, 6, 7].map(|i| if i == 3 { &n - 1_u8 } else { source.below(&n) }).to_vec();
            let congruent = |x: &BigUint, y: BigUint| (x * &r) % &n == y % &n;
            for turn in 0..LANES {
                let mut turned = below_4.clone();
                turned.rotate_left(turn);
                for (a, b) in [(&below_4, &turned), (&below_r, &constants), (&constants, &below_r)] {
                    let mut product = number(&mut work, a);
                    let factor = number(&mut work, b);
                    work.multiply(&mut product, &factor);
                    for (lane, x) in values(&work, &product).iter().enumerate() {
                        assert!(*x < &n * 2_u8 && congruent(x, &a[lane] * &b[lane]), "{} bits", n.bits());
                    }
                    work.canonical(&mut product);
                    assert!(values(&work, &product).iter().all(|x| *x < n));
                }
                let mut below_n: Vec<_> = constants.clone();
                (below_n[0], below_n[1], below_n[2]) = (BigUint::ZERO, one.clone(), &n - &one);
                let mut turned_below_n = below_n.clone();
                turned_below_n.rotate_left(turn);
                let mut plain = number(&mut work, &below_n);
                let other = number(&mut work, &turned_below_n);
                work.multiply_plain(&mut plain, &other);
                let expected = below_n.iter().zip(&turned_below_n).map(|(a, b)| a * b % &n);
                assert!(values(&work, &plain).into_iter().eq(expected), "{} bits", n.bits());
                let mut square = number(&mut work, &turned);
                work.square(&mut square);
                for (lane, x) in values(&work, &square).iter().enumerate() {
                    assert!(*x < &n * 2_u8 && congruent(x, &turned[lane] * &turned[lane]), "{} bits", n.bits());
                }
                let mut left = number(&mut work, &below_r);
                work.leave(&mut left);
                for (x, from) in values(&work, &left).iter().zip(&below_r) {
                    assert!(*x < n && congruent(x, from.clone()));
                }
                let mut sum = number(&mut work, &below_4);
                let other = number(&mut work, &turned);
                work.add(&mut sum, &other);
                let sums = below_4.iter().zip(&turned).map(|(a, b)| a + b);
                assert!(values(&work, &sum).into_iter().eq(sums));
            }
            for (x, power) in [(modulus.one(), 1), (modulus.square(), 2), (modulus.cube(), 3)] {
                assert_eq!(values(&work, x)[5], r.modpow(&BigUint::from(u32::try_from(power).unwrap()), &n));
            }
        }
    }
}

#[test]
fn a_number_below_twice_the_modulus_becomes_canonical() {
    let mut source = Source::new(2);
    for kernel in kernels() {
        for (n, modulus) in moduli(kernel, &mut source) {
            let mut work = Work::new(&modulus);
            let one = BigUint::from(1_u8);
            let mut edges = vec![BigUint::ZERO, one.clone(), &n - &one, n.clone(), &n + &one, &n * 2_u8 - &one];
            edges.resize_with(LANES, || source.below(&(&n * 2_u8)));
            let mut reduced = number(&mut work, &edges);
            work.canonical(&mut reduced);
            assert!(values(&work, &reduced).into_iter().eq(edges.iter().map(|x| x % &n)));
        }
    }
}

#[test]
fn tables_give_what_digits_ask_for() {
    let mut source = Source::new(3);
    for kernel in kernels() {
        let modulus = Modulus::new(kernel, &[source.word() | 1, source.word(), 1]);
        let work = Work::new(&modulus);
        let limbs = modulus.limbs();
        for digit_bits in 4..=8 {
            let entries = 1_usize << digit_bits;
            let table: Vec<Column> =
                (0..limbs * entries).map(|_| Column([(); LANES].map(|()| source.word()))).collect();
            for _ in 0..40 {
                let digits = Column([(); LANES].map(|()| source.word() % entries as u64));
                let (mut own, mut shared) = (work.number(), work.number());
                work.select(&table, &digits, &mut own);
                work.look_up(&table[..limbs * entries / LANES], &digits, &mut shared);
                for lane in 0..LANES {
                    let digit = usize::try_from(digits.0[lane]).unwrap();
                    for limb in 0..limbs {
                        assert_eq!(own[limb].0[lane], table[digit * limbs + limb].0[lane]);
                        let column = table[limb * entries / LANES + digit / LANES];
                        assert_eq!(shared[limb].0[lane], column.0[digit % LANES]);
                    }
                }
            }
        }
    }
}

#[test]
fn bytes_are_read_and_written() {
    let mut source = Source::new(4);
    for kernel in kernels() {
        for bytes in 1_usize..60 {
            let limbs = (8 * bytes + 4).div_ceil(kernel.limb_bits());
            let mut number = spread(&vec![u64::MAX; limbs]);
            for lane in 0..LANES {
                let text = source.bytes(bytes);
                lanes::read(&text, kernel.limb_bits(), lane, &mut number);
                let limbs: Vec<_> = number.iter().map(|column| column.0[lane]).collect();
                let value = limbs.iter().rev().fold(BigUint::ZERO, |sum, limb| (sum << kernel.limb_bits()) + limb);
                assert_eq!(value, BigUint::from_bytes_le(&text));
                let mut out = vec![0xaa; bytes];
                lanes::write(&number, kernel.limb_bits(), lane, &mut out);
                assert_eq!(out, text);
            }
        }
    }
}

#[test]
fn rows_are_read_and_written_as_lanes_are() {
    let mut source = Source::new(6);
    for (kernel, bits) in kernels().flat_map(|kernel| [60, 130, 412, 1000, 2048, 6144].map(|bits| (kernel, bits))) {
        let n: BigUint = (BigUint::from(1_u8) << bits) - 1_u8;
        let modulus = Modulus::new(kernel, &n.to_u64_digits());
        let mut work = Work::new(&modulus);
        let full = kernel.limb_bits() * modulus.limbs() / 8;
        for width in [1, 7, 8, 9, 63, 64, 65, full - 1, full].into_iter().filter(|width| *width <= full) {
            let bytes = source.bytes(LANES * width);
            let (mut together, mut one_by_one) = (work.number(), work.number());
            work.read(bytes.chunks(width), &mut together);
            for (lane, row) in bytes.chunks(width).enumerate() {
                lanes::read(row, kernel.limb_bits(), lane, &mut one_by_one);
            }
            assert!(*together == *one_by_one, "{bits} bits, {width} bytes");
            let mut out = vec![0xaa; bytes.len()];
            work.write(&together, &mut out, width);
            assert_eq!(out, bytes);
            let mut longer = vec![0xaa; LANES * (width + 17)];
            work.write(&together, &mut longer, width + 17);
            for (longer, row) in longer.chunks(width + 17).zip(bytes.chunks(width)) {
                assert_eq!(longer, [row, &[0; 17]].concat());
            }
        }
    }
}

#[test]
fn numbers_are_between_zero_and_another() {
    let number =
        |words: &[u64], tail: u8| [words.iter().flat_map(|word| word.to_le_bytes()).collect(), vec![tail]].concat();
    let bound = number(&[5, 0, 7], 3);
    for (words, tail, expected) in [
        ([4, 0, 7], 3, true),
        ([5, 0, 7], 3, false),
        ([6, 0, 7], 3, false),
        ([u64::MAX, u64::MAX, 6], 3, true),
        ([0, 1, 7], 3, false),
        ([0, 0, 0], 4, false),
        ([u64::MAX; 3], 2, true),
        ([0, 0, 0], 1, true),
        ([1, 0, 0], 0, true),
        ([0, 0, 0], 0, false),
    ] {
        assert_eq!(words::between_zero_and(&number(&words, tail), &bound), expected, "{words:?} {tail}");
    }
}

#[test]
fn words_agree_with_big_integers() {
    let mut source = Source::new(5);
    for length in 1..12 {
        for _ in 0..20 {
            let mut draw = || -> Vec<u64> { (0..length).map(|_| source.edge_word()).collect() };
            let (a, b) = (draw(), draw());
            let r = BigUint::from(1_u8) << (64 * length);
            assert_eq!(big(&words::multiply(&a, &b)), big(&a) * big(&b));
            assert_eq!(big(&words::multiply_low(&a, &b)), big(&a) * big(&b) % &r);
            let mut sum = a.clone();
            let carry = words::add(&mut sum, &b);
            assert_eq!(big(&sum) + &r * carry, big(&a) + big(&b));
            let mut difference = a.clone();
            let borrow = words::subtract(&mut difference, &b);
            assert_eq!(big(&difference) + big(&b), big(&a) + &r * borrow);
            assert_eq!(borrow == 1, big(&a) < big(&b));
            assert_eq!(words::less(&a, &b), borrow);
            assert_eq!(words::equal(&a, &b) == 1, a == b);
            let mut odd = a.clone();
            odd[0] |= 1;
            let inverse = words::inverse_power_of_two(&odd);
            assert_eq!(big(&odd) * big(&inverse) % &r, BigUint::from(1_u8));
            if big(&odd) > BigUint::from(1_u8) {
                assert_eq!(big(&words::power_of_two_mod(777, &odd)), (BigUint::from(1_u8) << 777) % big(&odd));
            }
        }
    }
}
