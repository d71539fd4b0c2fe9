"""Parties that ask questions of a zone and answer them, and what the answers come to in the clear."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from miyun.aggregates.chunks import chunk_count, chunk_range, make_values_chunk, read_chunk
from miyun.aggregates.columns import Columns
from miyun.aggregates.counting import Counting
from miyun.aggregates.job import InsightJob
from miyun.aggregates.pages import make_totals
from miyun.aggregates.reading import make_reader_key, read_totals
from miyun.aggregates.release import release
from miyun.aggregates.statements import (
    Circuit,
    InsightRequest,
    NumberRange,
    OverlapAnswer,
    OverlapRequest,
    ReaderKey,
    SegmentVersion,
    SelectionChunk,
    Totals,
    ValuesChunk,
)
from miyun.aggregates.values import encrypt_values
from miyun.contract.jobs import Job
from miyun.contract.model import MATCHED, Contract, Grant, Rung
from miyun.paillier.fixed_base import FixedBase
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import agent_pb2
from miyun.wire.v1 import insight_pb2 as wire
from miyun.wire.v1.insight_pb2_grpc import InsightServiceStub
from tests.aggregates.circuits import flat
from tests.aggregates.world import Noiseless, NumbersOf, carriers
from tests.paillier.keys import private_key
from tests.zone.matching import Side
from tests.zone.members import MERCHANT, NOW, PLATFORM, Member, World
from tests.zone.test_segments import EAGER, PAIRS, RICH, Fused, fuse, in_force

KEY = private_key()
AGE = NumberRange(name="age", low=18, high=99, step="1")
SPEND = NumberRange(name="spend", low=-20, high=90, step="0.5")
TAGS = 6
RHO = 10**13
"""So much that the noise of the zone is zero."""

INSIGHT_GRANTS = tuple(
    Grant(owner=owner, subject=subject, rung=Rung.INSIGHT, recipient=recipient)
    for owner, recipient, subjects in (
        (PLATFORM, MERCHANT, (MATCHED, "tags.interests", "tags.age")),
        (MERCHANT, PLATFORM, (MATCHED,)),
    )
    for subject in subjects
)
SEGMENTS = (SegmentVersion(name="rich", version=1), SegmentVersion(name=MATCHED, version=1))


def agree(world: World, id_: str, grants: Sequence[Grant] = INSIGHT_GRANTS, **choices: object) -> Contract:
    contract = world.draft(id_, **choices)
    contract = replace(contract, grants=(*contract.grants, *grants))
    return in_force(world, contract)


def service(member: Member) -> InsightServiceStub:
    return InsightServiceStub(member.channel)


def asked_contract(world: World, id_: str, **choices: object) -> Fused:
    """A fused contract with grants of insight, the segments `rich` and `eager`, and the merchant's key."""
    fused = fuse(world, agree(world, id_, **choices))
    for name, definition in (("rich", "members.spend > 100"), ("eager", "members.opted_in")):
        fused.create(name, definition)
    fused.answer_legs()
    for name in ("rich", "eager"):
        fused.ready(name)
    put_key(fused.left.member, reader_key(fused))
    return fused


def reader_key(fused: Fused, party: str = MERCHANT) -> ReaderKey:
    return make_reader_key(fused.contract, party, KEY)


def put_key(member: Member, key: ReaderKey) -> None:
    service(member).PutReaderKey(
        wire.PutReaderKeyRequest(statement=to_wire(key, wire.ReaderKey), signature=member.sign(key))
    )


def question(fused: Fused, circuit: Circuit = Circuit.SELECTION, **changes: Any) -> InsightRequest:
    selection = circuit is Circuit.SELECTION
    request = InsightRequest(
        contract=fused.contract.id,
        contract_digest=fused.contract.digest(),
        job="insight-1",
        requester=MERCHANT,
        circuit=circuit,
        segments=SEGMENTS,
        disjoint=0,
        catalogue_digest=bytes(32) if selection else b"",
        tags=(),
        branches=("interests",) if selection else (),
        tag_count=TAGS if selection else 0,
        dimension_count=1 if selection else 0,
        per_person=2 if selection else 0,
        numbers=(AGE,) if selection else (SPEND,),
        rho_micro=RHO,
        key_digest=reader_key(fused).digest(),
        at=NOW,
    )
    return replace(request, **changes)


def ask(member: Member, request: InsightRequest, signer: Member | None = None) -> Job:
    answer = service(member).RequestInsight(
        wire.RequestInsightRequest(
            statement=to_wire(request, wire.InsightRequest), signature=(signer or member).sign(request)
        )
    )
    return from_wire(answer.job, Job)


def insight_tasks(member: Member, contract: str) -> list[agent_pb2.InsightTask]:
    return [
        task.insight
        for task in member.tasks()
        if task.WhichOneof("work") == "insight" and task.insight.request.contract == contract
    ]


def task_job(fused: Fused, member: Member, job: str) -> InsightJob:
    """What a member derives from the one task that it has for a job."""
    (task,) = [task for task in insight_tasks(member, fused.contract.id) if task.request.job == job]
    return InsightJob.of(
        fused.contract,
        from_wire(task.request, InsightRequest),
        task.signature,
        from_wire(task.key, ReaderKey),
        task.key_signature,
        epoch=task.epoch,
        handles=task.handles,
    )


