"""The files of a pool of randomness.

===================  ================================================================================================
``pool.json``        the key's digest, the kind of values, how many a segment has
``cursor.json``      how many values were reserved in all, and which file this is: a restored or copied one is another
``<number>.values``  a segment; used ranges are punched out, a segment that is used up is removed
``CACHEDIR.TAG``     tells backups to leave the folder out (bford.info/cachedir)
``lock``, ``fill``   locks: of everything else; of who fills
===================  ================================================================================================
"""

import contextlib
import ctypes
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from miyun.errors import ConfigError
from miyun.keys.files import FILE_MODE, make_private_folder, replacing, write_private
from miyun.paillier.file_identity import FileIdentity, identify
from miyun.paillier.public import Kind, PublicKey

FORMAT: Final = "miyun-pool-1"

_TAG = b"""\
Signature: 8a477f597d28d172789f06886806bc55
# Randomness for encryption, each value for one ciphertext. A value that comes back from a backup opens what it hid.
"""
_LOCKS = frozenset({"lock", "fill"})
_PUNCH_HOLE_KEEP_SIZE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Part of a segment that was reserved. It was opened before anybody could remove it."""

    descriptor: int
    path: Path
    offset: int
    length: int
    is_last: bool
    """Nothing of the segment is left behind it."""


class PoolFolder:
    """What is on disk. Every method but :meth:`consume` is called with :attr:`lock` held."""

    def __init__(self, path: Path, key: PublicKey, kind: Kind, segment: int) -> None:
        self.path = path
        self.segment = segment
        self.width = key.ciphertext_bytes
        self._facts = {
            "format": FORMAT,
            "key": hashlib.sha256(key.to_bytes()).hexdigest(),
            "kind": kind.value,
            "segment": segment,
        }
        make_private_folder(path)
        self.lock = FileLock(path / "lock", mode=FILE_MODE)
        self.fill_lock = FileLock(path / "fill", mode=FILE_MODE)

    def is_empty(self) -> bool:
        return all(path.name in _LOCKS for path in self.path.iterdir())

    def is_sound(self) -> bool:
        """Whether this is a pool for this key and kind, and was always here."""
        try:
            descriptor = os.open(self._cursor, os.O_RDONLY)
            try:
                identity = identify(descriptor)
            finally:
                os.close(descriptor)
            cursor = json.loads(self._cursor.read_bytes())
            facts = json.loads(self._header.read_bytes())
            return bool(facts == self._facts and identity == FileIdentity(inode=cursor["inode"], born=cursor["born"]))
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def create(self) -> None:
        """A pool without values in place of whatever is there.

        Raises:
            ConfigError: the file system can't tell a file from its copy.
        """
        for path in self.path.iterdir():
            if path.name not in _LOCKS:
                path.unlink(missing_ok=True)
        write_private(self.path / "CACHEDIR.TAG", _TAG)
        write_private(self._header, json.dumps(self._facts, indent=1).encode() + b"\n")
        self._write_cursor(0)

    def cursor(self) -> int:
        return int(json.loads(self._cursor.read_bytes())["reserved"])

    def end(self) -> int:
        """The cursor's place once all values that are there have been used."""
        return max(self.segment * (max(self._numbers(), default=-1) + 1), self.cursor())

    def reserve(self, count: int) -> list[Piece]:
        """The next ``count`` values, of those that are there. Durably, nobody is given them again."""
        start = self.cursor()
        with contextlib.ExitStack() as opened:
            pieces = []
            for number in range(start // self.segment, -(-(start + count) // self.segment)):
                piece = self._piece(number, start, start + count)
                opened.callback(os.close, piece.descriptor)
                pieces.append(piece)
            self._write_cursor(start + count)
            opened.pop_all()
        return pieces

    @staticmethod
    def consume(piece: Piece) -> bytes:
        """The values of a piece, erased on disk; it is closed."""
        try:
            values = os.pread(piece.descriptor, piece.length, piece.offset)
            punch(piece.descriptor, piece.offset, piece.length)
        finally:
            os.close(piece.descriptor)
        if piece.is_last:
            piece.path.unlink(missing_ok=True)
        return values

    def append(self, values: bytes) -> None:
        """A segment more, whole or not at all."""
        write_private(self._segment(-(-self.end() // self.segment)), values)

    def sweep(self) -> None:
        """Remove what a process that died has left: segments that are used up, files that were never finished."""
        for number in self._numbers():
            if (number + 1) * self.segment <= self.cursor():
                self._segment(number).unlink(missing_ok=True)
        for path in self.path.glob(".*"):
            path.unlink(missing_ok=True)

    def _piece(self, number: int, start: int, end: int) -> Piece:
        path, base = self._segment(number), number * self.segment
        first, behind = max(start - base, 0), min(end - base, self.segment)
        return Piece(
            descriptor=os.open(path, os.O_RDWR),
            path=path,
            offset=first * self.width,
            length=(behind - first) * self.width,
            is_last=behind == self.segment,
        )

    def _numbers(self) -> list[int]:
        return [int(path.stem) for path in self.path.glob("*.values") if path.stem.isdecimal()]

    def _segment(self, number: int) -> Path:
        return self.path / f"{number:010}.values"

    def _write_cursor(self, reserved: int) -> None:
        with replacing(self._cursor) as file:
            identity = identify(file.fileno())
            if identity is None:
                raise ConfigError(
                    f"the file system of {self.path} does not say when a file was made, so a copy could pass for it",
                    hint="Put the pool on another file system, such as ext4, xfs or btrfs, or do without one.",
                )
            file.write(json.dumps({"reserved": reserved} | asdict(identity)).encode() + b"\n")

    @property
    def _header(self) -> Path:
        return self.path / "pool.json"

    @property
    def _cursor(self) -> Path:
        return self.path / "cursor.json"


def punch(descriptor: int, offset: int, length: int) -> None:
    """Give a range back to the file system, as a hole of zeros; or write zeros, where it makes no holes."""
    fallocate = _fallocate()
    if fallocate is None or fallocate(descriptor, _PUNCH_HOLE_KEEP_SIZE, offset, length) != 0:
        os.pwrite(descriptor, bytes(length), offset)


@cache
def _fallocate() -> Any:
    try:
        function = ctypes.CDLL(None, use_errno=True).fallocate
    except (AttributeError, OSError):
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return function
