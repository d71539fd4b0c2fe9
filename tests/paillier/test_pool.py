"""Pools hand out what was put in, in any number of portions, and keep to themselves."""

import itertools
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from miyun.errors import ConfigError, StateError
from miyun.paillier.fixed_base import FixedBase
from miyun.paillier.pool import Pool, pool_name, remove_pool
from miyun.paillier.private import PrivateKey
from miyun.paillier.public import Kind

from .taking import SEGMENT, Numbered, pool_in, values


def filled(parent: Path, count: int) -> tuple[Pool, Numbered, list[str]]:
    source = Numbered()
    pool, said = pool_in(parent, source)
    pool.fill(count)
    return pool, source, said


def folder_in(parent: Path) -> Path:
    (folder,) = parent.iterdir()
    return folder


def segments(parent: Path) -> list[str]:
    return sorted(path.name for path in folder_in(parent).glob("*.values"))


def test_values_come_out_in_order_and_once(tmp_path: Path) -> None:
    pool, source, _ = filled(tmp_path, 5 * SEGMENT)
    taken: list[bytes] = []
    for portion in (0, 1, SEGMENT - 1, 3, 2 * SEGMENT, 1, 0, 2):
        taken += values(pool.take(portion))
    assert taken == source.made[: len(taken)]
    assert pool.available() == 5 * SEGMENT - len(taken)
    again, _ = pool_in(tmp_path)
    assert again.available() == pool.available()
    assert values(again.take(1)) == source.made[len(taken) : len(taken) + 1]


def test_what_the_pool_lacks_is_made(tmp_path: Path) -> None:
    pool, source, _ = filled(tmp_path, 2 * SEGMENT)
    taken = values(pool.take(2 * SEGMENT + 3))
    assert taken == source.made
    assert len(taken) == 2 * SEGMENT + 3
    assert pool.available() == 0
    assert values(pool.take(2)) == source.made[-2:]


def test_used_values_are_gone_from_the_disk(tmp_path: Path) -> None:
    pool, source, _ = filled(tmp_path, 3 * SEGMENT)
    pool.take(SEGMENT + 3)
    assert len(segments(tmp_path)) == 2
    left = b"".join(path.read_bytes() for path in folder_in(tmp_path).iterdir())
    assert not any(value in left for value in source.made[: SEGMENT + 3])
    assert all(value in left for value in source.made[SEGMENT + 3 :])


def test_numbers_go_on_after_everything_was_used(tmp_path: Path) -> None:
    pool, source, _ = filled(tmp_path, SEGMENT)
    pool.take(SEGMENT)
    assert segments(tmp_path) == []
    pool.fill(1)
    assert segments(tmp_path) == ["0000000001.values"]
    assert values(pool.take(SEGMENT)) == source.made[SEGMENT:]


