"""The catalogue of an owner's tags: a tree of up to hundreds of thousands of them. Nothing here is about a person.

Nodes are numbered depth first, siblings in the owner's order, so that a branch is a range of indices. A node is a tag,
or one of the options of a tag: ``gender=female`` is the id of an option of ``gender``. Indices hold for one catalogue,
which its digest names; ids are what stays from one catalogue to the next.

Counted are flags, options and numbers. The *dimension* of what is counted is its parent: ``gender`` of
``gender=female``. Nothing is rolled up: who carries ``tea`` carries ``drinks`` only if the source says so.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from miyun.errors import NotFoundError, SourceError
from miyun.members.catalogue_tree import (
    CatalogueRow,
    TagType,
    catalogue_hasher,
    declared,
    depth_first,
    ends_of,
    row_line,
)
from miyun.members.texts import fold, strip
from miyun.records import Record

MAX_NODES: Final = 1 << 24

_DIVIDER = "/"
_WRITTEN = str.maketrans(_DIVIDER, "／")
"""A divider inside a name is written full-width in paths."""

_COUNTED = (TagType.FLAG, TagType.NUMBER, TagType.CHOICE)
_TYPES = tuple(TagType)

Indices = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag(Record):
    """A node. ``path`` is its name after those above it; ``dimension`` is the index of its parent."""

    index: int
    id: str
    path: str
    type: TagType
    dimension: int | None
    sensitive: bool


class Catalogue:
    """Immutable; ``parents`` (-1: none) and ``sensitive`` are by index."""

    def __init__(self, rows: Iterable[CatalogueRow]) -> None:
        """Raises: SourceError: a tag is there twice, has no such parent, is above itself, or contradicts itself."""
        by_id = declared(rows)
        self.rows: tuple[CatalogueRow, ...] = tuple(depth_first(by_id))
        ids: list[str] = []
        names: list[str] = []
        types: list[int] = []
        parents: list[int] = []
        sensitive: list[bool] = []
        places: dict[str, int] = {}
        for row in self.rows:
            parent = -1 if row.parent is None else places[row.parent]
            place = places[row.id] = len(ids)
            ids.append(row.id)
            names.append(row.name)
            types.append(_TYPES.index(row.type))
            parents.append(parent)
            sensitive.append(row.sensitive or (parent >= 0 and sensitive[parent]))
            for option in row.options:
                own = f"{row.id}={option}"
                if own in by_id:
                    raise SourceError(f"{own!r} is a tag and an option of {row.id!r}", hint="Give the tag another id.")
                places[own] = len(ids)
                ids.append(own)
                names.append(option)
                types.append(_TYPES.index(TagType.CHOICE))
                parents.append(place)
                sensitive.append(sensitive[place])
        if len(ids) > MAX_NODES:
            raise SourceError(f"the catalogue has more than {MAX_NODES} tags and options", hint="Leave out some.")
        self._ids, self._names, self._places = ids, names, places
        self._types = np.array(types, np.uint8)
        self.parents = np.array(parents, np.int32)
        self.sensitive = np.array(sensitive, np.bool_)
        self._ends = ends_of(self.parents)
        self._is_counted = np.isin(self._types, [_TYPES.index(type_) for type_ in _COUNTED])
        for array in (self._types, self.parents, self.sensitive, self._ends, self._is_counted):
            array.setflags(write=False)

    def __len__(self) -> int:
        """How many nodes there are."""
        return len(self._ids)

    def id_of(self, index: int) -> str:
        return self._ids[index]

    def type_of(self, index: int) -> TagType:
        return _TYPES[int(self._types[index])]

    def dimension_of(self, index: int) -> int | None:
        """The parent; None at the top."""
        parent = int(self.parents[index])
        return parent if parent >= 0 else None

    def place_of(self, id_: str) -> int | None:
        """The index of an id."""
        return self._places.get(id_)

    def path_of(self, index: int) -> str:
        """Names from the top, divided by ``/``; a ``/`` inside a name is written ``／``."""
        names: list[str] = []
        at: int | None = index
        while at is not None:
            names.append(_written(self._names[at]))
            at = self.dimension_of(at)
        return _DIVIDER.join(reversed(names))

    def tag(self, index: int) -> Tag:
        return Tag(
            index=index,
            id=self._ids[index],
            path=self.path_of(index),
            type=self.type_of(index),
            dimension=self.dimension_of(index),
            sensitive=bool(self.sensitive[index]),
        )

    def row_of(self, index: int) -> CatalogueRow:
        """The declaration of a tag; not of an option.

        Raises:
            NotFoundError: it is an option.
        """
        found = self._declared.get(self._ids[index])
        if found is None:
            raise NotFoundError(f"{self._ids[index]!r} is an option", hint="Ask for the tag above it.")
        return found

    def page(self, start: int, count: int) -> tuple[CatalogueRow, ...]:
        """Declarations from the ``start``-th; a catalogue made of all pages is this one."""
        return self.rows[start : start + count]

    def find(self, reference: str) -> int:
        """The index of an id or a path.

        Raises:
            NotFoundError: there is no such tag, or several have the path.
        """
        reference = strip(reference)
        if (place := self._places.get(reference)) is not None:
            return place
        found: list[int] = [-1]
        for part in reference.split(_DIVIDER):
            found = [child for above in found for child in self.children(above) if _written(self._names[child]) == part]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(repr(self._ids[place]) for place in found[:5])
            raise NotFoundError(f"{len(found)} tags are called {reference!r}", hint=f"Give the id: {ids}.")
        raise NotFoundError(
            f"there is no tag {reference!r}",
            hint="Give an id or a path such as interest/drinks; `miyun catalogue search` finds them.",
        )

    def children(self, index: int = -1) -> Iterator[int]:
        """Those right below a node, or at the top."""
        child, end = index + 1, len(self) if index < 0 else int(self._ends[index])
        while child < end:
            yield child
            child = int(self._ends[child])

    def branch(self, reference: str = "") -> Indices:
        """What is counted of a tag and of everything below it; of the whole catalogue, if none is named.

        Raises:
            NotFoundError: there is no such tag, or several have the path.
        """
        low, high = 0, len(self)
        if reference:
            low = self.find(reference)
            high = int(self._ends[low])
        return (np.flatnonzero(self._is_counted[low:high]) + low).astype(np.uint32)

    def select(self, references: Iterable[str]) -> Indices:
        """What is counted of several branches, ascending, each once."""
        found = [self.branch(reference) for reference in references]
        return np.unique(np.concatenate(found)) if found else np.empty(0, np.uint32)

    def counts(self, indices: Indices) -> bool:
        """Whether these are counted, ascending, each once, and any."""
        ascending = len(indices) > 0 and bool(np.all(indices[1:] > indices[:-1]))
        return ascending and int(indices[-1]) < len(self) and bool(self._is_counted[indices].all())

    def dimensions(self, indices: Indices) -> Indices:
        """The distinct dimensions of these, ascending."""
        above = np.unique(self.parents[indices])
        return above[above >= 0].astype(np.uint32)

    def search(self, text: str) -> tuple[int, ...]:
        """Nodes whose path has every word, regardless of case and width, best first.

        An id or a name that is the text comes first, then names that begin with it, then names that have every word.
        """
        wanted = fold(text)
        words = wanted.split()
        names, paths = self._folded
        hits = [index for index, path in enumerate(paths) if all(word in path for word in words)] if words else []
        if (exact := self._places.get(strip(text))) is not None and exact not in hits:
            hits.append(exact)

        def distance(index: int) -> int:
            name = names[index]
            if index == exact or name == wanted:
                return 0
            if name.startswith(wanted):
                return 1
            return 2 if all(word in name for word in words) else 3

        return tuple(sorted(hits, key=lambda index: (distance(index), index)))

    def digest(self) -> bytes:
        """SHA-256 of the declarations, 32 bytes: what indices mean."""
        return self._digest

    def options_of(self, index: int) -> dict[str, int]:
        """The index of each option of a tag, folded as values are compared."""
        return {fold(self._names[child]): child for child in self.children(index)}

    @cached_property
    def _digest(self) -> bytes:
        hasher = catalogue_hasher()
        for row in self.rows:
            hasher.update(row_line(row))
        return hasher.digest()

    @cached_property
    def _declared(self) -> dict[str, CatalogueRow]:
        return {row.id: row for row in self.rows}

    @cached_property
    def _folded(self) -> tuple[list[str], list[str]]:
        """Names and paths as they are searched."""
        names = [fold(name) for name in self._names]
        paths: list[str] = []
        for name, parent in zip(names, self.parents.tolist(), strict=True):
            paths.append(name if parent < 0 else f"{paths[parent]}{_DIVIDER}{name}")
        return names, paths


def _written(name: str) -> str:
    return name.translate(_WRITTEN)
