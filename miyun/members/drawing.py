"""The secret draw: row handles and upload orders, both unrelated to each other and to the order of the source.

The tables that remain, in a database of their own, in physical order so that a range is cheap to read:
``member`` (row number = handle; no member id: padding), ``padding`` (handle, and the handle whose bits it copies) and
``points<place>`` per identifier type (row number = place in the upload; no value: padding).
"""
# ruff: noqa: S608 - names are numbered here, values are parameters, paths are quoted

import secrets
from pathlib import Path

import duckdb
import pyarrow as pa

from miyun.members.padding import Padding
from miyun.members.staging import HANDLE_KEY, Settled, all_keys, insert, random_keys, upload_key
from miyun.members.workspace import literal


def draw(connection: duckdb.DuckDBPyConnection, settled: Settled, padding: Padding, path: Path) -> None:
    """Write the drawn tables to a new database at ``path``, from the tables that staging settled."""
    types = len(settled.values)
    keys = all_keys(types)
    run = connection.execute
    key_types = ", ".join(f"{column.strip()} UBIGINT" for column in keys.split(","))
    run(f"CREATE TABLE padded (pad BIGINT, copied BIGINT, {key_types})")
    copied = [secrets.randbelow(settled.members) for _ in range(padding.handles)]
    columns = [pa.array(range(padding.handles), pa.int64()), pa.array(copied, pa.int64())]
    insert(connection, "padded", [*columns, *random_keys(padding.handles, types)])
    run(
        f"CREATE TABLE drawn AS SELECT rank, NULL::BIGINT AS pad, NULL::BIGINT AS copied_rank, member, {keys} FROM sent"
        f" UNION ALL SELECT NULL, pad, sent.rank, NULL, {_qualified('padded', keys)}"
        f" FROM padded JOIN sent ON sent.rowid = padded.copied ORDER BY {HANDLE_KEY}"
    )
    run(f"ATTACH {literal(path)} AS roster")
    run("CREATE TABLE roster.member AS SELECT member FROM drawn ORDER BY rowid")
    run(
        "CREATE TABLE roster.padding AS SELECT pads.rowid::UINTEGER AS handle, rows.rowid::UINTEGER AS copied"
        " FROM drawn AS pads JOIN drawn AS rows ON pads.copied_rank = rows.rank"
    )
    for place, carriers in enumerate(padding.carriers):
        run(f"CREATE TABLE carrier{place} (pad BIGINT)")
        insert(connection, f"carrier{place}", [pa.array(carriers, pa.int64())])
        run(
            f"CREATE TABLE roster.points{place} AS SELECT handle, value FROM ("
            f"SELECT drawn.rowid::UINTEGER AS handle, value, {upload_key(place)}"
            f" FROM owned{place} JOIN drawn USING (rank)"
            f" UNION ALL SELECT drawn.rowid::UINTEGER, NULL, {upload_key(place)} FROM drawn SEMI JOIN carrier{place}"
            f" USING (pad)) ORDER BY {upload_key(place)}"
        )


def _qualified(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{column.strip()}" for column in columns.split(","))
