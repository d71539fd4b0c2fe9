"""Declared tags, and the tree that they make: checked, and put into depth-first order."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from miyun.errors import SourceError
from miyun.members.texts import fold
from miyun.records import Record

MAX_DEPTH: Final = 32


class TagType(StrEnum):
    """``group`` holds other tags and nobody carries it. ``choice`` is an option of its parent, never a row."""

    GROUP = "group"
    FLAG = "flag"
    OPTION = "option"
    NUMBER = "number"
    CHOICE = "choice"


_PARENTS = (TagType.GROUP, TagType.FLAG)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueRow(Record):
    """A tag as its owner declares it. ``sensitive`` holds for everything below it too.

    ``parent`` is a tag's id. ``options`` are those of an option tag; ``low`` and ``high`` bound a number tag.
    """

    id: str
    name: str
    type: TagType
    parent: str | None = None
    options: tuple[str, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None
    sensitive: bool = False


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def row_line(row: CatalogueRow) -> bytes:
    """The row as a line of JSON, what the digest of a catalogue is taken over."""
    bounds = [None if bound is None else f"{bound:f}" for bound in (row.low, row.high)]
    cells = [row.id, row.name, row.type.value, row.parent, row.options, *bounds, row.sensitive]
    return _encode(cells).encode() + b"\n"


def catalogue_hasher() -> "hashlib._Hash":
    """What takes in the lines of a catalogue, in its order, and gives its digest."""
    return hashlib.sha256(b"miyun/v1/catalogue\0")


def declared(rows: Iterable[CatalogueRow]) -> dict[str, CatalogueRow]:
    """The rows by id.

    Raises:
        SourceError: an id is there twice, or a row contradicts itself.
    """
    by_id: dict[str, CatalogueRow] = {}
    for row in rows:
        if not row.id or not row.name:
            raise SourceError("a tag has no id or no name", hint="Give every tag both.")
        if row.id in by_id:
            raise SourceError(f"the catalogue has the tag {row.id!r} twice", hint="Give each tag an id of its own.")
        _check(row)
        by_id[row.id] = row
    return by_id


def _check(row: CatalogueRow) -> None:
    if row.type is TagType.CHOICE:
        raise SourceError(f"{row.id!r} is of type choice", hint="List it among the options of the tag above it.")
    if bool(row.options) is not (row.type is TagType.OPTION):
        raise SourceError(
            f"the {row.type} tag {row.id!r} has {'' if row.options else 'no '}options",
            hint="Give options to tags of type option, and to no others.",
        )
    if not all(map(fold, row.options)) or len(set(map(fold, row.options))) < len(row.options):
        raise SourceError(f"{row.id!r} has an option twice, or an empty one", hint="Case and width make no difference.")
    bounds = [bound for bound in (row.low, row.high) if bound is not None]
    if bounds and row.type is not TagType.NUMBER:
        raise SourceError(f"the {row.type} tag {row.id!r} has a range", hint="Give a range to tags of type number.")
    if bounds != sorted(bounds):
        raise SourceError(f"the range of {row.id!r} ends before it begins", hint="Write the lower bound first.")


def depth_first(by_id: dict[str, CatalogueRow]) -> Iterator[CatalogueRow]:
    """Every tag after the one above it, siblings in their order.

    Raises:
        SourceError: a tag is below what is none or can't have any below it, too deep, or above itself.
    """
    below: dict[str | None, list[CatalogueRow]] = {}
    for row in by_id.values():
        if row.parent is not None:
            above = by_id.get(row.parent)
            if above is None:
                raise SourceError(f"{row.id!r} is below {row.parent!r}, which is no tag", hint="Declare its parent.")
            if above.type not in _PARENTS:
                raise SourceError(
                    f"{row.id!r} is below {above.id!r}, a tag of type {above.type}",
                    hint="Put tags below groups and flags only.",
                )
        below.setdefault(row.parent, []).append(row)
    reached = 0
    left = [(row, 1) for row in reversed(below.get(None, []))]
    while left:
        row, depth = left.pop()
        if depth > MAX_DEPTH:
            raise SourceError(f"{row.id!r} is more than {MAX_DEPTH} levels deep", hint="Put it below fewer tags.")
        reached += 1
        yield row
        left.extend((child, depth + 1) for child in reversed(below.get(row.id, ())))
    if reached < len(by_id):
        raise SourceError(f"the tags {_circle(by_id)} are above each other", hint="Let one of them be at the top.")


def _circle(by_id: dict[str, CatalogueRow]) -> str:
    """Tags each of which is the parent of the one before, back to the first."""
    safe: set[str] = set()
    for start in by_id:
        seen: dict[str, None] = {}
        at: str | None = start
        while at is not None and at not in safe:
            if at in seen:
                order = list(seen)
                return " → ".join(map(repr, [*order[order.index(at) :], at]))
            seen[at] = None
            at = by_id[at].parent
        safe.update(seen)
    return ""


def ends_of(parents: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Where each branch ends: after its last node."""
    ends: list[int] = list(range(1, len(parents) + 1))
    above: Sequence[int] = parents.tolist()
    for index in range(len(above) - 1, -1, -1):
        parent = above[index]
        if parent >= 0:
            ends[parent] = max(ends[parent], ends[index])
    return np.array(ends, np.int32)
