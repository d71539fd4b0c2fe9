//! Columns that are dealt over parts are joined as in memory, or refused for the same side, or as crowded.
#![no_main]

use std::env::temp_dir;

use libfuzzer_sys::fuzz_target;
use miyun_native::join::parts::{Error, Parts};
use miyun_native::join::{Column, Error as ColumnError, Side, join};

fn column(numbers: &[u16]) -> (Vec<u8>, Vec<u8>) {
    let tokens = numbers.iter().flat_map(|number| (u128::from(*number) << 56).to_le_bytes()).collect();
    (tokens, (0..).take(numbers.len()).flat_map(u32::to_le_bytes).collect())
}

fuzz_target!(|input: (Vec<u16>, Vec<u16>, u8, u8, u8)| {
    let (left, right, count, capacity, piece) = input;
    let count = u16::from(count).max(1);
    let mut parts = Parts::new(&temp_dir(), count, usize::from(capacity)).unwrap();
    for (side, numbers) in [(Side::Left, &left), (Side::Right, &right)] {
        let (tokens, handles) = column(numbers);
        let piece = usize::from(piece).max(1);
        for (tokens, handles) in tokens.chunks(16 * piece).zip(handles.chunks(4 * piece)) {
            parts.add(side, tokens, handles).unwrap();
        }
    }
    let found = (0..count).map(|part| parts.pairs(part)).collect::<Result<Vec<_>, _>>();
    let (left, right) = (column(&left), column(&right));
    let expected = join(
        Column::new(Side::Left, &left.0, &left.1).unwrap(),
        Column::new(Side::Right, &right.0, &right.1).unwrap(),
    );
    match found {
        Ok(pairs) => {
            let mut pairs = pairs.concat();
            pairs.sort_unstable();
            assert_eq!(Ok(pairs), expected);
        }
        Err(Error::Columns(ColumnError::Repeated { .. })) => {
            assert!(matches!(expected, Err(ColumnError::Repeated { .. })));
        }
        Err(Error::Crowded(_)) => assert!(left.1.len().max(right.1.len()) > 4 * usize::from(capacity)),
        Err(error) => panic!("{error}"),
    }
});
