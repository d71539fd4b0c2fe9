"""An owner's columns for a range of its row handles, and the bounds that they keep whoever made them.

The noise hides one row because a row adds no more than the question says. So an owner's columns are checked here, where
they enter the arithmetic, as well as made right where they are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from miyun.aggregates.question import Question
from miyun.errors import InternalError


class Carriers(Protocol):
    """Who carries what, for consecutive totals: total i counts ``handles[offsets[i]:offsets[i + 1]]``.

    Handles are relative to ``low``. A row that is padding is in none.
    """

    @property
    def low(self) -> int: ...
    @property
    def high(self) -> int: ...
    @property
    def offsets(self) -> npt.NDArray[np.uint64]: ...
    @property
    def handles(self) -> npt.NDArray[np.uint32]: ...


class Numbers(Protocol):
    """One number by row: in steps, and which rows have it."""

    @property
    def low(self) -> int: ...
    @property
    def high(self) -> int: ...
    @property
    def values(self) -> npt.NDArray[np.int64]: ...
    @property
    def known(self) -> npt.NDArray[np.bool_]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Everything that a question asks about the rows from ``low`` to before ``high``.

    ``counts`` are, one after the other, the carriers of every tag, of every dimension, and all rows.
    """

    low: int
    high: int
    counts: Sequence[Carriers] = ()
    numbers: Sequence[Numbers] = ()

    def carriers(self, question: Question) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
        """Offsets and handles of all counts as one.

        Raises:
            InternalError: other totals than the question's, a handle outside, twice in a total, or in more totals than
                a row may add to.
        """
        self._check_ranges(self.counts)
        sizes = [np.diff(part.offsets.astype(np.int64)) for part in self.counts]
        lengths = np.concatenate([np.zeros(0, np.int64), *sizes])
        handles = np.concatenate([np.zeros(0, np.uint32), *(part.handles for part in self.counts)])
        offsets = np.zeros(len(lengths) + 1, np.uint64)
        np.cumsum(lengths, out=offsets[1:], dtype=np.uint64)
        if len(lengths) != question.counts or len(handles) != offsets[-1]:
            raise InternalError("the counts are not those of the question")
        rows = self.high - self.low
        if len(handles) and int(handles.max()) >= rows:
            raise InternalError("a row outside of its range")
        places = np.repeat(np.arange(len(lengths), dtype=np.int64) * rows, lengths) + handles
        if np.any(places[1:] <= places[:-1]):
            places.sort()
            if np.any(places[1:] == places[:-1]):
                raise InternalError("a row twice in one count")
        bounds = [question.tags, question.tags + question.dimensions]
        limits = (question.per_person, question.known_dimensions, 1)
        for part, most in zip(np.split(handles, offsets[bounds]) if question.tags else [], limits, strict=False):
            if np.bincount(part, minlength=1).max() > most:
                raise InternalError("a row adds to more counts than the question lets it")
        return offsets, handles

    def steps(self, question: Question) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]]:
        """Of every number the values, in steps, 0 where there is none, and which rows have it.

        Raises:
            InternalError: other numbers than the question's, or a value out of its range.
        """
        self._check_ranges(self.numbers)
        if len(self.numbers) != len(question.numbers):
            raise InternalError("the numbers are not those of the question")
        columns = []
        for column, number in zip(self.numbers, question.numbers, strict=True):
            known = column.known
            values = np.where(known, column.values, 0)
            if not len(known) == len(values) == self.high - self.low:
                raise InternalError("a number for other rows than its range has")
            inside = (values >= number.low) & (values <= number.high)
            if not np.all(inside[known]):
                raise InternalError("a value out of its range")
            columns.append((values, known))
        return columns

    def _check_ranges(self, parts: Sequence[Carriers] | Sequence[Numbers]) -> None:
        if any((part.low, part.high) != (self.low, self.high) for part in parts):
            raise InternalError("columns of different rows")
