"""Bitmaps to arrays and back, against sets."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from miyun.bitmaps import to_bitmap, to_mask, to_numbers

numbers = st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 200), max_size=60)


@given(numbers)
def test_a_bitmap_holds_the_numbers_of_its_array(values: list[int]) -> None:
    bitmap = to_bitmap(np.array(values, np.uint32))
    assert bitmap == BitMap(values)
    assert to_numbers(bitmap).tolist() == sorted(set(values))


@given(numbers, st.integers(0, 200))
def test_a_mask_says_which_of_the_lowest_there_are(values: list[int], size: int) -> None:
    assert to_mask(BitMap(values), size).tolist() == [number in values for number in range(size)]
