"""What agents are to do, derived from the state of the jobs; and their refusals."""

import time
from dataclasses import dataclass

from sqlalchemy import Connection

from miyun.aggregates.lookalikes import LookalikeRelease
from miyun.aggregates.statements import InsightRequest, ReaderKey
from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job, JobKind
from miyun.contract.lifecycle import ContractState
from miyun.contract.model import Contract
from miyun.errors import InternalError, StateError
from miyun.psi.intersection_sum.statements import IntersectionRequest
from miyun.psi.statements import FuseRequest
from miyun.segments.listing import SegmentState
from miyun.segments.statements import ActivationRequest, Refusal, SegmentRequest
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import active_contract, verify_party
from miyun.zone.operations.fitting import fitting
from miyun.zone.operations.fusion import unfinished_parties
from miyun.zone.operations.history import record_statement
from miyun.zone.operations.jobs import fail_job, require_job
from miyun.zone.operations.retention import fail_fusion, retire_segment
from miyun.zone.operations.suppression import missing_suppressions
from miyun.zone.store.activations import erase_pages, find_activation
from miyun.zone.store.contracts import contracts_of
from miyun.zone.store.fusions import FusionState, fusion_of_job
from miyun.zone.store.insights import erase_running, find_insight, find_key
from miyun.zone.store.intersections import erase_mailbox, list_ends
from miyun.zone.store.jobs import open_jobs, signed_request
from miyun.zone.store.legs import erase_legs, legs_of
from miyun.zone.store.lookalikes import erase_sealed
from miyun.zone.store.segments import find_segment

LONGEST_WAIT_SECONDS = 20
RETRY_MILLISECONDS = 1000
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class FuseTask:
    request: FuseRequest
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LegTask:
    request: SegmentRequest
    signature: bytes
    epoch: int
    generation: int
    predicate: str
    first: int
    handles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressTask:
    request: ActivationRequest
    signature: bytes
    epoch: int
    handles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverTask:
    request: ActivationRequest
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightTask:
    """``handles`` is what the owner of the columns announced for the epoch."""

    request: InsightRequest
    signature: bytes
    key: ReaderKey
    key_signature: bytes
    epoch: int
    handles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IntersectTask:
    request: IntersectionRequest
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LookalikeTask:
    request: LookalikeRelease
    signature: bytes


_ASKED_ALONE = frozenset((JobKind.SEGMENT, JobKind.ACTIVATE))
"""Jobs that one party may have no part in, or none any more. In the others a party may find fault until the end."""

Task = FuseTask | LegTask | SuppressTask | DeliverTask | InsightTask | IntersectTask | LookalikeTask


def next_tasks(core: Core, caller: str, wait_seconds: int) -> tuple[tuple[Task, ...], int]:
    """What is open for the caller's agent. It waits while there is nothing, if there is a place to park;
    else the second value says after how many milliseconds to ask again.
    """
    deadline = time.monotonic() + min(wait_seconds, LONGEST_WAIT_SECONDS)
    listener = core.bell.listen(caller)
    while True:
        tasks = open_tasks(core, caller)
        left = deadline - time.monotonic()
        if tasks or left <= 0:
            return tasks, 0
        if not listener.wait(left):
            return (), RETRY_MILLISECONDS


def open_tasks(core: Core, caller: str) -> tuple[Task, ...]:
    """The tasks of the caller's active contracts, oldest job first, as many as fit into one answer."""
    now = core.clock()
    with core.reading() as connection:
        active = {
            signed.contract.id: signed.contract
            for signed in contracts_of(connection, caller)
            if signed.state(now) is ContractState.ACTIVE
        }
        jobs = open_jobs(connection, list(active))
        tasks = (task for job in jobs for task in _tasks(connection, active[job.contract], job, caller))
        return fitting(tasks, _long_text)


def _long_text(task: Task) -> str:
    match task:
        case LegTask():
            return task.request.definition + task.predicate
        case SuppressTask() | DeliverTask():
            return task.request.definition
        case _:
            return ""


def refuse_task(core: Core, caller: str, statement: Refusal, signature: bytes) -> None:
    """Take an agent's refusal: its job fails with this reason.

    Raises:
        StateError: the job is finished, or has no part for the caller.
    """
    with core.changing() as change:
        contract = active_contract(change, statement.contract, caller)
        verify_party(contract, caller, statement.party, statement, signature)
        job = require_job(change.connection, contract.id, statement.job)
        reason = f"{caller} refused: {statement.reason[:LONGEST_REASON]}"
        if job.state.ended:
            if job.error == reason:
                return
            raise StateError(f"job {job.id} is {job.state}", hint="Look at the job.")
        if job.kind in _ASKED_ALONE and not _tasks(change.connection, contract, job, caller):
            raise StateError(f"job {job.id} asks nothing of {caller} now", hint="Look at the job.")
        _give_up(change, contract, job, reason)
        fail_job(change, job, code=statement.code[:32], reason=reason)
        record_statement(
            change,
            contract.id,
            Event.TASK_REFUSED,
            caller,
            statement,
            facts={Fact.JOB: job.id},
        )