def test_files_are_the_owners_alone_and_no_backups(tmp_path: Path) -> None:
    pool, *_ = filled(tmp_path, 2 * SEGMENT)
    pool.take(1)
    folder = folder_in(tmp_path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert (folder / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55\n")


def test_filling_tells_how_far_it_is_and_goes_on_where_it_was(tmp_path: Path) -> None:
    source = Numbered()
    pool, _ = pool_in(tmp_path, source)
    seen: list[tuple[int, int]] = []
    stop = threading.Event()

    def stop_in_the_middle(there: int, target: int) -> None:
        seen.append((there, target))
        if there >= SEGMENT:
            stop.set()

    pool.fill(3 * SEGMENT - 1, stop_in_the_middle, stop)
    assert pool.available() == 2 * SEGMENT
    pool.fill(3 * SEGMENT - 1, lambda *progress: seen.append(progress))
    assert pool.available() == 3 * SEGMENT
    assert len(source.made) == 3 * SEGMENT
    assert [there for there, _ in seen] == [0, 8, 16, 16, 23]
    assert {target for _, target in seen} == {3 * SEGMENT - 1}


def test_only_one_process_fills(tmp_path: Path) -> None:
    pool, _ = pool_in(tmp_path)
    other, _ = pool_in(tmp_path)

    def meanwhile(*_: int) -> None:
        with pytest.raises(StateError, match="another process fills"):
            other.fill(1)

    outcome: list[object] = []

    def fill() -> None:
        pool.fill(1, meanwhile)
        outcome.append("filled")

    thread = threading.Thread(target=fill)
    thread.start()
    thread.join()
    assert outcome == ["filled"]


def test_threads_get_different_values(tmp_path: Path) -> None:
    pool, source, said = filled(tmp_path, 30 * SEGMENT)
    taken: list[list[bytes]] = [[] for _ in range(4)]

    def work(mine: list[bytes], portion: int) -> None:
        for _ in range(8):
            mine += values(pool.take(portion))

    threads = [
        threading.Thread(target=work, args=(mine, portion)) for mine, portion in zip(taken, (1, 5, 9, 12), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = list(itertools.chain.from_iterable(taken))
    assert len(everything) == len(set(everything)) == 8 * 27
    assert set(everything) == set(source.made[: 8 * 27])
    assert said == []


def copy(parent: Path, other: Path) -> None:
    shutil.copytree(parent, other, copy_function=shutil.copy2)


def test_a_copy_is_thrown_away_and_the_original_goes_on(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    pool, source, said = filled(here, 2 * SEGMENT)
    copy(here, there)

    copied, said_of_copy = pool_in(there)

    assert copied.available() == 0
    assert segments(there) == []
    (message,) = said_of_copy
    assert "copied, restored from a backup" in message
    assert "thrown away" in message
    assert values(pool.take(2)) == source.made[:2]
    assert said == []


def put_in_place_of(backup: Path, folder: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(backup, folder, copy_function=shutil.copy2)


def write_over(backup: Path, folder: Path) -> None:
    for path in backup.iterdir():
        if not (folder / path.name).exists() or (folder / path.name).read_bytes() != path.read_bytes():
            (folder / path.name).write_bytes(path.read_bytes())


def replace_changed(backup: Path, folder: Path) -> None:
    for path in backup.iterdir():
        if not (folder / path.name).exists() or (folder / path.name).read_bytes() != path.read_bytes():
            shutil.copy2(path, folder / "new")
            (folder / "new").rename(folder / path.name)


def replace_the_cursor(backup: Path, folder: Path) -> None:
    shutil.copy2(backup / "cursor.json", folder / "new")
    (folder / "new").rename(folder / "cursor.json")


def write_over_the_cursor(backup: Path, folder: Path) -> None:
    (folder / "cursor.json").write_bytes((backup / "cursor.json").read_bytes())


@pytest.mark.parametrize(
    "restore", [put_in_place_of, write_over, replace_changed, replace_the_cursor, write_over_the_cursor]
)
@pytest.mark.parametrize("portions", [1, 2, 3])
def test_a_restored_pool_is_thrown_away(restore: Callable[[Path, Path], None], portions: int, tmp_path: Path) -> None:
    parent = tmp_path / "pools"
    pool, source, said = filled(parent, 4 * SEGMENT)
    pool.take(3)
    copy(parent, tmp_path / "backup")
    used = [value for _ in range(portions) for value in values(pool.take(SEGMENT // 2))]

    restore(folder_in(tmp_path / "backup"), folder_in(parent))

    assert pool.available() == 0
    assert len(said) == 1
    assert not set(values(pool.take(2 * SEGMENT))) & set(used)
    pool.fill(1)
    assert values(pool.take(1)) == source.made[-SEGMENT : -SEGMENT + 1]


def test_restored_segments_alone_bring_nothing_back(tmp_path: Path) -> None:
    parent = tmp_path / "pools"
    pool, source, _ = filled(parent, 2 * SEGMENT)
    copy(parent, tmp_path / "backup")
    pool.take(SEGMENT + 2)
    for path in folder_in(tmp_path / "backup").glob("*.values"):
        shutil.copy2(path, folder_in(parent))
    again, _ = pool_in(parent)
    assert segments(parent) == ["0000000001.values"]
    assert values(again.take(2)) == source.made[SEGMENT + 2 : SEGMENT + 4]


def test_a_pool_that_is_moved_stays_one(tmp_path: Path) -> None:
    pool, source, _ = filled(tmp_path / "old", SEGMENT)
    pool.take(2)
    (tmp_path / "old").rename(tmp_path / "new")
    moved, said = pool_in(tmp_path / "new")
    assert values(moved.take(3)) == source.made[2:5]
    assert said == []


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def erase(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("damage", [truncate, erase, Path.unlink])
def test_values_that_were_lost_are_noticed(damage: Callable[[Path], None], tmp_path: Path) -> None:
    pool, source, said = filled(tmp_path, 3 * SEGMENT)
    damage(folder_in(tmp_path) / "0000000001.values")
    taken = values(pool.take(3 * SEGMENT))
    assert len(taken) == len(set(taken)) == 3 * SEGMENT
    assert set(taken) <= set(source.made)
    assert not set(taken) & set(source.made[SEGMENT : 3 * SEGMENT])
    assert len(said) == 1
    assert pool.available() == 0


@pytest.mark.parametrize("name", ["pool.json", "cursor.json"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"reserved": 0}', b"[]", b"\xff"])
def test_a_folder_that_is_no_pool_becomes_one(name: str, content: bytes | None, tmp_path: Path) -> None:
    pool, source, said = filled(tmp_path, 2 * SEGMENT)
    path = folder_in(tmp_path) / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert values(pool.take(1)) == source.made[-1:]
    assert len(said) == 1


def test_keys_and_kinds_have_pools_of_their_own(key: PrivateKey, tmp_path: Path) -> None:
    short = Pool(tmp_path, FixedBase(key.public_key), segment=4)
    uniform = Pool(tmp_path, key, segment=4)
    short.fill(4)
    uniform.fill(8)
    assert (short.kind, uniform.kind) == (Kind.SHORT, Kind.UNIFORM)
    assert (short.available(), uniform.available()) == (4, 8)
    assert len(list(tmp_path.iterdir())) == 2
    plain = [3, -1, 2**70, 0, 7]
    for pool in (short, uniform):
        assert key.decrypt(key.public_key.encrypt(plain, pool).data) == plain
    assert (short.available(), uniform.available()) == (0, 3)


def test_a_pool_can_be_removed(tmp_path: Path) -> None:
    _, source, said = filled(tmp_path, SEGMENT)
    path = tmp_path / pool_name(source.public_key, source.kind)
    remove_pool(path)
    remove_pool(path)
    assert list(tmp_path.iterdir()) == []
    anew, _ = pool_in(tmp_path, source)
    assert anew.available() == 0
    assert said == []


def test_what_is_ready_is_taken_without_making_more(tmp_path: Path) -> None:
    pool, source, _ = filled(tmp_path, SEGMENT)
    assert values(pool.take_ready(3)) == source.made[:3]
    assert values(pool.take_ready(2 * SEGMENT)) == source.made[3:]
    assert pool.take_ready(1) == b""
    assert len(source.made) == SEGMENT


def test_a_file_system_that_cannot_tell_a_copy_gets_no_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miyun.paillier.pool_folder.identify", lambda _: None)
    with pytest.raises(ConfigError, match="a copy could pass"):
        pool_in(tmp_path)
