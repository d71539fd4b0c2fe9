"""What the zone is asked to do under a contract, and how far it is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from miyun.records import Record


class JobKind(StrEnum):
    FUSE = "fuse"
    SEGMENT = "segment"
    ACTIVATE = "activate"
    INSIGHT = "insight"
    INTERSECT = "intersect"
    LOOKALIKE = "lookalike"


class JobState(StrEnum):
    WAITING_FOR_PARTY = "waiting-for-party"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        return self in {JobState.DONE, JobState.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Record):
    """What parties see of a job; the same fields as on the wire.

    ``done`` and ``total`` count chunks or tasks; ``total`` 0 means not known yet. ``subject`` is the epoch of a fusion,
    ``name@version`` of a segment and, by commas, of each segment of an insight, and the identifier type of an
    intersection, and the name of a lookalike.
    """

    id: str
    contract: str
    kind: JobKind
    state: JobState
    requester: str
    created: datetime
    updated: datetime
    waiting_for: tuple[str, ...] = ()
    done: int = 0
    total: int = 0
    error_code: str = ""
    error: str = ""
    subject: str
