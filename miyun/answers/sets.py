"""An audience on disk: sorted digests that are mapped into memory and searched where they lie.

::

    digests     count × 16 bytes, ascending, none twice
    fan-out     (2^bits + 1) × u32: how many digests begin with less than this prefix of ``bits`` bits
    footer      "MIYANS01", u64 count, u32 bits, u32 0

All numbers are little-endian. There are 2 to 4 digests to a prefix on average, so that a search reads one place of
the fan-out and one of the digests, and a set takes 17 to 18 bytes an id. A file is never changed once it has its name.
"""

import mmap
import struct
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import numpy as np

from miyun.answers.key import DIGEST_BYTES, AnswerKey
from miyun.errors import KeyAccessError
from miyun.keys.files import replacing

MAGIC: Final = b"MIYANS01"
FOOTER: Final = struct.Struct("<8sQII")
MOST_IDS: Final = (1 << 32) - 1

_PARTS_BITS = 6
_MOST_BITS = 24
_PIECE_BYTES = 256 << 10
_MADV_POPULATE_READ = 22
"""Of Linux 5.14; the module mmap has no name for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSet:
    """``ids`` are distinct; ``size`` is in bytes; ``mac`` is over the whole file."""

    ids: int
    size: int
    mac: bytes


class SetBuilder:
    """Takes digests in any order and any number of times, and writes the file of a set.

    Digests wait in nameless files by their first bits, so that memory holds a 64th of them at most.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: list[Any] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for _ in range(1 << _PARTS_BITS):
            self._parts.append(self._stack.enter_context(tempfile.TemporaryFile(dir=self._folder)))
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def add(self, digests: Sequence[bytes]) -> None:
        table = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, DIGEST_BYTES)
        parts = table[:, 0] >> (8 - _PARTS_BITS)
        order = np.argsort(parts, kind="stable")
        ends = np.cumsum(np.bincount(parts, minlength=len(self._parts)))
        begin = 0
        for part, end in zip(self._parts, ends.tolist(), strict=True):
            if end > begin:
                part.write(table[order[begin:end]].tobytes())
            begin = end

    def write(self, path: Path, key: AnswerKey) -> WrittenSet:
        """Write everything that was added, durably; a file that is there already is replaced."""
        held = sum(part.tell() for part in self._parts) // DIGEST_BYTES
        bits = min(max((held // 4).bit_length(), _PARTS_BITS), _MOST_BITS)
        mac, size, counts = key.mac(), 0, list[Any]()
        with replacing(path) as file:
            for number, part in enumerate(self._parts):
                digests, highs = _sorted(part)
                size += _put(file, mac, digests.tobytes())
                prefixes = (highs >> np.uint64(64 - bits)).astype(np.int64) - (number << (bits - _PARTS_BITS))
                counts.append(np.bincount(prefixes, minlength=1 << (bits - _PARTS_BITS)))
            count = size // DIGEST_BYTES
            fan_out = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype("<u4")
            size += _put(file, mac, fan_out.tobytes())
            size += _put(file, mac, FOOTER.pack(MAGIC, count, bits, 0))
        return WrittenSet(ids=count, size=size, mac=mac.digest())


def _sorted(part: Any) -> tuple[Any, Any]:
    """The digests of a part, ascending and each once, and their first 64 bits."""
    part.seek(0)
    words = np.frombuffer(part.read(), ">u8").reshape(-1, 2).astype(np.uint64)
    order = np.lexsort((words[:, 1], words[:, 0]))
    words = words[order]
    first = np.ones(len(words), bool)
    first[1:] = (words[1:] != words[:-1]).any(axis=1)
    words = words[first]
    return words.astype(">u8"), words[:, 0]


def _put(file: BinaryIO, mac: Any, data: bytes) -> int:
    mac.update(data)
    return file.write(data)


class AudienceSet:
    """A set that is searched in place. Several threads may ask at once."""

    __slots__ = ("_fan_out", "_map", "_shift", "ids")

    def __init__(self, mapped: mmap.mmap, count: int, bits: int) -> None:
        self.ids = count
        self._map = mapped
        self._shift = 32 - bits
        begin = count * DIGEST_BYTES
        self._fan_out = memoryview(mapped)[begin : begin + 4 * ((1 << bits) + 1)].cast("I")

    @classmethod
    def open(cls, path: Path, key: AnswerKey, mac: bytes, *, pause: Callable[[], None] = lambda: None) -> Self:
        """Map a file, after all of it was read and found whole; ``pause`` is called between pieces.

        Raises:
            KeyAccessError: the file is missing, damaged, or another home's.
        """
        try:
            with path.open("rb") as file:
                _check(file, key, mac, pause)
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            raise damaged(path) from None
        _, count, bits, _ = FOOTER.unpack(mapped[-FOOTER.size :])
        if hasattr(mapped, "madvise"):
            mapped.madvise(mmap.MADV_RANDOM)
            _populate(mapped, pause)
        return cls(mapped, count, bits)

    def __contains__(self, digest: bytes) -> bool:
        return self._place(digest) >= 0

    def without(self, digests: Collection[bytes]) -> Iterator[bytes]:
        """All its digests but these, in pieces of many."""
        left_out = sorted(place for place in map(self._place, set(digests)) if place >= 0)
        begin = 0
        for end in [*left_out, self.ids * DIGEST_BYTES]:
            for at in range(begin, end, _PIECE_BYTES):
                yield self._map[at : min(at + _PIECE_BYTES, end)]
            begin = end + DIGEST_BYTES

    def _place(self, digest: bytes) -> int:
        """Where it begins in the file; -1 where it is not there."""
        prefix = int.from_bytes(digest[:4], "big") >> self._shift
        begin, end = self._fan_out[prefix] * DIGEST_BYTES, self._fan_out[prefix + 1] * DIGEST_BYTES
        while (found := self._map.find(digest, begin, end)) >= 0:
            if found % DIGEST_BYTES == 0:
                return found
            begin = found + 1
        return -1


def _populate(mapped: mmap.mmap, pause: Callable[[], None]) -> None:
    """Fill the page table, where the system can, so that no question waits for that."""
    for begin in range(0, len(mapped), _PIECE_BYTES):
        try:
            mapped.madvise(_MADV_POPULATE_READ, begin, min(_PIECE_BYTES, len(mapped) - begin))
        except OSError:
            return
        pause()


def _check(file: BinaryIO, key: AnswerKey, mac: bytes, pause: Callable[[], None]) -> None:
    found = key.mac()
    while piece := file.read(_PIECE_BYTES):
        found.update(piece)
        pause()
    if found.digest() != mac:
        raise ValueError("another file")


def damaged(path: Path) -> KeyAccessError:
    return KeyAccessError(
        f"{path} is damaged or not this home's",
        hint="Build its audience again, or remove it: miyun answers build, miyun answers remove.",
    )
