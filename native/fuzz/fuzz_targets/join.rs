//! Columns of few different tokens are joined as by a map, or a repetition is found.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use miyun_native::join::{Column, Side, join};

fn column(numbers: &[u16]) -> (Vec<u8>, Vec<u8>) {
    let tokens = numbers.iter().flat_map(|number| (u128::from(*number) << 56).to_le_bytes()).collect();
    (tokens, (0..).take(numbers.len()).flat_map(u32::to_le_bytes).collect())
}

fuzz_target!(|input: (Vec<u16>, Vec<u16>)| {
    let (left, right) = input;
    let rows: HashMap<u16, u64> = right.iter().copied().zip(0..).collect();
    let mut seen = std::collections::HashSet::new();
    let repeated = !left.iter().all(|number| seen.insert(*number)) || rows.len() < right.len();
    let expected: Vec<u64> =
        (0..).zip(&left).filter_map(|(row, number): (u64, _)| Some(row << 32 | rows.get(number)?)).collect();
    let (left_tokens, left_handles) = column(&left);
    let (right_tokens, right_handles) = column(&right);
    let result = join(
        Column::new(Side::Left, &left_tokens, &left_handles).unwrap(),
        Column::new(Side::Right, &right_tokens, &right_handles).unwrap(),
    );
    assert_eq!(result.ok(), (!repeated).then_some(expected));
});
