"""From rows to members: duplicates collapsed, consent required, shared identifiers given to one member. Out of core.

The rules, in this order:

1. Of the rows with one member id, the first counts.
2. A member without consent is not sent.
3. An identifier that several members have belongs to the one with the lowest member id: shorter ids come first, then
   the order of their UTF-8 bytes. The others keep their other identifiers.
4. A member without any identifier of its own is not sent.
"""
# ruff: noqa: S608 - names are numbered here, values are parameters, paths are quoted

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from miyun.members.reading import MemberBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What the rules left: counts of rows and members, and per type of values sent and unsent because shared."""

    duplicate_rows: int
    without_consent: int
    without_identifier: int
    members: int
    values: tuple[int, ...]
    shared: tuple[int, ...]


class Staging:
    """Tables in one DuckDB database; identifier types are numbered in priority order."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, types: Sequence[str]) -> None:
        self._connection = connection
        self._types = types
        self._places = range(len(types))
        values = "".join(f", value{place} VARCHAR" for place in self._places)
        connection.execute(f"CREATE TABLE staged (source_row BIGINT, member VARCHAR, consented BOOLEAN{values})")

    def add(self, batch: MemberBatch) -> None:
        columns: list[Any] = [
            pa.array(batch.rows, pa.int64()),
            pa.array(batch.members, pa.string()),
            pa.array(batch.consented, pa.bool_()),
            *(pa.array(batch.identifiers[type_], pa.string()) for type_ in self._types),
        ]
        insert(self._connection, "staged", columns)

    def settle(self) -> Settled:
        """Apply the rules: what remains is the table ``sent`` (member, value<place>…), a member a row.

        Rows that lose something are few: only they are sorted and joined, the others pass by once.
        """
        run = self._connection.execute
        run(
            "CREATE TABLE repeated AS SELECT source_row FROM staged JOIN"
            " (SELECT member, min(source_row) AS first FROM staged GROUP BY member HAVING count(*) > 1) USING (member)"
            " WHERE source_row > first"
        )
        run("CREATE VIEW candidate AS FROM staged ANTI JOIN repeated USING (source_row) WHERE consented")
        for place in self._places:
            run(
                f"CREATE TABLE shared{place} AS SELECT value{place} AS value, member FROM candidate SEMI JOIN"
                f" (SELECT value{place} FROM candidate WHERE value{place} IS NOT NULL"
                f" GROUP BY value{place} HAVING count(*) > 1) USING (value{place})"
            )
            run(
                f"CREATE TABLE lost{place} AS SELECT source_row FROM ("
                f"SELECT source_row, row_number() OVER (PARTITION BY value{place} ORDER BY strlen(member), member) AS n"
                f" FROM candidate SEMI JOIN (SELECT value{place} FROM candidate WHERE value{place} IS NOT NULL"
                f" GROUP BY value{place} HAVING count(*) > 1) USING (value{place})) WHERE n > 1"
            )
        kept = ", ".join(
            f"CASE WHEN source_row NOT IN (FROM lost{place}) THEN value{place} END AS value{place}"
            for place in self._places
        )
        values = ", ".join(f"value{place}" for place in self._places)
        run(
            f"CREATE TABLE sent AS SELECT member, {values} FROM (SELECT member, {kept} FROM candidate)"
            f" WHERE coalesce({values}) IS NOT NULL"
        )
        rows, repeated = self._count("staged"), self._count("repeated")
        candidates, members = self._count("candidate"), self._count("sent")
        settled = Settled(
            duplicate_rows=repeated,
            without_consent=rows - repeated - candidates,
            without_identifier=candidates - members,
            members=members,
            values=tuple(self._count("sent", f"value{place}") for place in self._places),
            shared=tuple(self._count(f"lost{place}") for place in self._places),
        )
        run("DROP VIEW candidate")
        run("DROP TABLE staged")
        return settled

    def _count(self, table: str, column: str = "*") -> int:
        row: tuple[Any, ...] | None = self._connection.execute(f"SELECT count({column}) FROM {table}").fetchone()
        return int(row[0]) if row else 0


def insert(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Any]) -> None:
    """Append Arrow columns by position."""
    batch = pa.Table.from_arrays(list(columns), names=[f"c{place}" for place in range(len(columns))])
    connection.register("incoming", batch)
    connection.execute(f"INSERT INTO {table} SELECT * FROM incoming")
    connection.unregister("incoming")
