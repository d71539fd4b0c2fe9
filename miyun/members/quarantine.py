"""The quarantine file: every value and row that is not used, why, and what it was. It stays with the owner."""

import csv
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

from miyun.members.reasons import Reason
from miyun.words import as_cell

HEADER = ("row", "column", "reason", "words", "value")


class Quarantine:
    """Written beside ``path`` and put in its place, mode 0600, when the reading succeeds; the last one stays.

    Rows count from 1, without the header; a row that is unusable as a whole has no column. Bytes that were no text
    are kept as they were; a value that a spreadsheet would run as a formula has ' before it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries = 0
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        self._file = open(  # noqa: SIM115 - closed by __exit__
            self._partial, "w", encoding="utf-8", errors="surrogateescape", newline="", opener=_private
        )
        self._writer = csv.writer(self._file)
        self._writer.writerow(HEADER)

    def add(self, row: int, column: str, reason: Reason, raw: str) -> None:
        self._writer.writerow((row, column, reason, reason.words, as_cell(raw)))
        self.entries += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is not None:
            self._file.close()
            self._partial.unlink(missing_ok=True)
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._partial.replace(self.path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_TRUNC, 0o600)
