"""A table that is made in parts, one for each batch, and becomes one file when all are there.

Its name's ending says how it is written: ``.csv``, ``.parquet`` (columns of text) or ``.jsonl`` (a JSON object a line).
A file that is there already is replaced; nobody sees half of one.
"""

import csv
import io
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from miyun.errors import ConfigError
from miyun.keys.files import make_private_folder, replacing

CSV, PARQUET, JSON_LINES = ".csv", ".parquet", ".jsonl"

Row = Sequence[Any]


class PartedFile:
    """``names`` are of the columns; parts lie in ``work`` until they are joined."""

    def __init__(self, path: Path, work: Path, names: Sequence[str]) -> None:
        self.path = path
        self._work = work
        self._names = names

    def put(self, index: int, rows: Iterable[Row]) -> None:
        """Write a part durably, in the place of an earlier one of this index.

        Raises:
            ConfigError: it can't be written.
        """
        with self._explained():
            make_private_folder(self._work)
            with replacing(self._part(index)) as file:
                match self.path.suffix:
                    case ".parquet":
                        self._write_parquet(file, rows)
                    case ".jsonl":
                        self._write_json_lines(file, rows)
                    case _:
                        _write_csv(file, rows)

    def join(self, parts: int) -> Path:
        """Make one file of so many parts. Where there is none of them any more, it was made before.

        Raises:
            ConfigError: it can't be written, or a part is gone.
        """
        found = [self._part(index) for index in range(parts)]
        with self._explained():
            if self.path.exists() and not any(part.exists() for part in found):
                return self.path
            make_private_folder(self.path.parent)
            with replacing(self.path) as file:
                if self.path.suffix == PARQUET:
                    self._join_parquet(file, found)
                else:
                    if self.path.suffix == CSV:
                        _write_csv(file, [self._names])
                    _append(file, found)
        return self.path

    def text(self, rows: Iterable[Row]) -> str:
        """What the file would say of these rows; of Parquet as CSV."""
        file = io.BytesIO()
        if self.path.suffix == JSON_LINES:
            self._write_json_lines(file, rows)
        else:
            _write_csv(file, [self._names, *rows])
        return file.getvalue().decode()

    def _part(self, index: int) -> Path:
        return self._work / f"{index}.part"

    def _write_json_lines(self, file: BinaryIO, rows: Iterable[Row]) -> None:
        for row in rows:
            line = json.dumps(dict(zip(self._names, row, strict=True)), ensure_ascii=False, separators=(",", ":"))
            file.write(line.encode() + b"\n")

    def _write_parquet(self, file: BinaryIO, rows: Iterable[Row]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = list(zip(*rows, strict=True)) or [()] * len(self._names)
        pq.write_table(pa.table([list(column) for column in columns], schema=self._schema()), file)

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
                f"{self.path} can't be written: {error.strerror}",
                hint="Check the folder of the destination, or under [outbox], in party.toml.",
            ) from None


def _write_csv(file: BinaryIO, rows: Iterable[Row]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    text.detach()


def _append(file: BinaryIO, parts: Sequence[Path]) -> None:
    for part in parts:
        with part.open("rb") as source:
            shutil.copyfileobj(source, file)
