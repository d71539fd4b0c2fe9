"""From pairs of member and tag to what counts of them, by row handle. Out of core.

Pairs of the question are staged, joined with the roster, sorted once by handle and tag, and then bounded over ranges
of handles. In the database ``tagged`` remain ``tags`` and ``dimensions`` (place → catalogue index), and ``carried`` and
``known`` (handle, place) in ascending order of handles. Padding carries nothing: a copy would count a person twice.
"""
# ruff: noqa: S608 - names are written out where they are used, values are parameters, paths are quoted

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from miyun.members.catalogue import Catalogue, Indices
from miyun.members.config import TagsConfig
from miyun.members.quarantine import Quarantine
from miyun.members.reading import Progress
from miyun.members.staging import insert
from miyun.members.tagged_bounds import Chosen, Mask, Ranks, at_most
from miyun.members.tagged_reading import PairReader
from miyun.records import Record

_RANGE_HANDLES = 65_536
_TAG_BITS = 32
_TAG_MASK = (1 << _TAG_BITS) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TagsReport(Record):
    """What a reading of the pairs found. It stays with the owner.

    ``rows`` read; ``bad_rows`` unreadable as a whole and ``rejected`` values, by reason; ``absent`` say no. Of the
    pairs in the question's dimensions ``strangers`` name a member that the roster lacks and ``repeated`` are there
    more than once. ``carried`` pairs of the question count; ``left_out`` exceed what counts of their person.
    """

    rows: int
    bad_rows: dict[str, int]
    rejected: dict[str, int]
    absent: int
    strangers: int
    repeated: int
    carried: int
    left_out: int
    quarantined: int
    quarantine: str


def gather(
    connection: duckdb.DuckDBPyConnection,
    config: TagsConfig,
    catalogue: Catalogue,
    *,
    universe: int,
    tags: Indices,
    per_person: int,
    key: bytes,
    on_progress: Progress | None,
) -> TagsReport:
    """Fill the attached database ``tagged`` from the source and the attached roster's rows.

    Raises:
        SourceError: the source can't be read.
    """
    question = _Question(catalogue, tags)
    for table, indices in (("tags", question.tags), ("dimensions", question.dimensions)):
        connection.execute(f"CREATE TABLE tagged.{table} (tag UINTEGER)")
        insert(connection, f"tagged.{table}", [pa.array(indices)])
    connection.execute(
        f"CREATE TABLE tagged.padding AS SELECT handle::UINTEGER AS handle FROM range({universe}) AS every(handle)"
        " ANTI JOIN live USING (handle)"
    )
    connection.execute("CREATE TABLE staged (member VARCHAR, tag UINTEGER)")
    staged = 0
    with Quarantine(config.quarantine_path) as quarantine:
        reader = PairReader(config, catalogue, quarantine=quarantine, on_progress=on_progress)
        for batch in reader.batches():
            asked = question.concerns[batch.tags]
            members = pa.array(batch.members, pa.string()).filter(pa.array(asked))
            staged += len(members)
            insert(connection, "staged", [members, pa.array(batch.tags[asked])])
    _sort(connection)
    counts = _Bounding(connection, question, catalogue, per_person=per_person, key=key, universe=universe).run()
    return TagsReport(
        rows=reader.rows,
        bad_rows={reason.value: count for reason, count in sorted(reader.bad_rows.items())},
        rejected={reason.value: count for reason, count in sorted(reader.rejected.items())},
        absent=reader.absent,
        strangers=staged - counts.joined,
        repeated=counts.joined - counts.distinct,
        carried=counts.carried,
        left_out=counts.left_out,
        quarantined=quarantine.entries,
        quarantine=str(config.quarantine_path),
    )


class _Question:
    """Places by catalogue index: of the tags asked for, and of the dimensions in which they are (-1: of none)."""

    def __init__(self, catalogue: Catalogue, tags: Indices) -> None:
        self.tags = tags
        self.dimensions = catalogue.dimensions(tags)
        self.place_of_tag = _places(len(catalogue), tags)
        place_of = _places(len(catalogue), self.dimensions)
        self.place_of_dimension = np.where(catalogue.parents < 0, -1, place_of[catalogue.parents])
        self.concerns: Mask = (self.place_of_tag >= 0) | (self.place_of_dimension >= 0)


def _places(count: int, indices: Indices) -> npt.NDArray[np.int32]:
    places = np.full(count, -1, np.int32)
    places[indices] = np.arange(len(indices))
    return places


