"""What is signed about the privacy budget and about sizes. Budgets are in millionths of zCDP's rho."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from miyun.records import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLease(Statement):
    """An owner's allowance, within which the zone may release noised values while the agent is away."""

    KIND: ClassVar[str] = "budget-lease"

    contract: str
    contract_digest: bytes
    owner: str
    sequence: int
    rho_micro: int
    expires: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetCharge(Statement):
    """Signed by the zone: one release charged to one owner. ``sequence`` counts from 1 per owner and contract."""

    KIND: ClassVar[str] = "budget-charge"

    contract: str
    owner: str
    sequence: int
    release: str
    purpose: str
    rho_micro: int
    spent_micro: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRequest(Statement):
    KIND: ClassVar[str] = "size-request"

    contract: str
    segment: str
    version: int
    asker: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeBand(Statement):
    """Signed by the zone: a band, post-processing of one noised value. No ``below``: no upper end."""

    KIND: ClassVar[str] = "size-band"

    contract: str
    segment: str
    version: int
    at_least: int
    below: int | None = None
    at: datetime
