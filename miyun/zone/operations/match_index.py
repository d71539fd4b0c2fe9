"""What is kept of a fusion whose epoch may change: tokens by position and by value, bindings, and what is matched.

Laid out once, when the fusion is joined, in memory bounded as the join's is; read and written by deltas in a few pages
for each row that they change.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from miyun.contract.model import Contract
from miyun.errors import MalformedError
from miyun.psi.join_lanes import Lanes
from miyun.psi.rematch import NONE, Numbers, Side
from miyun.zone.operations.access import party_names
from miyun.zone.store.bulk import pair_blocks, token_chunks
from miyun.zone.store.fusions import Fusion, Lane, list_announcements
from miyun.zone.store.pages import (
    BUCKET_TOKENS,
    DTYPES,
    PAGE_ENTRIES,
    Column,
    Pages,
    Part,
    Rows,
    blank,
    bucket_of,
    buckets_for,
)

_RANGE_BITS = 20
_RANGE = 1 << _RANGE_BITS
_RANGES = 1 << (32 - _RANGE_BITS)
_MOST_BUCKETS = 1 << 16
_FULLEST = 16
"""Times as many tokens as a bucket has on average: none of pseudorandom tokens comes near."""

_BOUND = np.dtype([("handle", "<u4"), ("position", "<u4")])
_MATCHED = np.dtype([("handle", "<u4"), ("pair", "<u4"), ("mate", "<u4"), ("type", "<u4")])
_DEALT_ROWS = 1 << 20


class IndexSide:
    """One party's tokens, bindings and matches in an epoch, as `miyun.psi.rematch` asks for them."""

    def __init__(self, pages: Pages, side: int, buckets: Sequence[int]) -> None:
        """``buckets``: over how many each type's tokens are dealt."""
        self._pages = pages
        self.place = side
        self._buckets = buckets

    def partners(self, type_index: int, handles: Numbers, other: Side) -> Numbers:
        assert isinstance(other, IndexSide)  # noqa: S101
        found = np.full(handles.size, NONE, np.uint32)
        positions = self.positions(type_index, handles)
        bound = np.flatnonzero(positions != NONE)
        tokens = self.points(type_index, positions[bound])
        there = other.find(type_index, tokens)
        equal = np.flatnonzero(there != NONE)
        found[bound[equal]] = other.points(type_index, there[equal])["handle"]
        return found

    def mates(self, handles: Numbers) -> tuple[Numbers, Numbers]:
        found = self.matched(handles)
        return found["type"].astype(np.uint32), found["mate"].astype(np.uint32)

    def matched(self, handles: Numbers) -> Rows:
        return self._pages.get(self._column(Part.MATES), handles)

    def match(self, handles: Numbers, rows: Rows) -> None:
        """Write what handles are matched with; rows of `blank` entries for none."""
        self._pages.put(self._column(Part.MATES), handles, rows)

    def positions(self, type_index: int, handles: Numbers) -> Numbers:
        """The position that is bound to each handle, or `NONE`."""
        found: Numbers = self._pages.get(self._column(Part.ROWS, type_index), handles)["position"].astype(np.uint32)
        return found

    def points(self, type_index: int, positions: Numbers) -> Rows:
        """Tokens at positions, and the handles that they are bound to."""
        return self._pages.get(self._column(Part.POINTS, type_index), positions)

    def find(self, type_index: int, tokens: Rows) -> Numbers:
        """The position of each token, or `NONE`."""
        column = self._column(Part.TOKENS, type_index)
        return self._pages.find(column, bucket_of(tokens["low"], self._buckets[type_index]), tokens)

    def unbind(self, type_index: int, handles: Numbers) -> None:
        rows = blank(Part.ROWS, handles.size)
        self._pages.put(self._column(Part.ROWS, type_index), handles, rows)

    def bind(self, type_index: int, positions: Numbers, handles: Numbers) -> None:
        """Say what positions are bound to, `NONE` for nothing; handles that lose theirs are unbound before.

        Raises:
            MalformedError: a handle has a point of this type already.
        """
        points = self.points(type_index, positions)
        points["handle"] = handles
        self._pages.put(self._column(Part.POINTS, type_index), positions, points)
        bound = np.flatnonzero(handles != NONE)
        if np.any(self.positions(type_index, handles[bound]) != NONE):
            raise MalformedError("two points of one identifier type at one row handle")
        rows = np.zeros(bound.size, DTYPES[Part.ROWS])
        rows["position"] = positions[bound]
        self._pages.put(self._column(Part.ROWS, type_index), handles[bound], rows)

    def append(self, type_index: int, first: int, tokens: bytes) -> Numbers:
        """New tokens, from position ``first`` on, bound to nothing yet; gives their positions.

        Raises:
            MalformedError: a token that is there already, or tokens that crowd.
        """
        rows = points_of(tokens)
        positions = np.arange(first, first + rows.size, dtype=np.uint32)
        repeated = np.unique(rows[["low", "high"]]).size < rows.size
        if repeated or np.any(self.find(type_index, rows) != NONE):
            raise MalformedError("a token twice in one identifier type of one party")
        self._pages.put(self._column(Part.POINTS, type_index), positions, rows)
        column = self._column(Part.TOKENS, type_index)
        entries = _with_positions(rows, positions)
        numbers = bucket_of(rows["low"], self._buckets[type_index])
        self._pages.extend(column, numbers, entries)
        if self._pages.fullest(column, numbers) > _most_in_bucket(first + rows.size, self._buckets[type_index]):
            raise _crowded()
        return positions

    def _column(self, part: Part, type_index: int = 0) -> Column:
        return Column(part=part, side=self.place, type_index=type_index)


