"""What the source says today about some of the rows of an epoch: it is read once, then told by ascending handle."""
# ruff: noqa: S608 - names are numbered here, values are parameters

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa
from pyroaring import BitMap

from miyun.members.config import MembersConfig
from miyun.members.reading import member_ids
from miyun.members.reasons import Reason, Rejected
from miyun.members.sources import SourceBatch, open_source
from miyun.members.staging import insert
from miyun.members.workspace import explained

Spell = Callable[[Mapping[str, Sequence[str | None]]], Sequence[Sequence[str | Rejected]]]
"""Fields out of source columns: a value a row and field, or why there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnChunk:
    """Members by ascending handle, and their fields, parallel. Everything below ``next_handle`` has been told."""

    next_handle: int
    ids: list[str]
    fields: list[list[str | Rejected]]


class OwnRows:
    """A block in which rows are read; of a member's rows the first one counts. A member who is gone is not told."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        config: MembersConfig,
        columns: Sequence[str],
        spell: Spell,
        handles: BitMap,
    ) -> None:
        self._connection = connection
        self._config = config
        self._columns = columns
        self._spell = spell
        self._handles = handles
        self._fields = 0

    def __enter__(self) -> Self:
        """Read the source, unless only ids are wanted.

        Raises:
            SourceError: it can't be read, or lacks a column.
            ConfigError: it needs more memory than DuckDB may have.
        """
        if self._columns:
            with explained():
                self._read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def chunks(self, size: int, *, first: int = 0) -> Iterator[OwnChunk]:
        """Up to ``size`` rows each, from the handle ``first`` on; padding is skipped."""
        wanted = self._handles - BitMap(range(first)) if first else self._handles
        for start in range(0, len(wanted), size):
            handles = wanted[start : start + size]
            found = self._told(handles)
            members = [row for row in found if row[0] in handles]
            yield OwnChunk(
                next_handle=handles.max() + 1,
                ids=[row[1] for row in members],
                fields=[
                    [_value(row[2 + 2 * place], row[3 + 2 * place]) for row in members] for place in range(self._fields)
                ],
            )

    def _told(self, handles: BitMap) -> list[Any]:
        table = "told" if self._columns else "live"
        return self._connection.execute(
            f"SELECT * FROM {table} WHERE handle >= ? AND handle <= ? ORDER BY handle",
            [handles.min(), handles.max()],
        ).fetchall()

    def _read(self) -> None:
        config = self._config
        wanted = list(dict.fromkeys([config.id, *self._columns]))
        self._stage(SourceBatch(rows=[], columns={name: [] for name in wanted}, bad=[]), first=True)
        for batch in open_source(config, wanted).batches:
            self._stage(batch)
        fields = "".join(f", value{place}, why{place}" for place in range(self._fields))
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE told AS SELECT live.handle, source.member{fields}"
            " FROM source JOIN live ON source.member = live.member"
            " WHERE source_row IN (SELECT min(source_row) FROM source GROUP BY member) ORDER BY handle"
        )
        self._connection.execute("DROP TABLE source")

    def _stage(self, batch: SourceBatch, *, first: bool = False) -> None:
        spelled = self._spell(batch.columns)
        if first:
            self._fields = len(spelled)
            columns = "".join(f", value{place} VARCHAR, why{place} VARCHAR" for place in range(self._fields))
            self._connection.execute(
                f"CREATE OR REPLACE TEMP TABLE source (source_row BIGINT, member VARCHAR{columns})"
            )
        ids = member_ids(batch.columns[self._config.id])
        known = [None if isinstance(one, Rejected) else one for one in ids]
        staged = [pa.array(batch.rows, pa.int64()), pa.array(known, pa.string())]
        for field in spelled:
            staged.append(pa.array([None if isinstance(one, Rejected) else one for one in field], pa.string()))
            staged.append(pa.array([one.reason if isinstance(one, Rejected) else None for one in field], pa.string()))
        insert(self._connection, "source", staged)


def _value(value: str | None, why: str | None) -> str | Rejected:
    return Rejected(Reason(why or Reason.EMPTY)) if value is None else value
