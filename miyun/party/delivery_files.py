"""Files of delivered member ids: written aside, made durable, then moved into place."""

import csv
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from miyun.errors import ConfigError
from miyun.keys.files import FILE_MODE, make_private_folder
from miyun.party.config import DeliveryFormat


def write_delivery(path: Path, format_: DeliveryFormat, column: str, batches: Iterable[list[str]]) -> int:
    """Write one column of ids; gives their number. A file that is there already is replaced.

    Raises:
        ConfigError: the folder can't be written to.
    """
    try:
        make_private_folder(path.parent)
        with _in_place(path) as aside:
            write = _write_csv if format_ is DeliveryFormat.CSV else _write_parquet
            return write(aside, column, batches)
    except OSError as error:
        raise ConfigError(
            f"{path} can't be written: {error.strerror}", hint="Check the folder under [outbox] in party.toml."
        ) from None


@contextmanager
def _in_place(path: Path) -> Iterator[Path]:
    aside = path.with_name(f".{path.name}.part")
    aside.unlink(missing_ok=True)
    os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))
    try:
        yield aside
        _sync(aside)
        aside.replace(path)
        _sync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_csv(path: Path, column: str, batches: Iterable[list[str]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column])
        for batch in batches:
            writer.writerows([member] for member in batch)
            count += len(batch)
    return count


def _write_parquet(path: Path, column: str, batches: Iterable[list[str]]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    count = 0
    schema = pa.schema([(column, pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for batch in batches:
            writer.write_table(pa.table({column: batch}, schema=schema))
            count += len(batch)
    return count
