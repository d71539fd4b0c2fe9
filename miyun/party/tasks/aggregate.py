"""The columns' owner in an insight: it computes on encrypted selections, or encrypts its own values."""

import time
from threading import Event

from miyun.aggregates.chunks import CHUNK_HANDLES, make_values_chunk
from miyun.aggregates.counting import Counting
from miyun.aggregates.job import InsightJob
from miyun.aggregates.noise import Noise
from miyun.aggregates.pages import PAGE_CIPHERTEXTS, make_totals
from miyun.aggregates.release import release
from miyun.aggregates.statements import Circuit
from miyun.aggregates.values import encrypt_values
from miyun.audit.events import Event as AuditEvent
from miyun.audit.events import Fact
from miyun.errors import MiyunError, ReplayError, StateError
from miyun.party.aggregations import SignedTotals, SignedValues
from miyun.party.insight_admission import InsightWork
from miyun.party.progress import OnEvent, Phase, Progress
from miyun.party.session import Session
from miyun.party.tasks.outcome import Outcome
from miyun.party.tasks.own_columns import OwnColumns
from miyun.party.tasks.selections import Selections
from miyun.transport.codec import to_wire
from miyun.wire.v1 import insight_pb2 as wire
from miyun.wire.v1.insight_pb2_grpc import InsightServiceStub

STRETCH_CHUNKS = 8
SAVE_SECONDS = 10.0
"""Work that is lost at most when the process dies, or 20 times what it takes to put totals down: they can be 80 MB."""


def aggregate(session: Session, work: InsightWork, stop: Event, on_event: OnEvent) -> Outcome:
    """Do this party's part, as far as ``stop`` lets it; go on where an earlier call left off.

    Raises:
        MiyunError: the own data or what the zone sent forbids to go on.
    """
    request = work.job.request
    facts: dict[Fact, str | int] = {Fact.JOB: request.job, Fact.EPOCH: work.job.epoch}
    session.audit_log.note(work.contract.id, AuditEvent.INSIGHT_REQUESTED, request.requester, request, facts)
    part = _Counted if request.circuit is Circuit.SELECTION else _Encrypted
    outcome = part(session, work, stop, on_event).run()
    if outcome is Outcome.DONE:
        session.aggregate_files.drop(request.contract, request.job)
    return outcome


class _Part:
    def __init__(self, session: Session, work: InsightWork, stop: Event, on_event: OnEvent) -> None:
        self._session = session
        self._work = work
        self._stop = stop
        self._on_event = on_event
        self._stub = session.stub(InsightServiceStub)

    @property
    def _job(self) -> InsightJob:
        return self._work.job

    @property
    def _place(self) -> tuple[str, str]:
        return self._job.request.contract, self._job.request.job

    def _columns(self) -> OwnColumns:
        return OwnColumns(self._session, self._work, lambda done, total: self._tell(Phase.COLUMNS, done, total or 0))

    def _tell(self, phase: Phase, done: int, total: int | None = None) -> None:
        contract, job = self._place
        rows = self._job.layout.handles if total is None else total
        self._on_event(Progress(contract=contract, job=job, phase=phase, done=done, total=rows))

    def _note(self, event: AuditEvent, statement: SignedTotals | SignedValues) -> None:
        contract, job = self._place
        self._session.audit_log.note(contract, event, self._session.name, statement.statement, {Fact.JOB: job})


