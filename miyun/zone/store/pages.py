"""Long columns of numbers in pages of the database, of which a delta reads those that it touches.

Arrays have a number of entries a page, and hold all ones where nothing was written. Buckets hold rows that begin with
the same bits of a token. What deltas change lies beside the pages, in one row a column, until that is long: then it
goes into the pages. So a delta writes a few rows, not a page for each entry.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Table, bindparam, delete, insert, select, text, update

from miyun.psi.rematch import NONE, Numbers
from miyun.zone.schema import match_changes, match_pages

PAGE_ENTRIES = 64
BUCKET_TOKENS = 64
"""Tokens of a bucket on average, as an epoch begins."""
MOST_CHANGES = 1 << 16
"""Entries of a column that may lie beside its pages."""

_ASKED_AT_ONCE = 2_000
_PAGES = (
    "SELECT page, data FROM match_pages WHERE contract = :contract AND epoch = :epoch AND part = :part"
    " AND side = :side AND type = :type AND page IN ({})"
)
"""With the numbers of the pages in the text: as parameters they cost more than reading them."""

_TOKEN = np.dtype([("low", "<u8"), ("high", "<u8")])
_MAPPED_BYTES = 1 << 33

Rows = npt.NDArray[Any]


class Part(StrEnum):
    """Arrays by position (what a token is and where it is bound), by handle (which position is bound to it, for each
    type; what it is matched with), and buckets of tokens with their positions.
    """

    POINTS = "points"
    ROWS = "rows"
    MATES = "mates"
    TOKENS = "tokens"


DTYPES: dict[Part, np.dtype[Any]] = {
    Part.POINTS: np.dtype([("low", "<u8"), ("high", "<u8"), ("handle", "<u4")]),
    Part.ROWS: np.dtype([("position", "<u4")]),
    Part.MATES: np.dtype([("pair", "<u4"), ("mate", "<u4"), ("type", "<u4")]),
    Part.TOKENS: np.dtype([("low", "<u8"), ("high", "<u8"), ("position", "<u4")]),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One array or all buckets of one side; ``type_index`` is 0 for what is not of one type."""

    part: Part
    side: int
    type_index: int = 0


@dataclass(frozen=True, slots=True)
class _Changes:
    """Entries beside the pages of a column: ``places`` in an array, ascending, or the buckets of tokens, in no order.

    ``stored``: whether the database has a row for them.
    """

    places: Numbers
    entries: Rows
    stored: bool


