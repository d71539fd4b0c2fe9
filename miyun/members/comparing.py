"""What the source says today beside what a roster has: who came, who has other identifiers, who is gone.

Members are compared by their identifiers, by keyed digests; of a member's rows the first one counts, and who does not
consent is not there, as in a fusion. The rows of those who came or changed are copied as they are read, so that a
change is made of what was compared.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from miyun.contract.model import Consent, IdentifierTerms
from miyun.members.changing import Digest
from miyun.members.config import MembersConfig
from miyun.members.reading import MemberBatch, MemberReader, Progress, consent_columns, contract_profiles
from miyun.members.sources import SourceBatch
from miyun.members.staging import insert
from miyun.members.workspace import explained


class Held(Protocol):
    """A roster as it is: what is kept of its members."""

    def digests_of(self, members: Collection[str]) -> Mapping[str, Mapping[int, Digest]]:
        """What each has by type, whether it won it or not; of those that are there."""
        ...

    def sharing(self) -> Iterable[str]:
        """Members that are there and have a value that others have too; some of them have no row of their own."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Different:
    """Ids of members: who came, who has other identifiers, who is gone."""

    came: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How many members have what they had, came, have other identifiers, and are gone.

    ``who`` differs; None where more do than was asked for.
    """

    stayed: int
    came: int
    changed: int
    gone: int
    who: Different | None

    @property
    def count(self) -> int:
        return self.came + self.changed + self.gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the contract says of rows, and the digest by which values are compared."""

    identifiers: Sequence[IdentifierTerms]
    consent: Consent
    digest: Callable[[str], Digest]


def compare(
    connection: duckdb.DuckDBPyConnection,
    held: Held | None,
    config: MembersConfig,
    terms: Terms,
    rows: Path,
    *,
    most: int,
    on_progress: Progress | None = None,
) -> Difference:
    """Compare the view ``live`` of a roster's ``connection``, and what else is ``held``, with the source.

    ``rows`` becomes a Parquet file of those who came or changed, if there are any; it is of no use where more than
    ``most`` members differ, who are only counted. With nothing ``held``, members are told by their ids alone.

    Raises:
        SourceError: the source can't be read.
        ConfigError: the configuration lacks an identifier type or consent, or needs more memory than there may be.
    """
    profiles = contract_profiles(config, terms.identifiers)
    comparison = _Comparison(connection, held, terms, tuple(profiles), most)
    reader = MemberReader(
        config,
        profiles=profiles,
        consent=consent_columns(config, terms.consent),
        carried=[column for name in config.attributes for column in config.attribute_columns(name)],
        on_progress=on_progress,
    )
    with explained(), ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for source, batch in reader.sourced():
            different = comparison.take(batch)
            if different:
                table = _cells(source, different)
                writer = writer or stack.enter_context(closing(pq.ParquetWriter(rows, table.schema)))
                writer.write_table(table)
        return comparison.result()


class _Comparison:
    def __init__(
        self, connection: duckdb.DuckDBPyConnection, held: Held | None, terms: Terms, types: Sequence[str], most: int
    ) -> None:
        self._connection = connection
        self._held = held
        self._terms = terms
        self._types = types
        self._most = most
        self._came: list[str] = []
        self._changed: list[str] = []
        self._counts = {"stayed": 0, "came": 0, "changed": 0}
        connection.execute("CREATE OR REPLACE TEMP TABLE seen (member VARCHAR, there BOOLEAN)")

    @property
    def is_listed(self) -> bool:
        """Whether no more came or changed than was asked for."""
        return self._counts["came"] + self._counts["changed"] <= self._most

    def take(self, batch: MemberBatch) -> list[int]:
        """The places of the rows in a batch whose members came or changed."""
        rows = self._first_rows(batch)
        today = {member: self._values(batch, place) for member, place in rows.items()}
        there = [bool(values) for values in today.values()]
        insert(self._connection, "seen", [pa.array(list(rows), pa.string()), pa.array(there, pa.bool_())])
        before = self._before(today)
        different = []
        for member, place in rows.items():
            had = before.get(member, {})
            if not today[member]:
                continue
            if today[member] == had:
                self._counts["stayed"] += 1
                continue
            self._counts["changed" if had else "came"] += 1
            if self.is_listed:
                (self._changed if had else self._came).append(member)
                different.append(place)
        return different

    def result(self) -> Difference:
        """Once every batch is taken: with who is there, and not in the source, or not with anything to be sent."""
        self._connection.execute("CREATE OR REPLACE TEMP TABLE held (member VARCHAR)")
        sharing = list(self._held.sharing()) if self._held is not None else []
        insert(self._connection, "held", [pa.array(sharing, pa.string())])
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE gone AS SELECT member"
            " FROM (SELECT member FROM live UNION SELECT member FROM held)"
            " ANTI JOIN (SELECT member FROM seen WHERE there) USING (member)"
        )
        ((gone,),) = self._connection.execute("SELECT count(*) FROM gone").fetchall()
        who = None
        if self._counts["came"] + self._counts["changed"] + gone <= self._most:
            ids = self._connection.execute("SELECT member FROM gone ORDER BY member").fetchall()
            who = Different(
                came=tuple(self._came), changed=tuple(self._changed), gone=tuple(member for (member,) in ids)
            )
        return Difference(**self._counts, gone=gone, who=who)

    def _before(self, today: Mapping[str, dict[int, Digest]]) -> Mapping[str, Mapping[int, Digest]]:
        if self._held is not None:
            return self._held.digests_of(today)
        self._connection.register("wanted", pa.table({"member": pa.array(list(today), pa.string())}))
        known = self._connection.execute("SELECT member FROM wanted SEMI JOIN live USING (member)").fetchall()
        self._connection.unregister("wanted")
        return {member: today[member] for (member,) in known}

    def _first_rows(self, batch: MemberBatch) -> dict[str, int]:
        """The place of each member's first row, where it is in this batch."""
        rows: dict[str, int] = {}
        for place, member in enumerate(batch.members):
            rows.setdefault(member, place)
        self._connection.register("wanted", pa.table({"member": pa.array(list(rows), pa.string())}))
        earlier = self._connection.execute("SELECT member FROM wanted SEMI JOIN seen USING (member)").fetchall()
        self._connection.unregister("wanted")
        for (member,) in earlier:
            del rows[member]
        return rows

    def _values(self, batch: MemberBatch, place: int) -> dict[int, Digest]:
        if not batch.consented[place]:
            return {}
        values = ((number, batch.identifiers[type_][place]) for number, type_ in enumerate(self._types))
        return {number: self._terms.digest(value) for number, value in values if value is not None}


def _cells(source: SourceBatch, places: Sequence[int]) -> pa.Table:
    columns = source.columns.items()
    return pa.table({name: pa.array([cells[place] for place in places], pa.string()) for name, cells in columns})