def open_index(connection: Connection, contract: Contract, fusion: Fusion) -> tuple[Pages, tuple[IndexSide, IndexSide]]:
    """What is kept of the fusion that began an epoch."""
    pages = Pages(connection, contract.id, fusion.epoch)
    announced = list_announcements(connection, contract.id, fusion.job)
    left, right = (
        IndexSide(pages, side, [_buckets(count.points) for count in announced[name][0].counts])
        for side, name in enumerate(party_names(contract))
    )
    return pages, (left, right)


def lay_out(connection: Connection, contract: Contract, fusion: Fusion, folder: Path) -> None:
    """Keep what deltas need of a fusion whose pairs are stored and whose tokens are there still.

    Raises:
        MalformedError: tokens that crowd together, as those that are derived from points can't.
    """
    pages = Pages(connection, contract.id, fusion.epoch)
    announced = list_announcements(connection, contract.id, fusion.job)
    for side, name in enumerate(party_names(contract)):
        for type_index, count in enumerate(announced[name][0].counts):
            lane = Lane(contract=contract.id, job=fusion.job, type=count.type, sender=name)
            _lay_points(connection, pages, lane, _Place(side, type_index, _buckets(count.points)), folder)
    _lay_matches(connection, pages, contract, fusion, folder)


def points_of(tokens: bytes) -> Rows:
    """Tokens as entries of `Part.POINTS`, bound to nothing."""
    words = np.frombuffer(tokens, "<u8").reshape(-1, 2)
    rows = blank(Part.POINTS, len(words))
    rows["low"], rows["high"] = words[:, 0], words[:, 1]
    return rows


class _Place:
    def __init__(self, side: int, type_index: int, buckets: int) -> None:
        self.points, self.rows, self.tokens = (
            Column(part=part, side=side, type_index=type_index) for part in (Part.POINTS, Part.ROWS, Part.TOKENS)
        )
        self.buckets = buckets


