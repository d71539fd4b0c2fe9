"""Roaring bytes from a hostile party."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from miyun.errors import MalformedError
from miyun.zone.bitmaps import read_bitmap

UNIVERSE = 200_000
handles = st.integers(0, UNIVERSE - 1)


@given(st.sets(handles, max_size=50), st.lists(st.tuples(handles, st.integers(1, 5_000)), max_size=3), st.booleans())
@settings(max_examples=60)
def test_what_a_writer_writes_is_read(singles: set[int], runs: list[tuple[int, int]], optimised: bool) -> None:
    bitmap = BitMap(singles)
    for start, length in runs:
        bitmap.add_range(start, min(start + length, UNIVERSE))
    if optimised:
        bitmap.run_optimize()

    assert read_bitmap(bitmap.serialize(), UNIVERSE) == bitmap


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        bitmap = read_bitmap(data, UNIVERSE)
    except MalformedError:
        return
    assert bitmap.serialize() == data


def test_damaged_bitmaps_are_read_or_refused() -> None:
    chance = random.Random(20261122)
    sparse, dense = BitMap(chance.sample(range(UNIVERSE), 20_000)), BitMap(range(100, 9_000))
    dense.run_optimize()
    refused = 0
    for _ in range(3_000):
        damaged = bytearray(chance.choice((sparse, dense, BitMap([1, 70_000]))).serialize())
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(min(len(damaged), 64))] = chance.randrange(256)
        try:
            bitmap = read_bitmap(bytes(damaged), UNIVERSE)
        except MalformedError:
            refused += 1
        else:
            assert not bitmap or bitmap.max() < UNIVERSE
    assert refused > 2_000


@pytest.mark.parametrize("data", [b"", BitMap([UNIVERSE]).serialize(), BitMap([5]).serialize() + b"\0", bytes(70_000)])
def test_bytes_outside_the_bounds_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        read_bitmap(data, UNIVERSE)


def test_an_empty_universe_holds_the_empty_set_alone() -> None:
    assert read_bitmap(BitMap().serialize(), 0) == BitMap()
    with pytest.raises(MalformedError):
        read_bitmap(BitMap([0]).serialize(), 0)
