"""The owner's part of an encrypted selection: totals over rows of which it can't see whether they are selected.

A count is a product over its carriers: as many products as there are pairs of a row and a tag. A sum Σ v(h) · bit(h) is
put down to such products too: with v − low in digits of 8 bits, a bucket for each digit and each value of it collects
the rows that have it there, and the buckets are raised to what they stand for once, at the end. That takes a product
for each digit of each row, where a power for each row takes one and a half for each bit.
"""

from itertools import accumulate

import numpy as np
import numpy.typing as npt

from miyun.aggregates.columns import Columns
from miyun.aggregates.encrypted import CompleteTotals, EncryptedRows
from miyun.aggregates.job import InsightJob
from miyun.aggregates.running import RunningTotals
from miyun.aggregates.statements import Circuit, NumberRange
from miyun.errors import InternalError
from miyun.paillier.ciphertexts import Ciphertexts, join

_DIGIT_BITS = 8
_BUCKETS = (1 << _DIGIT_BITS) - 1
"""Rows whose digit is 0 add nothing."""


class Counting:
    """The running totals of one job over encrypted selections, in order of row handles."""

    def __init__(self, job: InsightJob, state: bytes | None = None) -> None:
        """Start, or go on from what :meth:`to_bytes` gave.

        Raises:
            StateError: the state is another job's.
        """
        question, key = job.question, job.key
        if question.circuit is not Circuit.SELECTION:
            raise InternalError("this job has no encrypted selection")
        self._job = job
        self._question = question
        sizes = [1 + _digits(number) * _BUCKETS for number in question.numbers]
        self._starts = list(accumulate(sizes, initial=question.counts))
        count = self._starts[-1]
        self._running = RunningTotals.from_bytes(state, key, count) if state else RunningTotals(key, count)

    @property
    def covered(self) -> int:
        """The first row handle that is due."""
        return self._running.covered

    def add(self, rows: EncryptedRows, columns: Columns) -> None:
        """Take in the next rows with the owner's columns for them."""
        if (rows.low, rows.high) != (columns.low, columns.high):
            raise InternalError("a selection and columns of different rows")
        offsets, handles = columns.carriers(self._question)
        steps = columns.steps(self._question)
        self._running.advance(rows.low, rows.high)
        self._running.multiply(rows.ciphertexts, offsets, handles)
        for number, start, (values, known) in zip(self._question.numbers, self._starts, steps, strict=False):
            self._running.multiply(rows.ciphertexts, *_buckets(number, values, known), first=start)

    def to_bytes(self) -> bytes:
        """The state, to go on from after a restart."""
        return self._running.to_bytes()

    def complete(self) -> CompleteTotals:
        """The totals, once all rows are in.

        Raises:
            StateError: rows are missing.
        """
        numbers = zip(self._question.numbers, self._starts, self._starts[1:], strict=False)
        sums = [self._sum(number, start, end) for number, start, end in numbers]
        return CompleteTotals(self._job, self._running, join([self._running.part(0, self._question.counts), *sums]))

    def _sum(self, number: NumberRange, start: int, end: int) -> Ciphertexts:
        """Of a number the sum and the count of known: Σ v = Σ (v − low) + low · known."""
        key, digits = self._job.key, _digits(number)
        known, buckets = self._running.part(start, start + 1), self._running.part(start + 1, end)
        weights = [value << _DIGIT_BITS * digit for digit in range(digits) for value in range(1, _BUCKETS + 1)]
        raised = key.power(buckets, weights, bits=_DIGIT_BITS * digits)
        above = key.product(raised, np.array([0, len(raised)], np.uint64), np.arange(len(raised), dtype=np.uint32))
        lowest = key.power(known, [number.low], bits=abs(number.low).bit_length(), signed=True)
        return join([key.add(above, lowest), known])


def _digits(number: NumberRange) -> int:
    return -(-(number.high - number.low).bit_length() // _DIGIT_BITS)


def _buckets(
    number: NumberRange, values: npt.NDArray[np.int64], known: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
    """Who is known, and then by digit and value who has it, as offsets and handles."""
    (rows,) = np.nonzero(known)
    above = values[rows] - number.low
    parts, counts = [rows], [np.array([len(rows)])]
    for digit in range(_digits(number)):
        digits = above >> _DIGIT_BITS * digit & _BUCKETS
        order = np.argsort(digits, kind="stable")
        sizes = np.bincount(digits, minlength=_BUCKETS + 1)
        parts.append(rows[order[sizes[0] :]])
        counts.append(sizes[1:])
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
    return offsets.astype(np.uint64), np.concatenate(parts).astype(np.uint32)
