"""Segments as the zone lists them."""

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
    definition: str
    universe: Universe
    owner: str
    state: SegmentState
    version: int
    epoch: int
    channels: tuple[str, ...]
    expires: datetime
    created: datetime