def _give_up(change: Change, contract: Contract, job: Job, reason: str) -> None:
    match job.kind:
        case JobKind.FUSE:
            fusion = fusion_of_job(change.connection, contract.id, job.id)
            if fusion is None or fusion.state is not FusionState.EXCHANGING:
                raise StateError("this fusion is joined, and can't be refused any more", hint="Fuse again.")
            fail_fusion(change, contract.id, fusion)
        case JobKind.SEGMENT:
            segment = find_segment(change.connection, contract.id, job.id)
            if segment is not None:
                retire_segment(change, segment, SegmentState.INVALIDATED, reason)
        case JobKind.ACTIVATE:
            erase_legs(change.connection, contract.id, job.id)
            erase_pages(change.connection, contract.id, job.id)
        case JobKind.INSIGHT:
            erase_running(change.connection, contract.id, [job.id])
        case JobKind.INTERSECT:
            erase_mailbox(change.connection, contract.id, job.id)
        case JobKind.LOOKALIKE:
            erase_sealed(change.connection, contract.id, job.id)


def _tasks(connection: Connection, contract: Contract, job: Job, caller: str) -> tuple[Task, ...]:
    match job.kind:
        case JobKind.FUSE:
            return _fuse_tasks(connection, contract, job, caller)
        case JobKind.SEGMENT:
            return _leg_tasks(connection, contract, job, caller)
        case JobKind.ACTIVATE:
            return _activation_tasks(connection, contract, job, caller)
        case JobKind.INSIGHT:
            return _insight_tasks(connection, contract, job, caller)
        case JobKind.INTERSECT:
            return _intersect_tasks(connection, contract, job, caller)
        case JobKind.LOOKALIKE:
            return _lookalike_tasks(connection, contract, job, caller)


def _fuse_tasks(connection: Connection, contract: Contract, job: Job, caller: str) -> tuple[Task, ...]:
    fusion = fusion_of_job(connection, contract.id, job.id)
    if fusion is None or caller not in unfinished_parties(connection, contract, fusion):
        return ()
    signed = signed_request(connection, contract.id, job.id)
    return (FuseTask(request=FuseRequest.from_canonical(signed.request), signature=signed.signature),)


def _leg_tasks(connection: Connection, contract: Contract, job: Job, caller: str) -> tuple[Task, ...]:
    segment = find_segment(connection, contract.id, job.id)
    if segment is None:
        return ()
    signed = signed_request(connection, contract.id, job.id)
    request = SegmentRequest.from_canonical(signed.request)
    return tuple(
        LegTask(
            request=request,
            signature=signed.signature,
            epoch=leg.epoch,
            generation=leg.generation,
            predicate=leg.predicate,
            first=leg.first,
            handles=leg.handles,
        )
        for leg in legs_of(connection, contract.id, job.id, segment.epoch)
        if leg.party == caller and not leg.received
    )


def _activation_tasks(connection: Connection, contract: Contract, job: Job, caller: str) -> tuple[Task, ...]:
    activation = find_activation(connection, contract.id, job.id)
    if activation is None:
        return ()
    signed = signed_request(connection, contract.id, job.id)
    request = ActivationRequest.from_canonical(signed.request)
    if activation.audience is not None:
        if activation.recipient != caller:
            return ()
        return (DeliverTask(request=request, signature=signed.signature),)
    if caller not in missing_suppressions(connection, contract, job):
        return ()
    asked = legs_of(connection, contract.id, job.id, activation.epoch)
    return tuple(
        SuppressTask(request=request, signature=signed.signature, epoch=activation.epoch, handles=leg.handles)
        for leg in asked
        if leg.party == caller
    )


def _insight_tasks(connection: Connection, contract: Contract, job: Job, caller: str) -> tuple[Task, ...]:
    insight = find_insight(connection, contract.id, job.id)
    if insight is None or insight.owner != caller or insight.covered == insight.handles:
        return ()
    signed = signed_request(connection, contract.id, job.id)
    request = InsightRequest.from_canonical(signed.request)
    key = find_key(connection, contract.id, request.requester, request.key_digest)
    if key is None:
        raise InternalError("a question was begun with a key that is not there")
    task = InsightTask(
        request=request,
        signature=signed.signature,
        key=key.statement,
        key_signature=key.signature,
        epoch=insight.epoch,
        handles=insight.handles,
    )
    return (task,)


def _intersect_tasks(connection: Connection, contract: Contract, job: Job, caller: str) -> tuple[Task, ...]:
    if caller in list_ends(connection, contract.id, job.id):
        return ()
    signed = signed_request(connection, contract.id, job.id)
    return (IntersectTask(request=IntersectionRequest.from_canonical(signed.request), signature=signed.signature),)


def _lookalike_tasks(connection: Connection, contract: Contract, job: Job, caller: str) -> tuple[Task, ...]:
    if caller not in job.waiting_for:
        return ()
    signed = signed_request(connection, contract.id, job.id)
    return (LookalikeTask(request=LookalikeRelease.from_canonical(signed.request), signature=signed.signature),)
