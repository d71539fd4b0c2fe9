"""Who carries which tag, by row handle: what one question about tags is answered from.

A question names tags of a catalogue. Beside them it needs who is *known* in each of their dimensions, which is who
carries anything of the dimension, asked for or not, and everybody. A person counts for at most ``per_person`` tags of
the question and for as many dimensions, those of its counted tags first: see :mod:`miyun.members.tagged_bounds`.

Padding handles carry nothing and are not among everybody: a copy would count a person twice.
"""
# ruff: noqa: S608 - names are written out where they are used, values are parameters, paths are quoted

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import duckdb
import numpy as np
import numpy.typing as npt

from miyun.errors import ConfigError, InternalError, NotFoundError, StateError
from miyun.members.catalogue import Catalogue, Indices
from miyun.members.config import DEFAULT_MEMORY_MIB, MembersConfig
from miyun.members.reading import Progress
from miyun.members.roster import Roster
from miyun.members.tagged_building import TagsReport, gather
from miyun.members.workspace import building, connect, cursor_of, explained, literal, put_in_place
from miyun.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class TagChunk:
    """The row handles from ``low`` to below ``high``, as a list per place.

    The list of place i is ``handles[offsets[i]:offsets[i + 1]]``, ascending, counted from ``low``.
    """

    low: int
    high: int
    offsets: npt.NDArray[np.uint64]
    handles: npt.NDArray[np.uint32]

    @classmethod
    def of(
        cls, low: int, high: int, handles: npt.NDArray[np.uint32], places: npt.NDArray[np.integer[Any]], lists: int
    ) -> Self:
        """From entries of ascending handles, each beside the place of its list."""
        offsets = np.zeros(lists + 1, np.uint64)
        np.cumsum(np.bincount(places, minlength=lists), out=offsets[1:])
        return cls(low=low, high=high, offsets=offsets, handles=handles[np.argsort(places, kind="stable")] - low)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedFacts(Record):
    """What the file says about itself. ``catalogue`` is the digest of that which indices belong to."""

    catalogue: bytes
    universe: int
    per_person: int
    report: TagsReport


class TaggedRows:
    """One file per question and epoch, mode 0600. It is never changed, so that counting can go on after a restart."""

    @classmethod
    def build(
        cls,
        path: Path,
        config: MembersConfig,
        roster: Roster,
        catalogue: Catalogue,
        *,
        tags: Indices,
        per_person: int,
        key: bytes,
        on_progress: Progress | None = None,
    ) -> Self:
        """Read the source of pairs; an older file at ``path`` is replaced. The quarantine file is written anew.

        ``tags`` are what is counted, ascending: see :meth:`Catalogue.select`. ``key`` (16 to 64 bytes) is the
        owner's secret, the same for ever.

        Raises:
            ConfigError: the configuration has no ``[tags]``.
            SourceError: the source can't be read.
        """
        if config.tags is None:
            raise ConfigError("there is no [tags] table", hint="Say in [tags] where the pairs and the catalogue are.")
        if not catalogue.counts(tags) or per_person < 1:
            raise InternalError("a question of tags that can't be counted")
        memory_mib = config.tags.memory_mib
        with building(path) as work:
            made = work / "tagged.duckdb"
            with explained(), connect(None, memory_mib=memory_mib, spill=work / "spill") as connection:
                roster.attach_to(connection)
                connection.execute(f"ATTACH {literal(made)} AS tagged")
                report = gather(
                    connection,
                    config.tags,
                    catalogue,
                    universe=roster.universe,
                    tags=tags,
                    per_person=per_person,
                    key=key,
                    on_progress=on_progress,
                )
                facts = TaggedFacts(
                    catalogue=catalogue.digest(), universe=roster.universe, per_person=per_person, report=report
                )
                connection.execute("CREATE TABLE tagged.facts AS SELECT ?::BLOB AS facts", [facts.canonical_bytes()])
                connection.execute("DETACH tagged")
            put_in_place(made, path)
        return cls.open(path, memory_mib=memory_mib)

    @classmethod
    def open(cls, path: Path, *, memory_mib: int = DEFAULT_MEMORY_MIB) -> Self:
        """Raises: NotFoundError: there is no such file. StateError: it is damaged."""
        return cls(path, memory_mib)

    def __init__(self, path: Path, memory_mib: int) -> None:
        if not path.is_file():
            raise NotFoundError(f"there are no tagged rows {path.name}", hint="Ask again.")
        try:
            self._connection = connect(None, memory_mib=memory_mib, spill=path.with_name(path.name + ".spill"))
            self._connection.execute(f"ATTACH {literal(path)} AS tagged (READ_ONLY)")
            row = self._connection.execute("SELECT facts FROM tagged.facts").fetchone()
            self.tags: Indices = self._column("SELECT tag FROM tagged.tags ORDER BY rowid", "tag")
            self.dimensions: Indices = self._column("SELECT tag FROM tagged.dimensions ORDER BY rowid", "tag")
            self._padding = self._column("SELECT handle FROM tagged.padding", "handle")
        except duckdb.Error:
            raise StateError(f"the tagged rows {path.name} can't be read", hint="Ask again.") from None
        self.facts = TaggedFacts.from_canonical(row[0] if row else b"")

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def universe(self) -> int:
        """Row handles, padding included: 0 … universe - 1."""
        return self.facts.universe

    @property
    def report(self) -> TagsReport:
        return self.facts.report

    def chunk_count(self, handles_per_chunk: int) -> int:
        return -(-self.universe // handles_per_chunk)

    def chunks(self, handles_per_chunk: int, *, first: int = 0) -> Iterator[TagChunk]:
        """Who carries each of ``tags``, from the ``first``-th chunk on."""
        for low, high in self._ranges(handles_per_chunk, first):
            handles, places = self._between("carried", low, high)
            yield TagChunk.of(low, high, handles, places, len(self.tags))

    def dimension_chunks(self, handles_per_chunk: int, *, first: int = 0) -> Iterator[TagChunk]:
        """Who is known in each of ``dimensions``; at the last place, after them, everybody but padding."""
        for low, high in self._ranges(handles_per_chunk, first):
            handles, places = self._between("known", low, high)
            everybody = np.setdiff1d(np.arange(low, high, dtype=np.uint32), self._padding)
            handles = np.concatenate([handles, everybody])
            places = np.concatenate([places, np.full(len(everybody), len(self.dimensions), np.uint32)])
            yield TagChunk.of(low, high, handles, places, len(self.dimensions) + 1)

    def _ranges(self, size: int, first: int) -> Iterator[tuple[int, int]]:
        for low in range(first * size, self.universe, size):
            yield low, min(low + size, self.universe)

    def _between(self, table: str, low: int, high: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
        found: dict[str, Any] = (
            cursor_of(self._connection)
            .execute(
                f"SELECT handle, place FROM tagged.{table} WHERE handle >= ? AND handle < ? ORDER BY rowid", [low, high]
            )
            .fetchnumpy()
        )
        return found["handle"], found["place"]

    def _column(self, query: str, name: str) -> npt.NDArray[np.uint32]:
        found: dict[str, Any] = self._connection.execute(query).fetchnumpy()
        column: npt.NDArray[np.uint32] = found[name]
        return column
