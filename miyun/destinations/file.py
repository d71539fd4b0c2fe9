"""Files of an audience, CSV or Parquet, in a folder where somebody picks them up.

Each batch is a part, made durable before it counts; the parts become one file when all are there. A file that is there
already is replaced.
"""

import csv
import io
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from pydantic import Field

from miyun.destinations.batches import Batch, BatchOutcome, Preview
from miyun.destinations.plugin import Context, Destination, DestinationConfig
from miyun.errors import ConfigError
from miyun.keys.files import make_private_folder, replacing

PART_ROWS = 65_536


class FileFormat(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"


class FileConfig(DestinationConfig):
    """``folder`` is relative to the home; the one of ``[outbox]`` where it is left out."""

    kind: str = "file"
    folder: Path | None = None
    format: FileFormat = FileFormat.CSV
    batch_rows: int = Field(default=PART_ROWS, ge=1, le=1 << 20)


class FileDestination(Destination[FileConfig]):
    kind: ClassVar[str] = "file"
    Config: ClassVar[type[DestinationConfig]] = FileConfig
    local: ClassVar[bool] = True

    def __init__(self, config: FileConfig, context: Context) -> None:
        super().__init__(config, context)
        self._path = context.folder / f"{context.order.name}.{config.format}"

    def dry_run(self, batch: Batch) -> Preview:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self._names, *_rows(batch)])
        return Preview(target=str(self._path), text=text.getvalue())

    def deliver(self, batch: Batch) -> BatchOutcome:
        with self._explained():
            make_private_folder(self.context.work)
            with replacing(self._part(batch.index)) as file:
                if self.config.format is FileFormat.CSV:
                    _write_csv(file, _rows(batch))
                else:
                    self._write_parquet(file, batch)
        return BatchOutcome()

    def finish(self, batches: int) -> Path | None:
        parts = [self._part(index) for index in range(batches)]
        with self._explained():
            if self._path.exists() and not any(part.exists() for part in parts):
                return self._path
            make_private_folder(self._path.parent)
            with replacing(self._path) as file:
                if self.config.format is FileFormat.CSV:
                    _write_csv(file, [self._names])
                    _append(file, parts)
                else:
                    self._join_parquet(file, parts)
        return self._path

    @property
    def _names(self) -> tuple[str, ...]:
        return (self.context.id_name, *self.config.fields)

    def _part(self, index: int) -> Path:
        return self.context.work / f"{index}.part"

    def _write_parquet(self, file: BinaryIO, batch: Batch) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = self._schema()
        pq.write_table(pa.table([batch.ids, *batch.columns.values()], schema=schema), file)

    def _join_parquet(self, file: BinaryIO, parts: Sequence[Path]) -> None:
        import pyarrow.parquet as pq

        with pq.ParquetWriter(file, self._schema()) as writer:
            for part in parts:
                writer.write_table(pq.read_table(part))

    def _schema(self) -> Any:
        import pyarrow as pa

        return pa.schema([(name, pa.string()) for name in self._names])

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ConfigError(
                f"{self._path} can't be written: {error.strerror}",
                hint="Check the folder of the destination, or under [outbox], in party.toml.",
            ) from None


def _rows(batch: Batch) -> Iterable[Sequence[str | None]]:
    return zip(batch.ids, *batch.columns.values(), strict=True)


def _write_csv(file: BinaryIO, rows: Iterable[Sequence[str | None]]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    text.detach()


def _append(file: BinaryIO, parts: Sequence[Path]) -> None:
    for part in parts:
        with part.open("rb") as source:
            shutil.copyfileobj(source, file)