def _sort(connection: duckdb.DuckDBPyConnection) -> None:
    """``sorted`` holds the pairs, each as one number: the handle above the tag."""
    connection.execute(
        f"CREATE TABLE sorted AS SELECT (live.handle::UBIGINT << {_TAG_BITS}) | tag AS pair"
        " FROM staged JOIN live ON staged.member = live.member ORDER BY pair"
    )
    connection.execute("DROP TABLE staged")


@dataclass(slots=True)
class _Counts:
    joined: int = 0
    distinct: int = 0
    carried: int = 0
    left_out: int = 0


class _Bounding:
    """One pass over the sorted pairs, a range of handles at a time."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        question: _Question,
        catalogue: Catalogue,
        *,
        per_person: int,
        key: bytes,
        universe: int,
    ) -> None:
        self._connection = connection
        self._question = question
        self._catalogue = catalogue
        self._limit = per_person
        self._ranks = {chosen: Ranks(key, chosen) for chosen in Chosen}
        self._universe = universe
        self._counts = _Counts()

    def run(self) -> _Counts:
        for table in ("carried", "known"):
            self._connection.execute(f"CREATE TABLE tagged.{table} (handle UINTEGER, place UINTEGER)")
        for low in range(0, self._universe, _RANGE_HANDLES):
            self._bound(low, min(low + _RANGE_HANDLES, self._universe))
        return self._counts

    def _bound(self, low: int, high: int) -> None:
        question, counts = self._question, self._counts
        found: dict[str, Any] = self._connection.execute(
            "SELECT pair FROM sorted WHERE pair >= ? AND pair < ? ORDER BY rowid", [low << _TAG_BITS, high << _TAG_BITS]
        ).fetchnumpy()
        pairs: npt.NDArray[np.uint64] = found["pair"]
        counts.joined += len(pairs)
        pairs = pairs[np.diff(pairs, prepend=pairs[:1] + 1) != 0]
        handles, tags = (pairs >> _TAG_BITS).astype(np.uint32), (pairs & _TAG_MASK).astype(np.uint32)
        counts.distinct += len(pairs)

        people = _People(self._connection, low, high)
        asked = np.flatnonzero(question.place_of_tag[tags] >= 0)
        chosen = self._choose(Chosen.TAGS, people, handles[asked], tags[asked], np.zeros(len(asked), np.bool_))
        kept = asked[chosen]
        counts.carried += len(kept)
        counts.left_out += len(asked) - len(kept)
        self._put("carried", handles[kept], question.place_of_tag[tags[kept]])

        inside = question.place_of_dimension[tags]
        known, back = np.unique(
            (pairs & ~np.uint64(_TAG_MASK)) | np.where(inside < 0, _TAG_MASK, inside).astype(np.uint64),
            return_inverse=True,
        )
        first = np.zeros(len(known), np.bool_)
        first[back[kept]] = True
        somewhere = (known & _TAG_MASK) != _TAG_MASK
        known, first = known[somewhere], first[somewhere]
        handles, places = (known >> _TAG_BITS).astype(np.uint32), (known & _TAG_MASK).astype(np.uint32)
        mask = self._choose(Chosen.DIMENSIONS, people, handles, question.dimensions[places], first)
        self._put("known", handles[mask], places[mask])

    def _choose(self, chosen: Chosen, people: "_People", handles: Indices, tags: Indices, first: Mask) -> Mask:
        def rank(places: npt.NDArray[np.intp]) -> npt.NDArray[np.uint64]:
            members = [people.members[handle] for handle in handles[places].tolist()]
            return self._ranks[chosen].of(members, [self._catalogue.id_of(tag) for tag in tags[places].tolist()])

        return at_most(self._limit, handles, rank, first)

    def _put(self, table: str, handles: Indices, places: npt.NDArray[Any]) -> None:
        insert(self._connection, f"tagged.{table}", [pa.array(handles), pa.array(places.astype(np.uint32))])


class _People:
    """The member ids of a range of handles, read when the first is asked for."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, low: int, high: int) -> None:
        self._connection = connection
        self._range = [low, high]

    @cached_property
    def members(self) -> dict[int, str]:
        query = "SELECT handle, member FROM live WHERE handle >= ? AND handle < ?"
        return dict(self._connection.execute(query, self._range).fetchall())
