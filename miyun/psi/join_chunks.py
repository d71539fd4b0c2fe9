"""The join of columns that come in chunks, in bounded memory: what is beyond it lies in files meanwhile.

Columns of more rows than fit are dealt over parts by their tokens (`miyun.psi.join_parts`); a part gives its pairs.
Everything that goes by row handles goes range by range of 2²⁰ handles: whether a handle is twice in a column, whether a
pair's handles are free, the pairs by ascending left handle. Handles are distinct, so a range is bounded whatever a
party sends.

Memory: half of the limit for a part, by its capacity, and about 60 MiB for pieces of columns and pairs that are dealt
and for a range, whatever the number of rows; beside them 8 bytes a piece.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from miyun.errors import ConfigError
from miyun.psi.join import Handles, Mask, Matches, TokenColumn, handle_twice, join
from miyun.psi.join_lanes import LaneNumbers, Lanes
from miyun.psi.join_parts import Parts, open_parts

Pairs = npt.NDArray[np.uint64]
"""The left handle in the high half, the right one in the low half."""

HandleOf = Callable[[Pairs], Handles]

_ROW_BYTES = 90
"""Of a row in a join in memory."""

_PART_ROW_BYTES = 180
"""Of a row of each side in a part, if a part's tokens are alike; else less than half."""

