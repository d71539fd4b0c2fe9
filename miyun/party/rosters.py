"""Where rosters are: one file per fusion, the newest two of a contract kept."""

import shutil
from pathlib import Path

from miyun.errors import NotFoundError, ReplayError
from miyun.keys.files import make_private_folder
from miyun.members.roster import Roster
from miyun.party.fusion_states import FusionState, FusionStates

KEPT = 2
"""An audience of the epoch before may still be on its way."""


class Rosters:
    def __init__(self, folder: Path, fusions: FusionStates) -> None:
        self._folder = folder
        self._fusions = fusions

    def path(self, contract: str, epoch: int, job: str) -> Path:
        make_private_folder(self._folder)
        return self._folder / f"{contract}.{epoch}.{job}.duckdb"

    def open(self, contract: str, epoch: int) -> Roster:
        """The roster of an epoch that this party has finished.

        Raises:
            ReplayError: there is none, or none any more.
        """
        fusion = self._fusions.finished(contract, epoch)
        if fusion is not None:
            try:
                return Roster.open(self.path(contract, epoch, fusion.job))
            except NotFoundError:
                pass
        raise ReplayError(f"this party has no rows of epoch {epoch}", hint="Fuse again, then ask.")

    def drop(self, contract: str) -> None:
        """Delete all files of a contract that is over."""
        for file in self._files(contract):
            _delete(file)

    def prune(self, contract: str) -> None:
        """Delete the files of all fusions but the newest finished ones and those under way."""
        fusions = self._fusions.of(contract)
        finished = [fusion for fusion in fusions if fusion.state is FusionState.FINISHED]
        wanted = [fusion for fusion in fusions if fusion.state is FusionState.EXCHANGING] + finished[-KEPT:]
        kept = tuple(self.path(contract, fusion.epoch, fusion.job).name for fusion in wanted)
        for file in self._files(contract):
            if not file.name.startswith(kept):
                _delete(file)

    def _files(self, contract: str) -> list[Path]:
        """Rosters, and what building them left where the process died."""
        return list(self._folder.glob(f"{contract}.*.duckdb*"))


def _delete(file: Path) -> None:
    if file.is_dir():
        shutil.rmtree(file, ignore_errors=True)
    else:
        file.unlink(missing_ok=True)
