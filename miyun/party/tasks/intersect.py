"""A party's part in an intersection with the other one, whose messages the zone keeps and can't open."""

from threading import Event

from miyun.audit.events import Event as AuditEvent
from miyun.audit.events import Fact
from miyun.errors import StateError, TransportError
from miyun.party.blinding_scalars import BlindingScalars
from miyun.party.intersection_admission import IntersectWork
from miyun.party.intersection_states import Intersection, IntersectionState
from miyun.party.progress import OnEvent, Phase, Progress
from miyun.party.session import Session
from miyun.party.tasks.intersection_exchange import Exchanging
from miyun.party.tasks.intersection_rows import bring
from miyun.party.tasks.outcome import Outcome
from miyun.psi.intersection_sum.statements import IntersectionEnd
from miyun.transport.codec import to_wire
from miyun.wire.v1 import two_party_pb2 as wire
from miyun.wire.v1.two_party_pb2_grpc import IntersectionServiceStub


class Intersecting:
    """The intersections of this process. Their machines are kept between two calls, and made anew after a restart."""

    def __init__(self, session: Session, stop: Event, on_event: OnEvent) -> None:
        self._session = session
        self._stop = stop
        self._on_event = on_event
        self._machines: dict[tuple[str, str], Exchanging] = {}

    def go_on(self, work: IntersectWork) -> Outcome:
        """Send and take as far as the counterparty allows; go on where an earlier call, or process, left off.

        Raises:
            MiyunError: the contract, the own data or what the counterparty sent forbids to go on.
        """
        session, request = self._session, work.request
        place = request.contract, request.job
        facts: dict[Fact, str | int] = {Fact.JOB: request.job, Fact.TYPE: request.type}
        session.audit_log.note(work.contract.id, AuditEvent.INTERSECTION_REQUESTED, request.requester, request, facts)
        held = session.intersections.get(*place) or self._begin(work)
        if held.state is IntersectionState.ABANDONED:
            raise StateError("this intersection was given up", hint="Ask for it anew.")
        if held.state is IntersectionState.EXCHANGING:
            outcome = self._exchange(work)
            if outcome is not Outcome.DONE:
                return outcome
        self._tell_end(work)
        return Outcome.DONE

    def forget(self, contract: str, job: str) -> None:
        """It will not go on."""
        self._machines.pop((contract, job), None)

    def _begin(self, work: IntersectWork) -> Intersection:
        """Draw what is drawn once, and keep it before anything of it is sent."""
        session, (contract, job) = self._session, (work.request.contract, work.request.job)

        def report(done: int, total: int | None) -> None:
            self._on_event(Progress(contract=contract, job=job, phase=Phase.PREPARE, done=done, total=total or 0))

        scalars = BlindingScalars.of_intersection(session.home.vault, contract, job)
        scalars.draw((work.request.type,))
        brought = bring(session, work, scalars.get(work.request.type), report)
        session.intersection_files.put(contract, job, brought)
        session.intersections.begin(contract, job)
        begun = session.intersections.get(contract, job)
        assert begun is not None  # noqa: S101
        return begun

    def _exchange(self, work: IntersectWork) -> Outcome:
        place = work.request.contract, work.request.job
        machine = self._machines.pop(place, None) or Exchanging(self._session, work, self._on_event)
        try:
            outcome = machine.run(self._stop)
        except TransportError:
            self._machines[place] = machine
            raise
        if outcome is not Outcome.DONE:
            self._machines[place] = machine
        return outcome

    def _tell_end(self, work: IntersectWork) -> None:
        """Everything is kept: tell the zone, as often as it has to be told."""
        session, request = self._session, work.request
        end = IntersectionEnd(
            contract=request.contract, job=request.job, request_digest=request.digest(), party=session.name
        )
        message = wire.PutEndRequest(statement=to_wire(end, wire.IntersectionEnd), signature=session.sign(end))
        receipt = session.stub(IntersectionServiceStub).PutEnd(message)
        session.receipts.keep(receipt, end, work.contract)
        facts: dict[Fact, str | int] = {Fact.JOB: request.job}
        session.audit_log.note(work.contract.id, AuditEvent.INTERSECTION_ENDED, session.name, end, facts)
        end_intersection(session, request.contract, request.job)


def end_intersection(session: Session, contract: str, job: str) -> None:
    """Erase what only the exchange needed. What was learned stays, and the counts of points."""
    BlindingScalars.of_intersection(session.home.vault, contract, job).erase()
    session.intersection_files.drop(contract, job)
    session.intersections.end(contract, job)
