"""Working files of jobs, for this party alone."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from miyun.keys.files import make_private_folder


class JobFiles:
    """All go with their job."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, contract: str, job: str, kind: str) -> Path:
        """Where a job has its file of this kind."""
        make_private_folder(self._folder)
        return self._folder / f"{contract}.{job}.{kind}"

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
