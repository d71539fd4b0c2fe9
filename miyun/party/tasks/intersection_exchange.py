"""The exchange of one intersection, step by step as its machine asks for them.

Made anew after a restart it plays everything again: what it took is fetched and verified once more, and counts once;
what it sent is not made again.
"""

from threading import Event

from miyun.audit.events import Event as AuditEvent
from miyun.audit.events import Fact
from miyun.party.blinding_scalars import BlindingScalars
from miyun.party.intersection_admission import IntersectWork
from miyun.party.intersection_states import Learned, OwnChunk
from miyun.party.progress import OnEvent, Phase, Progress
from miyun.party.session import Session
from miyun.party.tasks.outcome import Outcome
from miyun.psi.intersection_sum.exchange import Await, AwaitOpening, Finished, Open, Send
from miyun.psi.intersection_sum.holder import Holder
from miyun.psi.intersection_sum.matcher import Matcher
from miyun.psi.intersection_sum.schedule import Place
from miyun.psi.intersection_sum.statements import IntersectionChunk, IntersectionOpening
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import two_party_pb2 as wire
from miyun.wire.v1.two_party_pb2_grpc import IntersectionServiceStub


class Exchanging:
    def __init__(self, session: Session, work: IntersectWork, on_event: OnEvent) -> None:
        self._session = session
        self._work = work
        self._on_event = on_event
        self._place = work.request.contract, work.request.job
        self._stub = session.stub(IntersectionServiceStub)
        self._machine = _machine(session, work)
        self._done = 0

    def run(self, stop: Event) -> Outcome:
        """Take steps until somebody else has to; done when what was learned is kept.

        The contract may end between two of them: ContractError.
        """
        moved = Outcome.IDLE
        while not stop.is_set():
            self._session.accepted.active(self._work.contract.id, self._session.now())
            match self._machine.exchange.next_action():
                case Open(opening):
                    self._open(opening)
                case AwaitOpening():
                    if not self._take_opening():
                        return moved
                    moved = Outcome.MOVED
                case Send(step, index):
                    self._send((step, index))
                    moved = Outcome.MOVED
                case Await(step, index):
                    if not self._take((step, index)):
                        return moved
                    moved = Outcome.MOVED
                case Finished():
                    self._session.intersections.keep(*self._place, self._learned())
                    return Outcome.DONE
        return Outcome.MOVED

    def _open(self, opening: IntersectionOpening) -> None:
        message = wire.PutOpeningRequest(
            statement=to_wire(opening, wire.IntersectionOpening), signature=self._session.sign(opening)
        )
        self._session.intersections.note_released(self._work.contract.id)
        self._session.receipts.keep(self._stub.PutOpening(message), opening, self._work.contract)
        self._note_opening(opening)
        self._machine.exchange.on_opened()

    def _take_opening(self) -> bool:
        held = self._session.intersections.get(*self._place)
        signed = None if held is None else held.counterpart
        if signed is None:
            contract, job = self._place
            answer = self._stub.GetOpening(wire.GetOpeningRequest(contract=contract, job=job))
            if not answer.HasField("statement"):
                self._tell(Phase.WAIT)
                return False
            signed = from_wire(answer.statement, IntersectionOpening), answer.signature
            self._machine.on_opening(*signed)
            self._session.intersections.counterpart(self._work.contract, self._work.request.type, *signed)
            self._note_opening(signed[0])
        else:
            self._machine.on_opening(*signed)
        return True

    def _send(self, place: Place) -> None:
        states = self._session.intersections
        if not states.is_sent(*self._place, place):
            chunk = states.chunk(*self._place, place) or self._made(place)
            states.note_released(self._work.contract.id)
            message = wire.PutChunkRequest(
                statement=to_wire(chunk.statement, wire.IntersectionChunk),
                signature=chunk.signature,
                sealed=chunk.sealed,
            )
            receipt = self._stub.PutChunk(message)
            self._session.receipts.keep(receipt, chunk.statement, self._work.contract)
            states.acknowledge(chunk.statement)
        self._machine.exchange.on_sent(*place)
        self._passed(place)

    def _made(self, place: Place) -> OwnChunk:
        statement, sealed = self._machine.message(*place)
        chunk = OwnChunk(statement=statement, signature=self._session.sign(statement), sealed=sealed)
        self._session.intersections.put_chunk(chunk)
        return chunk

    def _take(self, place: Place) -> bool:
        contract, job = self._place
        step, index = place
        answer = self._stub.GetChunk(wire.GetChunkRequest(contract=contract, job=job, step=step, index=index))
        if not answer.HasField("statement"):
            self._tell(Phase.WAIT)
            return False
        chunk = from_wire(answer.statement, IntersectionChunk)
        seen = self._session.intersections.seen(self._work.contract, self._work.request.type, chunk)
        self._machine.take(chunk, answer.signature, answer.sealed, seen)
        self._session.intersections.taken(chunk)
        self._passed(place)
        return True

    def _learned(self) -> Learned:
        if isinstance(self._machine, Matcher):
            return Learned(size=self._machine.size())
        return Learned(totals=self._machine.totals() if self._work.request.columns else ())

    def _passed(self, place: Place) -> None:
        start, end = self._machine.exchange.rows(*place)
        self._done += end - start
        self._tell(Phase.INTERSECT)

    def _note_opening(self, opening: IntersectionOpening) -> None:
        facts: dict[Fact, str | int] = {Fact.JOB: opening.job, Fact.PADDED_COUNT: opening.rows}
        event = AuditEvent.INTERSECTION_OPENED
        self._session.audit_log.note(self._work.contract.id, event, opening.party, opening, facts)

    def _tell(self, phase: Phase) -> None:
        contract, job = self._place
        total = 0
        if phase is Phase.INTERSECT:
            schedule = self._machine.exchange.schedule
            total = sum(end - start for start, end in (schedule.span(*place) for place in schedule.places()))
        self._on_event(Progress(contract=contract, job=job, phase=phase, done=self._done, total=total))


def _machine(session: Session, work: IntersectWork) -> Holder | Matcher:
    """Made from what this party keeps of its side."""
    contract, request = work.contract, work.request
    brought = session.intersection_files.get(request.contract, request.job)
    scalars = BlindingScalars.of_intersection(session.home.vault, request.contract, request.job)
    scalar = scalars.get(request.type)
    if session.name != request.holder:
        return Matcher(contract, request, brought.own, scalar, session.sealing_key, subjects=work.subjects)
    if not request.columns:
        return Holder(contract, request, brought.own, scalar, session.sealing_key, subjects=work.subjects)
    session.reader_keys.announced(contract)
    return Holder(
        contract,
        request,
        brought.own,
        scalar,
        session.sealing_key,
        subjects=work.subjects,
        numbers=brought.numbers,
        reader=session.reader_keys.private(contract),
        randomness=session.reader_keys.randomness(contract),
    )
