"""Files of an audience, CSV or Parquet, in a folder where somebody picks them up.

Each batch is a part, made durable before it counts; the parts become one file when all are there. A file that is there
already is replaced.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from miyun.destinations.batches import Batch, BatchOutcome, Preview
from miyun.destinations.parts import PartedFile
from miyun.destinations.plugin import Context, Destination, DestinationConfig

PART_ROWS = 65_536


class FileFormat(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"


class FolderConfig(DestinationConfig):
    """``folder`` is relative to the home; the one of ``[outbox]`` where it is left out."""

    folder: Path | None = None
    batch_rows: int = Field(default=PART_ROWS, ge=1, le=1 << 20)


class FileConfig(FolderConfig):
    kind: str = "file"
    format: FileFormat = FileFormat.CSV


class FileDestination(Destination[FileConfig]):
    kind: ClassVar[str] = "file"
    Config: ClassVar[type[DestinationConfig]] = FileConfig
    local: ClassVar[bool] = True

    def __init__(self, config: FileConfig, context: Context) -> None:
        super().__init__(config, context)
        path = context.folder / f"{context.order.name}.{config.format}"
        self._file = PartedFile(path, context.work, (context.id_name, *config.fields))

    def dry_run(self, batch: Batch) -> Preview:
        return Preview(target=str(self._file.path), text=self._file.text(_rows(batch)))

    def deliver(self, batch: Batch) -> BatchOutcome:
        self._file.put(batch.index, _rows(batch))
        return BatchOutcome()

    def finish(self, batches: int) -> Path | None:
        return self._file.join(batches)


def _rows(batch: Batch) -> Iterable[Sequence[str | None]]:
    return zip(batch.ids, *batch.columns.values(), strict=True)
