"""What is signed about segments and their activation."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from miyun.contract.model import Universe
from miyun.records import Statement

SUPPRESSION = "suppression"
"""What stands for a predicate where bits say who opted out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRequest(Statement):
    """A standing order: a new epoch evaluates it again, as a new version, until it expires.

    ``code`` is what the owner itself calls it, or nothing. ``hidden`` ones are listed only where hidden ones are asked
    for; segments may be made only of those that are ``processable``.
    """

    KIND: ClassVar[str] = "segment-request"

    contract: str
    contract_digest: bytes
    job: str
    name: str
    code: str
    definition: str
    universe: Universe
    owner: str
    channels: tuple[str, ...]
    hidden: bool
    processable: bool
    expires: datetime
    at: datetime


class SegmentAction(StrEnum):
    """What an owner may do to its segment. ``NARROW`` and ``EXPIRE`` go one way: fewer channels, a sooner end."""

    RENAME = "rename"
    INVALIDATE = "invalidate"
    NARROW = "narrow"
    EXPIRE = "expire"
    HIDE = "hide"
    SHOW = "show"
    CLOSE = "close"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentChange(Statement):
    """One action. ``new_name``, ``channels`` (those that are left) and ``expires`` belong to one action each."""

    KIND: ClassVar[str] = "segment-change"

    contract: str
    contract_digest: bytes
    segment: str
    owner: str
    change: SegmentAction
    new_name: str = ""
    channels: tuple[str, ...] = ()
    expires: datetime | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LegUpload(Statement):
    """One bit for each row handle of its party from ``first`` to below ``handles``: all, or those that a delta added.

    ``predicate`` is canonical text, or `SUPPRESSION`. ``generation`` is that of the party's data: within one a
    predicate has one answer, and a segment's predicates of one party are of one. Opt-outs are of today, and of none: 0.
    """

    KIND: ClassVar[str] = "leg-upload"

    contract: str
    job: str
    epoch: int
    generation: int
    party: str
    predicate: str
    first: int
    handles: int
    bits_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRefresh(Statement):
    """What a party said of its rows holds no longer, and the rows are the same: its predicates are to be asked anew.

    ``generation`` is one more than before; an epoch begins with 0.
    """

    KIND: ClassVar[str] = "data-refresh"

    contract: str
    contract_digest: bytes
    epoch: int
    generation: int
    party: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationRequest(Statement):
    """``definition`` says what is disclosed: canonical text over ``universe``, the segments in it written out."""

    KIND: ClassVar[str] = "activation-request"

    contract: str
    contract_digest: bytes
    job: str
    segment: str
    version: int
    definition: str
    universe: Universe
    recipient: str
    channel: str
    requester: str
    idempotency_key: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedAudience(Statement):
    """Signed by the zone: the recipient's own row handles in ascending order, sealed to the recipient."""

    KIND: ClassVar[str] = "sealed-audience"

    contract: str
    job: str
    segment: str
    version: int
    epoch: int
    recipient: str
    channel: str
    request_digest: bytes
    sealed_digest: bytes
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery(Statement):
    """The recipient's word that it delivered the audience."""

    KIND: ClassVar[str] = "delivery"

    contract: str
    job: str
    recipient: str
    audience_digest: bytes
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(Statement):
    """An agent's word why it will not do a task; the job fails with this reason."""

    KIND: ClassVar[str] = "refusal"

    contract: str
    job: str
    party: str
    code: str
    reason: str
    at: datetime
