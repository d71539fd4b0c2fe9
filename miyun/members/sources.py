"""A table as a stream of batches, wherever it is. Rows count from 1; a header is no row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from miyun.errors import SourceError
from miyun.members.config import SourceConfig, SourceKind
from miyun.members.reasons import Reason

BATCH_ROWS = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that can't be read as a whole."""

    row: int
    reason: Reason
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBatch:
    """Cells as text by column, parallel to ``rows``; None is null. ``bad`` are the rows in between."""

    rows: list[int]
    columns: dict[str, list[str | None]]
    bad: list[BadRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """``total`` rows where the source knows it beforehand. ``batches`` can be read once."""

    total: int | None
    batches: Iterator[SourceBatch]


def open_source(config: SourceConfig, columns: Sequence[str]) -> Source:
    """Stream the named columns.

    Raises:
        SourceError: the source can't be read, or lacks a column; also while the batches are read.
    """
    match config.source:
        case SourceKind.CSV:
            from miyun.members.csv_source import open_csv

            return open_csv(_existing(config), columns, encoding=config.encoding, delimiter=config.delimiter)
        case SourceKind.PARQUET:
            from miyun.members.parquet_source import open_parquet

            return open_parquet(_existing(config), columns)
        case SourceKind.SQL:
            from miyun.members.sql_source import open_query

            return open_query(config, columns)


def positions(columns: Sequence[str], present: Sequence[str], *, hint: str) -> list[int]:
    """Where each wanted column stands among those present.

    Raises:
        SourceError: one is missing, or there twice.
    """
    missing = [name for name in columns if name not in present]
    if missing:
        raise SourceError(f"the table has no column {', '.join(map(repr, missing))}", hint=hint)
    twice = [name for name in columns if list(present).count(name) > 1]
    if twice:
        raise SourceError(f"the table has the column {twice[0]!r} twice", hint="Rename one of the two.")
    return [list(present).index(name) for name in columns]


def _existing(config: SourceConfig) -> Path:
    path = config.resolve(config.path or Path())
    if not path.is_file():
        raise SourceError(
            f"there is no file {path.name}", hint=f"Correct path in [{config.TABLE}]; it is relative to the file."
        )
    return path
