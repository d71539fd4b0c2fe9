"""What people look up in a catalogue: what a search finds, one tag with all about it, a branch as a tree."""

from collections.abc import Iterator
from dataclasses import dataclass

from miyun.members.catalogue import Catalogue
from miyun.members.catalogue_tree import TagType
from miyun.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Record):
    """A tag, or an option of one, ``depth`` levels below where the look began.

    ``counted`` is how many of it and of what is below it are counted. A number runs from ``low`` to ``high``, where its
    owner says so.
    """

    id: str
    name: str
    path: str
    type: TagType
    sensitive: bool
    depth: int
    counted: int
    low: str | None
    high: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Record):
    """A catalogue as a whole. Two are the same if their digests, ``sha256``, are."""

    sha256: bytes
    nodes: int
    counted: int
    dimensions: int


def summary(catalogue: Catalogue) -> Summary:
    counted = catalogue.branch()
    return Summary(
        sha256=catalogue.digest(),
        nodes=len(catalogue),
        counted=len(counted),
        dimensions=len(catalogue.dimensions(counted)),
    )


def found(catalogue: Catalogue, text: str) -> Iterator[Entry]:
    """What a search finds, best first."""
    return (_entry(catalogue, index, 0) for index in catalogue.search(text))


def tree(catalogue: Catalogue, reference: str = "", depth: int = 1) -> Iterator[Entry]:
    """A tag and so many levels below it, in the owner's order; of the whole catalogue, if none is named.

    Raises:
        NotFoundError: there is no such tag, or several have the path.
    """
    if reference:
        yield from _below(catalogue, catalogue.find(reference), 0, depth)
        return
    for top in catalogue.children():
        yield from _below(catalogue, top, 0, depth - 1)


def _below(catalogue: Catalogue, index: int, at: int, depth: int) -> Iterator[Entry]:
    yield _entry(catalogue, index, at)
    if depth > 0:
        for child in catalogue.children(index):
            yield from _below(catalogue, child, at + 1, depth - 1)


def _entry(catalogue: Catalogue, index: int, depth: int) -> Entry:
    tag = catalogue.tag(index)
    row = catalogue.row_of(index) if tag.type is TagType.NUMBER else None
    low, high = (None, None) if row is None else (row.low, row.high)
    return Entry(
        id=tag.id,
        name=tag.path.rpartition("/")[2],
        path=tag.path,
        type=tag.type,
        sensitive=tag.sensitive,
        depth=depth,
        counted=len(catalogue.branch(tag.id)),
        low=None if low is None else f"{low:f}",
        high=None if high is None else f"{high:f}",
    )
