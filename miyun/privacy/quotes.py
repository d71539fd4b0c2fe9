"""What an answer would cost before it is asked for."""

from dataclasses import dataclass

from miyun.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeQuote(Record):
    """In millionths of zCDP's rho: what a size would be charged (0: it was answered before), and what is left."""

    rho_micro: int
    remaining_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightQuote(Record):
    """In millionths of zCDP's rho: what a question would be charged, and what both owners' leases still allow."""

    rho_micro: int
    remaining_micro: int
