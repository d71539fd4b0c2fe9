"""One task from the zone: admitted by the guard, done, or refused with a signed reason."""

import logging
from threading import Event

from miyun.audit.events import Event as AuditEvent
from miyun.audit.events import Fact
from miyun.errors import (
    ContractError,
    InternalError,
    MiyunError,
    NotFoundError,
    StateError,
    TransportError,
    WaitingError,
)
from miyun.party.contract_views import refresh_one
from miyun.party.defects import log_defect
from miyun.party.deliveries import DeliveryRecord
from miyun.party.fusion_states import Fusion, FusionState
from miyun.party.guard import DeliverWork, FuseWork, Guard, LegWork, ReceiveWork, SendWork, SuppressWork, Work
from miyun.party.insight_admission import InsightWork
from miyun.party.intersection_admission import IntersectWork
from miyun.party.intersection_states import Intersection
from miyun.party.progress import OnEvent, TaskFinished, TaskRefused, TaskStarted, Warned
from miyun.party.sending import Sending
from miyun.party.session import Session
from miyun.party.tasks.aggregate import aggregate
from miyun.party.tasks.deliver import deliver
from miyun.party.tasks.fuse import end_fusion, ending, fuse
from miyun.party.tasks.intersect import Intersecting, end_intersection
from miyun.party.tasks.leg import leg
from miyun.party.tasks.lookalike import receive, send
from miyun.party.tasks.outcome import Outcome
from miyun.party.tasks.suppress import suppress
from miyun.segments.statements import Refusal
from miyun.transport.codec import to_wire
from miyun.transport.faults import LOCAL_ERRORS
from miyun.wire.v1 import agent_pb2 as wire
from miyun.wire.v1.agent_pb2_grpc import AgentServiceStub
from miyun.wire.v1.fusion_pb2 import FuseRequest as FuseRequestMessage
from miyun.wire.v1.two_party_pb2 import IntersectionRequest as IntersectionRequestMessage

TRANSIENT = (TransportError, WaitingError)
"""What passes by itself."""
ENDED = (StateError, NotFoundError, ContractError)
"""What the zone says when a job or its contract has ended meanwhile."""

log = logging.getLogger(__name__)


