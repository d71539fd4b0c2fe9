"""Long columns of numbers in pages of the database, of which a delta reads and writes those that it touches.

Arrays have a number of entries a page, and hold all ones where nothing was written. Buckets hold rows that begin with
the same bits of a token.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from miyun.psi.rematch import Numbers
from miyun.zone.schema import match_pages

PAGE_ENTRIES = 256
BUCKET_TOKENS = 256
"""Tokens of a bucket on average, as an epoch begins."""

_ASKED_AT_ONCE = 500

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


class Pages:
    """The pages of one epoch within one transaction; ``flush`` writes those that changed."""

    def __init__(self, connection: Connection, contract: str, epoch: int) -> None:
        self._connection = connection
        self._epoch = (match_pages.c.contract == contract, match_pages.c.epoch == epoch)
        self._key = {"contract": contract, "epoch": epoch}
        self._held: dict[Column, dict[int, Rows]] = {}
        self._stored: dict[Column, set[int]] = {}
        self._changed: dict[Column, set[int]] = {}

    def get(self, column: Column, indices: Numbers) -> Rows:
        """Entries of an array."""
        pages, places = np.divmod(indices.astype(np.int64), PAGE_ENTRIES)
        self._load(column, pages)
        held = self._held.get(column, {})
        found = np.empty(indices.size, DTYPES[column.part])
        for page, where in _by_page(pages):
            found[where] = held[page][places[where]]
        return found

    def put(self, column: Column, indices: Numbers, rows: Rows) -> None:
        """Write entries of an array; each index once."""
        pages, places = np.divmod(indices.astype(np.int64), PAGE_ENTRIES)
        self._load(column, pages)
        for page, where in _by_page(pages):
            self._held[column][page][places[where]] = rows[where]
            self._changed.setdefault(column, set()).add(page)

    def bucket(self, column: Column, number: int) -> Rows:
        """The rows of a bucket; `prepare` reads many at once."""
        self.prepare(column, np.array([number], np.uint32))
        return self._held[column][number]

    def prepare(self, column: Column, numbers: Numbers) -> None:
        self._load(column, numbers.astype(np.int64))

    def extend(self, column: Column, number: int, rows: Rows) -> None:
        """Append rows to a bucket."""
        self._held[column][number] = np.concatenate([self.bucket(column, number), rows])
        self._changed.setdefault(column, set()).add(number)

    def write(self, column: Column, pages: Iterable[tuple[int, Rows]]) -> None:
        """Store pages of a column that has none of these yet, past what this object holds."""
        for batch in _batches(pages):
            self._connection.execute(
                insert(match_pages),
                [{**self._key, **_place(column), "page": page, "data": rows.tobytes()} for page, rows in batch],
            )

    def flush(self) -> None:
        for column, pages in self._changed.items():
            held, stored = self._held[column], self._stored[column]
            self.write(column, ((page, held[page]) for page in sorted(pages - stored)))
            change = (
                update(match_pages)
                .where(*self._epoch, *_of(column), match_pages.c.page == bindparam("at"))
                .values(data=bindparam("bytes"))
            )
            for batch in _batches((page, held[page]) for page in sorted(pages & stored)):
                self._connection.execute(change, [{"at": page, "bytes": rows.tobytes()} for page, rows in batch])
            stored |= pages
        self._changed.clear()

    def erase(self) -> None:
        self._connection.execute(delete(match_pages).where(*self._epoch))

    def _load(self, column: Column, pages: npt.NDArray[np.int64]) -> None:
        held = self._held.setdefault(column, {})
        stored = self._stored.setdefault(column, set())
        missing = [page for page in np.unique(pages).tolist() if page not in held]
        dtype = DTYPES[column.part]
        for start in range(0, len(missing), _ASKED_AT_ONCE):
            asked = missing[start : start + _ASKED_AT_ONCE]
            query = select(match_pages.c.page, match_pages.c.data).where(
                *self._epoch, *_of(column), match_pages.c.page.in_(asked)
            )
            for row in self._connection.execute(query):
                held[row.page] = np.frombuffer(row.data, dtype).copy()
                stored.add(row.page)
        for page in missing:
            if page not in held:
                held[page] = blank(column.part, 0 if column.part is Part.TOKENS else PAGE_ENTRIES)


def blank(part: Part, entries: int) -> Rows:
    """Entries of which nothing is known."""
    return np.frombuffer(b"\xff" * (entries * DTYPES[part].itemsize), DTYPES[part]).copy()


def buckets_for(rows: int) -> int:
    """How many buckets a column of so many tokens is dealt over, a power of two."""
    return int(1 << max(0, (max(1, rows) // BUCKET_TOKENS).bit_length() - 1))


def bucket_of(low: npt.NDArray[np.uint64], buckets: int) -> Numbers:
    """By the first bits of the first half of a token: tokens are pseudorandom."""
    return (low & np.uint64(buckets - 1)).astype(np.uint32)


def _by_page(pages: npt.NDArray[np.int64]) -> Iterator[tuple[int, npt.NDArray[np.intp]]]:
    if not pages.size:
        return
    order = np.argsort(pages, kind="stable")
    numbers, starts = np.unique(pages[order], return_index=True)
    yield from zip(numbers.tolist(), np.split(order, starts[1:]), strict=True)


def _of(column: Column) -> tuple[Any, ...]:
    table = match_pages.c
    return table.part == column.part.value, table.side == column.side, table.type == column.type_index


def _place(column: Column) -> dict[str, Any]:
    return {"part": column.part.value, "side": column.side, "type": column.type_index}


def _batches(pages: Iterable[tuple[int, Rows]]) -> Iterator[list[tuple[int, Rows]]]:
    batch: list[tuple[int, Rows]] = []
    for page in pages:
        batch.append(page)
        if len(batch) == _ASKED_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
