"""Ciphertexts by row handle, and totals that are complete."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from miyun.aggregates.job import InsightJob
from miyun.aggregates.running import RunningTotals
from miyun.errors import InternalError, StateError
from miyun.paillier.ciphertexts import Ciphertexts, join


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedRows:
    """One ciphertext for each row handle from ``low`` on."""

    low: int
    ciphertexts: Ciphertexts

    @property
    def high(self) -> int:
        """The first handle after them."""
        return self.low + len(self.ciphertexts)


def join_rows(chunks: Iterable[EncryptedRows]) -> EncryptedRows:
    """Consecutive chunks as one: few large products cost less than many small ones."""
    parts = list(chunks)
    for part, following in itertools.pairwise(parts):
        if part.high != following.low:
            raise InternalError("chunks that don't follow one another")
    return EncryptedRows(low=parts[0].low, ciphertexts=join(part.ciphertexts for part in parts))


class CompleteTotals:
    """The totals over all rows of a question, for :func:`miyun.aggregates.release.release` alone."""

    __slots__ = ("ciphertexts", "job")

    def __init__(self, job: InsightJob, running: RunningTotals, ciphertexts: Ciphertexts) -> None:
        """``ciphertexts`` are the job's running totals, as made from ``running``.

        Raises:
            StateError: rows are missing.
        """
        layout = job.layout
        if running.covered != layout.handles:
            raise StateError(
                f"{running.covered:,} of {layout.handles:,} rows are in the totals",
                hint="Wait for the other chunks.",
            )
        if len(ciphertexts) != layout.outer:
            raise InternalError(f"{len(ciphertexts)} totals where the question has {layout.outer}")
        self.job = job
        self.ciphertexts = ciphertexts
