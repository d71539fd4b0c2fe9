"""Asking a question: sent once, waited for, decrypted, and kept before it is shown."""

from collections.abc import Callable
from dataclasses import replace
from itertools import chain

from miyun.aggregates.job import InsightJob
from miyun.aggregates.reading import SegmentTotals, read_totals
from miyun.aggregates.statements import Circuit, InsightRequest, Totals
from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job, JobState
from miyun.contract.model import Contract
from miyun.errors import MalformedError, ReplayError, StateError
from miyun.insight.totals import Tags
from miyun.names import job_id, new_key
from miyun.party.background import BackgroundAgent
from miyun.party.insight_admission import INSIGHT
from miyun.party.insight_answers import Answer
from miyun.party.jobs import JobsClient
from miyun.party.patience import patiently
from miyun.party.progress import OnEvent
from miyun.party.reader_keys import AnnouncedKey
from miyun.party.session import Session
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import insight_pb2 as wire
from miyun.wire.v1.insight_pb2_grpc import InsightServiceStub

SignedQuestion = tuple[InsightRequest, bytes]


class Asking:
    """Questions of this party under all its contracts."""

    def __init__(
        self, session: Session, jobs: JobsClient, background_agent: Callable[[OnEvent], BackgroundAgent]
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._background_agent = background_agent

    def key(self, contract: Contract) -> AnnouncedKey:
        """The key of this party under a contract, which the zone has; made and sent where it isn't yet."""
        key = self._session.reader_keys.announced(contract)
        if not key.acknowledged:
            message = wire.PutReaderKeyRequest(
                statement=to_wire(key.statement, wire.ReaderKey), signature=key.signature
            )
            receipt = self._session.stub(InsightServiceStub).PutReaderKey(message)
            self._session.receipts.keep(receipt, key.statement, contract)
            self._session.audit_log.note(contract.id, Event.READER_KEY, self._session.name, key.statement)
            self._session.reader_keys.acknowledge(contract.id)
        return key

    def answer(self, contract: Contract, question: InsightRequest, tags: Tags | None, on_event: OnEvent) -> Answer:
        """The answer to a question: the one that was given before, or a new one, which is charged to both owners.

        Raises:
            BudgetExceededError, WaitingError: no room in the contract's budget, or in an owner's leases.
            StateError: the job failed; the message says whose agent refused and why.
        """
        held = self._session.answers.get(contract.id, question.question_digest())
        if held is not None:
            return held
        with self._background_agent(on_event) as agent:
            asked, job = self._begin(contract, question, agent)
            self._jobs.wait(contract.id, job.id, on_event)
        answer = self._read(contract, asked, job, tags)
        self._session.answers.put(answer)
        return answer

    def _begin(
        self, contract: Contract, question: InsightRequest, agent: BackgroundAgent
    ) -> tuple[SignedQuestion, Job]:
        """The job of a question: one that is under way or done, else a new one."""
        for asked in reversed(self._session.requests.insights(contract.id, question.question_digest())):
            job = self._send(contract, asked, agent)
            if job.state is not JobState.FAILED:
                return self._asked_as(contract, question, job), job
        fresh = replace(
            question, job=job_id(contract.id, self._session.name, INSIGHT, new_key()), at=self._session.now()
        )
        signature = self._session.sign(fresh)
        self._session.requests.keep(fresh, signature, subject=fresh.question_digest().hex())
        job = self._send(contract, (fresh, signature), agent)
        return self._asked_as(contract, question, job), job

    def _send(self, contract: Contract, asked: SignedQuestion, agent: BackgroundAgent) -> Job:
        """Ask, with patience for the leases that it needs."""
        request, signature = asked
        message = wire.RequestInsightRequest(statement=to_wire(request, wire.InsightRequest), signature=signature)
        answer = patiently(self._session, agent, lambda: self._session.stub(InsightServiceStub).RequestInsight(message))
        self._session.receipts.keep(answer.receipt, request, contract)
        facts: dict[Fact, str | int] = {Fact.JOB: request.job}
        self._session.audit_log.note(contract.id, Event.INSIGHT_REQUESTED, self._session.name, request, facts)
        return from_wire(answer.job, Job)

    def _asked_as(self, contract: Contract, question: InsightRequest, job: Job) -> SignedQuestion:
        """The request that a job was begun with, by this party."""
        asked = self._session.requests.insight(contract.id, job.id)
        if asked is None:
            raise StateError(
                f"this question was asked before as job {job.id}, of which this home knows nothing",
                hint="Restore the home's newest backup, or ask with another charge.",
            )
        if asked[0].question_digest() != question.question_digest():
            raise ReplayError(
                f"the zone answers with job {job.id}, in which something else was asked",
                hint="Run `miyun audit verify`, and talk to the zone's operator.",
            )
        return asked

    def _read(self, contract: Contract, asked: SignedQuestion, job: Job, tags: Tags | None) -> Answer:
        first = self._page(contract, job, 0)
        key = self._session.reader_keys.announced(contract)
        laid_out = InsightJob.of(
            contract, *asked, key.statement, key.signature, epoch=first.epoch, handles=first.handles
        )
        self._require_announced_rows(laid_out)
        totals = from_wire(first.statement, Totals)
        private = self._session.reader_keys.private(contract)
        others = (self._page(contract, job, page).ciphertexts for page in range(1, len(totals.page_digests)))
        segments = read_totals(laid_out, totals, first.signature, chain([first.ciphertexts], others), private)
        return Answer(
            request=asked[0],
            job=job.id,
            epoch=totals.epoch,
            at=totals.at,
            tags=tags,
            totals=tuple(map(_in_order, segments)),
        )

    def _page(self, contract: Contract, job: Job, page: int) -> wire.GetTotalsResponse:
        request = wire.GetTotalsRequest(contract=contract.id, job=job.id, page=page)
        answer: wire.GetTotalsResponse = self._session.stub(InsightServiceStub).GetTotals(request)
        if not answer.HasField("statement"):
            raise StateError("the zone has no totals of this question yet", hint="Ask again in a moment.")
        return answer

    def _require_announced_rows(self, job: InsightJob) -> None:
        """Where this party knows how many rows the owner of the columns announced, it is as many: now, or before deltas
        that came after the question.
        """
        if self._session.fusions.under_way(job.contract.id, job.epoch):
            return
        total, known = 0, set[int]()
        for fusion in self._session.fusions.applied(job.contract.id, job.epoch):
            announced = fusion.announcement if job.request.circuit is Circuit.VALUES else fusion.counterpart
            if announced is None:
                return
            total += announced.handles
            known.add(total)
        if known and job.layout.handles not in known:
            raise MalformedError(
                "the zone gave totals over another number of rows than were announced",
                hint="Run `miyun audit verify`, and talk to the zone's operator.",
            )


def _in_order(totals: SegmentTotals) -> list[int]:
    """All totals of a segment in the order of the question."""
    everybody = [] if totals.everybody is None else [totals.everybody]
    numbers = [value for number in totals.numbers for value in (number.total, number.known)]
    return [*totals.tags, *totals.dimensions, *everybody, *numbers]
