"""Rows beyond memory: in a file without a name, run after run, each run sorted by lane."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[Any]
LaneNumbers = npt.NDArray[np.uint16]

_BOUND = np.dtype("<u4")


class Lanes:
    """Rows of one type, dealt over ``count`` lanes. The file is in ``folder``, and goes with this object or process.

    A run begins with the bounds of its lanes; what stays in memory is its place, and a number per lane.

    Raises (all methods):
        OSError: the folder or its disk.
    """

    def __init__(self, folder: Path, count: int, rows: npt.DTypeLike) -> None:
        self.counts = np.zeros(count, np.int64)
        self._dtype = np.dtype(rows)
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - it goes with this object
        self._runs: list[int] = []
        self._end = 0

    def add(self, rows: Rows, lanes: LaneNumbers) -> None:
        """Append rows to their lanes: many, for they are written by lane."""
        bounds = np.zeros(self.counts.size + 1, _BOUND)
        counts = np.bincount(lanes, minlength=self.counts.size)
        np.cumsum(counts, out=bounds[1:])
        self._file.seek(self._end)
        self._write(bounds)
        self._write(rows[np.argsort(lanes, kind="stable")])
        self._runs.append(self._end)
        self._end += bounds.nbytes + rows.nbytes
        self.counts += counts

    def pieces(self, lane: int) -> Iterator[Rows]:
        """The rows of a lane in the order in which they came, run by run."""
        if not self.counts[lane]:
            return
        for run in self._runs:
            first, end = self._read(run + lane * _BOUND.itemsize, 2, _BOUND)
            if first < end:
                header = (self.counts.size + 1) * _BOUND.itemsize
                place = run + header + int(first) * self._dtype.itemsize
                yield self._read(place, int(end - first), self._dtype)

    def first(self, lane: int, most: int) -> Rows:
        """The first rows of a lane, at most so many."""
        rows = np.empty(min(most, int(self.counts[lane])), self._dtype)
        done = 0
        for piece in self.pieces(lane):
            part = piece[: rows.size - done]
            rows[done : done + part.size] = part
            done += part.size
            if done == rows.size:
                break
        return rows

    def _write(self, rows: Rows) -> None:
        left = rows.view(np.uint8).data
        while left:
            left = left[self._file.write(left) :]

    def _read(self, place: int, count: int, dtype: np.dtype[Any]) -> Rows:
        rows = np.empty(count, dtype)
        left = rows.view(np.uint8).data
        self._file.seek(place)
        while left:
            size = self._file.readinto(left)
            if not size:
                raise OSError("a temporary file is shorter than what was written")
            left = left[size:]
        return rows
