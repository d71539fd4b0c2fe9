"""A roster as deltas left it: the views ``live`` (handle, member) and ``padding`` (handle, copied) over its file.

The file itself is never changed. What deltas changed lies beside it in memory: ``changed`` says which member a handle
has now, or none, ``added_padding`` which row a padding handle copies.
"""
# ruff: noqa: S608 - tables are named here

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from miyun.members.staging import insert
from miyun.members.workspace import literal

CHANGED, ADDED_PADDING = "changed", "added_padding"
_SECOND = {CHANGED: pa.string(), ADDED_PADDING: pa.uint32()}

Rows = Sequence[tuple[int, str | int | None]]


def attach(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Attach a roster's file as ``roster``, with the views, and nothing changed.

    Raises:
        duckdb.Error: it is no database.
    """
    connection.execute(f"ATTACH {literal(path)} AS roster (READ_ONLY)")
    connection.execute(f"CREATE TABLE {CHANGED} (handle UINTEGER, member VARCHAR)")
    connection.execute(f"CREATE TABLE {ADDED_PADDING} (handle UINTEGER, copied UINTEGER)")
    connection.execute(
        "CREATE VIEW live AS SELECT rowid::UINTEGER AS handle, member FROM roster.member"
        f" WHERE member IS NOT NULL AND rowid NOT IN (SELECT handle FROM {CHANGED})"
        f" UNION ALL SELECT handle, member FROM {CHANGED} WHERE member IS NOT NULL"
    )
    connection.execute(
        "CREATE VIEW padding AS SELECT handle, copied FROM roster.padding"
        f" WHERE handle NOT IN (SELECT handle FROM {ADDED_PADDING}) UNION ALL FROM {ADDED_PADDING}"
    )


def put(connection: duckdb.DuckDBPyConnection, table: str, rows: Rows) -> None:
    """Say what is changed, of handles of which nothing is said yet."""
    first, second = zip(*rows, strict=True) if rows else ((), ())
    insert(connection, table, [pa.array(first, pa.uint32()), pa.array(second, _SECOND[table])])


def replace(connection: duckdb.DuckDBPyConnection, table: str, rows: Rows) -> None:
    """Say it of any handles."""
    connection.register("new", pa.table({"handle": pa.array([row[0] for row in rows], pa.uint32())}))
    connection.execute(f"DELETE FROM {table} WHERE handle IN (SELECT handle FROM new)")
    connection.unregister("new")
    put(connection, table, rows)


def copy(of: duckdb.DuckDBPyConnection, to: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Attach a roster elsewhere as it is shown here.

    Raises:
        duckdb.Error: the file is no database.
    """
    attach(to, path)
    for table in (CHANGED, ADDED_PADDING):
        put(to, table, of.execute(f"FROM {table}").fetchall())
