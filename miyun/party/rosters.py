"""Where rosters are: one file per fusion, the newest two of a contract kept."""

import shutil
from enum import StrEnum
from pathlib import Path

from miyun.errors import NotFoundError, ReplayError, StateError
from miyun.keys.files import make_private_folder
from miyun.members.roster import Roster, places_of
from miyun.members.roster_places import RosterPlaces
from miyun.names import new_key
from miyun.party.evaluations import SeenFile
from miyun.party.fusion_states import FusionState, FusionStates
from miyun.party.roster_changes import RosterChanges

KEPT = 2
"""An audience of the epoch before may still be on its way."""


class ChangePart(StrEnum):
    """Of the files that a delta is made from: rows that are added, and ids of members that are removed."""

    ADD = "add"
    REMOVE = "remove"


class Rosters:
    def __init__(self, folder: Path, fusions: FusionStates, changes: RosterChanges) -> None:
        self._folder = folder
        self._fusions = fusions
        self._changes = changes

    def path(self, contract: str, epoch: int, job: str) -> Path:
        make_private_folder(self._folder)
        return self._folder / f"{contract}.{epoch}.{job}.duckdb"

    def open(self, contract: str, epoch: int) -> Roster:
        """The roster of an epoch that this party has finished, with what deltas changed in it.

        Raises:
            ReplayError: there is none, or none any more.
        """
        fusion = self._fusions.finished(contract, epoch)
        if fusion is not None:
            try:
                roster = Roster.open(self.path(contract, epoch, fusion.job))
            except NotFoundError:
                pass
            else:
                self._changes.apply(roster, contract, epoch, fusion.announcement.handles)
                return roster
        raise ReplayError(f"this party has no rows of epoch {epoch}", hint="Fuse again, then ask.")

    def places(self, contract: str, epoch: int, key: str) -> RosterPlaces:
        """Where the values of an epoch's fusion were sent; ``key`` is that of their digests.

        Raises:
            StateError: that was not kept.
        """
        fusion = self._fusions.finished(contract, epoch)
        if fusion is None:
            raise StateError("this party has not finished the fusion that is to change", hint="Fuse anew.")
        path = places_of(self.path(contract, epoch, fusion.job))
        return RosterPlaces(path, key, len(fusion.announcement.counts))

    def seen_file(self, contract: str, epoch: int, job: str, place: int) -> SeenFile:
        """Where the points of the other party's fusion are written down, by the place of their type; for deltas."""
        path = self.path(contract, epoch, job)
        return SeenFile(job=job, path=path.with_name(f"{path.name}.seen{place}"))

    def drop(self, contract: str) -> None:
        """Delete all files of a contract that is over."""
        for file in self._files(contract):
            _delete(file)

    def prune(self, contract: str) -> None:
        """Delete the files of all fusions but the newest finished ones and those under way.

        What a delta of the newest epoch is to be made of stays: it may have been asked for by now, or be compared.
        """
        fusions = self._fusions.of(contract)
        finished = [fusion for fusion in fusions if fusion.state is FusionState.FINISHED and not fusion.sequence]
        wanted = [fusion for fusion in fusions if fusion.state is FusionState.EXCHANGING] + finished[-KEPT:]
        kept = tuple(self.path(contract, fusion.epoch, fusion.job).name for fusion in wanted)
        newest = max((fusion.epoch for fusion in finished), default=0)
        for file in self._files(contract):
            if not (file.name.startswith(kept) or _is_of_change(file, newest)):
                _delete(file)

    def change_file(self, contract: str, epoch: int, job: str, part: ChangePart) -> Path:
        """Where a copy of what a delta is made from is; gone with the rosters of its epoch."""
        make_private_folder(self._folder)
        return self._folder / f"{contract}.{epoch}.{job}.duckdb.{part}"

    def compared_file(self, contract: str, epoch: int, part: ChangePart) -> Path:
        """A new place where a comparison with the source can put what it found to be other than before."""
        return self.change_file(contract, epoch, f"compared-{new_key()}", part)

    def _files(self, contract: str) -> list[Path]:
        """Rosters, and what building them left where the process died."""
        return list(self._folder.glob(f"{contract}.*.duckdb*"))


def _is_of_change(file: Path, newest: int) -> bool:
    """Whether a delta is made of it, of this epoch or a newer one."""
    return file.suffix.removeprefix(".") in tuple(ChangePart) and int(file.name.split(".")[1]) >= newest


def _delete(file: Path) -> None:
    if file.is_dir():
        shutil.rmtree(file, ignore_errors=True)
    else:
        file.unlink(missing_ok=True)
