"""The secret draw: row handles and upload orders, both unrelated to each other and to the order of the source.

The tables that remain, in physical order so that a range is cheap to read. In the database ``roster``: ``member`` (row
number = handle; no member id: padding) and ``padding`` (handle, and the handle whose bits it copies). In the database
``identifiers``: ``points<place>`` per identifier type (row number = place in the upload; no value: padding) and
``shared<place>`` (each value that several members have, and each of these members).
"""
# ruff: noqa: S608 - names are numbered here, or written out where they are used

import secrets

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from miyun.hazmat.permutation import secret_permutation
from miyun.members.padding import Padding
from miyun.members.staging import Settled, insert


def draw(connection: duckdb.DuckDBPyConnection, settled: Settled, padding: Padding) -> None:
    """Write the drawn tables to the two attached databases, from the table that staging settled."""
    run = connection.execute
    handles = secret_permutation(settled.members + padding.handles)
    rows, pads = handles[: settled.members], handles[settled.members :]
    copied = rows[_evenly(settled.members, padding.handles)]
    run("CREATE TABLE roster.padding (handle UINTEGER, copied UINTEGER)")
    insert(connection, "roster.padding", [pa.array(pads), pa.array(copied)])
    _run_beside(
        connection, rows, "CREATE TABLE drawn AS SELECT sent.*, number AS handle FROM sent POSITIONAL JOIN numbers"
    )
    run(
        "CREATE TABLE roster.member AS SELECT member FROM"
        " (SELECT handle, member FROM drawn UNION ALL SELECT handle, NULL FROM roster.padding) ORDER BY handle"
    )
    for place, carriers in enumerate(padding.carriers):
        run(f"CREATE TABLE identifiers.shared{place} AS FROM shared{place}")
        run(f"CREATE TABLE carrier{place} (handle UINTEGER)")
        insert(connection, f"carrier{place}", [pa.array(pads[list(carriers)])])
        _run_beside(
            connection,
            secret_permutation(settled.values[place] + len(carriers)),
            f"CREATE TABLE identifiers.points{place} AS SELECT handle, value FROM"
            f" (SELECT handle, value{place} AS value FROM drawn WHERE value{place} IS NOT NULL"
            f" UNION ALL SELECT handle, NULL FROM carrier{place}) POSITIONAL JOIN numbers ORDER BY number",
        )


def _evenly(rows: int, copies: int) -> list[int]:
    """Which row each copy is of: each row once before any is again, else at random.

    How much one row can change counts of rows with padding depends on it; see :mod:`miyun.privacy.sensitivity`.
    """
    random = secrets.SystemRandom()
    rounds, rest = divmod(copies, rows)
    chosen = [*range(rows)] * rounds + random.sample(range(rows), rest)
    random.shuffle(chosen)
    return chosen


def _run_beside(connection: duckdb.DuckDBPyConnection, numbers: npt.NDArray[np.uint32], statement: str) -> None:
    """Run a statement that puts one of the ``numbers`` beside each row; as they are random, it is no matter which."""
    connection.register("numbers", pa.table({"number": numbers}))
    connection.execute(statement)
    connection.unregister("numbers")
