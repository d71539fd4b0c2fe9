"""What a segment would need and cost before it is created, as the zone tells it."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from miyun.contract.model import Universe
from miyun.records import Record, Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class LegQuote(Record):
    """A predicate that ``party`` would evaluate; ``asked``: it was asked before, in this epoch and of the same data."""

    party: str
    predicate: str
    asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerQuote(Record):
    """Of one party: how many distinct ``legs`` it was asked for in this epoch, and in millionths of zCDP's rho what the
    segment's size would be charged, what its leases still allow, and what its budget under the contract still holds.
    """

    party: str
    legs: int
    rho_micro: int
    leased_micro: int
    left_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSize(Record):
    """A band that was told before. No ``below``: no upper end."""

    at_least: int
    below: int | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentQuote(Statement):
    """Signed by the zone. ``definition`` is canonical text, and ``meaning`` the same with its segments written out.

    ``epoch`` and ``sequence`` say on which rows it would be evaluated; 0: nothing is fused, or no delta came. ``legs``
    are in the order of the definition's plan, ``owners`` in that of the contract. ``told`` is its size, where that was
    told before and the asker may know it. It can live no longer than ``until``.
    """

    KIND: ClassVar[str] = "segment-quote"

    contract: str
    contract_digest: bytes
    definition: str
    universe: Universe
    meaning: str
    epoch: int
    sequence: int
    legs: tuple[LegQuote, ...]
    owners: tuple[OwnerQuote, ...]
    told: ToldSize | None
    until: datetime
    at: datetime