class Pages:
    """The pages of one epoch within one transaction; ``flush`` writes what changed."""

    def __init__(self, connection: Connection, contract: str, epoch: int, *, most_changes: int = MOST_CHANGES) -> None:
        self._connection = connection
        self._contract, self._epoch = contract, epoch
        self._most_changes = most_changes
        self._held: dict[Column, dict[int, bytes]] = {}
        self._stored: dict[Column, set[int]] = {}
        self._beside: dict[Column, _Changes] = {}
        self._read = False
        self._changed: set[Column] = set()

    def at_hand(self) -> None:
        """Have SQLite read single pages from mapped memory from now on: one call of the system less for each."""
        if self._connection.dialect.name == "sqlite":
            self._connection.exec_driver_sql(f"PRAGMA mmap_size = {_MAPPED_BYTES}")

    def get(self, column: Column, indices: Numbers) -> Rows:
        """Entries of an array."""
        found = np.empty(indices.size, DTYPES[column.part])
        beside = self._changes(column)
        at = np.minimum(np.searchsorted(beside.places, indices), max(0, beside.places.size - 1))
        changed = beside.places[at] == indices if beside.places.size else np.zeros(indices.size, np.bool_)
        found[changed] = beside.entries[at[changed]]
        rest = np.flatnonzero(~changed)
        if rest.size:
            pages, offsets = np.divmod(indices[rest].astype(np.int64), PAGE_ENTRIES)
            numbers, which = np.unique(pages, return_inverse=True)
            held = np.frombuffer(b"".join(self._load(column, numbers)), found.dtype)
            found[rest] = held[which * PAGE_ENTRIES + offsets]
        return found

    def put(self, column: Column, indices: Numbers, rows: Rows) -> None:
        """Write entries of an array; each index once."""
        beside = self._changes(column)
        kept = np.isin(beside.places, indices, invert=True)
        places = np.concatenate([beside.places[kept], indices.astype(np.uint32)])
        order = np.argsort(places, kind="stable")
        entries = np.concatenate([beside.entries[kept], rows])[order]
        self._beside[column] = _Changes(places[order], entries, beside.stored)
        self._changed.add(column)

    def find(self, column: Column, numbers: Numbers, tokens: Rows) -> Numbers:
        """The position of each token, which is to be in the bucket of its number, or `NONE`."""
        beside = self._changes(column).entries
        alike = beside[np.isin(beside["low"], tokens["low"])].tobytes()
        size = beside.itemsize
        positions = {alike[at : at + 16]: _position(alike, at) for at in range(0, len(alike), size)}
        unique, which = np.unique(numbers, return_inverse=True)
        buckets = self._load(column, unique)
        wanted = np.empty(tokens.size, _TOKEN)
        wanted["low"], wanted["high"] = tokens["low"], tokens["high"]
        found = np.full(tokens.size, NONE, np.uint32)
        for place, (bucket, token) in enumerate(zip(which.tolist(), wanted.view("V16").tolist(), strict=True)):
            at = _row_of(buckets[bucket], token)
            found[place] = positions.get(token, NONE) if at is None else at
        return found

    def fullest(self, column: Column, numbers: Numbers) -> int:
        """How many rows the fullest of these buckets has."""
        unique = np.unique(numbers)
        size = DTYPES[column.part].itemsize
        inside = np.array([len(rows) // size for rows in self._load(column, unique)], np.int64)
        beside = self._changes(column).places
        beside = beside[np.isin(beside, unique)]
        return int((inside + np.bincount(np.searchsorted(unique, beside), minlength=unique.size)).max(initial=0))

    def extend(self, column: Column, numbers: Numbers, rows: Rows) -> None:
        """Append each row to the bucket of its number."""
        beside = self._changes(column)
        self._beside[column] = _Changes(
            np.concatenate([beside.places, numbers.astype(np.uint32)]),
            np.concatenate([beside.entries, rows]),
            beside.stored,
        )
        self._changed.add(column)

    def write(self, column: Column, pages: Iterable[tuple[int, Rows]]) -> None:
        """Store pages of a column that has none of these yet, past what this object holds."""
        self._insert(column, ((page, rows.tobytes()) for page, rows in pages))

    def flush(self) -> None:
        for column in self._changed:
            beside = self._beside[column]
            if beside.places.size > self._most_changes:
                self._take_in(column, beside)
                nothing = DTYPES[column.part]
                beside = _Changes(np.empty(0, np.uint32), np.empty(0, nothing), beside.stored)
            values = {"places": beside.places.astype("<u4").tobytes(), "entries": beside.entries.tobytes()}
            if beside.stored:
                self._connection.execute(update(match_changes).where(*self._of(match_changes, column)).values(values))
            else:
                self._connection.execute(insert(match_changes).values(**self._key(column), **values))
            self._beside[column] = _Changes(beside.places, beside.entries, stored=True)
        self._changed.clear()

    def erase(self) -> None:
        for table in (match_pages, match_changes):
            self._connection.execute(
                delete(table).where(table.c.contract == self._contract, table.c.epoch == self._epoch)
            )

    def _changes(self, column: Column) -> _Changes:
        if not self._read:
            table = match_changes.c
            rows = self._connection.execute(
                select(match_changes).where(table.contract == self._contract, table.epoch == self._epoch)
            ).all()
            for row in rows:
                found = Column(part=Part(row.part), side=row.side, type_index=row.type)
                places = np.frombuffer(row.places, "<u4").astype(np.uint32, copy=False)
                entries = np.frombuffer(row.entries, DTYPES[found.part])
                self._beside[found] = _Changes(places, entries, stored=True)
            self._read = True
        if column not in self._beside:
            self._beside[column] = _Changes(np.empty(0, np.uint32), np.empty(0, DTYPES[column.part]), stored=False)
        return self._beside[column]

    def _take_in(self, column: Column, beside: _Changes) -> None:
        """Write what lies beside a column into its pages."""
        buckets = column.part is Part.TOKENS
        places = beside.places.astype(np.int64)
        numbers, offsets = (places, places) if buckets else np.divmod(places, PAGE_ENTRIES)
        order = np.argsort(numbers, kind="stable")
        pages, starts = np.unique(numbers[order], return_index=True)
        self._load(column, pages)
        held, stored = self._held[column], self._stored[column]
        for page, part in zip(pages.tolist(), np.split(order, starts[1:]), strict=True):
            if buckets:
                held[page] += beside.entries[part].tobytes()
            else:
                entries = np.frombuffer(held[page], beside.entries.dtype).copy()
                entries[offsets[part]] = beside.entries[part]
                held[page] = entries.tobytes()
        touched = pages.tolist()
        self._insert(column, ((page, held[page]) for page in touched if page not in stored))
        change = (
            update(match_pages)
            .where(*self._of(match_pages, column), match_pages.c.page == bindparam("at"))
            .values(data=bindparam("bytes"))
        )
        for batch in _batches((page, held[page]) for page in touched if page in stored):
            self._connection.execute(change, [{"at": page, "bytes": data} for page, data in batch])
        stored.update(touched)

    def _insert(self, column: Column, pages: Iterable[tuple[int, bytes]]) -> None:
        for batch in _batches(pages):
            self._connection.execute(
                insert(match_pages), [{**self._key(column), "page": page, "data": data} for page, data in batch]
            )

    def _load(self, column: Column, pages: npt.NDArray[Any]) -> list[bytes]:
        """The pages of these numbers, in their order."""
        held = self._held.setdefault(column, {})
        stored = self._stored.setdefault(column, set())
        wanted = pages.tolist()
        missing = [page for page in wanted if page not in held]
        for start in range(0, len(missing), _ASKED_AT_ONCE):
            query = text(_PAGES.format(",".join(map(str, missing[start : start + _ASKED_AT_ONCE]))))
            options = {"compiled_cache": None}
            found = self._connection.execute(query, self._key(column), execution_options=options).all()
            read = {row.page: row.data for row in found}
            held.update(read)
            stored.update(read)
        nothing = blank(column.part, 0 if column.part is Part.TOKENS else PAGE_ENTRIES).tobytes()
        return [held.setdefault(page, nothing) for page in wanted]

    def _of(self, table: Table, column: Column) -> tuple[Any, ...]:
        return tuple(table.c[name] == value for name, value in self._key(column).items())

    def _key(self, column: Column) -> dict[str, Any]:
        return {
            "contract": self._contract,
            "epoch": self._epoch,
            "part": column.part.value,
            "side": column.side,
            "type": column.type_index,
        }


def blank(part: Part, entries: int) -> Rows:
    """Entries of which nothing is known."""
    return np.frombuffer(b"\xff" * (entries * DTYPES[part].itemsize), DTYPES[part]).copy()


def _row_of(bucket: bytes, token: bytes) -> int | None:
    """The position of a token in the bytes of its bucket."""
    size = DTYPES[Part.TOKENS].itemsize
    at = bucket.find(token)
    while at % size and at >= 0:
        at = bucket.find(token, at + 1)
    return None if at < 0 else _position(bucket, at)


def _position(bucket: bytes, at: int) -> int:
    return int.from_bytes(bucket[at + 16 : at + 20], "little")


def buckets_for(rows: int) -> int:
    """How many buckets a column of so many tokens is dealt over, a power of two."""
    return int(1 << max(0, (max(1, rows) // BUCKET_TOKENS).bit_length() - 1))


def bucket_of(low: npt.NDArray[np.uint64], buckets: int) -> Numbers:
    """By the first bits of the first half of a token: tokens are pseudorandom."""
    return (low & np.uint64(buckets - 1)).astype(np.uint32)


def _batches(pages: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    batch: list[tuple[int, bytes]] = []
    for page in pages:
        batch.append(page)
        if len(batch) == _ASKED_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
