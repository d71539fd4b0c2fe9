"""What is signed during a fusion. Counts are padded counts; digests are SHA-256."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from miyun.records import Record, Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class FuseRequest(Statement):
    """``sequence`` is 0 where an epoch begins; from 1 on it counts the deltas of an epoch, of the requester's rows.

    ``generation`` is that of the requester's data once a delta is bound: as before, or one more where what it said of
    rows that stay holds no longer; 0 where an epoch begins.
    """

    KIND: ClassVar[str] = "fuse-request"

    contract: str
    contract_digest: bytes
    job: str
    epoch: int
    sequence: int
    generation: int
    requester: str
    at: datetime

    @property
    def subject(self) -> str:
        """What people call it: the epoch, and with a point the number of the delta."""
        return f"{self.epoch}.{self.sequence}" if self.sequence else str(self.epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeCount(Record):
    type: str
    points: int
    chunks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement(Statement):
    """What a party is about to send: how many row handles, and how many points of each identifier type.

    In a delta, how many more; nothing of the party that did not request it.
    """

    KIND: ClassVar[str] = "announcement"

    contract: str
    job: str
    epoch: int
    party: str
    handles: int
    counts: tuple[TypeCount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebinds(Statement):
    """For the zone alone: which points that it has are bound to another handle than before, or to none.

    ``counts`` are of the contract's types in their order; a party's points of a type are counted from 0 over all of an
    epoch, in the order in which they came.
    """

    KIND: ClassVar[str] = "rebinds"

    contract: str
    job: str
    epoch: int
    party: str
    counts: tuple[int, ...]
    rebinds_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsChunk(Statement):
    """Blinded points of one chunk, sealed to the receiver."""

    KIND: ClassVar[str] = "points-chunk"

    contract: str
    job: str
    epoch: int
    type: str
    sender: str
    receiver: str
    index: int
    chunks: int
    count: int
    sealed_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlesChunk(Statement):
    """For the zone alone: the row handle at each position of the points chunk with the same index."""

    KIND: ClassVar[str] = "handles-chunk"

    contract: str
    job: str
    epoch: int
    type: str
    party: str
    index: int
    chunks: int
    count: int
    handles_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensChunk(Statement):
    """Join tokens that the evaluator derived from the sender's points chunk with the same index."""

    KIND: ClassVar[str] = "tokens-chunk"

    contract: str
    job: str
    epoch: int
    type: str
    evaluator: str
    sender: str
    index: int
    chunks: int
    count: int
    points_digest: bytes
    tokens_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeMatches(Record):
    """A noised count of matches on one identifier type; noise can make it negative."""

    type: str
    matched: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionReport(Statement):
    """Signed by the zone. ``noise_scale_milli`` is the noise's standard deviation per count, in thousandths."""

    KIND: ClassVar[str] = "fusion-report"

    contract: str
    job: str
    epoch: int
    matches: tuple[TypeMatches, ...]
    noise_scale_milli: int
    at: datetime