_LEAST_CAPACITY = 1 << 12
_LEAST_PARTS, _MOST_PARTS = 16, (1 << 16) - 1
_PIECE_ROWS = 1 << 18
_BLOCK_PAIRS = 1 << 18
_RANGE_BITS = 20
_RANGE = 1 << _RANGE_BITS
_RANGES = 1 << (32 - _RANGE_BITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a join may use: memory, 128 MiB or more, and a folder for nameless files beyond it."""

    memory_bytes: int
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkedColumn:
    """One side's column of one identifier type, in chunks that are read once; ``rows`` is how many come."""

    rows: int
    chunks: Iterable[TokenColumn]


def join_chunks(types: Sequence[tuple[ChunkedColumn, ChunkedColumn]], room: Room) -> Iterator[Matches]:
    """What `miyun.psi.join.join` gives, in blocks. When this returns, all chunks are read and found good.

    Raises:
        MalformedError: a token or a handle twice in one column, or tokens that are not spread as tokens are.
        ConfigError: the folder can't be written, or its disk is full.
    """
    largest = max((left.rows + right.rows for left, right in types), default=0)
    with _explained(room):
        if largest * _ROW_BYTES <= room.memory_bytes:
            return _blocks(join((_gathered(left), _gathered(right)) for left, right in types))
        return _join_in_files(types, room)


def _join_in_files(types: Sequence[tuple[ChunkedColumn, ChunkedColumn]], room: Room) -> Iterator[Matches]:
    taken: list[Lanes] = []
    taken_rights = Lanes(room.folder, _RANGES, np.uint32)
    for left, right in types:
        pairs = _equal_pairs(left, right, room)
        if taken:
            pairs = _free(pairs, _left, lambda lane: (_left(piece) for of in taken for piece in of.pieces(lane)), room)
            pairs = _free(pairs, _right, taken_rights.pieces, room)
        matched = Lanes(room.folder, _RANGES, np.uint64)
        for piece in pairs:
            matched.add(piece, _range_of(_left(piece)))
            taken_rights.add(_right(piece), _range_of(_right(piece)))
        taken.append(matched)
    return _by_left(taken, room)


def _equal_pairs(left: ChunkedColumn, right: ChunkedColumn, room: Room) -> Iterator[Pairs]:
    """The pairs of equal tokens of one type, part by part."""
    capacity = max(_LEAST_CAPACITY, room.memory_bytes // 2 // _PART_ROW_BYTES)
    count = min(max(_LEAST_PARTS, -(-2 * max(left.rows, right.rows) // capacity)), _MOST_PARTS)
    parts = open_parts(room.folder, count, capacity)
    _deal(left, parts.add_left, room)
    _deal(right, parts.add_right, room)
    return _pairs_of(parts, count)


def _pairs_of(parts: Parts, count: int) -> Iterator[Pairs]:
    for part in range(count):
        left, right = parts.pairs(part)
        yield left.astype(np.uint64) << np.uint64(32) | right


def _deal(column: ChunkedColumn, add: Callable[[TokenColumn], None], room: Room) -> None:
    """Deal a column over parts, and see that no handle is there twice."""
    handles = Lanes(room.folder, _RANGES, np.uint32)
    for piece in _pieces(column):
        add(piece)
        handles.add(piece.handles, _range_of(piece.handles))
    for lane in _ranges(handles):
        if np.count_nonzero(_mask(handles.pieces(lane))) < handles.counts[lane]:
            raise handle_twice()


def _free(
    pairs: Iterable[Pairs], handle_of: HandleOf, taken: Callable[[int], Iterable[Handles]], room: Room
) -> Iterator[Pairs]:
    """The pairs of which a handle is not among those that are ``taken``, by range."""
    lanes = Lanes(room.folder, _RANGES, np.uint64)
    for piece in pairs:
        lanes.add(piece, _range_of(handle_of(piece)))
    for lane in _ranges(lanes):
        mask = _mask(taken(lane))
        for piece in lanes.pieces(lane):
            yield piece[~mask[_place_of(handle_of(piece))]]


def _by_left(types: Sequence[Lanes], room: Room) -> Iterator[Matches]:
    """The pairs of all types, range by range of left handles."""
    with _explained(room):
        for lane in _ranges(*types):
            present = np.zeros(_RANGE, np.bool_)
            right, type_index = np.empty(_RANGE, np.uint32), np.empty(_RANGE, np.uint8)
            for index, pairs in enumerate(types):
                for piece in pairs.pieces(lane):
                    place = _place_of(_left(piece))
                    present[place] = True
                    right[place] = _right(piece)
                    type_index[place] = index
            left = np.flatnonzero(present)
            first = np.uint32(lane << _RANGE_BITS)
            yield from _blocks(Matches(left.astype(np.uint32) + first, right[left], type_index[left]))


def _blocks(matches: Matches) -> Iterator[Matches]:
    for start in range(0, matches.left.size, _BLOCK_PAIRS):
        part = slice(start, start + _BLOCK_PAIRS)
        yield Matches(matches.left[part], matches.right[part], matches.type_index[part])


def _gathered(column: ChunkedColumn) -> TokenColumn:
    return _joined(list(column.chunks))


def _pieces(column: ChunkedColumn) -> Iterator[TokenColumn]:
    """The column in pieces of many chunks."""
    chunks: list[TokenColumn] = []
    rows = 0
    for chunk in column.chunks:
        chunks.append(chunk)
        rows += chunk.handles.size
        if rows >= _PIECE_ROWS:
            yield _joined(chunks)
            chunks, rows = [], 0
    yield _joined(chunks)


def _joined(chunks: Sequence[TokenColumn]) -> TokenColumn:
    handles = [np.zeros(0, np.uint32), *(chunk.handles for chunk in chunks)]
    return TokenColumn(b"".join(chunk.tokens for chunk in chunks), np.concatenate(handles))


def _ranges(*lanes: Lanes) -> list[int]:
    """The ranges in which there is something."""
    found: list[int] = np.flatnonzero(sum(each.counts for each in lanes)).tolist()
    return found


def _mask(handles: Iterable[Handles]) -> Mask:
    """Which handles of a range there are."""
    mask = np.zeros(_RANGE, np.bool_)
    for piece in handles:
        mask[_place_of(piece)] = True
    return mask


def _left(pairs: Pairs) -> Handles:
    return (pairs >> np.uint64(32)).astype(np.uint32)


def _right(pairs: Pairs) -> Handles:
    return pairs.astype(np.uint32)


def _range_of(handles: Handles) -> LaneNumbers:
    return (handles >> np.uint32(_RANGE_BITS)).astype(np.uint16)


def _place_of(handles: Handles) -> Handles:
    return handles & np.uint32(_RANGE - 1)


@contextmanager
def _explained(room: Room) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"the join can't keep what is beyond its memory in {room.folder}: {error.strerror or error}",
            hint="Free some room on that disk, or raise join_memory_mib.",
        ) from None
