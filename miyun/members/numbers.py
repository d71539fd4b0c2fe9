"""Numbers by row handle, as encrypted sums take them: clipped, in whole steps, and whether they are known at all.

A number is an attribute of the member table, or a number tag of the catalogue. Of several rows of one member the first
counts, as everywhere. What can't be read, lies outside a tag's range or is missing is not known; padding is not known.
"""
# ruff: noqa: S608 - names are numbered or written out where they are used, values are parameters, paths are quoted

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from miyun.contract.schema import ColumnType
from miyun.errors import ConfigError, InputError, NotFoundError, StateError
from miyun.members.attributes import Attribute, read_attributes
from miyun.members.catalogue import Catalogue
from miyun.members.catalogue_tree import TagType
from miyun.members.config import DEFAULT_MEMORY_MIB, MembersConfig
from miyun.members.reading import MemberReader, Progress
from miyun.members.reasons import Rejected
from miyun.members.roster import Roster
from miyun.members.staging import insert
from miyun.members.tagged_reading import PairReader
from miyun.members.workspace import building, connect, cursor_of, explained, literal, put_in_place


class NumberColumn(Protocol):
    """A number that is asked about. ``low`` and ``high`` count steps; ``step`` is a decimal number."""

    @property
    def name(self) -> str: ...
    @property
    def low(self) -> int: ...
    @property
    def high(self) -> int: ...
    @property
    def step(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChunk:
    """One number of the row handles from ``low`` to below ``high``, in steps; 0 where it is not known."""

    low: int
    high: int
    values: npt.NDArray[np.int64]
    known: npt.NDArray[np.bool_]


class NumberRows:
    """One file per question and epoch, mode 0600. It is never changed, so that summing can go on after a restart."""

    @classmethod
    def build(
        cls,
        path: Path,
        config: MembersConfig,
        roster: Roster,
        columns: Sequence[NumberColumn],
        *,
        catalogue: Catalogue | None = None,
        on_progress: Progress | None = None,
    ) -> Self:
        """Read the member table for attributes, and the pairs for tags; an older file at ``path`` is replaced.

        ``catalogue`` is needed for tags, which are named by their ids.

        Raises:
            ConfigError: a name is neither a number attribute nor a number tag, or both.
            InputError: a column has no range.
            SourceError: a source can't be read.
        """
        tags = _tags(config, columns, catalogue)
        with building(path) as work:
            made = work / "numbers.duckdb"
            with explained(), connect(None, memory_mib=config.memory_mib, spill=work / "spill") as connection:
                roster.attach_to(connection)
                connection.execute(f"ATTACH {literal(made)} AS numbers")
                places = range(len(columns))
                fields = "".join(f", value{place} BIGINT" for place in places)
                connection.execute(f"CREATE TABLE attributes (source_row BIGINT, member VARCHAR{fields})")
                connection.execute(
                    "CREATE TABLE pairs (source_row BIGINT, member VARCHAR, place UINTEGER, value BIGINT)"
                )
                attributes = {place: column for place, column in enumerate(columns) if place not in tags}
                if attributes:
                    _read_attributes(connection, config, attributes, len(columns), on_progress)
                if tags:
                    _read_pairs(connection, config, catalogue, tags, on_progress)
                _settle(connection, attributes, len(columns), roster.universe)
                connection.execute("DETACH numbers")
            put_in_place(made, path)
        return cls.open(path, memory_mib=config.memory_mib)

    @classmethod
    def open(cls, path: Path, *, memory_mib: int = DEFAULT_MEMORY_MIB) -> Self:
        """Raises: NotFoundError: there is no such file. StateError: it is damaged."""
        return cls(path, memory_mib)

    def __init__(self, path: Path, memory_mib: int) -> None:
        if not path.is_file():
            raise NotFoundError(f"there are no numbers {path.name}", hint="Ask again.")
        try:
            self._connection = connect(None, memory_mib=memory_mib, spill=path.with_name(path.name + ".spill"))
            self._connection.execute(f"ATTACH {literal(path)} AS numbers (READ_ONLY)")
            described = self._connection.execute("SELECT * FROM numbers.number LIMIT 0").description or []
            [[self.universe]] = self._connection.execute("SELECT count(*) FROM numbers.number").fetchall()
        except duckdb.Error:
            raise StateError(f"the numbers {path.name} can't be read", hint="Ask again.") from None
        self._names = [str(name) for name, *_ in described]

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def chunks(self, handles_per_chunk: int, *, first: int = 0) -> Iterator[tuple[NumberChunk, ...]]:
        """From the ``first``-th chunk on, a chunk of each column, in the order in which they were asked for."""
        cursor = cursor_of(self._connection)
        for low in range(first * handles_per_chunk, self.universe, handles_per_chunk):
            high = min(low + handles_per_chunk, self.universe)
            found: dict[str, Any] = cursor.execute(
                "SELECT * FROM numbers.number WHERE rowid >= ? AND rowid < ? ORDER BY rowid", [low, high]
            ).fetchnumpy()
            yield tuple(_chunk(low, high, np.ma.masked_array(found[name])) for name in self._names)


def _chunk(low: int, high: int, column: Any) -> NumberChunk:
    return NumberChunk(low=low, high=high, values=column.filled(0).astype(np.int64), known=~np.ma.getmaskarray(column))


def steps(column: NumberColumn, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The nearest whole number of steps, clipped to the column's range."""
    with np.errstate(over="ignore"):
        return np.clip(np.rint(numbers / _step(column)), column.low, column.high).astype(np.int64)


def require_numbers(
    config: MembersConfig, columns: Sequence[NumberColumn], *, catalogue: Catalogue | None = None
) -> None:
    """Pass where each is there to be summed.

    Raises:
        ConfigError: a name is neither a number attribute nor a number tag, or both.
        InputError: a column has no range.
    """
    _tags(config, columns, catalogue)


def _step(column: NumberColumn) -> float:
    try:
        step = float(column.step)
    except ValueError:
        step = math.nan
    if not (0 < step < math.inf and column.low < column.high):
        raise InputError(
            f"{column.name!r} has no range of positive steps",
            hint="Let a range run from low to high, in steps of a positive decimal number.",
        )
    return step


def _tags(
    config: MembersConfig, columns: Sequence[NumberColumn], catalogue: Catalogue | None
) -> dict[int, tuple[int, NumberColumn]]:
    """The columns that are tags, and their indices, by place; the rest are attributes."""
    tags: dict[int, tuple[int, NumberColumn]] = {}
    for place, column in enumerate(columns):
        _step(column)
        index = catalogue.place_of(column.name) if catalogue else None
        is_tag = catalogue is not None and index is not None and catalogue.type_of(index) is TagType.NUMBER
        is_attribute = config.column_types.get(column.name) is ColumnType.NUMBER
        if is_tag is is_attribute:
            raise ConfigError(
                f"{column.name!r} is {'both' if is_tag else 'neither'} a number attribute {'and' if is_tag else 'nor'}"
                " a number tag",
                hint="Declare it in [members.attributes] or in the catalogue, in one of them.",
            )
        if is_tag and index is not None:
            tags[place] = index, column
    return tags


def _read_attributes(
    connection: duckdb.DuckDBPyConnection,
    config: MembersConfig,
    attributes: Mapping[int, NumberColumn],
    count: int,
    on_progress: Progress | None,
) -> None:
    names = [column.name for column in attributes.values()]
    for batch in MemberReader(config, profiles={}, attributes=names, on_progress=on_progress).batches():
        values: list[Any] = [pa.nulls(len(batch.rows), pa.int64())] * count
        for place, column in attributes.items():
            values[place] = _in_steps(column, batch.attributes[column.name])
        insert(connection, "attributes", [pa.array(batch.rows), pa.array(batch.members, pa.string()), *values])


def _read_pairs(
    connection: duckdb.DuckDBPyConnection,
    config: MembersConfig,
    catalogue: Catalogue | None,
    tags: Mapping[int, tuple[int, NumberColumn]],
    on_progress: Progress | None,
) -> None:
    if config.tags is None or catalogue is None:
        raise ConfigError("there is no [tags] table", hint="Say in [tags] where the pairs and the catalogue are.")
    for batch in PairReader(config.tags, catalogue, on_progress=on_progress).batches():
        for place, (index, column) in tags.items():
            pairs = batch.only(batch.tags == index)
            values = _in_steps(column, read_attributes(ColumnType.NUMBER, pairs.values))
            places = pa.array(np.full(len(pairs.rows), place, np.uint32))
            insert(connection, "pairs", [pa.array(pairs.rows), pa.array(pairs.members, pa.string()), places, values])


def _in_steps(column: NumberColumn, values: Sequence[Attribute | Rejected]) -> Any:
    """An Arrow array, null where there is no number."""
    known = np.array([isinstance(value, float) for value in values], np.bool_)
    numbers = np.array([value if isinstance(value, float) else 0.0 for value in values], np.float64)
    return pa.array(steps(column, numbers), mask=~known)


def _settle(
    connection: duckdb.DuckDBPyConnection, attributes: Mapping[int, NumberColumn], count: int, universe: int
) -> None:
    """Write ``numbers.number``: a row per handle, in their order, and a column per number."""
    run = connection.execute
    run(
        "CREATE TABLE first AS FROM attributes SEMI JOIN"
        " (SELECT min(source_row) AS source_row FROM attributes GROUP BY member) USING (source_row)"
    )
    joins, values = " LEFT JOIN first ON first.member = live.member", []
    for place in range(count):
        if place in attributes:
            values.append(f"first.value{place} AS value{place}")
            continue
        run(
            f"CREATE TABLE first{place} AS SELECT member, arg_min(value, source_row) AS value FROM pairs"
            f" WHERE place = {place} GROUP BY member"
        )
        joins += f" LEFT JOIN first{place} ON first{place}.member = live.member"
        values.append(f"first{place}.value AS value{place}")
    run(
        f"CREATE TABLE numbers.number AS SELECT {', '.join(values)} FROM range({universe}) AS every(handle)"
        f" LEFT JOIN live ON live.handle = every.handle{joins} ORDER BY every.handle"
    )
