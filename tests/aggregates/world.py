"""A contract with its keys, jobs about random data, and what they come to in the clear."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from miyun.aggregates.columns import Columns
from miyun.aggregates.job import InsightJob
from miyun.aggregates.noise import Noise
from miyun.aggregates.reading import make_reader_key
from miyun.aggregates.statements import Circuit, InsightRequest, NumberRange, ReaderKey, SegmentVersion
from miyun.contract.model import Budget, Consent, Contract, IdentifierTerms, PartyKind, PartyTerms, ZoneTerms
from miyun.keys.signing import SigningKey
from miyun.paillier.private import PrivateKey
from miyun.paillier.slots import SlotLayout
from miyun.records import Statement
from tests.paillier.keys import private_key

MERCHANT, PLATFORM, ZONE = "teahouse", "chessboard", "zone"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
SPEND = NumberRange(name="spend", low=-1_000, high=250_000, step="0.01")
AGE = NumberRange(name="age", low=18, high=99, step="1")


@cache
def signing_key(name: str) -> SigningKey:
    return SigningKey.generate()


def sign(name: str, statement: Statement) -> bytes:
    return signing_key(name).sign(statement)


def verify_key(name: str) -> bytes:
    return signing_key(name).verify_key.to_bytes()


def make_contract(*, merchant: str = "Teahouse", platform: str = "Chessboard", zone: str = "Chessboard") -> Contract:
    return Contract(
        id="spring",
        zone=ZoneTerms(name=ZONE, organisation=zone, signing_key=verify_key(ZONE)),
        parties=(
            PartyTerms(
                name=MERCHANT,
                kind=PartyKind.MERCHANT,
                organisation=merchant,
                signing_key=verify_key(MERCHANT),
                sealing_key=b"",
            ),
            PartyTerms(
                name=PLATFORM,
                kind=PartyKind.PLATFORM,
                organisation=platform,
                signing_key=verify_key(PLATFORM),
                sealing_key=b"",
            ),
        ),
        identifiers=tuple(
            IdentifierTerms(type=type_, profile="plain", evaluation_cap=1_000) for type_ in ("phone", "openid")
        ),
        grants=(),
        budget=Budget(
            rho_micro=1,
            size_rho_micro=1,
            match_report_rho_micro=1,
            lease_rho_micro=1,
            delta_exponent=6,
            suppress_below=1,
        ),
        channels=(),
        consent=Consent(required=False, purposes=()),
        padding_bucket=1,
        delta_bucket=0,
        legs_per_epoch=1,
        location_radius_min=500,
        location_grid=250,
        retention_days=1,
        starts=NOW,
        expires=NOW,
    )


CONTRACT = make_contract()


@cache
def reader_key(contract: Contract = CONTRACT, party: str = MERCHANT) -> ReaderKey:
    return make_reader_key(contract, party, private_key())


REQUEST = InsightRequest(
    contract=CONTRACT.id,
    contract_digest=CONTRACT.digest(),
    job="portrait-1",
    requester=MERCHANT,
    circuit=Circuit.SELECTION,
    segments=(SegmentVersion(name="payers", version=3),),
    disjoint=0,
    catalogue_digest=bytes(32),
    tags=(),
    branches=("tea",),
    tag_count=12,
    dimension_count=4,
    per_person=3,
    numbers=(),
    rho_micro=50_000,
    key_digest=reader_key().digest(),
    at=NOW,
)


def make_job(*, handles: int, contract: Contract = CONTRACT, **changes: Any) -> InsightJob:
    request = replace(REQUEST, contract_digest=contract.digest(), **changes)
    key = reader_key(contract, request.requester)
    request = replace(request, key_digest=key.digest())
    return InsightJob.of(
        contract,
        request,
        sign(request.requester, request),
        key,
        sign(request.requester, key),
        epoch=2,
        handles=handles,
    )


def segments(count: int) -> tuple[SegmentVersion, ...]:
    return tuple(SegmentVersion(name=f"segment-{index}", version=1) for index in range(count))


class Noiseless(Noise):  # type: ignore[misc] # final: this is what only tests have
    """An owner without noise."""

    def draw(self) -> list[Sequence[int]]:
        return [[0] * self.question.segments for _ in range(self.question.totals)]


@dataclass(frozen=True)
class CarriersOf:
    low: int
    high: int
    offsets: npt.NDArray[np.uint64]
    handles: npt.NDArray[np.uint32]


@dataclass(frozen=True)
class NumbersOf:
    low: int
    high: int
    values: npt.NDArray[np.int64]
    known: npt.NDArray[np.bool_]


def carriers(low: int, high: int, rows: Sequence[Sequence[int]]) -> CarriersOf:
    """Of the rows of each total, those from ``low`` to before ``high``."""
    inside = [[row - low for row in total if low <= row < high] for total in rows]
    offsets = np.cumsum([0, *(len(total) for total in inside)]).astype(np.uint64)
    return CarriersOf(low, high, offsets, np.array([row for total in inside for row in total], np.uint32))


@dataclass(frozen=True)
class World:
    """Rows of one owner: the tags of each, its numbers (None: missing), and the segments that it is in."""

    job: InsightJob
    tags: list[set[int]]
    numbers: list[list[int | None]]
    segments: list[set[int]]

    @classmethod
    def random(cls, job: InsightJob, seed: int, *, padding: int = 0) -> "World":
        drawn, question = random.Random(seed), job.question
        real = job.layout.handles - padding
        return cls(
            job=job,
            tags=[set(drawn.sample(range(question.tags), drawn.randint(0, question.per_person))) for _ in range(real)],
            numbers=[
                [
                    drawn.choice([None, number.low, number.high, drawn.randint(number.low, number.high)])
                    for _ in range(real)
                ]
                for number in question.numbers
            ],
            segments=[
                {row for row in range(job.layout.handles) if drawn.random() < 0.4} for _ in range(question.segments)
            ],
        )

    def dimension(self, tag: int) -> int:
        return tag % self.job.question.dimensions

    def rows_of_totals(self) -> list[list[int]]:
        """Who carries each tag, who is known in each dimension, and all rows."""
        question = self.job.question
        if not question.tags:
            return []
        real = range(len(self.tags))
        tags = [[row for row in real if tag in self.tags[row]] for tag in range(question.tags)]
        dimensions = [
            [row for row in real if any(self.dimension(tag) == place for tag in self.tags[row])]
            for place in range(question.dimensions)
        ]
        return [*tags, *dimensions, list(real)]

    def columns(self, low: int, high: int) -> Columns:
        rows, tags = self.rows_of_totals(), self.job.question.tags
        padded = [[*column, *[None] * (self.job.layout.handles - len(column))] for column in self.numbers]
        return Columns(
            low=low,
            high=high,
            counts=[carriers(low, high, part) for part in (rows[:tags], rows[tags:])] if tags else [],
            numbers=[
                NumbersOf(
                    low,
                    high,
                    np.array([99 if value is None else value for value in column[low:high]], np.int64),
                    np.array([value is not None for value in column[low:high]], np.bool_),
                )
                for column in padded
            ],
        )

    def bitmaps(self) -> list[BitMap]:
        return [BitMap(rows) for rows in self.segments]

    def expected(self) -> list[list[int]]:
        """By segment, the totals of the question."""
        by_segment = []
        whole = len(self.segments) - self.job.question.disjoint
        for place, segment in enumerate(self.segments):
            segment = segment.difference(*self.segments[whole:place])  # noqa: PLW2901
            values = [len(segment & set(rows)) for rows in self.rows_of_totals()]
            for column in self.numbers:
                known = [value for row, value in enumerate(column) if row in segment and value is not None]
                values += [sum(known), len(known)]
            by_segment.append(values)
        return by_segment


def reader() -> PrivateKey:
    return private_key()


def two_slots() -> property:
    """In the place of `AggregateLayout.stride`: two running totals a ciphertext, so that few totals take several."""
    return property(lambda self: SlotLayout(key_bits=self.key_bits, bits=self.inner_bits, slots=2))
