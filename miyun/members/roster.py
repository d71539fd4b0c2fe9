"""The rows that one fusion sends: row handle ↔ member id, and the values of each identifier type in upload order."""
# ruff: noqa: S608 - names are numbered here, values are parameters, paths are quoted

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import duckdb
import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from miyun.chunking import CHUNK_POINTS
from miyun.contract.model import Consent, IdentifierTerms
from miyun.errors import MalformedError, NotFoundError, SourceError, StateError
from miyun.members import roster_views, scores, today
from miyun.members.catalogue import Catalogue
from miyun.members.collecting import collect
from miyun.members.comparing import Difference, Held, Terms, compare
from miyun.members.config import DEFAULT_MEMORY_MIB, MembersConfig, TagsConfig
from miyun.members.distances import Discs
from miyun.members.drawing import draw
from miyun.members.own_rows import OwnRows, Spell
from miyun.members.reading import Progress, consent_columns, contract_profiles
from miyun.members.report import MembersReport
from miyun.members.roster_places import keep_places
from miyun.members.workspace import (
    building,
    connect,
    cursor_of,
    explained,
    literal,
    put_in_place,
    sync,
)
from miyun.records import Record

_BATCH_HANDLES = 16_384
_NO_DISCS: Mapping[str, Discs] = MappingProxyType({})
_ROSTER, _IDENTIFIERS = "roster", "identifiers"


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterChunk:
    """The row handle and the value at each position; None is a padding point."""

    handles: npt.NDArray[np.uint32]
    values: list[bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterFacts(Record):
    """What the file says about itself."""

    consent: Consent
    report: MembersReport


class Roster:
    """One file per contract and epoch, mode 0600, and a second one with the identifiers until they are forgotten.

    A roster that is built is never changed.
    """

    @classmethod
    def build(
        cls,
        path: Path,
        config: MembersConfig,
        *,
        identifiers: Sequence[IdentifierTerms],
        consent: Consent,
        bucket: int,
        least: int = 0,
        on_progress: Progress | None = None,
    ) -> Self:
        """Read the source and draw handles and upload orders; an older file at ``path`` is replaced.

        ``least`` is how many padding points each type has at least.

        Nothing is at ``path`` before everything is; a build that was interrupted starts anew.

        Raises:
            ConfigError: the configuration lacks an identifier type, has another profile for it, or lacks consent.
            SourceError: the source can't be read, or no row may be sent.
        """
        profiles = contract_profiles(config, identifiers)
        columns = consent_columns(config, consent)
        with building(path) as work:
            drawn = {name: work / f"{name}.duckdb" for name in (_IDENTIFIERS, _ROSTER)}
            with explained(), connect(None, memory_mib=config.memory_mib, spill=work / "spill") as connection:
                collected = collect(
                    connection,
                    config,
                    profiles=profiles,
                    consent=columns,
                    bucket=bucket,
                    least=least,
                    on_progress=on_progress,
                )
                if not collected.settled.members:
                    raise SourceError(
                        "no row of the member table may be sent",
                        hint="Run `miyun members check`: it says why rows are left out.",
                    )
                for name, file in drawn.items():
                    connection.execute(f"ATTACH {literal(file)} AS {name}")
                draw(connection, collected.settled, collected.padding)
                facts = RosterFacts(consent=consent, report=collected.report)
                connection.execute("CREATE TABLE roster.facts AS SELECT ?::BLOB AS facts", [facts.canonical_bytes()])
                for name in drawn:
                    connection.execute(f"DETACH {name}")
            path.unlink(missing_ok=True)
            shutil.rmtree(places_of(path), ignore_errors=True)
            put_in_place(drawn[_IDENTIFIERS], _identifiers_of(path))
            put_in_place(drawn[_ROSTER], path)
        return cls.open(path, memory_mib=config.memory_mib)

    @classmethod
    def open(cls, path: Path, *, memory_mib: int = DEFAULT_MEMORY_MIB) -> Self:
        """Raises: NotFoundError: there is no such file. StateError: it is no roster, or damaged."""
        return cls(path, memory_mib)

    def __init__(self, path: Path, memory_mib: int) -> None:
        self._path = path
        self._remembers = _identifiers_of(path).is_file()
        if not self._path.is_file():
            raise NotFoundError(f"there is no roster {self._path.name}", hint="Fuse first.")
        spill = self._path.with_name(self._path.name + ".spill")
        try:
            self._connection = connect(None, memory_mib=memory_mib, spill=spill)
            roster_views.attach(self._connection, self._path)
            if self._remembers:
                identifiers = literal(_identifiers_of(self._path))
                self._connection.execute(f"ATTACH {identifiers} AS {_IDENTIFIERS} (READ_ONLY)")
            rows = self._connection.execute("SELECT facts FROM roster.facts").fetchall()
        except duckdb.Error:
            raise StateError(f"the roster {self._path.name} can't be read", hint="Fuse again.") from None
        self._added = 0
        self._facts = RosterFacts.from_canonical(rows[0][0] if rows else b"")
        self._places = {type_.type: place for place, type_ in enumerate(self.report.types)}

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        return self._path

    @property
    def report(self) -> MembersReport:
        return self._facts.report

    @property
    def universe(self) -> int:
        """Row handles, padding and retired ones included: 0 … universe - 1."""
        return self.report.universe + self._added

    def change(
        self, handles: int, members: Sequence[tuple[int, str | None]], padding: Sequence[tuple[int, int]]
    ) -> None:
        """Take in what deltas changed: ``handles`` more in all, whose each handle is now, and more padding."""
        self._added = handles
        roster_views.put(self._connection, roster_views.CHANGED, members)
        roster_views.put(self._connection, roster_views.ADDED_PADDING, padding)

    def attach_to(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Attach it there as it is here; see `roster_views`."""
        roster_views.copy(cursor_of(self._connection), connection, self._path)

    def points(self, type_: str) -> int:
        """Points of an identifier type, padding included.

        Raises:
            NotFoundError: the roster has no such type.
        """
        return self.report.types[self._place(type_)].points

    def chunk(self, type_: str, index: int) -> RosterChunk:
        """The points of a chunk, in upload order.

        Raises:
            NotFoundError: the roster has no such type or chunk.
            StateError: the values are forgotten.
        """
        place = self._place(type_)
        if not self._remembers:
            raise StateError("the identifiers of this roster are forgotten", hint="Fuse again, as a new epoch.")
        if not 0 <= index * CHUNK_POINTS < self.points(type_):
            raise NotFoundError(f"the roster has no chunk {index} of {type_}")
        found: dict[str, Any] = (
            cursor_of(self._connection)
            .execute(
                f"SELECT handle, value FROM {_IDENTIFIERS}.points{place} WHERE rowid >= ? AND rowid < ? ORDER BY rowid",
                [index * CHUNK_POINTS, (index + 1) * CHUNK_POINTS],
            )
            .fetchnumpy()
        )
        heads = _Heads(_length_prefixed(type_))
        return RosterChunk(
            handles=found["handle"],
            values=[
                None if value is None else heads[len(data := value.encode())] + data
                for value in found["value"].tolist()
            ],
        )

    def keep_places(self, key: str) -> None:
        """Keep, where rows may change, under which position each value was sent, by digests under a secret key.

        See `miyun.members.roster_places`.
        """
        if not self._remembers:
            return
        keep_places(self._connection, places_of(self._path), key, len(self._places))

    def forget_values(self) -> None:
        """Delete the identifiers; member ids, handles and what padding copies remain."""
        if self._remembers:
            self._connection.execute(f"DETACH {_IDENTIFIERS}")
            self._remembers = False
        _identifiers_of(self._path).unlink(missing_ok=True)
        sync(self._path.parent)

    def padding(self) -> npt.NDArray[np.uint32]:
        """The handles of padding, with that of deltas."""
        return self._handles("SELECT handle FROM padding")

    def orphans(self) -> npt.NDArray[np.uint32]:
        """The handles of padding that copies a row that is retired."""
        return self._handles("SELECT handle FROM padding WHERE copied NOT IN (SELECT handle FROM live) ORDER BY handle")

    def copy(self, padding: Sequence[tuple[int, int]]) -> None:
        """Let padding copy other rows than before."""
        roster_views.replace(self._connection, roster_views.ADDED_PADDING, padding)

    def live(self) -> npt.NDArray[np.uint32]:
        """The handles of members, ascending: neither padding nor retired."""
        return self._handles("SELECT handle FROM live ORDER BY handle")

    def _handles(self, query: str) -> npt.NDArray[np.uint32]:
        found: dict[str, Any] = cursor_of(self._connection).execute(query).fetchnumpy()
        handles: npt.NDArray[np.uint32] = found["handle"]
        return handles

    def scores(
        self,
        config: TagsConfig,
        catalogue: Catalogue,
        weights: Mapping[int, int],
        on_progress: Progress | None = None,
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """The handles of members and what their tags of today score; see :func:`scores.scores`."""
        with explained():
            return scores.scores(cursor_of(self._connection), config, catalogue, weights, on_progress)

    def with_copies(self, handles: BitMap) -> BitMap:
        """These handles, and those of the padding that copies them."""
        return today.with_copies(cursor_of(self._connection), handles)

    def member_ids(self, handles: BitMap) -> Iterator[list[str]]:
        """Member ids by ascending handle, in batches; padding is skipped.

        Raises:
            MalformedError: a handle lies beyond the universe.
        """
        if handles and handles.max() >= self.universe:
            raise MalformedError("a row handle beyond those of this epoch")
        cursor = cursor_of(self._connection)
        for low in range(0, self.universe, _BATCH_HANDLES):
            wanted = handles & BitMap(range(low, low + _BATCH_HANDLES))
            if not wanted:
                continue
            found = cursor.execute(
                "SELECT handle, member FROM live WHERE handle >= ? AND handle < ? ORDER BY handle",
                [low, low + _BATCH_HANDLES],
            ).fetchall()
            if batch := [member for handle, member in found if handle in wanted]:
                yield batch

    def rows_where(
        self, config: MembersConfig, sql: str, parameters: Sequence[Any], discs: Mapping[str, Discs] = _NO_DISCS
    ) -> BitMap:
        """Handles of the rows whose attributes of today satisfy a DuckDB condition; see :class:`today.Condition`."""
        return self.rows_where_each(config, [today.Condition(sql=sql, parameters=parameters, discs=discs)])[0]

    def rows_where_each(self, config: MembersConfig, conditions: Sequence[today.Condition]) -> list[BitMap]:
        """The same for each condition; see :func:`today.rows_where`."""
        with explained():
            return today.rows_where(cursor_of(self._connection), config, conditions)

    def suppressed(self, config: MembersConfig) -> BitMap:
        """Handles of the rows that must not be reached today; see :func:`today.suppressed`."""
        with explained():
            return today.suppressed(cursor_of(self._connection), config, self._facts.consent)

    def left_out(self, config: MembersConfig) -> dict[str, BitMap]:
        """The same by reason, the reasons in the order in which they count; see :func:`today.left_out`."""
        with explained():
            return today.left_out(cursor_of(self._connection), config, self._facts.consent)

    def compare(
        self,
        held: Held | None,
        config: MembersConfig,
        terms: Terms,
        rows: Path,
        *,
        most: int,
        on_progress: Progress | None,
    ) -> Difference:
        """What the source says today beside this; see :func:`comparing.compare`."""
        return compare(cursor_of(self._connection), held, config, terms, rows, most=most, on_progress=on_progress)

    def suppose(self, members: Sequence[tuple[int, str | None]]) -> None:
        """Show these handles with these members from now on, or as retired: a change that is only planned."""
        roster_views.replace(self._connection, roster_views.CHANGED, members)

    def own_rows(
        self, config: MembersConfig, columns: Sequence[str], spell: Spell, handles: BitMap
    ) -> AbstractContextManager[OwnRows]:
        """What the source says today about these rows; see :class:`OwnRows`."""
        return OwnRows(cursor_of(self._connection), config, columns, spell, handles)

    def _place(self, type_: str) -> int:
        if type_ not in self._places:
            raise NotFoundError(f"the roster has no identifier type {type_!r}")
        return self._places[type_]


class _Heads(dict[int, bytes]):
    """What stands before a value of so many bytes."""

    def __init__(self, prefix: bytes) -> None:
        self._prefix = prefix

    def __missing__(self, length: int) -> bytes:
        self[length] = self._prefix + length.to_bytes(4, "big")
        return self[length]


def encode_value(type_: str, value: str) -> bytes:
    """What is hashed to the group: type name and normalised value, each after its length (4 bytes, big-endian)."""
    return _length_prefixed(type_) + _length_prefixed(value)


def _length_prefixed(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(4, "big") + data


def places_of(path: Path) -> Path:
    """The folder of positions beside a roster."""
    return path.with_name(path.name + ".places")


def _identifiers_of(path: Path) -> Path:
    """The file of the identifiers beside a roster, for as long as they are needed."""
    return path.with_name(path.name + ".identifiers")
