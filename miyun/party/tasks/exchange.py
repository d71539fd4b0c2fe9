"""The exchange of one fusion: chunks sent, the other party's chunks evaluated, step by step."""

from collections.abc import Iterator
from threading import Event

from miyun.audit.events import Event as AuditEvent
from miyun.audit.events import Fact
from miyun.chunking import CHUNK_POINTS, MOST_SENT_AT_ONCE, chunk_points
from miyun.errors import MalformedError
from miyun.party.blinding_scalars import BlindingScalars
from miyun.party.evaluations import Answer, SeenFile
from miyun.party.fusion_states import Fusion
from miyun.party.guard import FuseWork
from miyun.party.progress import OnEvent, Phase, Progress
from miyun.party.roster_changes import StoredChange
from miyun.party.session import Session
from miyun.party.tasks.outcome import Outcome
from miyun.party.tasks.sealing import ChunkRows, Sealer
from miyun.psi.blinding import open_chunk
from miyun.psi.chunks import SealedChunk
from miyun.psi.context import FusionContext
from miyun.psi.evaluation import evaluate
from miyun.psi.party_fusion import Announce, AwaitAnnouncement, FetchChunk, PartyFusion, SendChunk
from miyun.psi.statements import Announcement, PointsChunk
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import fusion_pb2 as wire
from miyun.wire.v1.fusion_pb2_grpc import FusionServiceStub