class TaskRunner:
    """Safe for several threads."""

    def __init__(self, session: Session, stop: Event, on_event: OnEvent) -> None:
        self._session = session
        self._stop = stop
        self._on_event = on_event
        self._guard = Guard(session, on_event)
        self._intersecting = Intersecting(session, stop, on_event)

    def run(self, task: wire.Task) -> Outcome:
        """Do a task, as far as others allow now. A failure of the contract or the data is refused to the zone."""
        try:
            return self._attempt(task)
        except TRANSIENT as error:
            self._warn(task, error)
        except MiyunError as error:
            log.warning("task %s of kind %s is tried again: %s", task.job, kind_of(task), error)
            self._warn(task, error)
        return Outcome.IDLE

    def resume(self, fusion: Fusion) -> Outcome:
        """Go on with a fusion that the zone does not ask for any more: it has all, or its job failed."""
        request, signature = self._session.requests.fusion(fusion.contract, fusion.job)
        task = wire.FuseTask(request=to_wire(request, FuseRequestMessage), signature=signature)
        return self.run(wire.Task(job=fusion.job, fuse=task))

    def resume_intersection(self, held: Intersection) -> Outcome:
        """The same for an intersection: the zone has this party's end, or its job failed."""
        signed = self._session.requests.intersection(held.contract, held.job)
        assert signed is not None  # noqa: S101
        request, signature = signed
        task = wire.IntersectTask(request=to_wire(request, IntersectionRequestMessage), signature=signature)
        return self.run(wire.Task(job=held.job, intersect=task))

    def send(self, delivery: DeliveryRecord) -> Outcome:
        """Go on with a delivery whose receiver is outside: the zone knows nothing of that."""
        outcome = Sending(self._session, delivery, self._stop).run()
        after = self._session.deliveries.get(delivery.order.contract, delivery.order.job)
        if after is not None and after.problem:
            problem = f"delivery {after.order.job} ({after.order.channel}): {after.problem}"
            self._on_event(Warned(contract=after.order.contract, message=problem, hint=after.hint))
        return outcome

    def _attempt(self, task: wire.Task) -> Outcome:
        try:
            contract = contract_of(task)
            if contract in self._session.accepted.ids() and not self._session.accepted.get(contract).activated:
                refresh_one(self._session, contract)
            outcome = self._do(task, self._guard.admit(task))
        except (*TRANSIENT, InternalError):
            raise
        except MiyunError as error:
            return self._refuse(task, error)
        except Exception as error:
            log_defect(log, f"task {task.job} of kind {kind_of(task)}", error)
            return self._refuse(task, InternalError(f"a defect ({type(error).__name__}); the log says where"))
        if outcome in {Outcome.DONE, Outcome.CHANGED}:
            self._on_event(TaskFinished(contract=contract, job=task.job, kind=kind_of(task)))
        return outcome

    def _do(self, task: wire.Task, work: Work) -> Outcome:  # noqa: PLR0911
        self._on_event(TaskStarted(contract=work.contract.id, job=task.job, kind=kind_of(task)))
        match work:
            case FuseWork():
                return fuse(self._session, work, self._stop, self._on_event)
            case LegWork():
                return leg(self._session, work)
            case SuppressWork():
                return suppress(self._session, work)
            case DeliverWork():
                return deliver(self._session, work, self._stop)
            case InsightWork():
                return aggregate(self._session, work, self._stop, self._on_event)
            case IntersectWork():
                return self._intersecting.go_on(work)
            case SendWork():
                return send(self._session, work, self._on_event)
            case ReceiveWork():
                return receive(self._session, work)

    def _refuse(self, task: wire.Task, error: MiyunError) -> Outcome:
        reason = (
            "its own data or configuration can't be used; its log says why"
            if isinstance(error, LOCAL_ERRORS)
            else error.message
        )
        contract = contract_of(task)
        refusal = Refusal(
            contract=contract,
            job=task.job,
            party=self._session.name,
            code=error.code,
            reason=reason,
            at=self._session.now(),
        )
        message = wire.RefuseTaskRequest(
            statement=to_wire(refusal, wire.Refusal), signature=self._session.sign(refusal)
        )
        try:
            self._session.stub(AgentServiceStub).RefuseTask(message)
        except ENDED:
            self._give_up(task)
            return Outcome.DONE
        self._give_up(task)
        if contract in self._session.accepted.ids():
            facts: dict[Fact, str | int] = {Fact.JOB: task.job, Fact.CODE: error.code}
            self._session.audit_log.note(contract, AuditEvent.TASK_REFUSED, self._session.name, refusal, facts)
        self._on_event(
            TaskRefused(
                contract=contract,
                job=task.job,
                kind=kind_of(task),
                code=error.code,
                reason=error.message,
                clause=error.clause,
            )
        )
        return Outcome.DONE

    def _give_up(self, task: wire.Task) -> None:
        """Erase what a fusion, an insight or an intersection that will not go on has left here."""
        if kind_of(task) == "intersect":
            self._intersecting.forget(contract_of(task), task.job)
            end_intersection(self._session, contract_of(task), task.job)
        if kind_of(task) == "deliver":
            self._session.deliveries.abandon(contract_of(task), task.job)
        if kind_of(task) == "insight":
            self._session.aggregate_files.drop(contract_of(task), task.job)
            self._session.aggregations.clear(contract_of(task), task.job)
        fusion = self._session.fusions.get(contract_of(task), task.job)
        if kind_of(task) == "fuse" and fusion is not None and fusion.state is FusionState.EXCHANGING:
            contract = self._session.accepted.get(fusion.contract).contract
            end_fusion(self._session, contract, fusion, ending(self._session, fusion))

    def _warn(self, task: wire.Task, error: MiyunError) -> None:
        self._on_event(Warned(contract=contract_of(task), message=error.message, hint=error.hint))


def kind_of(task: wire.Task) -> str:
    """fuse, leg, suppress, deliver, insight, intersect or lookalike; empty for what a newer zone may ask."""
    return task.WhichOneof("work") or ""


def contract_of(task: wire.Task) -> str:
    """The contract that a task says it belongs to; nothing is checked yet."""
    kind = kind_of(task)
    contract: str = getattr(task, kind).request.contract if kind else ""
    return contract
