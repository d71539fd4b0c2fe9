"""Parquet files, one batch of one row group at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from miyun.errors import SourceError
from miyun.members.cells import as_text
from miyun.members.sources import BATCH_ROWS, Source, SourceBatch, positions

_BUFFER_BYTES = 1 << 20


def open_parquet(path: Path, columns: Sequence[str]) -> Source:
    """Raises: SourceError: no Parquet file, or it lacks a column."""
    try:
        file = pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except (pa.ArrowException, OSError):
        raise SourceError(f"{path.name} is no readable Parquet file", hint="Check what wrote it.") from None
    positions(columns, file.schema_arrow.names, hint="Correct the column names in the configuration.")
    return Source(total=file.metadata.num_rows, batches=_batches(file, path.name, columns))


def _batches(file: Any, name: str, columns: Sequence[str]) -> Iterator[SourceBatch]:
    number = 1
    try:
        with file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=list(columns), use_threads=False):
                yield SourceBatch(
                    rows=list(range(number, number + batch.num_rows)),
                    columns={column: texts(batch.column(column)) for column in columns},
                    bad=[],
                )
                number += batch.num_rows
    except (pa.ArrowException, OSError):
        raise SourceError(f"{name} is damaged after row {number - 1}", hint="Write the file again.") from None


def texts(column: Any) -> list[str | None]:
    """An Arrow array as text."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_integer(column.type):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        plain: list[str | None] = column.to_pylist()
        return plain
    return [as_text(value) for value in column.to_pylist()]
