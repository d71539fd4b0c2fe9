"""Files of people who must not be reached, the opt-out file and those of further lists.

A CSV divided by commas, whose columns are named after the member id column or identifier types. A row names a person by
any of its columns. Identifiers are spelled by the same profiles as the member table's.
"""

from collections.abc import Iterator
from pathlib import Path

from miyun.errors import SourceError
from miyun.members.config import Encoding, MembersConfig
from miyun.members.csv_source import csv_header, open_csv
from miyun.members.profiles import COMPOSITE, normalise_column
from miyun.members.quarantine import Quarantine
from miyun.members.reading import member_ids
from miyun.members.reasons import Rejected
from miyun.members.sources import SourceBatch
from miyun.members.tally import Tally

ROLE = "opt-out"


class OptOuts:
    """One such file of a configuration. ``profiles``: the identifier types among its columns."""

    def __init__(self, config: MembersConfig, path: Path, quarantine: Quarantine | None = None) -> None:
        """Raises: SourceError: the file can't be read, or names nobody."""
        if not path.is_file():
            raise SourceError(f"there is no file {path.name}", hint="Correct file in [suppression].")
        header = csv_header(path)
        singles = {type_: own.profile for type_, own in config.identifiers.items() if own.profile != COMPOSITE}
        self.profiles = {type_: profile for type_, profile in singles.items() if type_ in header}
        self._id = [config.id] if config.id in header else []
        self._path = path
        if not self.profiles and not self._id:
            raise SourceError(
                f"{path.name} has no column named {config.id!r} or after an identifier type",
                hint=f"Name its columns among: {', '.join([config.id, *singles])}.",
            )
        self.tallies = {
            name: Tally(name=name, column=f"{path.name}: {name}", role=ROLE, keep_empty=False, quarantine=quarantine)
            for name in (*self._id, *self.profiles)
        }

    def batches(self) -> Iterator[tuple[list[str], dict[str, list[str]]]]:
        """Member ids, and values by identifier type.

        Raises:
            SourceError: the file can't be read to its end.
        """
        source = open_csv(self._path, list(self.tallies), encoding=Encoding.AUTO, delimiter=",")
        for batch in source.batches:
            ids: list[str] = []
            for name in self._id:
                ids = self._taken(name, member_ids(batch.columns[name]), batch)
            values = {
                type_: self._taken(type_, normalise_column(profile, [batch.columns[type_]]), batch)
                for type_, profile in self.profiles.items()
            }
            yield ids, values

    def _taken(self, name: str, values: list[str | Rejected], batch: SourceBatch) -> list[str]:
        taken = self.tallies[name].take(values, batch.rows, batch.columns[name])
        return [value for value in taken if value is not None]


def open_lists(config: MembersConfig, quarantine: Quarantine | None = None) -> dict[str, OptOuts]:
    """The configured files, by the reason that each stands for.

    Raises:
        SourceError: one can't be read, or names nobody.
    """
    return {
        reason: OptOuts(config, config.resolve(listed.file), quarantine)
        for reason, listed in config.suppression.by_reason().items()
        if listed.file is not None
    }
