"""A party's part in a fusion."""

from threading import Event

from miyun.audit.events import Event as AuditEvent
from miyun.audit.events import Fact
from miyun.contract.model import Contract
from miyun.errors import StateError
from miyun.members.config import load_members_config
from miyun.members.roster import Roster
from miyun.party.blinding_scalars import BlindingScalars
from miyun.party.evaluations import Answer
from miyun.party.fusion_states import Fusion, FusionState
from miyun.party.guard import FuseWork
from miyun.party.outbox import SealedChunk
from miyun.party.progress import OnEvent, Phase, Progress
from miyun.party.session import Session
from miyun.party.tasks.outcome import Outcome
from miyun.psi.blinding import blind, make_points_chunk, open_chunk
from miyun.psi.chunks import make_handles_chunk
from miyun.psi.context import CHUNK_POINTS, FusionContext, chunk_count
from miyun.psi.evaluation import evaluate
from miyun.psi.party_fusion import Announce, AwaitAnnouncement, FetchChunk, PartyFusion, SendChunk
from miyun.psi.statements import Announcement, PointsChunk, TypeCount
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import fusion_pb2 as wire
from miyun.wire.v1.fusion_pb2_grpc import FusionServiceStub


def fuse(session: Session, work: FuseWork, stop: Event, on_event: OnEvent) -> Outcome:
    """Announce, send and evaluate as far as the counterparty allows; go on where an earlier call left off.

    Raises:
        MiyunError: the contract, the own data or what the counterparty sent forbids to go on.
    """
    contract, request = work.contract, work.request
    fusion = session.fusions.get(contract.id, request.job)
    if fusion is None:
        fusion = _begin(session, work, on_event)
    if fusion.state is FusionState.FINISHED:
        return _confirm(session, fusion)
    if fusion.state is FusionState.ABANDONED:
        raise StateError("this fusion was given up for a newer one", hint="Ask for a new fusion.")
    roster = Roster.open(session.rosters.path(contract.id, fusion.epoch, fusion.job))
    with roster:
        return _Exchange(session, work, fusion, roster, on_event).run(stop)


def _begin(session: Session, work: FuseWork, on_event: OnEvent) -> Fusion:
    """Draw up the roster and the scalars, then note what will be announced."""
    contract, request = work.contract, work.request
    for older in session.fusions.of(contract.id):
        if older.state is FusionState.EXCHANGING:
            end_fusion(session, contract, older, FusionState.ABANDONED)

    def report(done: int, total: int | None) -> None:
        on_event(Progress(contract=contract.id, job=request.job, phase=Phase.PREPARE, done=done, total=total or 0))

    roster = Roster.build(
        session.rosters.path(contract.id, request.epoch, request.job),
        load_members_config(session.config_path),
        identifiers=contract.identifiers,
        consent=contract.consent,
        bucket=contract.padding_bucket,
        on_progress=report,
    )
    with roster:
        points = {terms.type: roster.points(terms.type) for terms in contract.identifiers}
        announcement = Announcement(
            contract=contract.id,
            job=request.job,
            epoch=request.epoch,
            party=session.name,
            handles=roster.universe,
            counts=tuple(
                TypeCount(type=type_, points=count, chunks=chunk_count(count)) for type_, count in points.items()
            ),
        )
    _scalars(session, work).draw(tuple(points))
    session.fusions.begin(announcement, session.sign(announcement))
    session.audit_log.note(
        contract.id, AuditEvent.FUSION_REQUESTED, request.requester, request, {Fact.EPOCH: request.epoch}
    )
    begun = session.fusions.get(contract.id, request.job)
    assert begun is not None  # noqa: S101
    return begun


def _scalars(session: Session, work: FuseWork) -> BlindingScalars:
    return BlindingScalars(
        session.home.vault,
        contract=work.contract.id,
        counterparty=work.contract.counterparty(session.name).name,
        epoch=work.request.epoch,
    )