class _Counted(_Part):
    """Encrypted selection: the totals are noised and stored before they are sent, and never noised again."""

    def run(self) -> Outcome:
        totals = self._session.aggregations.totals(*self._place)
        if totals is None:
            totals = self._count()
        if totals is None:
            return Outcome.MOVED
        self._session.aggregations.marks.note(self._job.request.contract)
        if not self._send(totals):
            return Outcome.MOVED
        self._note(AuditEvent.TOTALS_RELEASED, totals)
        return Outcome.DONE

    def _send(self, totals: SignedTotals) -> bool:
        """The first page, and then those that the zone lacks. False where the agent is to stop before."""
        page, pages = 0, len(totals.statement.page_digests)
        for _ in range(pages + 1):
            answer = self._stub.PutTotals(self._page(totals, page))
            if answer.HasField("receipt"):
                self._session.receipts.keep(answer.receipt, totals.statement, self._work.contract)
                return True
            page = answer.missing_page
            self._tell(Phase.RELEASE, page * PAGE_CIPHERTEXTS, totals.statement.count)
            if self._stop.is_set():
                return False
        raise ReplayError("the zone asks for what it was given", hint="Talk to the zone's operator.")

    def _page(self, totals: SignedTotals, page: int) -> wire.PutTotalsRequest:
        ciphertexts = self._session.aggregations.page(*self._place, page)
        if totals.statement.epoch != self._job.epoch or ciphertexts is None:
            raise ReplayError(
                "this question was answered in another epoch", hint="Ask anew, about versions of the newest epoch."
            )
        return wire.PutTotalsRequest(
            statement=to_wire(totals.statement, wire.Totals),
            signature=totals.signature,
            page=page,
            ciphertexts=ciphertexts,
        )

    def _count(self) -> SignedTotals | None:
        """The totals; None where the agent is to stop before they are complete."""
        counting = self._taken_up()
        with self._columns() as columns, Selections(self._session, self._job, STRETCH_CHUNKS, self._stop) as selections:
            saver = _Saver(self._session, self._place, counting)
            first = -(-counting.covered // selections.handles)
            for index, chunk in enumerate(columns.chunks(selections.handles, first=first), start=first):
                if self._stop.is_set():
                    saver.save()
                    return None
                try:
                    rows = selections.stretch(index)
                except MiyunError:
                    saver.save()
                    if self._stop.is_set():
                        return None
                    raise
                counting.add(rows, chunk)  # where this fails, the totals are of no use any more
                saver.save_now_and_then()
                self._tell(Phase.COUNT, counting.covered)
        self._tell(Phase.RELEASE, 0, self._job.layout.ciphertexts)
        released = release(counting.complete(), Noise(self._job.question))
        statement, pages = make_totals(released, self._session.now())
        totals = SignedTotals(statement=statement, signature=self._session.sign(statement))
        self._session.aggregations.put_totals(totals, pages)
        return totals

    def _taken_up(self) -> Counting:
        try:
            return Counting(self._job, self._session.aggregate_files.state(*self._place))
        except StateError:
            return Counting(self._job)


class _Saver:
    """Puts the running totals down."""

    def __init__(self, session: Session, place: tuple[str, str], counting: Counting) -> None:
        self._files = session.aggregate_files
        self._place = place
        self._counting = counting
        self._saved = counting.covered
        self._due_at = time.monotonic() + SAVE_SECONDS

    def save_now_and_then(self) -> None:
        if time.monotonic() >= self._due_at:
            self.save()

    def save(self) -> None:
        if self._counting.covered > self._saved:
            began = time.monotonic()
            self._files.put_state(*self._place, self._counting.to_bytes())
            ended = time.monotonic()
            self._saved, self._due_at = self._counting.covered, ended + max(SAVE_SECONDS, 20 * (ended - began))


class _Encrypted(_Part):
    """Encrypted values: chunks in order, each stored before it is sent."""

    def run(self) -> Outcome:
        outbox, layout = self._session.aggregations, self._job.layout
        if outbox.acknowledged(*self._place) * CHUNK_HANDLES >= layout.handles:
            outbox.clear(*self._place)  # the zone would not ask if it had them
        first = outbox.acknowledged(*self._place)
        randomness = self._session.reader_keys.randomness(self._work.contract)
        with self._columns() as columns:
            for index, chunk in enumerate(columns.chunks(CHUNK_HANDLES, first=first), start=first):
                if self._stop.is_set():
                    return Outcome.MOVED
                values = outbox.values(*self._place, index)
                if values is None:
                    statement, ciphertexts = make_values_chunk(self._job, encrypt_values(self._job, chunk, randomness))
                    values = SignedValues(
                        statement=statement, signature=self._session.sign(statement), ciphertexts=ciphertexts
                    )
                    outbox.put_values(values)
                self._send(values)
                self._tell(Phase.ENCRYPT, chunk.high)
        return Outcome.DONE

    def _send(self, values: SignedValues) -> None:
        message = wire.PutValuesRequest(
            statement=to_wire(values.statement, wire.ValuesChunk),
            signature=values.signature,
            ciphertexts=values.ciphertexts,
        )
        receipt = self._stub.PutValues(message)
        self._session.receipts.keep(receipt, values.statement, self._work.contract)
        self._session.aggregations.acknowledge(values)
