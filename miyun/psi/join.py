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


@dataclass(frozen=True, slots=True)
class Matches:
    """The matched pairs by ascending left handle, with the index of the type that matched each."""

    left: Handles
    right: Handles
    type_index: npt.NDArray[np.uint8]


def join(types: Iterable[tuple[TokenColumn, TokenColumn]]) -> Matches:
    """Match the left and right columns of every identifier type, in priority order.

    Takes about 45 bytes per row of both sides of the larger type, beside the 20 of its columns, and with the native
    kernel about 10; types are read one after another, so a generator holds one in memory at a time.

    Raises:
        MalformedError: a token or a handle twice in one column, or a column of uneven length.
    """
    equal = _equal_by_kernel if kernels().native else _equal_by_sorting
    taken_left, taken_right = np.zeros(0, np.bool_), np.zeros(0, np.bool_)
    lefts, rights, indexes = [], [], []
    for type_index, (left, right) in enumerate(types):
        taken_left, taken_right = _cover(taken_left, left), _cover(taken_right, right)
        left_handles, right_handles = equal(left, right)
        free = ~(taken_left[left_handles] | taken_right[right_handles])
        left_handles, right_handles = left_handles[free], right_handles[free]
        taken_left[left_handles] = True
        taken_right[right_handles] = True
        lefts.append(left_handles)
        rights.append(right_handles)
        indexes.append(np.full(left_handles.size, type_index, np.uint8))
    all_left = np.concatenate(lefts) if lefts else np.zeros(0, np.uint32)
    order = np.argsort(all_left)
    return Matches(
        left=all_left[order],
        right=np.concatenate(rights)[order] if rights else np.zeros(0, np.uint32),
        type_index=np.concatenate(indexes)[order] if indexes else np.zeros(0, np.uint8),
    )


def _cover(taken: Mask, column: TokenColumn) -> Mask:
    """``taken``, long enough for the column's handles, which are checked to be distinct."""
    if len(column.tokens) != column.handles.size * TOKEN_BYTES:
        raise MalformedError("a token column with more or fewer tokens than row handles")
    size = int(column.handles.max()) + 1 if column.handles.size else 0
    present = np.zeros(size, np.bool_)
    present[column.handles] = True
    if np.count_nonzero(present) != column.handles.size:
        raise MalformedError("a row handle twice in one identifier type")
    return taken if size <= taken.size else np.concatenate([taken, np.zeros(size - taken.size, np.bool_)])


def _equal_by_kernel(left: TokenColumn, right: TokenColumn) -> tuple[Handles, Handles]:
    """The handles of equal tokens, in parallel, part by part within a core's cache."""
    import miyun_native

    left_bytes, right_bytes = (column.handles.astype("<u4", copy=False).tobytes() for column in (left, right))
    try:
        pairs = miyun_native.join_tokens(left.tokens, left_bytes, right.tokens, right_bytes)
    except miyun_native.TokenRepeated:
        raise _token_twice() from None
    left_handles, right_handles = (np.frombuffer(half, "<u4") for half in pairs)
    return left_handles, right_handles


def _equal_by_sorting(left: TokenColumn, right: TokenColumn) -> tuple[Handles, Handles]:
    """The handles of equal tokens. Both columns are sorted as one; equal tokens end up beside each other."""
    words = np.frombuffer(left.tokens + right.tokens, "<u8").reshape(-1, 2)
    order = np.lexsort((words[:, 0], words[:, 1]))
    first = words[order, 0]
    equal = first[1:] == first[:-1]
    first = words[order, 1]
    equal &= first[1:] == first[:-1]
    del first
    place = np.flatnonzero(equal)
    before, after = order[place], order[place + 1]
    split = left.handles.size
    if bool(np.any((before < split) == (after < split))):
        raise _token_twice()
    # The sort is stable: of two equal tokens the left one comes first.
    return left.handles[before], right.handles[after - split]


def _token_twice() -> MalformedError:
    return MalformedError("a token twice in one identifier type of one party")
