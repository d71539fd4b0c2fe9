"""Randomness for readers' keys: made ahead, bounded, made in steps where it is slow, and given up with the contract."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from miyun.aggregates import chunks
from miyun.paillier import pool_folder
from miyun.paillier.fixed_base import FixedBase
from miyun.paillier.pool import SEGMENT_VALUES, Pool, pool_name
from miyun.zone import pools as subject
from miyun.zone.operations.randomness import LIVELY, wanted_pools
from miyun.zone.pools import Pools, ShortOrUniform, Wanted
from tests.paillier.keys import private_key
from tests.zone.asking import Owner, ask, asked_contract, get_selection, put_key, question, reader_key, task_job
from tests.zone.members import NOW, World, running
from tests.zone.test_segments import fuse

KEY = private_key().public_key
SHORT, UNIFORM = ShortOrUniform(KEY, True), ShortOrUniform(KEY, False)


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A zone of its own, which knows of no other contracts."""
    with running(tmp_path_factory.mktemp("pools")) as world:
        yield world


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many values were made at a time; they are no randomness, but nobody waits for them."""
    asked: list[int] = []

    def take(self: FixedBase, count: int) -> bytes:
        asked.append(count)
        return b"\1" * count * KEY.ciphertext_bytes

    monkeypatch.setattr(FixedBase, "take", take)
    return asked


def pool(folder: Path) -> Pool:
    return Pool(folder, FixedBase(KEY))


def test_pools_are_filled_bit_by_bit_up_to_their_bound_and_go_when_nobody_wants_them(
    tmp_path: Path, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "FILLED_AT_ONCE", 1)
    pools = Pools(tmp_path, SEGMENT_VALUES + 1)
    wanted = [Wanted(of=SHORT, values=10 * SEGMENT_VALUES)]
    assert [pools.look_after(wanted) for _ in range(3)] == [True, True, False]
    assert pool(tmp_path).available() == 2 * SEGMENT_VALUES

    drawn = pools.draw(SHORT, 5, "chunk")
    assert drawn is not None
    assert (drawn.public_key, drawn.kind) == (KEY, SHORT.kind)
    assert len(drawn.take(5)) == 5 * KEY.ciphertext_bytes
    assert pool(tmp_path).available() == 2 * SEGMENT_VALUES - 5
    assert made == [SEGMENT_VALUES] * 2

    assert not pools.look_after([Wanted(of=SHORT, values=0)])
    assert pool(tmp_path).available() == 2 * SEGMENT_VALUES - 5
    with pools._using(SHORT):
        pools.look_after([])
        assert len(list(tmp_path.iterdir())) == 1
    pools.look_after([])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("made")
def test_a_thread_looks_after_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled, look_after = threading.Event(), Pools.look_after

    def told(self: Pools, wanted: Sequence[Wanted]) -> bool:
        more = look_after(self, wanted)
        if not more:
            filled.set()
        return more

    monkeypatch.setattr(Pools, "look_after", told)
    (tmp_path / "of-a-contract-that-is-over").mkdir()
    pools = Pools(tmp_path, 2 * SEGMENT_VALUES)
    wanted: list[Wanted] = []
    pools.start(lambda: wanted)
    assert filled.wait(60)
    assert list(tmp_path.iterdir()) == []
    filled.clear()
    wanted.append(Wanted(of=SHORT, values=SEGMENT_VALUES))
    pools.wake()
    assert filled.wait(60)
    pools.stop()
    assert pool(tmp_path).available() == SEGMENT_VALUES


def test_what_takes_longer_than_a_call_is_made_over_several(
    tmp_path: Path, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "CALL_SECONDS", 0.0)
    pools = Pools(tmp_path, 0)
    assert [pools.draw(SHORT, 20, "chunk") is None for _ in range(3)] == [True, True, False]
    assert made == [8, 8, 4]
    assert pools.draw(SHORT, 20, "chunk") is None
    assert pools.draw(SHORT, 8, "other") is not None


def test_a_stretch_grows_while_it_is_short(tmp_path: Path, made: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "STRETCH_SECONDS", float("inf"))
    assert Pools(tmp_path, 0).draw(SHORT, 100, "chunk") is not None
    assert made == [8, 16, 32, 44]


def test_of_chunks_that_nobody_comes_back_for_some_are_forgotten(
    tmp_path: Path, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "CALL_SECONDS", 0.0)
    monkeypatch.setattr(subject, "MOST_DRAWINGS", 2)
    pools = Pools(tmp_path, 0)
    assert [pools.draw(SHORT, 9, place) for place in "abc"] == [None] * 3
    assert pools.draw(SHORT, 9, "c") is not None
    assert pools.draw(SHORT, 9, "a") is None


@pytest.mark.parametrize("most_values", [0, 5])
def test_without_a_place_for_pools_there_is_randomness_all_the_same(
    tmp_path: Path, made: list[int], monkeypatch: pytest.MonkeyPatch, most_values: int
) -> None:
    monkeypatch.setattr(pool_folder, "identify", lambda descriptor: None)
    pools = Pools(tmp_path, most_values)
    assert not pools.look_after([Wanted(of=SHORT, values=5)])
    assert pools.draw(SHORT, 3, "chunk") is not None
    assert made == [3]


def test_keys_that_do_not_admit_short_exponents_get_uniform_randomness(tmp_path: Path) -> None:
    drawn = Pools(tmp_path, 0).draw(UNIFORM, 2, "chunk")

    assert drawn is not None
    assert drawn.kind is UNIFORM.kind
    assert list(private_key().decrypt(KEY.encrypt([3, -4], drawn).data)) == [3, -4]


def test_a_zone_keeps_randomness_for_newest_keys_and_open_questions(world: World) -> None:
    core, folder = world.zone._core, world.folder / "meeting-place" / "pools"
    core.pools.stop()
    fused = asked_contract(world, "asked-pools")
    handles = len(fused.right.handles)

    def kept() -> dict[ShortOrUniform, int]:
        wanted = wanted_pools(core)
        core.pools.look_after(wanted)
        names = {pool_name(item.of.key, item.of.kind) for item in wanted}
        assert {path.name for path in folder.iterdir()} <= names
        return {item.of: item.values for item in wanted}

    assert kept() == {SHORT: handles}
    assert len(list(folder.iterdir())) == 1
    ask(world.merchant, question(fused, job="open"))
    put_key(world.merchant, replace(reader_key(fused), short_exponents=False))
    assert kept() == {SHORT: handles, UNIFORM: 0}
    world.clock.now = NOW + LIVELY
    assert kept() == {SHORT: handles, UNIFORM: handles}

    fuse(world, fused.contract, epoch=2)
    assert kept() == {UNIFORM: handles}
    world.clock.now = fused.contract.expires
    assert kept() == {}
    assert list(folder.iterdir()) == []


def test_a_cold_chunk_is_asked_for_until_it_is_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_HANDLES", 32)
    fused = asked_contract(world, "asked-cold")
    ask(world.merchant, question(fused, job="cold"))
    owner = Owner(fused, fused.right, task_job(fused, world.platform, "cold"))
    monkeypatch.setattr(subject, "CALL_SECONDS", 0.0)
    world.zone._core.pools.stop()
    monkeypatch.setattr(world.zone._core.pools, "_most_values", 0)
    monkeypatch.setattr(world.zone._core.pools, "_sources", {})

    answers = [get_selection(world.platform, owner.job, 0) for _ in range(4)]

    assert [answer.HasField("statement") for answer in answers] == [False, False, False, True]
    assert world.merchant.job(fused.contract, "cold").done == 1
