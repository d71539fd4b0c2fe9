"""A fusion as parties drive it: requested, announced, exchanged chunk by chunk."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job, JobKind
from miyun.contract.model import Contract
from miyun.contract.permissions import permit_fusion
from miyun.errors import NotFoundError, StateError
from miyun.psi.checks import check_request
from miyun.psi.statements import FuseRequest, FusionReport
from miyun.zone.core import Core
from miyun.zone.operations.access import (
    active_contract,
    contract_of_party,
    party_names,
    require_terms,
    verify_party,
)
from miyun.zone.operations.generations import require_generation
from miyun.zone.operations.history import SignedReceipt, receipt, record_statement
from miyun.zone.operations.jobs import begin_job, held_job, move_job, require_job, wait_for_end
from miyun.zone.store import fusions as store
from miyun.zone.store.fusions import Fusion, FusionState, LaneCount
from miyun.zone.store.jobs import open_jobs

HOLD_SECONDS = 5.0
"""How long a party that asks too early is kept waiting, if a place is free."""


def request_fusion(core: Core, caller: str, request: FuseRequest, signature: bytes) -> tuple[Job, SignedReceipt]:
    """Begin the next epoch, or the next delta of the newest one.

    Raises:
        StateError: another fusion of the contract is not finished, or this is not the next one.
        ContractError, SignatureError: the contract is not in force, or the caller may not ask.
    """
    with core.changing() as change:
        contract = active_contract(change, request.contract, caller)
        verify_party(contract, caller, request.requester, request, signature)
        require_terms(contract, request.contract_digest, request)
        permit_fusion(contract, request.requester)
        check_request(contract, request)
        job = held_job(change, request, Event.FUSION_REQUESTED, caller)
        if job is None:
            _require_next(change.connection, request)
            require_generation(change, contract, request)
            job = begin_job(change, request, signature, requester=caller, subject=request.subject)
            store.add_fusion(change.connection, contract.id, request.epoch, request.sequence, request.job)
            job = move_job(change, job, waiting_for=party_names(contract))
            record_statement(
                change,
                contract.id,
                Event.FUSION_REQUESTED,
                caller,
                request,
                facts={Fact.JOB: request.job, Fact.EPOCH: request.epoch},
            )
        return job, receipt(core, change, contract.id, job.id, request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest epoch that is finished, well or not, and the newest of its deltas; 0: none."""

    epoch: int
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A fusion's job with its chunk counts (None and empty where none was asked for), and what is finished."""

    job: Job | None
    counts: tuple[LaneCount, ...]
    newest: Newest


def get_progress(core: Core, caller: str, contract: str, job: str, *, wait: bool = False) -> Progress:
    """How far a fusion is; ``wait`` for its end, for a while."""
    found = _progress(core, caller, contract, job)
    if wait and found.job is not None and not found.job.state.ended:
        ended = wait_for_end(core, found.job, HOLD_SECONDS)
        return replace(found, job=ended) if ended.state.ended else _progress(core, caller, contract, job)
    return found


def _progress(core: Core, caller: str, contract: str, job: str) -> Progress:
    with core.reading() as connection:
        signed = contract_of_party(connection, contract, caller)
        newest = _newest(connection, contract)
        if not job:
            return Progress(job=None, counts=(), newest=newest)
        fusion = find_fusion(connection, signed.contract, job)
        held = require_job(connection, contract, job, JobKind.FUSE)
        return Progress(job=held, counts=store.count_chunks(connection, contract, fusion.job), newest=newest)


def get_report(core: Core, caller: str, contract: str, epoch: int) -> tuple[FusionReport, bytes]:
    """The match report of an epoch (0: the newest).

    Raises:
        NotFoundError: there is none (yet).
    """
    with core.reading() as connection:
        contract_of_party(connection, contract, caller)
        found = store.find_report(connection, contract, epoch)
    if found is None:
        raise NotFoundError("there is no match report yet", hint="Fuse first, and wait until the job is done.")
    return found


def unfinished_parties(connection: Connection, contract: Contract, fusion: Fusion) -> tuple[str, ...]:
    """The parties that still owe an announcement, points, or tokens for the other's points."""
    if fusion.state is not FusionState.EXCHANGING:
        return ()
    announced = store.list_announcements(connection, contract.id, fusion.job)
    if not announced:
        return party_names(contract)
    counts = {(lane.sender, lane.type): lane for lane in store.count_chunks(connection, contract.id, fusion.job)}
    if fusion.sequence and store.find_rebinds(connection, contract.id, fusion.job) is None:
        return party_names(contract)
    unfinished = []
    for name in party_names(contract):
        owed = [
            not _lane_done(counts.get((sender, count.type)), count.chunks, of_points=sender == name)
            for sender, (announcement, _) in announced.items()
            for count in announcement.counts
        ]
        if len(announced) < len(contract.parties) or any(owed):
            unfinished.append(name)
    return tuple(unfinished)


def _lane_done(lane: LaneCount | None, chunks: int, *, of_points: bool) -> bool:
    if lane is None:
        return chunks == 0
    return (lane.points if of_points else lane.tokens) == chunks


def _newest(connection: Connection, contract: str) -> Newest:
    epoch = store.newest_epoch(connection, contract)
    deltas = store.fusions_of_epoch(connection, contract, epoch)
    return Newest(epoch=epoch, sequence=max((delta.sequence for delta in deltas), default=0))


def _require_next(connection: Connection, request: FuseRequest) -> None:
    for job in open_jobs(connection, [request.contract], JobKind.FUSE):
        raise StateError(
            f"fusion {job.id} of epoch {job.subject} is not finished", hint="Wait for it, or let an agent refuse it."
        )
    newest = _newest(connection, request.contract)
    if request.sequence:
        joined = store.joined_fusion(connection, request.contract)
        if joined is None or (joined.epoch, newest.sequence + 1) != (request.epoch, request.sequence):
            raise StateError("that is not the next delta of the epoch that there is", hint="Ask for the delta again.")
        return
    if request.epoch != newest.epoch + 1:
        raise StateError(f"the next epoch is {newest.epoch + 1}, not {request.epoch}", hint="Request the fusion again.")


def find_fusion(connection: Connection, contract: Contract, job: str) -> Fusion:
    fusion = store.fusion_of_job(connection, contract.id, job)
    if fusion is None:
        raise NotFoundError(f"there is no fusion {job[:80]} under contract {contract.id}", hint="List the jobs.")
    return fusion


def held_fusion(connection: Connection, contract: Contract, job: str) -> Fusion:
    """A fusion whose statements the zone still holds."""
    fusion = find_fusion(connection, contract, job)
    if fusion.state in {FusionState.FAILED, FusionState.ERASED}:
        raise StateError(f"the fusion of epoch {fusion.epoch} is over", hint="Look at its job, and fuse again.")
    return fusion
