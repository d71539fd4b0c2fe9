"""Segments and their versions as the zone lists them, and what a list can be narrowed by."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from miyun.contract.model import Universe
from miyun.records import Record


class SegmentState(StrEnum):
    EVALUATING = "evaluating"
    READY = "ready"
    INVALIDATED = "invalidated"
    EXPIRED = "expired"

    @property
    def is_live(self) -> bool:
        return self in {SegmentState.EVALUATING, SegmentState.READY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment(Record):
    """What parties see of a segment; the same fields as on the wire. Its size is asked for with ``Party.size``."""

    name: str
    code: str
    definition: str
    universe: Universe
    owner: str
    state: SegmentState
    version: int
    epoch: int
    channels: tuple[str, ...]
    hidden: bool
    processable: bool
    expires: datetime
    created: datetime


class Cause(StrEnum):
    """Why there is a version of a segment."""

    CREATED = "created"
    FUSED = "fused"
    CHANGED = "changed"
    """Rows were changed within the epoch, by a delta."""
    REFRESHED = "refreshed"
    """A party's data changed, and its rows did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRecord(Record):
    """When a version was begun and evaluated; None for one that is not, or never was."""

    number: int
    epoch: int
    cause: Cause
    begun: datetime
    evaluated: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentFilter(Record):
    """Which segments to list: those of which all is true that is said here; ``""`` and ``()`` say nothing.

    ``names`` and ``codes`` are alternatives among themselves. Hidden segments are listed where ``hidden`` is true, or
    where ``names`` or ``codes`` say them.
    """

    state: SegmentState | None = None
    universe: Universe | None = None
    owner: str = ""
    prefix: str = ""
    names: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    hidden: bool = False
