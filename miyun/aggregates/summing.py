"""The zone's part of encrypted values: sums over the rows that it knows to be selected, of values that it can't see."""

import numpy as np

from miyun.aggregates.encrypted import CompleteTotals, EncryptedRows
from miyun.aggregates.job import InsightJob
from miyun.aggregates.running import RunningTotals
from miyun.aggregates.selection import Selected
from miyun.aggregates.statements import Circuit
from miyun.errors import InternalError


class Summing:
    """The running totals of each segment over encrypted values, in order of row handles."""

    def __init__(self, job: InsightJob, selected: Selected, state: bytes | None = None) -> None:
        """Start, or go on from what :meth:`to_bytes` gave.

        Raises:
            StateError: the state is another job's.
        """
        layout, key = job.layout, job.key
        if layout.circuit is not Circuit.VALUES:
            raise InternalError("this job has no encrypted values")
        if (selected.segments, selected.handles) != (layout.outer, layout.handles):
            raise InternalError("a selection of other rows or segments than the job has")
        self._job = job
        self._selected = selected
        count = selected.segments
        self._running = RunningTotals.from_bytes(state, key, count) if state else RunningTotals(key, count)

    @property
    def covered(self) -> int:
        """The first row handle that is due."""
        return self._running.covered

    def add(self, rows: EncryptedRows) -> None:
        """Take in the next rows."""
        segments, handles = np.nonzero(self._selected.rows(rows.low, rows.high))
        sizes = np.bincount(segments, minlength=self._selected.segments)
        self._running.advance(rows.low, rows.high)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.uint64)
        self._running.multiply(rows.ciphertexts, offsets, handles.astype(np.uint32))

    def to_bytes(self) -> bytes:
        """The state, to go on from after a restart."""
        return self._running.to_bytes()

    def complete(self) -> CompleteTotals:
        """The totals, once all rows are in.

        Raises:
            StateError: rows are missing.
        """
        return CompleteTotals(self._job, self._running, self._running.part(0, len(self._running)))
