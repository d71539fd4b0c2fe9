"""Two token columns in files, dealt over parts that are joined one after another: natively, or portably and equal.

The parts come out even whoever chose the tokens, for the part of a token is a keyed hash of it, strongly universal
(multiply-shift on vectors: M. Thorup, arXiv:1504.06804), under a key drawn for this join alone. A part of one side has
m rows on average and at most ``capacity``, twice that. Tokens as they should be, pseudorandom, are more with a
probability below e^(-m/3); different ones that were chosen against it, with one below 1/m (Chebyshev). What else makes
a part longer is a token that occurs often. Either is refused, on the sight of ``capacity`` rows.
"""

import os
from pathlib import Path
from typing import Protocol

import numpy as np

from miyun.errors import MalformedError
from miyun.kernels import kernels
from miyun.psi.join import EMPTY, Handles, TokenColumn, equal_tokens, token_twice
from miyun.psi.join_lanes import LaneNumbers, Lanes

_TOKEN = np.dtype("V16")
_WORDS = 4


class Parts(Protocol):
    """Columns are added in pieces of many rows; then each part, counted from 0, gives its pairs of handles.

    Raises (all methods):
        MalformedError: a token twice in a column, or tokens that are not spread as tokens are.
        OSError: the folder or its disk.
    """

    def add_left(self, column: TokenColumn) -> None: ...
    def add_right(self, column: TokenColumn) -> None: ...
    def pairs(self, part: int) -> tuple[Handles, Handles]: ...


def open_parts(folder: Path, count: int, capacity: int) -> Parts:
    """Empty columns over ``count`` parts, at most 65,535, each of at most ``capacity`` rows of a side."""
    return (NativeParts if kernels().native else PortableParts)(folder, count, capacity)


class NativeParts:
    def __init__(self, folder: Path, count: int, capacity: int) -> None:
        import miyun_native

        self._parts = miyun_native.TokenParts(folder, count, capacity)

    def add_left(self, column: TokenColumn) -> None:
        self._parts.add_left(column.tokens, column.handle_bytes())

    def add_right(self, column: TokenColumn) -> None:
        self._parts.add_right(column.tokens, column.handle_bytes())

    def pairs(self, part: int) -> tuple[Handles, Handles]:
        import miyun_native

        try:
            left, right = self._parts.pairs(part)
        except miyun_native.TokenRepeated:
            raise token_twice() from None
        except miyun_native.TokensCrowded:
            raise _crowded() from None
        return np.frombuffer(left, "<u4"), np.frombuffer(right, "<u4")


class PortableParts:
    def __init__(self, folder: Path, count: int, capacity: int) -> None:
        self._count = count
        self._key = np.frombuffer(os.urandom(8 * (_WORDS + 1)), "<u8")
        self._left, self._right = (_Side(folder, count, capacity) for _ in range(2))

    def add_left(self, column: TokenColumn) -> None:
        self._left.add(column, self._parts_of(column))

    def add_right(self, column: TokenColumn) -> None:
        self._right.add(column, self._parts_of(column))

    def pairs(self, part: int) -> tuple[Handles, Handles]:
        return equal_tokens(self._left.part(part), self._right.part(part))

    def _parts_of(self, column: TokenColumn) -> LaneNumbers:
        """The high half of the sum is pairwise independent and uniform; so is the high half of its product."""
        words = np.frombuffer(column.tokens, "<u4").reshape(-1, _WORDS)
        hashes = np.full(column.handles.size, self._key[_WORDS])
        for place in range(_WORDS):
            hashes += words[:, place] * self._key[place]
        half = np.uint64(32)
        return ((hashes >> half) * np.uint64(self._count) >> half).astype(np.uint16)


class _Side:
    def __init__(self, folder: Path, count: int, capacity: int) -> None:
        self._capacity = capacity
        self._tokens = Lanes(folder, count, _TOKEN)
        self._handles = Lanes(folder, count, np.uint32)

    def add(self, column: TokenColumn, parts: LaneNumbers) -> None:
        self._tokens.add(np.frombuffer(column.tokens, _TOKEN), parts)
        self._handles.add(column.handles, parts)

    def part(self, number: int) -> TokenColumn:
        tokens = self._tokens.first(number, self._capacity)
        if self._tokens.counts[number] > self._capacity:
            equal_tokens(TokenColumn(tokens.tobytes(), np.arange(tokens.size, dtype=np.uint32)), EMPTY)
            raise _crowded()
        return TokenColumn(tokens.tobytes(), self._handles.first(number, self._capacity))


def _crowded() -> MalformedError:
    return MalformedError("the tokens of one party crowd together, as those that it derived from points can't")