def _lay_points(connection: Connection, pages: Pages, lane: Lane, place: _Place, folder: Path) -> None:
    dealt = Lanes(folder, place.buckets, DTYPES[Part.TOKENS])
    bound = Lanes(folder, _RANGES, _BOUND)
    first = 0
    for points in _gathered(connection, lane):
        positions = np.arange(first, first + points.size, dtype=np.uint32)
        pages.write(place.points, _paged(Part.POINTS, points, first // PAGE_ENTRIES))
        dealt.add(_with_positions(points, positions), bucket_of(points["low"], place.buckets).astype(np.uint16))
        rows = np.empty(points.size, _BOUND)
        rows["handle"], rows["position"] = points["handle"], positions
        bound.add(rows, _range_of(rows["handle"]))
        first += points.size
    if dealt.counts.max(initial=0) > _most_in_bucket(first, place.buckets):
        raise _crowded()
    buckets = ((number, np.concatenate([*dealt.pieces(number)])) for number in np.flatnonzero(dealt.counts).tolist())
    pages.write(place.tokens, buckets)
    _lay_by_handle(pages, place.rows, bound)


def _lay_matches(connection: Connection, pages: Pages, contract: Contract, fusion: Fusion, folder: Path) -> None:
    sides = [Lanes(folder, _RANGES, _MATCHED) for _ in range(2)]
    first = 0
    for block in pair_blocks(connection, contract.id, fusion.epoch):
        numbers = np.arange(first, first + block.left.size, dtype=np.uint32)
        for lanes, own, mate in zip(sides, (block.left, block.right), (block.right, block.left), strict=True):
            rows = np.empty(numbers.size, _MATCHED)
            rows["handle"], rows["pair"], rows["mate"], rows["type"] = own, numbers, mate, block.type_index
            lanes.add(rows, _range_of(own))
        first += numbers.size
    for side, lanes in enumerate(sides):
        _lay_by_handle(pages, Column(part=Part.MATES, side=side), lanes)


def _lay_by_handle(pages: Pages, column: Column, dealt: Lanes) -> None:
    """Write an array from rows that say their handle, range by range of handles."""
    dtype = DTYPES[column.part]
    for lane in np.flatnonzero(dealt.counts).tolist():
        rows = np.concatenate([*dealt.pieces(lane)])
        places = rows["handle"] & np.uint32(_RANGE - 1)
        entries = blank(column.part, int(places.max()) + 1)
        for name in dtype.names or ():
            entries[name][places] = rows[name]
        pages.write(column, _paged(column.part, entries, lane * (_RANGE // PAGE_ENTRIES)))


def _paged(part: Part, entries: Rows, first: int) -> Iterator[tuple[int, Rows]]:
    """Entries in whole pages, from page ``first`` on."""
    for number, start in enumerate(range(0, entries.size, PAGE_ENTRIES), start=first):
        page = entries[start : start + PAGE_ENTRIES]
        if page.size < PAGE_ENTRIES:
            page = np.concatenate([page, blank(part, PAGE_ENTRIES - page.size)])
        yield number, page


def _gathered(connection: Connection, lane: Lane) -> Iterator[Rows]:
    """A lane's tokens and handles in few pieces; all but the last are whole pages, as chunks are."""
    held: list[Rows] = []
    for chunk in token_chunks(connection, lane):
        rows = points_of(chunk.tokens)
        rows["handle"] = chunk.handles
        held.append(rows)
        if sum(part.size for part in held) >= _DEALT_ROWS:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


def _with_positions(points: Rows, positions: Numbers) -> Rows:
    entries = np.empty(points.size, DTYPES[Part.TOKENS])
    entries["low"], entries["high"], entries["position"] = points["low"], points["high"], positions
    return entries


def _range_of(handles: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint16]:
    return (handles >> np.uint32(_RANGE_BITS)).astype(np.uint16)


def _buckets(rows: int) -> int:
    return min(buckets_for(rows), _MOST_BUCKETS)


def _most_in_bucket(tokens: int, buckets: int) -> int:
    return _FULLEST * max(BUCKET_TOKENS, tokens // buckets)


def _crowded() -> MalformedError:
    return MalformedError("the tokens of one party crowd together, as those that it derived from points can't")
