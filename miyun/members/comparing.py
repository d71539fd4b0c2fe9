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
class Difference:
    """``came``, ``changed`` and ``gone`` are member ids; ``complete`` is False where there are more than was asked for.

    ``stayed`` counts those who have what they had.
    """

    stayed: int
    came: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    complete: bool

    @property
    def count(self) -> int:
        return len(self.came) + len(self.changed) + len(self.gone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the contract says of rows, and the digest by which values are compared."""

    identifiers: Sequence[IdentifierTerms]
    consent: Consent
    digest: Callable[[str], Digest]


def compare(
    connection: duckdb.DuckDBPyConnection,
    held: Held,
    config: MembersConfig,
    terms: Terms,
    rows: Path,
    *,
    most: int,
    on_progress: Progress | None = None,
) -> Difference:
    """Compare the view ``live`` of a roster's ``connection``, and what else is ``held``, with the source.

    ``rows`` becomes a Parquet file of those who came or changed, if there are any. It stops where more than ``most``
    members differ.

    Raises:
        SourceError: the source can't be read.
        ConfigError: the configuration lacks an identifier type or consent, or needs more memory than there may be.
    """
    profiles = contract_profiles(config, terms.identifiers)
    comparison = _Comparison(connection, held, terms, tuple(profiles))
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
            if comparison.count > most:
                return comparison.result((), most)
        return comparison.result(comparison.gone(), most)


class _Comparison:
    def __init__(self, connection: duckdb.DuckDBPyConnection, held: Held, terms: Terms, types: Sequence[str]) -> None:
        self._connection = connection
        self._held = held
        self._terms = terms
        self._types = types
        self._came: list[str] = []
        self._changed: list[str] = []
        self._stayed = 0
        connection.execute("CREATE OR REPLACE TEMP TABLE seen (member VARCHAR, there BOOLEAN)")

    @property
    def count(self) -> int:
        return len(self._came) + len(self._changed)

    def take(self, batch: MemberBatch) -> list[int]:
        """The places of the rows in a batch whose members came or changed."""
        rows = self._first_rows(batch)
        today = {member: self._values(batch, place) for member, place in rows.items()}
        there = [bool(values) for values in today.values()]
        insert(self._connection, "seen", [pa.array(list(rows), pa.string()), pa.array(there, pa.bool_())])
        before = self._held.digests_of(rows)
        different = []
        for member, place in rows.items():
            had = before.get(member, {})
            if not today[member]:
                continue
            if today[member] == had:
                self._stayed += 1
                continue
            (self._changed if had else self._came).append(member)
            different.append(place)
        return different

    def gone(self) -> tuple[str, ...]:
        """Who is there, and not in the source, or not with anything to be sent."""
        self._connection.execute("CREATE OR REPLACE TEMP TABLE held (member VARCHAR)")
        insert(self._connection, "held", [pa.array(list(self._held.sharing()), pa.string())])
        found = self._connection.execute(
            "SELECT member FROM (SELECT member FROM live UNION SELECT member FROM held)"
            " ANTI JOIN (SELECT member FROM seen WHERE there) USING (member) ORDER BY member"
        ).fetchall()
        return tuple(member for (member,) in found)

    def result(self, gone: tuple[str, ...], most: int) -> Difference:
        return Difference(
            stayed=self._stayed,
            came=tuple(self._came),
            changed=tuple(self._changed),
            gone=gone,
            complete=self.count + len(gone) <= most,
        )

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
