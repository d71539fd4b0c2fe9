"""The secret permutation of records beyond memory, a native kernel."""

from collections import Counter
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from miyun.kernels import kernels

pytestmark = pytest.mark.skipif(not kernels().native, reason="the kernels are not installed")
MEBIBYTE = 1 << 20


def shuffled(folder: Path, records: list[bytes]) -> list[bytes]:
    """The blocks that come out."""
    import miyun_native

    shuffle = miyun_native.Shuffle(folder, len(records[0]), len(records))
    for record in records:
        shuffle.add(record)
    return list(shuffle)


def chi_square(counts: "np.ndarray") -> float:
    expected = counts.sum() / counts.size
    return float(((counts - expected) ** 2 / expected).sum())


def test_every_record_comes_out_once_and_blocks_are_short(tmp_path: Path) -> None:
    import miyun_native

    count = 1_000_000
    shuffle = miyun_native.Shuffle(tmp_path, 4, count)
    for start in range(0, count, 1000):
        shuffle.add(np.arange(start, start + 1000, dtype="<u4").tobytes())
    assert list(tmp_path.iterdir()) == []
    blocks = [np.frombuffer(block, "<u4") for block in shuffle]
    assert len(blocks) > 1
    assert max(block.nbytes for block in blocks) < 2 * MEBIBYTE
    order = np.concatenate(blocks)
    assert np.array_equal(np.sort(order), np.arange(count))

    # In which fifth a record is says nothing about the fifth it comes to: with 16 degrees of freedom, χ² is above 90
    # with a probability of 10⁻¹².
    cells = np.bincount(np.arange(count) * 5 // count * 5 + order.astype(np.int64) * 5 // count, minlength=25)
    assert chi_square(cells) < 90


def test_the_orders_of_three_over_two_buckets_are_equally_frequent(tmp_path: Path) -> None:
    """With 5 degrees of freedom, χ² is above 52 with a probability of 5 · 10⁻¹⁰."""
    names = b"abc"
    records = [bytes([name]) * (400 << 10) for name in names]
    found = Counter(b"".join(block[:: 400 << 10] for block in shuffled(tmp_path, records)) for _ in range(300))
    counts = np.array([found[bytes(order)] for order in permutations(names)])
    assert counts.sum() == 300
    assert chi_square(counts) < 52


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    import miyun_native

    shuffle = miyun_native.Shuffle(tmp_path, 4, 2)
    shuffle.add(b"1234")
    for records in (b"123", b"12345678"):
        with pytest.raises(miyun_native.BatchError):
            shuffle.add(records)
    assert list(shuffle) == [b"1234"]
    with pytest.raises(miyun_native.BatchError):
        shuffle.add(b"5678")
    with pytest.raises(miyun_native.BatchError):
        miyun_native.Shuffle(tmp_path, 0, 2)
    with pytest.raises(FileNotFoundError):
        miyun_native.Shuffle(tmp_path / "nowhere", 4, 2)
