"""Which points were evaluated before, by their first 16 bytes.

Kept as sorted runs that are merged when two of them are about as long: one look-up of a chunk searches a few arrays,
one insertion costs an amortised handful of copies. In memory a point takes 8 bytes, of an epoch whose rows may change
on the disk only; of two points that agree in those, and only then, the 16 bytes that the database holds are compared.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from miyun.keys.files import write_private
from miyun.psi.context import POINT_BYTES

PREFIX_BYTES = 16
_STORED = np.dtype("<u8")

Prefixes = npt.NDArray[np.uint64]
"""Sorted rows of two big-endian words, so that numbers sort as bytes do."""


def sorted_prefixes(points: bytes) -> bytes:
    """The first 16 bytes of each 32-byte point, sorted and joined."""
    words = np.frombuffer(points, ">u8").reshape(-1, POINT_BYTES // 8)[:, :2]
    return words[np.lexsort((words[:, 1], words[:, 0]))].tobytes()


class SeenPrefixes:
    """The prefixes of one counterparty, type and epoch."""

    def __init__(self, file: Path | None = None) -> None:
        """``file``: what `write` wrote, which is looked up on the disk."""
        self.on_disk = file is not None
        self._runs: list[Prefixes] = [np.memmap(file, _STORED, "r")] if file is not None else []

    def write(self, file: Path) -> None:
        """Put all first 8 bytes into a file, durably, where there are any."""
        if self._runs:
            write_private(file, np.sort(np.concatenate(self._runs)).astype(_STORED).tobytes())

    def add(self, prefixes: bytes) -> None:
        """Take in the sorted prefixes of a chunk."""
        self._runs.append(_heads(prefixes))
        while len(self._runs) > 1 and self._runs[-2].size < 2 * self._runs[-1].size:
            last, before = self._runs.pop(), self._runs.pop()
            self._runs.append(np.sort(np.concatenate((before, last)), kind="stable"))

    def suspects(self, prefixes: bytes) -> frozenset[bytes]:
        """Those of the sorted ``prefixes`` whose first 8 bytes came before: almost surely repeats."""
        heads = _heads(prefixes)
        hit = np.zeros(heads.size, bool)
        for run in self._runs:
            places = np.searchsorted(run, heads)
            hit |= run[np.minimum(places, run.size - 1)] == heads
        return frozenset(prefixes[i * PREFIX_BYTES : (i + 1) * PREFIX_BYTES] for i in np.flatnonzero(hit).tolist())


def contains_any(prefixes: bytes, wanted: frozenset[bytes]) -> bool:
    """Whether the joined ``prefixes`` hold one of ``wanted``."""
    return any(prefixes[at : at + PREFIX_BYTES] in wanted for at in range(0, len(prefixes), PREFIX_BYTES))


def _heads(prefixes: bytes) -> Prefixes:
    return np.frombuffer(prefixes, ">u8")[::2].astype(np.uint64)
