"""Facts of today about the rows of an epoch: the source is read again, and member ids lead to row handles."""
# ruff: noqa: S608 - names are numbered here, values are parameters, paths are quoted

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa
from pyroaring import BitMap

from miyun.bitmaps import to_bitmap, to_mask
from miyun.contract.model import Consent
from miyun.contract.schema import ColumnType
from miyun.errors import ExpressionError
from miyun.members.attributes import Attribute
from miyun.members.config import GONE, WITHDRAWN, MembersConfig
from miyun.members.distances import Discs, Places
from miyun.members.locations import Position
from miyun.members.optouts import OptOuts, open_lists
from miyun.members.reading import MemberReader, consent_columns
from miyun.members.reasons import Reason, Rejected
from miyun.members.staging import insert

_ARROW_TYPES = {
    ColumnType.NUMBER: pa.float64(),
    ColumnType.TEXT: pa.string(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.DATE: pa.date32(),
    ColumnType.LOCATION: pa.bool_(),
}

_ROW, _MEMBER = "#row", "#member"
"""Beside attributes, whose names don't begin so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """In DuckDB's SQL: attributes are addressed by name as DOUBLE, VARCHAR, BOOLEAN and DATE, a location as true; what
    can't be read is NULL. ``discs`` are addressed by their names as BOOLEAN.
    """

    sql: str
    parameters: Sequence[Any]
    discs: Mapping[str, Discs]


def rows_where(
    connection: duckdb.DuckDBPyConnection, config: MembersConfig, conditions: Sequence[Condition]
) -> list[BitMap]:
    """For each condition the handles of the members whose first row satisfies it; NULL doesn't.

    The source is read once for all of them. A member who is no longer in it satisfies nothing.

    Raises:
        ExpressionError: DuckDB can't evaluate a condition.
        SourceError: the source can't be read.
    """
    discs = {name: disc for condition in conditions for name, disc in condition.discs.items()}
    placed = {disc.attribute for disc in discs.values()}
    names = [
        name
        for name in config.attributes
        if name in placed or any(_quoted(name) in condition.sql for condition in conditions)
    ]
    fields = [(name, _ARROW_TYPES[config.attributes[name].type]) for name in names]
    schema = pa.schema([(_ROW, pa.int64()), (_MEMBER, pa.string()), *fields, *((name, pa.bool_()) for name in discs)])
    columns = "".join(f", hit{number} BOOLEAN" for number in range(len(conditions)))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE hits (source_row BIGINT, member VARCHAR{columns})")
    hits = "".join(f", coalesce(({condition.sql}), false)" for condition in conditions)
    parameters = [parameter for condition in conditions for parameter in condition.parameters]
    for batch in MemberReader(config, profiles={}, attributes=names).batches():
        cells = [_readable(batch.attributes[name]) for name in names]
        places = {name: _places(batch.attributes[name]) for name in placed}
        within = [disc.hold(places[disc.attribute]) for disc in discs.values()]
        connection.register("incoming", pa.table([batch.rows, batch.members, *cells, *within], schema=schema))
        try:
            connection.execute(f'INSERT INTO hits SELECT "{_ROW}", "{_MEMBER}"{hits} FROM incoming', parameters)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            raise ExpressionError("DuckDB can't evaluate the predicate", hint="Check the columns' types.") from None
        finally:
            connection.unregister("incoming")
    return [
        _handles(
            connection,
            "SELECT live.handle FROM live"
            f" JOIN (SELECT member, arg_min(hit{number}, source_row) AS hit FROM hits GROUP BY member) AS today"
            " ON live.member = today.member WHERE today.hit",
        )
        for number in range(len(conditions))
    ]


def suppressed(connection: duckdb.DuckDBPyConnection, config: MembersConfig, consent: Consent) -> BitMap:
    """Handles of the members that must not be reached today, for whatever reason; see `left_out`."""
    return BitMap.union(BitMap(), *left_out(connection, config, consent).values())


def left_out(connection: duckdb.DuckDBPyConnection, config: MembersConfig, consent: Consent) -> dict[str, BitMap]:
    """Handles of the members that must not be reached today, on the safe side, by reason:

    those who opted out in any of their rows, by the attribute (a value that can't be read counts as yes) or by the
    opt-out file; the same for each further list; whose consent, where the contract requires it, is withdrawn; and who
    are no longer in the source.

    Raises:
        SourceError: the source, or a file, can't be read.
    """
    reasons = _know(connection, config, consent)
    joined = "SELECT live.handle FROM live LEFT JOIN known ON live.member = known.member WHERE"
    found = {
        reason: _handles(connection, f"{joined} coalesce(known.reason{number}, false)")
        for number, reason in enumerate(reasons)
    }
    return found | {GONE: _handles(connection, f"{joined} known.member IS NULL")}


def put_objecting(connection: duckdb.DuckDBPyConnection, config: MembersConfig, consent: Consent) -> int:
    """Make ``live`` a table of all who must not be reached today, numbered from 0; gives how many there are.

    Those in the source, by the reasons of `left_out`, and the member ids that the files name, in the source or not.

    Raises:
        SourceError: the source, or a file, can't be read.
    """
    reasons = _know(connection, config, consent)
    some = " OR ".join(f"coalesce(reason{number}, false)" for number in range(len(reasons)))
    connection.execute(
        "CREATE OR REPLACE TABLE live AS SELECT (row_number() OVER () - 1)::UINTEGER AS handle, member"
        f" FROM (SELECT member FROM known WHERE {some} UNION SELECT value FROM listed)"
    )
    ((count,),) = connection.execute("SELECT count(*) FROM live").fetchall()
    return int(count)


def _know(connection: duckdb.DuckDBPyConnection, config: MembersConfig, consent: Consent) -> list[str]:
    """Make ``known`` a table of the members in the source with a column ``reason…`` for each reason that this gives."""
    files = open_lists(config)
    profiles = {type_: profile for file in files.values() for type_, profile in file.profiles.items()}
    markers = {reason: listed.attribute for reason, listed in config.suppression.by_reason().items()}
    _read_lists(connection, files, list(markers), list(profiles))
    _read_present(connection, config, consent, markers, profiles)
    reasons = {
        reason: "bool_or("
        + " OR ".join(
            [
                f"marked{number}",
                f"member IN (SELECT value FROM listed WHERE list = {number})",
                *(
                    f"coalesce(value{place} IN (SELECT value FROM listed{place} WHERE list = {number}), false)"
                    for place in range(len(profiles))
                ),
            ]
        )
        + ")"
        for number, reason in enumerate(markers)
    }
    reasons[WITHDRAWN] = "NOT arg_min(consented, source_row)"
    facts = ", ".join(f"{sql} AS reason{number}" for number, sql in enumerate(reasons.values()))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE known AS SELECT member, {facts} FROM present GROUP BY member")
    return list(reasons)


def _read_lists(
    connection: duckdb.DuckDBPyConnection, files: dict[str, OptOuts], reasons: list[str], types: list[str]
) -> None:
    for table in ("listed", *(f"listed{place}" for place in range(len(types)))):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} (list INTEGER, value VARCHAR)")
    for reason, file in files.items():
        number = reasons.index(reason)
        for ids, values in file.batches():
            named = {"listed": ids} | {f"listed{types.index(type_)}": column for type_, column in values.items()}
            for table, column in named.items():
                insert(connection, table, [pa.array([number] * len(column)), pa.array(column, pa.string())])


def _read_present(
    connection: duckdb.DuckDBPyConnection,
    config: MembersConfig,
    consent: Consent,
    markers: dict[str, str | None],
    profiles: dict[str, str],
) -> None:
    columns = [f"marked{number} BOOLEAN" for number in range(len(markers))]
    columns += [f"value{place} VARCHAR" for place in range(len(profiles))]
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE present (source_row BIGINT, member VARCHAR, consented BOOLEAN"
        f"{''.join(f', {column}' for column in columns)})"
    )
    attributes = list(dict.fromkeys(marker for marker in markers.values() if marker is not None))
    reader = MemberReader(config, profiles=profiles, consent=consent_columns(config, consent), attributes=attributes)
    for batch in reader.batches():
        marked = [
            [False] * len(batch.rows) if marker is None else [_is_yes(cell) for cell in batch.attributes[marker]]
            for marker in markers.values()
        ]
        values = [pa.array(batch.identifiers[type_], pa.string()) for type_ in profiles]
        facts = [pa.array(column) for column in (batch.rows, batch.members, batch.consented, *marked)]
        insert(connection, "present", [*facts, *values])


def _is_yes(cell: Attribute | Rejected) -> bool:
    if isinstance(cell, Rejected):
        return cell.reason != Reason.EMPTY
    return cell is True


def _readable(values: list[Attribute | Rejected]) -> list[Attribute | None]:
    if not {Rejected, Position} & set(map(type, values)):
        return cast("list[Attribute | None]", values)
    return [None if isinstance(value, Rejected) else True if isinstance(value, Position) else value for value in values]


def _places(values: Iterable[Attribute | Rejected]) -> Places:
    """Where there is a place; NaN where not."""
    pairs = [value if isinstance(value, Position) else (np.nan, np.nan) for value in values]
    latitude, longitude = np.array(pairs, np.float64).reshape(-1, 2).T
    return Places(latitude=latitude, longitude=longitude)


def _handles(connection: duckdb.DuckDBPyConnection, query: str) -> BitMap:
    """The handles that a query finds, and those of the padding that copies them."""
    found: dict[str, Any] = connection.execute(query).fetchnumpy()
    return with_copies(connection, to_bitmap(found["handle"]))


def with_copies(connection: duckdb.DuckDBPyConnection, handles: BitMap) -> BitMap:
    """These handles, and those of the padding that copies them."""
    padding: dict[str, Any] = connection.execute("SELECT handle, copied FROM padding").fetchnumpy()
    copied = padding["copied"]
    return handles | to_bitmap(padding["handle"][to_mask(handles, int(copied.max(initial=0)) + 1)[copied]])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
