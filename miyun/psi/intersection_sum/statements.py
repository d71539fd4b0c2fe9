"""What is signed in an intersection-sum. Counts of rows include padding and dummies; digests are SHA-256."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from miyun.records import Record, Statement

TOTALS_PER_COLUMN = 2
"""A sum, and the number of values that it is of."""


class Step(StrEnum):
    """What is sent after the openings, in this order."""

    POINTS = "points"
    """The matcher's blinded points."""
    ANSWERS = "answers"
    """The same points, multiplied by the holder."""
    ROWS = "rows"
    """The holder's blinded points, each with the encrypted numbers of its row."""
    TOTALS = "totals"
    """The encrypted noised totals, from the matcher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummedColumn(Record):
    """A column of the holder's numbers, as whole multiples of ``step`` (a decimal), clipped to ``low`` … ``high``."""

    name: str
    low: int
    high: int
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntersectionRequest(Statement):
    """What is to be computed between ``holder``, whose columns are summed, and its counterparty, the matcher.

    Either party brings those of its rows for which its predicate holds, empty for all; the text is that of a leg.
    Without columns the matcher learns the size of the intersection, and the holder nothing.
    ``totals_rho_micro`` is charged to the matcher's rows, for what the holder learns; ``size_rho_micro`` to the
    holder's rows, for what the matcher learns. ``exact_for`` are the parties that learn the size without noise.
    """

    KIND: ClassVar[str] = "intersection-request"

    contract: str
    contract_digest: bytes
    job: str
    requester: str
    holder: str
    type: str
    holder_rows: str
    matcher_rows: str
    columns: tuple[SummedColumn, ...]
    totals_rho_micro: int
    size_rho_micro: int
    exact_for: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IntersectionOpening(Statement):
    """How many rows a party brings. A holder with columns to sum adds its Paillier modulus and the proof of it."""

    KIND: ClassVar[str] = "intersection-opening"

    contract: str
    job: str
    request_digest: bytes
    party: str
    rows: int
    modulus: bytes = b""
    proof: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntersectionChunk(Statement):
    """One chunk of one step, sealed to the receiver."""

    KIND: ClassVar[str] = "intersection-chunk"

    contract: str
    job: str
    step: Step
    sender: str
    receiver: str
    index: int
    chunks: int
    count: int
    sealed_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class IntersectionEnd(Statement):
    """A party has kept what it learns, and needs nothing more of what was sent."""

    KIND: ClassVar[str] = "intersection-end"

    contract: str
    job: str
    request_digest: bytes
    party: str
