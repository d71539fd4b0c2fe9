"""The zone's join: equal tokens, identifier types in priority order, each row handle at most once on either side.

Within one type a token and a handle occur once per side, so the pairs of a type form a partial bijection and never
compete: which ones are taken depends on the types before it alone. The match is therefore a function of the tokens,
independent of the order in which they came.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from miyun.errors import MalformedError
from miyun.kernels import kernels
from miyun.psi.context import TOKEN_BYTES

Handles = npt.NDArray[np.uint32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TokenColumn:
    """One side's tokens of one identifier type, 16 bytes each, and the row handle of each."""

    tokens: bytes
    handles: Handles

    def __post_init__(self) -> None:
        if len(self.tokens) != self.handles.size * TOKEN_BYTES:
            raise MalformedError("a token column with more or fewer tokens than row handles")

    def handle_bytes(self) -> bytes:
        """The handles, little-endian."""
        return self.handles.astype("<u4", copy=False).tobytes()


EMPTY = TokenColumn(b"", np.zeros(0, np.uint32))


@dataclass(frozen=True, slots=True)
class Matches:
    """The matched pairs by ascending left handle, with the index of the type that matched each."""

    left: Handles
    right: Handles
    type_index: npt.NDArray[np.uint8]


def join(types: Iterable[tuple[TokenColumn, TokenColumn]]) -> Matches:
    """Match the left and right columns of every identifier type, in priority order.

    In memory: with its columns, at most 90 bytes for each row of both sides of a type, and 9 a match. Types are read
    one after another, so a generator holds one in memory at a time.

    Raises:
        MalformedError: a token or a handle twice in one column.
    """
    taken_left, taken_right = np.zeros(0, np.bool_), np.zeros(0, np.bool_)
    lefts, rights, indexes = [], [], []
    for place, (one, other) in enumerate(types):
        taken_left, taken_right = _cover(taken_left, one), _cover(taken_right, other)
        left_handles, right_handles = equal_tokens(one, other)
        if place:
            free = ~(taken_left[left_handles] | taken_right[right_handles])
            left_handles, right_handles = left_handles[free], right_handles[free]
        taken_left[left_handles] = True
        taken_right[right_handles] = True
        lefts.append(left_handles)
        rights.append(right_handles)
        indexes.append(np.full(left_handles.size, place, np.uint8))
    if not lefts:
        return Matches(left=EMPTY.handles, right=EMPTY.handles, type_index=np.zeros(0, np.uint8))
    left, right, type_index = np.concatenate(lefts), np.concatenate(rights), np.concatenate(indexes)
    if np.any(left[1:] < left[:-1]):
        order = np.argsort(left)
        left, right, type_index = left[order], right[order], type_index[order]
    return Matches(left=left, right=right, type_index=type_index)


def _cover(taken: Mask, column: TokenColumn) -> Mask:
    """``taken``, long enough for the column's handles, which are checked to be distinct."""
    size = int(column.handles.max()) + 1 if column.handles.size else 0
    present = np.zeros(size, np.bool_)
    present[column.handles] = True
    if np.count_nonzero(present) != column.handles.size:
        raise handle_twice()
    return taken if size <= taken.size else np.concatenate([taken, np.zeros(size - taken.size, np.bool_)])


def equal_tokens(left: TokenColumn, right: TokenColumn) -> tuple[Handles, Handles]:
    """The handles of equal tokens. MalformedError: a token twice in one column."""
    return _equal_by_kernel(left, right) if kernels().native else _equal_by_sorting(left, right)


def token_twice() -> MalformedError:
    return MalformedError("a token twice in one identifier type of one party")


def handle_twice() -> MalformedError:
    return MalformedError("a row handle twice in one identifier type")


def _equal_by_kernel(left: TokenColumn, right: TokenColumn) -> tuple[Handles, Handles]:
    """In parallel, part by part within a core's cache."""
    import miyun_native

    try:
        pairs = miyun_native.join_tokens(left.tokens, left.handle_bytes(), right.tokens, right.handle_bytes())
    except miyun_native.TokenRepeated:
        raise token_twice() from None
    left_handles, right_handles = (np.frombuffer(half, "<u4") for half in pairs)
    return left_handles, right_handles


def _equal_by_sorting(left: TokenColumn, right: TokenColumn) -> tuple[Handles, Handles]:
    """Both columns are sorted as one; equal tokens end up beside each other."""
    words = np.frombuffer(left.tokens + right.tokens, "<u8").reshape(-1, 2)
    order = np.argsort(words[:, 0])
    equal = _beside(words[order, 0])
    others = _beside(words[order, 1])
    if np.any(equal & ~others):
        # Never among tokens as they should be.
        order = np.lexsort((words[:, 1], words[:, 0]))
        equal = _beside(words[order, 0])
        others = _beside(words[order, 1])
    equal &= others
    place = np.flatnonzero(equal)
    one, other = order[place], order[place + 1]
    split = left.handles.size
    before, after = np.minimum(one, other), np.maximum(one, other)
    if np.any(equal[1:] & equal[:-1]) or np.any((before < split) == (after < split)):
        raise token_twice()
    return left.handles[before], right.handles[after - split]


def _beside(sorted_words: npt.NDArray[np.uint64]) -> Mask:
    """Whether each equals the next."""
    return np.equal(sorted_words[1:], sorted_words[:-1])
