"""Two parties that have fused, tags and numbers at the platform, and a zone in memory that selects, sums and relays."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Any, Self

from pyroaring import BitMap

from miyun.aggregates.chunks import chunk_range, make_selection_chunk, read_chunk
from miyun.aggregates.job import InsightJob
from miyun.aggregates.noise import Noise
from miyun.aggregates.pages import check_totals, make_totals, read_page
from miyun.aggregates.release import release
from miyun.aggregates.selection import Selected, encrypt_selection
from miyun.aggregates.statements import (
    Circuit,
    InsightRequest,
    OverlapAnswer,
    OverlapRequest,
    ReaderKey,
    Totals,
    ValuesChunk,
)
from miyun.aggregates.summing import Summing
from miyun.contract.jobs import Job, JobKind, JobState
from miyun.contract.model import MATCHED, Grant, Rung
from miyun.keys.signing import VerifyKey
from miyun.paillier.fixed_base import FixedBase
from miyun.party.guard import Guard
from miyun.party.insights import InsightClient
from miyun.party.jobs import JobsClient
from miyun.party.leases import Leases
from miyun.party.progress import ignore
from miyun.party.tasks.fuse import fuse
from miyun.party.tasks.outcome import Outcome
from miyun.party.tasks.runner import TaskRunner
from miyun.privacy.statements import BudgetCharge, BudgetLease
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import agent_pb2, budget_pb2, insight_pb2, job_pb2
from tests.paillier.keys import private_key
from tests.party.world import MERCHANT, NOW, PLATFORM, FakeZone, World, row, write_members

CATALOGUE = """\
id,name,parent,type,options,range,sensitive
gender,性别,,option,男|女,,
interest,兴趣,,group,,,
tea,茶饮,interest,flag,,,
coffee,咖啡,interest,flag,,,
age,年龄,,number,,0..120,
health,健康,,group,,,yes
asthma,哮喘,health,flag,,,
vip,会员,,flag,,,
"""
TAGS = """
[tags]
source = "csv"
path = "tags.csv"
id = "user"
tag = "tag"
value = "value"
catalogue = "catalogue.csv"
[agent]
patience_seconds = 0
[privacy]
total_rho_micro = 1000000000000000
"""
MUCH = 10**12
"""So much budget that no count has any noise to speak of: σ < 0.01."""

SPENDERS = "members.spend > 3"


def grants(*subjects: str) -> tuple[Grant, ...]:
    """Of the platform, to the merchant."""
    return tuple(Grant(owner=PLATFORM, subject=subject, rung=Rung.INSIGHT, recipient=MERCHANT) for subject in subjects)


@dataclass
class InsightZone(FakeZone):
    """``selected`` are the row handles of each segment, by the columns' owner. Both owners are charged as they are."""

    keys: dict[str, tuple[ReaderKey, bytes]] = field(default_factory=dict)
    requests: dict[str, tuple[InsightRequest, bytes]] = field(default_factory=dict)
    totals: dict[str, tuple[Totals, bytes, tuple[bytes, ...]]] = field(default_factory=dict)
    pages: dict[str, dict[int, bytes]] = field(default_factory=dict)
    summing: dict[str, Summing] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    selected: dict[tuple[str, str], BitMap] = field(default_factory=dict)
    handles: dict[str, int] = field(default_factory=dict)
    leased: list[BudgetLease] = field(default_factory=list)
    charged: dict[str, list[tuple[BudgetCharge, bytes]]] = field(default_factory=lambda: {MERCHANT: [], PLATFORM: []})
    charges_questions: bool = True

    def job(self, job: str) -> InsightJob:
        request, signature = self.requests[job]
        owner = self.owner(request)
        key = self.keys[request.requester]
        return InsightJob.of(self.contract, request, signature, *key, epoch=1, handles=self.handles[owner])

    def owner(self, request: InsightRequest) -> str:
        other = self.contract.counterparty(request.requester).name
        return other if request.circuit is Circuit.SELECTION else request.requester

    def selection(self, job: InsightJob) -> Selected:
        bits = [self.selected[job.owner, segment.name] for segment in job.request.segments]
        return Selected(bits, job.layout.handles, job.question.disjoint)

    def on_PutReaderKey(self, caller: str, message: Any) -> Any:
        statement = from_wire(message.statement, ReaderKey)
        VerifyKey(self.contract.party(caller).signing_key).verify(statement, message.signature)
        self.keys[caller] = statement, message.signature
        return self.receipt(statement, "")

    def on_RequestInsight(self, caller: str, message: Any) -> Any:
        request = from_wire(message.statement, InsightRequest)
        VerifyKey(self.contract.party(caller).signing_key).verify(request, message.signature)
        release_id = request.question_digest().hex()
        if request.job not in self.requests:
            self.requests[request.job] = request, message.signature
            if self.charges_questions:
                self.charge_both(release_id, request.rho_micro)
        return insight_pb2.RequestInsightResponse(
            job=to_wire(self.view(request.job), job_pb2.Job), receipt=self.receipt(request, request.job)
        )

    def charge_both(self, release_id: str, rho_micro: int) -> None:
        for owner in self.charged:
            self.charge_owner(owner, release_id, "insight", rho_micro)

    def charge_owner(self, owner: str, release_id: str, purpose: str, rho_micro: int) -> None:
        charges = self.charged[owner]
        charge = BudgetCharge(
            contract=self.contract.id,
            owner=owner,
            sequence=len(charges) + 1,
            release=release_id,
            purpose=purpose,
            rho_micro=rho_micro,
            spent_micro=sum(charge.rho_micro for charge, _ in charges) + rho_micro,
            at=NOW,
        )
        charges.append((charge, self.key.sign(charge)))

    def view(self, job: str) -> Job:
        state = JobState.DONE if job in self.totals else JobState.FAILED if job in self.refused else JobState.RUNNING
        return Job(
            id=job,
            contract=self.contract.id,
            kind=JobKind.INSIGHT,
            state=state,
            requester=self.requests[job][0].requester,
            created=NOW,
            updated=NOW,
            error=self.refused.get(job, ""),
            subject="",
        )

    def on_GetJob(self, caller: str, message: Any) -> Any:
        return to_wire(self.view(message.job), job_pb2.Job)

    def task(self, job: str) -> agent_pb2.Task:
        request, signature = self.requests[job]
        key, key_signature = self.keys[request.requester]
        return agent_pb2.Task(
            job=job,
            insight=agent_pb2.InsightTask(
                request=to_wire(request, insight_pb2.InsightRequest),
                signature=signature,
                key=to_wire(key, insight_pb2.ReaderKey),
                key_signature=key_signature,
                epoch=1,
                handles=self.handles[self.owner(request)],
            ),
        )

    def open_tasks(self, party: str) -> list[agent_pb2.Task]:
        return [
            self.task(job)
            for job, (request, _) in self.requests.items()
            if self.owner(request) == party and job not in self.totals and job not in self.refused
        ]

    def on_GetSelection(self, caller: str, message: Any) -> Any:
        job = self.job(message.job)
        low, high = chunk_range(job.layout.handles, message.index)
        rows = encrypt_selection(job, self.selection(job), low, high, FixedBase(job.key))
        statement, ciphertexts = make_selection_chunk(job, rows)
        return insight_pb2.GetSelectionResponse(
            statement=to_wire(statement, insight_pb2.SelectionChunk),
            signature=self.key.sign(statement),
            ciphertexts=ciphertexts,
        )

    def on_PutValues(self, caller: str, message: Any) -> Any:
        statement = from_wire(message.statement, ValuesChunk)
        job = self.job(statement.job)
        summing = self.summing.setdefault(statement.job, Summing(job, self.selection(job)))
        rows = read_chunk(job, statement, message.signature, message.ciphertexts)
        if rows.low == summing.covered:
            summing.add(rows)
        if summing.covered == job.layout.handles:
            totals, pages = make_totals(release(summing.complete(), Noise(job.question)), NOW)
            self.totals[statement.job] = totals, self.key.sign(totals), pages
        return self.receipt(statement, statement.job)

    def on_PutTotals(self, caller: str, message: Any) -> Any:
        statement = from_wire(message.statement, Totals)
        job = self.job(statement.job)
        check_totals(job, statement, message.signature)
        read_page(job, statement, message.page, message.ciphertexts)
        held = self.pages.setdefault(statement.job, {})
        held[message.page] = message.ciphertexts
        missing = set(range(len(statement.page_digests))) - set(held)
        if missing:
            return insight_pb2.PutTotalsResponse(missing_page=min(missing))
        self.totals[statement.job] = statement, message.signature, tuple(held[page] for page in sorted(held))
        return insight_pb2.PutTotalsResponse(receipt=self.receipt(statement, statement.job))

    def on_GetTotals(self, caller: str, message: Any) -> Any:
        statement, signature, pages = self.totals[message.job]
        return insight_pb2.GetTotalsResponse(
            statement=to_wire(statement, insight_pb2.Totals),
            signature=signature,
            ciphertexts=pages[message.page],
            epoch=statement.epoch,
            handles=statement.handles,
        )

    def on_QuoteInsight(self, caller: str, message: Any) -> Any:
        return insight_pb2.QuoteInsightResponse(rho_micro=message.rho_micro, remaining_micro=7)

    def on_AskOverlap(self, caller: str, message: Any) -> Any:
        request = from_wire(message.statement, OverlapRequest)
        VerifyKey(self.contract.party(caller).signing_key).verify(request, message.signature)
        bits = [self.selected[PLATFORM, segment.name] for segment in request.segments]
        sizes = tuple(len(one & other) for place, one in enumerate(bits) for other in bits[place:])
        answer = OverlapAnswer(
            contract=request.contract, segments=request.segments, sizes=sizes, scale_milli=1500, at=NOW
        )
        return insight_pb2.AskOverlapResponse(
            statement=to_wire(answer, insight_pb2.OverlapAnswer), signature=self.key.sign(answer)
        )

    def on_GetSegment(self, caller: str, message: Any) -> Any:
        segment = super().on_GetSegment(caller, message)
        segment.epoch = 1
        return segment

    def on_GetProgress(self, caller: str, message: Any) -> Any:
        answer = super().on_GetProgress(caller, message)
        answer.newest_epoch = 1
        return answer

    def on_RefuseTask(self, caller: str, message: Any) -> Any:
        self.refused[message.statement.job] = message.statement.reason
        return super().on_RefuseTask(caller, message)

    def on_PutLease(self, caller: str, message: Any) -> Any:
        self.leased.append(from_wire(message.statement, BudgetLease))
        return budget_pb2.PutLeaseResponse()

    def on_ListCharges(self, caller: str, message: Any) -> Any:
        charges = self.charged[caller]
        answer = budget_pb2.ListChargesResponse(
            leased_micro=sum(lease.rho_micro for lease in self.leased if lease.owner == caller),
            spent_micro=sum(charge.rho_micro for charge, _ in charges),
        )
        for charge, signature in charges[message.after :]:
            answer.charges.add(statement=to_wire(charge, budget_pb2.BudgetCharge), signature=signature)
        return answer


