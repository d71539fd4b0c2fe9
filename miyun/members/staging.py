"""From rows to members: duplicates collapsed, consent required, shared identifiers given to one member. Out of core.

The rules, in this order:

1. Of the rows with one member id, the first counts.
2. A member without consent is not sent.
3. An identifier that several members have belongs to the one with the lowest member id: shorter ids come first, then
   the order of their UTF-8 bytes. The others keep their other identifiers.
4. A member without any identifier of its own is not sent.

Every row gets random keys from the operating system when it is read: one that orders row handles, and one per
identifier type that orders its upload. 128 bits make ties, which would show an order, as good as impossible.
"""
# ruff: noqa: S608 - names are numbered here, values are parameters, paths are quoted

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from miyun.members.reading import MemberBatch

HANDLE_KEY = "handle_high, handle_low"


def upload_key(place: int) -> str:
    """The key columns that order the upload of the type at ``place``."""
    return f"upload{place}_high, upload{place}_low"


def all_keys(types: int) -> str:
    return ", ".join([HANDLE_KEY, *(upload_key(place) for place in range(types))])


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
        values = "".join(f", value{place} VARCHAR" for place in range(len(types)))
        keys = "".join(f", {column.strip()} UBIGINT" for column in all_keys(len(types)).split(","))
        connection.execute(f"CREATE TABLE staged (source_row BIGINT, member VARCHAR, consented BOOLEAN{values}{keys})")

    def add(self, batch: MemberBatch) -> None:
        columns: list[Any] = [
            pa.array(batch.rows, pa.int64()),
            pa.array(batch.members, pa.string()),
            pa.array(batch.consented, pa.bool_()),
            *(pa.array(batch.identifiers[type_], pa.string()) for type_ in self._types),
            *random_keys(len(batch.rows), len(self._types)),
        ]
        insert(self._connection, "staged", columns)

    def settle(self) -> Settled:
        """Apply the rules: tables ``sent`` (rank, member, keys) and ``owned<place>`` (value, rank)."""
        run = self._connection.execute
        run("CREATE TABLE first_row AS SELECT min(source_row) AS source_row FROM staged GROUP BY member")
        run(
            "CREATE TABLE candidate AS SELECT staged.* EXCLUDE (source_row, consented) FROM staged"
            " SEMI JOIN first_row USING (source_row) WHERE consented ORDER BY strlen(member), member"
        )
        for place in range(len(self._types)):
            run(
                f"CREATE TABLE owned{place} AS SELECT value{place} AS value, min(rowid) AS rank, count(*) AS holders"
                f" FROM candidate WHERE value{place} IS NOT NULL GROUP BY value{place}"
            )
        owners = " UNION ALL ".join(f"SELECT rank FROM owned{place}" for place in range(len(self._types)))
        run(
            f"CREATE TABLE sent AS SELECT rowid AS rank, member, {all_keys(len(self._types))} FROM candidate"
            f" WHERE rowid IN ({owners})"
        )
        rows, members = self._count("staged"), self._count("first_row")
        candidates, sent = self._count("candidate"), self._count("sent")
        holders = [self._row(f"SELECT count(*), sum(holders) FROM owned{place}") for place in range(len(self._types))]
        return Settled(
            duplicate_rows=rows - members,
            without_consent=members - candidates,
            without_identifier=candidates - sent,
            members=sent,
            values=tuple(int(values) for values, _ in holders),
            shared=tuple(int(held or 0) - int(values) for values, held in holders),
        )

    def _count(self, table: str) -> int:
        return int(self._row(f"SELECT count(*) FROM {table}")[0])

    def _row(self, query: str) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self._connection.execute(query).fetchone()
        return row or ()


def random_keys(rows: int, types: int) -> list[Any]:
    """The columns of :func:`all_keys` for new rows, from the operating system's generator."""
    words = np.frombuffer(os.urandom(16 * rows * (1 + types)), np.uint64).reshape(2 * (1 + types), rows)
    return [pa.array(column) for column in words]


def insert(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Any]) -> None:
    """Append Arrow columns by position."""
    batch = pa.Table.from_arrays(list(columns), names=[f"c{place}" for place in range(len(columns))])
    connection.register("incoming", batch)
    connection.execute(f"INSERT INTO {table} SELECT * FROM incoming")
    connection.unregister("incoming")
