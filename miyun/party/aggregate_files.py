"""Working files of insights at the columns' owner: its columns by row handle, and totals that are not complete."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from miyun.keys.files import make_private_folder, write_private


class AggregateFiles:
    """All go with their job."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tagged(self, contract: str, job: str) -> Path:
        """Where who carries which tag is."""
        return self._path(contract, job, "tagged.duckdb")

    def numbers(self, contract: str, job: str) -> Path:
        """Where the numbers are."""
        return self._path(contract, job, "numbers.duckdb")

    def state(self, contract: str, job: str) -> bytes | None:
        """The running totals that were put down, if any were."""
        path = self._path(contract, job, "totals")
        return path.read_bytes() if path.is_file() else None

    def put_state(self, contract: str, job: str, state: bytes) -> None:
        """Put the running totals down, durably."""
        write_private(self._path(contract, job, "totals"), state)

    def drop(self, contract: str, job: str = "") -> None:
        """Delete the files of a job, or of all jobs of a contract."""
        for file in self._files(f"{contract}.{job}." if job else f"{contract}."):
            if file.is_dir():
                shutil.rmtree(file, ignore_errors=True)
            else:
                file.unlink(missing_ok=True)

    def _files(self, start: str) -> Iterator[Path]:
        """With what a process that died in the middle has left."""
        if self._folder.is_dir():
            yield from (file for file in self._folder.iterdir() if file.name.lstrip(".").startswith(start))

    def _path(self, contract: str, job: str, kind: str) -> Path:
        make_private_folder(self._folder)
        return self._folder / f"{contract}.{job}.{kind}"
