"""Randomness made in advance and kept on disk, each value for one ciphertext.

Whoever knows the rⁿ of a ciphertext reads its plaintext, and two ciphertexts with the same rⁿ show the difference of
theirs. So a value is reserved durably before it is handed out, and none is handed out twice: not after a crash, which
loses the values that were on their way; not to two processes; not from a copy of the folder or one that was restored
from a backup, which is found out and thrown away. What can't be found out is a disk that was turned back as a whole,
with a snapshot of the machine: remove the pools before it starts again (docs/operations.md).
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Final

import numpy as np
from filelock import Timeout

from miyun.errors import StateError
from miyun.paillier.pool_folder import Piece, PoolFolder
from miyun.paillier.public import Kind, PublicKey, Randomness

SEGMENT_VALUES: Final = 1024
"""Made, written and removed at once; 768 KiB at 3072 bits."""

_MOST_SEGMENTS = 64


def pool_name(key: PublicKey, kind: Kind) -> str:
    """What the folder of a pool is called."""
    return f"{key.fingerprint().lower()}-{kind}"


def remove_pool(path: Path) -> None:
    """Throw a pool away, if it is there. Nobody may have it open."""
    shutil.rmtree(path, ignore_errors=True)


class Pool:
    """Values of one source, in a folder of their own. A Randomness.

    Safe to use from several threads and processes at once.
    """

    def __init__(
        self,
        parent: Path,
        source: Randomness,
        *,
        segment: int = SEGMENT_VALUES,
        on_discard: Callable[[str], None] | None = None,
    ) -> None:
        """The pool for the source's key and kind, below ``parent``. ``on_discard`` is told when values are thrown away.

        Raises:
            ConfigError: the file system can't tell a file from its copy.
        """
        self._source = source
        self._on_discard = on_discard or (lambda _: None)
        path = parent / pool_name(self.public_key, self.kind)
        self._folder = PoolFolder(path, self.public_key, self.kind, segment)
        with self._folder.lock:
            self._settle()
            self._folder.sweep()

    @property
    def public_key(self) -> PublicKey:
        return self._source.public_key

    @property
    def kind(self) -> Kind:
        return self._source.kind

    def available(self) -> int:
        """How many values are there."""
        with self._folder.lock:
            self._settle()
            return self._folder.end() - self._folder.cursor()

    def take(self, count: int) -> bytes:
        """So many values, nobody else's: of the pool, and what it lacks from the source."""
        taken = self.take_ready(count)
        missing = count - len(taken) // self._folder.width
        return taken + self._source.take(missing) if missing else taken

    def take_ready(self, count: int) -> bytes:
        """So many values, or as many as are there."""
        taken: list[bytes] = []
        missing = count
        while missing and (pieces := self._reserve(missing)):
            values = b"".join(map(PoolFolder.consume, pieces))
            if not self._is_whole(pieces, values):
                self._discard("has lost values")
                continue
            taken.append(values)
            missing -= len(values) // self._folder.width
        return b"".join(taken)

    def fill(
        self, target: int, on_progress: Callable[[int, int], None] | None = None, stop: Event | None = None
    ) -> None:
        """Make values until ``target`` are there, segment by segment, on all processors.

        ``on_progress`` is told how many are there, and the target. What is interrupted, or ended by ``stop``, goes on
        next time with what is there.

        Raises:
            StateError: another process fills this pool.
        """
        try:
            with self._folder.fill_lock.acquire(timeout=0):
                self._fill(target, on_progress or (lambda *_: None), stop or Event())
        except Timeout:
            raise StateError(
                "another process fills this pool of randomness", hint="Wait until it has finished."
            ) from None

    def _fill(self, target: int, on_progress: Callable[[int, int], None], stop: Event) -> None:
        while (there := self.available()) < target and not stop.is_set():
            on_progress(there, target)
            values = self._source.take(self._folder.segment)
            with self._folder.lock:
                self._settle()
                self._folder.append(values)
        on_progress(min(there, target), target)

    def _reserve(self, count: int) -> list[Piece]:
        with self._folder.lock:
            self._settle()
            there = self._folder.end() - self._folder.cursor()
            some = min(count, there, _MOST_SEGMENTS * self._folder.segment)
            try:
                return self._folder.reserve(some) if some else []
            except FileNotFoundError:
                self._discard("has lost values")
                return []

    def _settle(self) -> None:
        """Make the folder a pool. With the lock held."""
        if self._folder.is_sound():
            return
        if self._folder.is_empty():
            self._folder.create()
        else:
            self._discard("was copied, restored from a backup, or damaged")

    def _discard(self, reason: str) -> None:
        with self._folder.lock:
            self._folder.create()
        self._on_discard(
            f"the pool of randomness in {self._folder.path} {reason}: its values are thrown away, since one that is "
            "used twice opens what it hid. Fill the pool again, and leave it out of backups."
        )

    def _is_whole(self, pieces: list[Piece], values: bytes) -> bool:
        """Nothing is missing, and nothing was erased: no power is zero."""
        if len(values) != sum(piece.length for piece in pieces):
            return False
        return bool(np.frombuffer(values, np.uint8).reshape(-1, self._folder.width).any(axis=1).all())
