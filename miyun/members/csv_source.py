"""CSV as in RFC 4180: quotes, embedded line breaks and delimiters. A malformed row is set aside, the next one is read.

A quote that is never closed would swallow the rows after it: reading resumes on the line after the one where the
broken row began.

Lines are read by the block. A block whose rows are all whole is taken as it is; any other is read again, row by row.
"""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

from miyun.errors import SourceError
from miyun.members.config import Encoding
from miyun.members.encodings import codec_of
from miyun.members.reasons import Reason
from miyun.members.sources import BATCH_ROWS, BadRow, Source, SourceBatch, positions


def open_csv(path: Path, columns: Sequence[str], *, encoding: Encoding, delimiter: str) -> Source:
    """Raises: SourceError: the file can't be opened, has no header, or lacks a column."""
    try:
        codec = codec_of(path, encoding)
        file = path.open(encoding=codec, errors="surrogateescape", newline="")
    except OSError as error:
        raise SourceError(f"{path.name} can't be read: {error.strerror}", hint="Check the file's owner.") from None
    rows = _Rows(file, delimiter)
    try:
        header = rows.header()
        wanted = positions(columns, header, hint=f"The header must name it; columns are divided by {delimiter!r}.")
    except SourceError:
        file.close()
        raise
    return Source(total=None, batches=_batches(file, rows, len(header), dict(zip(columns, wanted, strict=True))))


def csv_header(path: Path) -> list[str]:
    """The column names of a CSV file divided by commas.

    Raises:
        SourceError: it has none.
    """
    with path.open(encoding=codec_of(path, Encoding.AUTO), errors="surrogateescape", newline="") as file:
        return _Rows(file, ",").header()


_BLOCK_LINES = 2048
"""Few enough that their cells are still in the processor's cache when they are taken."""


class _Rows:
    """Rows of a CSV file; ``raw`` is the text of the last one."""

    def __init__(self, file: TextIO, delimiter: str) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self._held: list[str] = []
        self._delimiter = delimiter
        self._reader = csv.reader(self._lines(), delimiter=delimiter, strict=True)

    def block(self, width: int) -> list[list[str]]:
        """The next rows, if that many lines are whole rows of ``width`` cells; else none, and ``next`` reads them."""
        if self._again:
            return []
        lines = list(islice(self._file, min(_BLOCK_LINES, BATCH_ROWS)))
        try:
            rows = list(csv.reader(lines, delimiter=self._delimiter, strict=True))
        except csv.Error:
            rows = []
        if set(map(len, rows)) == {width}:
            return rows
        self._again.extend(lines)
        return []

    @property
    def behind(self) -> bool:
        """Whether there are lines left of a block that was not taken as it is."""
        return bool(self._again)

    def _lines(self) -> Iterator[str]:
        while True:
            line = self._again.popleft() if self._again else self._file.readline()
            if not line:
                return
            self._held.append(line)
            yield line

    @property
    def raw(self) -> str:
        return "".join(self._held).rstrip("\r\n")

    def header(self) -> list[str]:
        try:
            row = self.next()
        except csv.Error:
            raise SourceError("the header's quotes don't close", hint="Correct the first line.") from None
        if row is None:
            raise SourceError("the file is empty", hint="Its first line must name the columns.")
        return [name.strip() for name in row]

    def next(self) -> list[str] | None:
        """The next row that isn't blank; None at the end.

        Raises:
            csv.Error: the row's quoting is broken; ``raw`` is its first line.
        """
        while True:
            self._held.clear()
            try:
                row = next(self._reader, None)
            except csv.Error:
                self._again.extendleft(reversed(self._held[1:]))
                del self._held[1:]
                self._reader = csv.reader(self._lines(), delimiter=self._delimiter, strict=True)
                raise
            if row is None or row:
                return row


def _batches(file: TextIO, rows: _Rows, width: int, wanted: dict[str, int]) -> Iterator[SourceBatch]:
    number = 0
    with file:
        while True:
            whole: dict[str, list[str | None]] = {name: [] for name in wanted}
            read = 0
            while read < BATCH_ROWS and (cells := rows.block(width)):
                read += len(cells)
                for name, column in _of(cells, wanted).items():
                    whole[name] += column
            if read:
                yield SourceBatch(rows=list(range(number + 1, number + 1 + read)), columns=whole, bad=[])
                number += read
                continue
            numbers: list[int] = []
            bad: list[BadRow] = []
            while len(cells) < BATCH_ROWS and len(bad) < BATCH_ROWS:
                try:
                    row = rows.next()
                except csv.Error:
                    number += 1
                    bad.append(BadRow(row=number, reason=Reason.BAD_QUOTING, raw=rows.raw))
                    continue
                if row is None:
                    break
                number += 1
                if len(row) != width:
                    bad.append(BadRow(row=number, reason=Reason.RAGGED, raw=rows.raw))
                    continue
                numbers.append(number)
                cells.append(row)
                if not rows.behind:
                    break
            if not numbers and not bad:
                return
            yield SourceBatch(rows=numbers, columns=_of(cells, wanted), bad=bad)


def _of(cells: list[list[str]], wanted: dict[str, int]) -> dict[str, list[str | None]]:
    return {name: [row[place] for row in cells] for name, place in wanted.items()}