def end_fusion(session: Session, contract: Contract, fusion: Fusion, state: FusionState) -> None:
    """Erase what only the exchange needed. The counts and the points of the epoch stay."""
    counterparty = contract.counterparty(session.name).name
    BlindingScalars(session.home.vault, contract=contract.id, counterparty=counterparty, epoch=fusion.epoch).erase()
    session.evaluations.forget_answers(contract.id, fusion.job)
    session.outbox.clear(contract.id, fusion.job)
    session.fusions.end(contract.id, fusion.job, state)
    session.evaluations.forget_points(contract.id, before_epoch=fusion.epoch)
    session.rosters.prune(contract.id)


def _confirm(session: Session, fusion: Fusion) -> Outcome:
    """A task that was on its way when this party finished; or a zone that lost what it had received."""
    answer = session.stub(FusionServiceStub).GetProgress(
        wire.GetProgressRequest(contract=fusion.contract, job=fusion.job)
    )
    held = {(row.party, row.type): row for row in answer.types}
    expected = [(session.name, count.type, count.chunks) for count in fusion.announcement.counts]
    for party, type_, chunks in expected:
        if chunks and ((party, type_) not in held or held[party, type_].points < chunks):
            raise StateError(
                "the zone lost chunks of a fusion that this party had finished; their scalars are erased",
                hint="Ask for a new fusion.",
            )
    return Outcome.DONE