@dataclass(frozen=True)
class Owner:
    """A party with columns: what a row carries and how old it is follows from its number."""

    fused: Fused
    side: Side
    job: InsightJob

    def tags_of(self, row: int) -> set[int]:
        return {row % TAGS, row // 7 % TAGS} if row % 4 else set()

    def number_of(self, row: int, number: NumberRange) -> int | None:
        return None if row % 5 == 0 else number.low + row * 3 % (number.high - number.low + 1)

    def columns(self, low: int, high: int) -> Columns:
        handles, rows = self.side.handles, range(len(self.side.rows))
        by_tag = [[handles[row] for row in rows if tag in self.tags_of(row)] for tag in range(TAGS)]
        others = [[handles[row] for row in rows if self.tags_of(row)], list(handles)]
        question_ = self.job.question
        numbers = []
        for number in question_.numbers:
            values = np.zeros(len(handles), np.int64)
            known = np.zeros(len(handles), np.bool_)
            for row in rows:
                value = self.number_of(row, number)
                values[handles[row]], known[handles[row]] = value or 0, value is not None
            numbers.append(NumbersOf(low, high, values[low:high], known[low:high]))
        counts = [carriers(low, high, sorted_(part)) for part in (by_tag, others)] if question_.tags else []
        return Columns(low=low, high=high, counts=counts, numbers=numbers)

    def expected(self, segments: Sequence[set[int]]) -> list[list[int]]:
        """By segment, the totals over these rows of this owner."""
        totals = []
        for rows in segments:
            values = []
            if self.job.question.tags:
                values += [sum(tag in self.tags_of(row) for row in rows) for tag in range(TAGS)]
                values += [sum(bool(self.tags_of(row)) for row in rows), len(rows)]
            for number in self.job.question.numbers:
                known = [value for row in rows if (value := self.number_of(row, number)) is not None]
                values += [sum(known), len(known)]
            totals.append(values)
        return totals

    def selected_rows(self) -> list[set[int]]:
        """The rows of this owner in each of `SEGMENTS`."""
        place = 0 if self.side is self.fused.left else 1
        return [{pair[place] for pair in PAIRS if pair[0] in RICH}, {pair[place] for pair in PAIRS}]


def sorted_(parts: Sequence[Sequence[int]]) -> list[list[int]]:
    return [sorted(part) for part in parts]


def get_selection(member: Member, job: InsightJob, index: int) -> wire.GetSelectionResponse:
    return service(member).GetSelection(
        wire.GetSelectionRequest(contract=job.contract.id, job=job.request.job, index=index)
    )


def count(owner: Owner) -> tuple[Totals, tuple[bytes, ...]]:
    """What the owner makes of the encrypted selection; without noise, as only a test can."""
    job, counting = owner.job, Counting(owner.job)
    for index in range(chunk_count(job.layout.handles)):
        answer = get_selection(owner.side.member, job, index)
        rows = read_chunk(job, from_wire(answer.statement, SelectionChunk), answer.signature, answer.ciphertexts)
        counting.add(rows, owner.columns(rows.low, rows.high))
    return make_totals(release(counting.complete(), Noiseless(job.question)), NOW)


def put_page(
    member: Member, totals: Totals, page: int, data: bytes, signer: Member | None = None
) -> wire.PutTotalsResponse:
    return service(member).PutTotals(
        wire.PutTotalsRequest(
            statement=to_wire(totals, wire.Totals),
            signature=(signer or member).sign(totals),
            page=page,
            ciphertexts=data,
        )
    )


def put_totals(member: Member, totals: Totals, pages: Sequence[bytes], signer: Member | None = None) -> None:
    """All pages; the last one has the receipt."""
    answers = [put_page(member, totals, page, data, signer) for page, data in enumerate(pages)]
    assert answers[-1].receipt.statement.statement_digest == totals.digest()


def values_chunk(owner: Owner, index: int) -> tuple[ValuesChunk, bytes]:
    low, high = chunk_range(owner.job.layout.handles, index)
    rows = encrypt_values(owner.job, owner.columns(low, high), FixedBase(KEY.public_key))
    return make_values_chunk(owner.job, rows)


def put_values(member: Member, chunk: ValuesChunk, data: bytes, signer: Member | None = None) -> None:
    service(member).PutValues(
        wire.PutValuesRequest(
            statement=to_wire(chunk, wire.ValuesChunk), signature=(signer or member).sign(chunk), ciphertexts=data
        )
    )


def get_totals(member: Member, job: InsightJob, page: int = 0) -> wire.GetTotalsResponse:
    return service(member).GetTotals(wire.GetTotalsRequest(contract=job.contract.id, job=job.request.job, page=page))


def read(member: Member, job: InsightJob) -> list[list[int]]:
    """By segment, the totals that the reader decrypts."""
    answer = get_totals(member, job)
    assert (answer.epoch, answer.handles) == (job.epoch, job.layout.handles)
    totals = from_wire(answer.statement, Totals)
    pages = (get_totals(member, job, page).ciphertexts for page in range(len(totals.page_digests)))
    return [flat(segment) for segment in read_totals(job, totals, answer.signature, pages, KEY)]


def overlap(member: Member, fused: Fused, *segments: SegmentVersion) -> OverlapAnswer:
    request = OverlapRequest(contract=fused.contract.id, segments=segments, asker=member.name, at=NOW)
    answer = service(member).AskOverlap(
        wire.AskOverlapRequest(statement=to_wire(request, wire.OverlapRequest), signature=member.sign(request))
    )
    statement = from_wire(answer.statement, OverlapAnswer)
    member.home.zone_link().verify_key().verify(statement, answer.signature)
    return statement


RICH_PAIRS = {pair for pair in PAIRS if pair[0] in RICH}
EAGER_PAIRS = {pair for pair in PAIRS if pair[0] in EAGER}
