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
    ``doubt`` says, where so many members are lost that the source may have been cut short, how many; else it is empty.
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
    doubt: str

    @property
    def is_grave(self) -> bool:
        """Whether a person should see it first: there is a doubt, or an epoch ends by it."""
        return bool(self.doubt) or (self.kind is RefreshKind.EPOCH and self.epoch > 0)

    @property
    def lost(self) -> int:
        """Members whom the zone can't find any more by what the source says: gone, or with other identifiers."""
        return self.gone + self.changed

    @property
    def words(self) -> str:
        """Why a person should see it."""
        if self.doubt or self.kind is not RefreshKind.EPOCH:
            return self.doubt or self.why
        return f"a new epoch would begin: {self.why}"
