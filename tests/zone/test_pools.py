"""Randomness for readers' keys: made ahead, bounded, taken from the pool, and given up with the contract."""

import threading
from pathlib import Path

import pytest

from miyun.paillier.fixed_base import FixedBase
from miyun.paillier.pool import SEGMENT_VALUES, Pool
from miyun.paillier.public import Kind
from miyun.zone.pools import Pools, Uniform
from tests.paillier.keys import private_key

KEY = private_key().public_key


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values that are no randomness, but that nobody waits for."""
    monkeypatch.setattr(FixedBase, "take", lambda self, count: b"\1" * count * KEY.ciphertext_bytes)


def test_a_pool_is_filled_in_the_background_up_to_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled = threading.Event()
    asked = []
    fill = Pool.fill

    def told(self: Pool, target: int, stop: threading.Event | None = None) -> None:
        asked.append(target)
        fill(self, target, stop=stop)
        filled.set()

    monkeypatch.setattr(Pool, "fill", told)
    pools = Pools(tmp_path, SEGMENT_VALUES + 1)
    pools.start()
    pools.want(KEY, 10 * SEGMENT_VALUES, short=True)
    assert filled.wait(60)
    pools.stop()

    assert asked == [SEGMENT_VALUES + 1]
    pool = pools.randomness(KEY, short=True)
    assert isinstance(pool, Pool)
    assert pool.available() == 2 * SEGMENT_VALUES
    pool.take(5)
    assert pools.randomness(KEY, short=True) is pool
    assert pool.available() == 2 * SEGMENT_VALUES - 5

    pools.drop(KEY, short=True)
    assert pool.available() == 0


def test_without_pools_there_is_randomness_all_the_same(tmp_path: Path) -> None:
    pools = Pools(tmp_path, 0)

    assert isinstance(pools.randomness(KEY, short=True), FixedBase)
    assert list(tmp_path.iterdir()) == []


def test_keys_that_do_not_admit_short_exponents_get_uniform_randomness(tmp_path: Path) -> None:
    source = Pools(tmp_path, 0).randomness(KEY, short=False)

    assert isinstance(source, Uniform)
    assert source.kind is Kind.UNIFORM
    values = KEY.encrypt([3, -4], source)
    assert list(private_key().decrypt(values.data)) == [3, -4]
