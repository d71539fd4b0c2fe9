"""The join in files: its bounds, and what it leaves behind."""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from miyun.errors import ConfigError, MalformedError
from miyun.psi.join import TokenColumn
from miyun.psi.join_chunks import ChunkedColumn, Room, join_chunks
from miyun.psi.join_parts import open_parts

pytestmark = pytest.mark.usefixtures("each_backend")

ROWS_A_CHUNK = 32_768


def tokens(numbers: "np.ndarray") -> bytes:
    """Different ones for different numbers, and in no order."""
    return np.stack([mixed(numbers * np.uint64(2)), mixed(numbers * np.uint64(2) + np.uint64(1))], axis=1).tobytes()


def mixed(numbers: "np.ndarray") -> "np.ndarray":
    for factor in (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)):
        numbers = (numbers ^ numbers >> np.uint64(30)) * factor
    return numbers


def numbered(first: int, count: int) -> ChunkedColumn:
    """Rows of consecutive numbers, under their places."""

    def chunks() -> Iterator[TokenColumn]:
        for start in range(0, count, ROWS_A_CHUNK):
            places = np.arange(start, min(start + ROWS_A_CHUNK, count), dtype=np.uint64)
            yield TokenColumn(tokens(places + np.uint64(first)), places.astype(np.uint32))

    return ChunkedColumn(rows=count, chunks=chunks())


def no_room(folder: Path) -> Room:
    return Room(memory_bytes=0, folder=folder)


def test_blocks_are_short_and_ascend(tmp_path: Path) -> None:
    blocks = list(join_chunks([(numbered(0, 700_000), numbered(10, 700_000))], no_room(tmp_path)))
    assert max(block.left.size for block in blocks) <= 1 << 18
    assert {(block.left.dtype, block.right.dtype, block.type_index.dtype) for block in blocks} == {
        (np.dtype(np.uint32), np.dtype(np.uint32), np.dtype(np.uint8))
    }
    left, right = (np.concatenate([getattr(block, side) for block in blocks]) for side in ("left", "right"))
    assert np.array_equal(left, np.arange(10, 700_000))
    assert np.array_equal(right, np.arange(0, 699_990))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_part_is_read_to_its_capacity_only(tmp_path: Path, side: str) -> None:
    def filled(many: TokenColumn) -> tuple[TokenColumn, TokenColumn]:
        few = TokenColumn(tokens(np.arange(3, dtype=np.uint64)), np.arange(3, dtype=np.uint32))
        return (many, few) if side == "left" else (few, many)

    handles = np.arange(101, dtype=np.uint32)
    for column, reason in [
        (TokenColumn(tokens(handles.astype(np.uint64)), handles), "crowd"),
        (TokenColumn(bytes(16 * 101), handles), "token twice"),
    ]:
        parts = open_parts(tmp_path, 1, 100)
        left, right = filled(column)
        parts.add_left(left)
        parts.add_right(right)
        with pytest.raises(MalformedError, match=reason):
            parts.pairs(0)


def test_tokens_that_begin_alike_are_spread_over_parts(tmp_path: Path) -> None:
    parts = open_parts(tmp_path, 8, 2000)
    handles = np.arange(8000, dtype=np.uint32)
    words = np.zeros((8000, 4), "<u4")
    words[:, 3] = mixed(handles.astype(np.uint64) + np.uint64(1)) >> np.uint64(32)
    assert np.unique(words[:, 3]).size == 8000
    parts.add_left(TokenColumn(words.tobytes(), handles))
    parts.add_right(TokenColumn(words[::-1].tobytes(), handles))
    sizes = [parts.pairs(part)[0].size for part in range(8)]
    assert sum(sizes) == 8000
    assert max(sizes) < 1900


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What a full disk is like: writing beyond it is an error."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


def test_a_full_disk_is_said_so(tmp_path: Path) -> None:
    with files_of_at_most(1 << 20), pytest.raises(ConfigError, match="beyond its memory") as caught:
        join_chunks([(numbered(0, 100_000), numbered(0, 100_000))], no_room(tmp_path))
    assert str(tmp_path) in caught.value.message
    assert "disk" in caught.value.hint


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        join_chunks([(numbered(0, 10), numbered(0, 10))], no_room(tmp_path / "nowhere"))


KILLED = """
import os, signal, sys
from pathlib import Path
from miyun.psi.join_chunks import ChunkedColumn, Room, join_chunks
from tests.psi.test_join_files import numbered

def doomed():
    yield from numbered(0, 600_000).chunks
    print("dealt", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

column = ChunkedColumn(rows=600_000, chunks=doomed())
join_chunks([(numbered(0, 600_000), column)], Room(memory_bytes=0, folder=Path(sys.argv[1])))
"""


def run(script: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """In a process of its own, on the same backend."""
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )


def test_a_killed_join_leaves_no_file(tmp_path: Path) -> None:
    killed = run(KILLED, tmp_path)
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout == "dealt\n"
    assert list(tmp_path.iterdir()) == []


MEASURED = """
import sys
from pathlib import Path
from miyun.psi.join_chunks import Room, join_chunks
from tests.psi.test_join_files import highest_memory, numbered

def joined(rows):
    columns = [(numbered(0, rows), numbered(rows // 2, rows))]
    room = Room(memory_bytes=128 << 20, folder=Path(sys.argv[1]))
    return sum(block.left.size for block in join_chunks(columns, room))

joined(100)
before = highest_memory()
assert joined(2_000_000) == 1_000_000
print(highest_memory() - before)
"""


def highest_memory() -> int:
    """Bytes of this process."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system in Linux's way")
def test_a_join_keeps_to_its_memory(tmp_path: Path) -> None:
    measured = run(MEASURED, tmp_path)
    assert measured.returncode == 0, measured.stderr
    assert int(measured.stdout) < 128 << 20