class Exchange:
    """The steps of one fusion, as the state machine asks for them."""

    def __init__(self, session: Session, work: FuseWork, fusion: Fusion, rows: ChunkRows, on_event: OnEvent) -> None:
        contract = work.contract
        self._session = session
        self._work = work
        self._fusion = fusion
        self._on_event = on_event
        self._stub = session.stub(FusionServiceStub)
        self._counterparty = contract.counterparty(session.name)
        self._scalars = BlindingScalars.of(session.home.vault, contract, session.name, fusion.epoch)
        for answer in session.evaluations.unacknowledged(contract.id, fusion.job):
            self._put_tokens(answer)
        self._sent = dict(session.outbox.acknowledged(contract.id, fusion.job))
        self._evaluated = dict(session.evaluations.acknowledged(contract.id, fusion.job))
        self._other: Announcement | None = None
        self._brought: dict[tuple[str, int], wire.GetPointsResponse] = {}
        self._sealer = Sealer(session, contract, fusion, rows, self._scalars)
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
        """Take steps until somebody else has to. The contract may end between two of them: ContractError."""
        with self._sealer:
            return self._take_steps(stop)

    def _take_steps(self, stop: Event) -> Outcome:
        moved, absent = False, 0
        while not stop.is_set():
            self._session.accepted.active(self._work.contract.id, self._session.now())
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
                    self._tell(Phase.REPORT)
                    return Outcome.DONE
        return Outcome.MOVED

    def _announce(self, announcement: Announcement) -> None:
        message = wire.AnnounceRequest(
            statement=to_wire(announcement, wire.Announcement), signature=self._fusion.signature
        )
        change = self._session.roster_changes.get(self._work.contract.id, self._fusion.job)
        if change is not None:
            self._put_delta(change, message)
            return
        receipt = self._stub.Announce(message)
        with self._session.together():
            self._session.receipts.keep(receipt, announcement, self._work.contract)
            self._note(AuditEvent.FUSION_ANNOUNCED, announcement.party, announcement)
        self._machine.on_announced()

    def _put_delta(self, change: StoredChange, announced: wire.AnnounceRequest) -> None:
        """Announce a delta of own rows, and send what has room in the same message."""
        announcement = self._fusion.announcement
        with self._session.together():
            chunks = list(self._first_chunks(change))
        rebinds = wire.SignedRebinds(
            statement=to_wire(change.rebinds, wire.Rebinds), signature=change.signature, values=change.values
        )
        answer = self._stub.PutDelta(
            wire.PutDeltaRequest(
                announcement=announced, rebinds=rebinds, points=[_points_message(chunk) for chunk in chunks]
            )
        )
        statements = (announcement, change.rebinds, *(chunk.points for chunk in chunks))
        if len(answer.receipts) != len(statements):
            raise MalformedError("the zone has no receipt for all that it was given", hint="Run `miyun audit verify`.")
        with self._session.together():
            for receipt, statement in zip(answer.receipts, statements, strict=True):
                self._session.receipts.keep(receipt, statement, self._work.contract)
            self._note(AuditEvent.FUSION_ANNOUNCED, announcement.party, announcement)
            for chunk in chunks:
                self._session.outbox.acknowledge(chunk)
        self._machine.on_announced()
        for chunk in chunks:
            self._machine.on_sent(chunk.points.type, chunk.points.index)
            self._sent[chunk.points.type] = chunk.points.index + 1

    def _first_chunks(self, change: StoredChange) -> Iterator[SealedChunk]:
        left = MOST_SENT_AT_ONCE - sum(change.rebinds.counts)
        for count in self._fusion.announcement.counts:
            for index in range(self._sent.get(count.type, 0), count.chunks):
                left -= chunk_points(count.points, index)
                if left < 0:
                    return
                yield self._sealer.chunk(count.type, index)

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
            self._brought = {(brought.points.type, brought.points.index): brought for brought in answer.points}
        self._machine.on_counterpart(other, signature)
        with self._session.together():
            self._session.fusions.counterpart(other, signature)
            self._note(AuditEvent.FUSION_ANNOUNCED, other.party, other)
        self._other = other
        self._tell(Phase.EXCHANGE)
        return True

    def _send(self, type_: str, index: int) -> None:
        contract = self._work.contract
        chunk = self._sealer.chunk(type_, index)
        answer = self._stub.PutPoints(_points_message(chunk))
        with self._session.together():
            self._session.receipts.keep(answer, chunk.points, contract)
            self._session.outbox.acknowledge(chunk)
        self._machine.on_sent(type_, index)
        if due := self._machine.next_to_send():
            self._sealer.begin(*due)
        self._sent[type_] = index + 1
        self._tell(Phase.EXCHANGE)

    def _evaluate(self, type_: str, index: int) -> bool:
        contract = self._work.contract
        answer = self._brought.pop((type_, index), None) or self._stub.GetPoints(
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
            contract, chunk, lambda seen: evaluate(context, points, self._scalars.get(type_), seen), self._seen(type_)
        )
        self._put_tokens(stored)
        self._machine.on_evaluated(type_, index)
        self._evaluated[type_] = index + 1
        self._tell(Phase.EXCHANGE)
        return True

    def _seen(self, type_: str) -> SeenFile | None:
        """The points of the fusion that this delta changes."""
        contract, epoch = self._work.contract, self._fusion.epoch
        began = self._session.fusions.finished(contract.id, epoch) if self._fusion.sequence else None
        if began is None:
            return None
        place = [terms.type for terms in contract.identifiers].index(type_)
        return self._session.rosters.seen_file(contract.id, epoch, began.job, place)

    def _put_tokens(self, answer: Answer) -> None:
        message = wire.PutTokensRequest(
            statement=to_wire(answer.statement, wire.TokensChunk),
            signature=self._session.sign(answer.statement),
            tokens=answer.tokens,
        )
        receipt = self._stub.PutTokens(message)
        with self._session.together():
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


def _points_message(chunk: SealedChunk) -> wire.PutPointsRequest:
    return wire.PutPointsRequest(
        points=to_wire(chunk.points, wire.PointsChunk),
        points_signature=chunk.points_signature,
        sealed=chunk.sealed,
        handles=to_wire(chunk.handles, wire.HandlesChunk),
        handles_signature=chunk.handles_signature,
        handle_values=chunk.handle_values,
    )


def _points(announcement: Announcement, chunks: dict[str, int]) -> int:
    return sum(min(count.points, chunks.get(count.type, 0) * CHUNK_POINTS) for count in announcement.counts)
