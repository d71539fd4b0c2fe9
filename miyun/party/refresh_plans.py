"""What a refresh does, told before and after."""

from dataclasses import dataclass
from enum import StrEnum

from miyun.records import Record


class RefreshKind(StrEnum):
    """``DATA``: the rows are as they were, and what was said of some of them holds no longer."""

    NOTHING = "nothing"
    DATA = "data"
    DELTA = "delta"
    EPOCH = "epoch"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshPlan(Record):
    """What a refresh does, and ``why`` in words. Counts are of this party's members, and tell nobody else anything.

    ``answers`` is how many of this party's predicates are answered anew, ``generation`` that of the data then.
    """

    contract: str
    kind: RefreshKind
    why: str
    epoch: int
    came: int
    changed: int
    gone: int
    stayed: int
    answers: int
    generation: int