class AgentsInTurn:
    """In the place of the agent beside a call that waits: both parties' agents do what is open."""

    def __init__(self, world: World, told: list[Any] | None = None) -> None:
        self._world = world
        self.told: list[Any] = [] if told is None else told

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def attend(self) -> None:
        for name in (MERCHANT, PLATFORM):
            for task in zone_of(self._world).open_tasks(name):
                run_task(self._world, name, task, self.told)


def run_task(world: World, name: str, task: agent_pb2.Task, told: list[Any] | None = None) -> Outcome:
    events: list[Any] = [] if told is None else told
    return TaskRunner(world.session(name), Event(), events.append).run(task)


def zone_of(world: World) -> InsightZone:
    assert isinstance(world.zone, InsightZone)
    return world.zone


def client(world: World, name: str = MERCHANT) -> InsightClient:
    session = world.session(name)
    agents: Any = lambda on_event: AgentsInTurn(world)  # noqa: E731
    return InsightClient(session, JobsClient(session, agents), agents)


def platform_rows() -> list[dict[str, str]]:
    return [row(number, id=f"u{number}", spend=str(number % 7)) for number in range(3, 13)]


def pairs_of_tags() -> list[tuple[str, str, str]]:
    """Every user has a gender, every second drinks tea, every third coffee, one has asthma."""
    pairs = [(f"u{n}", "gender", "女" if n % 2 else "男") for n in range(3, 13)]
    pairs += [(f"u{n}", "tea", "") for n in range(4, 13, 2)]
    pairs += [(f"u{n}", "coffee", "") for n in range(3, 13, 3)]
    pairs += [(f"u{n}", "age", str(20 + n)) for n in range(3, 13) if n != 5]
    pairs += [("u4", "vip", ""), ("u5", "vip", "")]
    return [*pairs, ("u7", "asthma", "")]