class _Exchange:
    """The steps of one fusion, as the state machine asks for them."""

    def __init__(self, session: Session, work: FuseWork, fusion: Fusion, roster: Roster, on_event: OnEvent) -> None:
        contract = work.contract
        self._session = session
        self._work = work
        self._fusion = fusion
        self._roster = roster
        self._on_event = on_event
        self._stub = session.stub(FusionServiceStub)
        self._counterparty = contract.counterparty(session.name)
        self._scalars = _scalars(session, work)
        for answer in session.evaluations.unacknowledged(contract.id, fusion.job):
            self._put_tokens(answer)
        self._sent = dict(session.outbox.acknowledged(contract.id, fusion.job))
        self._evaluated = dict(session.evaluations.acknowledged(contract.id, fusion.job))
        self._other: Announcement | None = None
        self._machine = PartyFusion(
            contract,
            work.request,
            session.name,
            fusion.announcement,
            {
                terms.type: (self._sent.get(terms.type, 0), self._evaluated.get(terms.type, 0))
                for terms in contract.identifiers
            },
            evaluated_before=session.evaluations.counts_before(contract.id, self._counterparty.name, fusion.job),
        )

    def run(self, stop: Event) -> Outcome:
        moved, absent = False, 0
        while not stop.is_set():
            match self._machine.next_action():
                case Announce(announcement):
                    self._announce(announcement)
                case AwaitAnnouncement(party):
                    if not self._take_announcement(party):
                        return Outcome.MOVED if moved else Outcome.IDLE
                    moved = True
                case SendChunk(type_, index):
                    self._send(type_, index)
                    moved, absent = True, 0
                case FetchChunk(type_, index):
                    if self._evaluate(type_, index):
                        moved, absent = True, 0
                    elif absent:
                        return Outcome.MOVED if moved else Outcome.IDLE
                    else:
                        absent += 1
                case _:
                    self._roster.forget_values()
                    end_fusion(self._session, self._work.contract, self._fusion, FusionState.FINISHED)
                    self._tell(Phase.REPORT)
                    return Outcome.DONE
        return Outcome.MOVED

    def _announce(self, announcement: Announcement) -> None:
        message = wire.AnnounceRequest(
            statement=to_wire(announcement, wire.Announcement), signature=self._fusion.signature
        )
        self._session.receipts.keep(self._stub.Announce(message), announcement, self._work.contract)
        self._note(AuditEvent.FUSION_ANNOUNCED, announcement.party, announcement)
        self._machine.on_announced()

    def _take_announcement(self, party: str) -> bool:
        other, signature = self._fusion.counterpart, self._fusion.counterpart_signature
        if other is None or signature is None:
            answer = self._stub.GetAnnouncement(
                wire.GetAnnouncementRequest(contract=self._work.contract.id, job=self._fusion.job, party=party)
            )
            if not answer.HasField("statement"):
                self._tell(Phase.WAIT)
                return False
            other, signature = from_wire(answer.statement, Announcement), answer.signature
        self._machine.on_counterpart(other, signature)
        self._session.fusions.counterpart(other, signature)
        self._note(AuditEvent.FUSION_ANNOUNCED, other.party, other)
        self._other = other
        self._tell(Phase.EXCHANGE)
        return True

    def _send(self, type_: str, index: int) -> None:
        contract, job = self._work.contract, self._fusion.job
        chunk = self._session.outbox.get(contract.id, job, type_, index)
        if chunk is None:
            chunk = self._seal(type_, index)
            self._session.outbox.put(chunk)
        answer = self._stub.PutPoints(
            wire.PutPointsRequest(
                points=to_wire(chunk.points, wire.PointsChunk),
                points_signature=chunk.points_signature,
                sealed=chunk.sealed,
                handles=to_wire(chunk.handles, wire.HandlesChunk),
                handles_signature=chunk.handles_signature,
                handle_values=chunk.handle_values,
            )
        )
        self._session.receipts.keep(answer, chunk.points, contract)
        self._session.outbox.acknowledge(chunk)
        self._machine.on_sent(type_, index)
        self._sent[type_] = index + 1
        self._tell(Phase.EXCHANGE)

    def _seal(self, type_: str, index: int) -> SealedChunk:
        contract = self._work.contract
        rows = self._roster.chunk(type_, index)
        context = FusionContext.of(contract, self._fusion.epoch, type_)
        chunks = next(count.chunks for count in self._fusion.announcement.counts if count.type == type_)
        points, sealed = make_points_chunk(
            context,
            blind(context, rows.values, self._scalars.get(type_)),
            contract=contract.id,
            job=self._fusion.job,
            sender=self._session.name,
            receiver=self._counterparty,
            index=index,
            chunks=chunks,
        )
        handles, handle_values = make_handles_chunk(points, rows.handles)
        return SealedChunk(
            points=points,
            points_signature=self._session.sign(points),
            sealed=sealed,
            handles=handles,
            handles_signature=self._session.sign(handles),
            handle_values=handle_values,
        )

    def _evaluate(self, type_: str, index: int) -> bool:
        contract = self._work.contract
        answer = self._stub.GetPoints(
            wire.GetPointsRequest(contract=contract.id, job=self._fusion.job, type=type_, index=index)
        )
        if not answer.HasField("points"):
            self._machine.on_absent(type_, index)
            return False
        chunk = from_wire(answer.points, PointsChunk)
        self._machine.on_points(chunk, answer.points_signature)
        context = FusionContext.of(contract, self._fusion.epoch, type_)
        points = open_chunk(context, chunk, answer.sealed, self._session.sealing_key)
        stored = self._session.evaluations.answer(
            contract, chunk, lambda seen: evaluate(context, points, self._scalars.get(type_), seen)
        )
        self._put_tokens(stored)
        self._machine.on_evaluated(type_, index)
        self._evaluated[type_] = index + 1
        self._tell(Phase.EXCHANGE)
        return True

    def _put_tokens(self, answer: Answer) -> None:
        message = wire.PutTokensRequest(
            statement=to_wire(answer.statement, wire.TokensChunk),
            signature=self._session.sign(answer.statement),
            tokens=answer.tokens,
        )
        receipt = self._stub.PutTokens(message)
        self._session.receipts.keep(receipt, answer.statement, self._work.contract)
        self._session.evaluations.acknowledge(answer.statement)

    def _note(self, event: AuditEvent, actor: str, statement: Announcement) -> None:
        facts: dict[Fact, str | int] = {
            Fact.JOB: statement.job,
            Fact.EPOCH: statement.epoch,
            Fact.PADDED_COUNT: statement.handles,
        }
        self._session.audit_log.note(self._work.contract.id, event, actor, statement, facts)

    def _tell(self, phase: Phase) -> None:
        done, total = 0, 0
        if self._other is not None:
            done = _points(self._fusion.announcement, self._sent) + _points(self._other, self._evaluated)
            total = sum(count.points for count in (*self._fusion.announcement.counts, *self._other.counts))
        contract, job = self._work.contract.id, self._fusion.job
        self._on_event(Progress(contract=contract, job=job, phase=phase, done=done, total=total))


def _points(announcement: Announcement, chunks: dict[str, int]) -> int:
    return sum(min(count.points, chunks.get(count.type, 0) * CHUNK_POINTS) for count in announcement.counts)