def write_tags(home: Path, pairs: Sequence[tuple[str, str, str]]) -> None:
    (home / "catalogue.csv").write_text(CATALOGUE, encoding="utf-8")
    with (home / "tags.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("user", "tag", "value"), *pairs])


def ready(world: World, *, segments: dict[str, set[int]]) -> None:
    """Both fused; ``segments`` are people by number; the readers' keys are made, as making them takes seconds."""
    write_members(world.platform.path, platform_rows(), extra=TAGS)
    write_members(world.merchant.path, [row(number) for number in range(10)], extra=TAGS[TAGS.index("[agent]") :])
    write_tags(world.platform.path, pairs_of_tags())
    task = world.begin()
    done: set[str] = set()
    while done != {MERCHANT, PLATFORM}:
        for name in {MERCHANT, PLATFORM} - done:
            session = world.session(name)
            if fuse(session, Guard(session).fuse(task), Event(), ignore) is Outcome.DONE:
                done.add(name)
    zone = zone_of(world)
    for name, letter in ((MERCHANT, "m"), (PLATFORM, "u")):
        world.home(name).vault.put("paillier/spring", private_key().to_bytes())
        Leases(world.session(name), world.contract, ignore).settle()
        with world.session(name).rosters.open("spring", 1) as roster:
            zone.handles[name] = roster.universe
            handle_of = {
                int(batch[0].removeprefix(letter)): handle
                for handle in range(roster.universe)
                for batch in roster.member_ids(BitMap([handle]))
            }
        for segment, people in {MATCHED: set(range(3, 10)), **segments}.items():
            zone.selected[name, segment] = BitMap(handle_of[person] for person in people if person in handle_of)
