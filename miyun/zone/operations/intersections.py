"""Intersections between two parties: permitted, charged, and their sealed messages handed on in order.

The zone reads none of what it hands on; what it enforces follows from the request and from both openings.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job, JobKind
from miyun.contract.model import Contract
from miyun.contract.permissions import require_party
from miyun.errors import MalformedError, NotPermittedError, ReplayError, StateError
from miyun.keys.sealing import OVERHEAD_BYTES
from miyun.psi.intersection_sum.checks import check_opening, check_request
from miyun.psi.intersection_sum.schedule import Place, Schedule
from miyun.psi.intersection_sum.statements import IntersectionEnd, IntersectionOpening, IntersectionRequest
from miyun.segments.own_rows import cut_by
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import (
    active_contract,
    contract_of_party,
    party_names,
    require_terms,
    verify_party,
)
from miyun.zone.operations.fusion import HOLD_SECONDS
from miyun.zone.operations.history import SignedReceipt, receipt, record_statement
from miyun.zone.operations.jobs import begin_job, finish_job, held_job, move_job, require_job
from miyun.zone.operations.releases import INTERSECTION, charge_each
from miyun.zone.store import intersections as store
from miyun.zone.store.intersections import SealedChunk
from miyun.zone.store.jobs import signed_request


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedChunk:
    contract: str
    job: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mailbox:
    """How far an intersection is. ``schedule`` is None before both parties have opened."""

    contract: Contract
    job: Job
    request: IntersectionRequest
    openings: dict[str, tuple[IntersectionOpening, bytes]]
    chunks: int
    ends: dict[str, IntersectionEnd]

    @property
    def schedule(self) -> Schedule | None:
        if len(self.openings) < len(self.contract.parties):
            return None
        (one, _), (other, _) = self.openings.values()
        return Schedule.of(self.request, one, other)

    def waiting_for(self) -> tuple[str, ...]:
        """Whose message is due: an opening, a chunk, or the end."""
        schedule, names = self.schedule, party_names(self.contract)
        if schedule is None:
            return tuple(name for name in names if name not in self.openings)
        places = schedule.places()
        if self.chunks < len(places):
            return (schedule.sender(places[self.chunks][0]),)
        return tuple(name for name in names if name not in self.ends)


def request_intersection(
    core: Core, caller: str, request: IntersectionRequest, signature: bytes
) -> tuple[Job, SignedReceipt]:
    """Charge both owners for what the other one will learn, and open a mailbox for them.

    Raises:
        NotPermittedError: a grant is missing.
        ContractError, ExpressionError: it can't be computed.
        BudgetExceededError, WaitingError: no room in the contract's budget, or in an owner's leases.
    """
    with core.changing() as change:
        contract = active_contract(change, request.contract, caller)
        verify_party(contract, caller, request.requester, request, signature)
        require_terms(contract, request.contract_digest, request)
        job = held_job(change, request, Event.INTERSECTION_REQUESTED, caller)
        if job is None:
            job = _begin(core, change, contract, request, signature)
            facts: dict[Fact, str | int] = {Fact.JOB: job.id, Fact.TYPE: request.type}
            record_statement(change, contract.id, Event.INTERSECTION_REQUESTED, caller, request, facts=facts)
        return job, receipt(core, change, contract.id, job.id, request)


def put_opening(core: Core, caller: str, opening: IntersectionOpening, signature: bytes) -> SignedReceipt:
    """Take how many rows a party brings.

    Raises:
        ReplayError: of another intersection, or another one than before.
        MalformedError, CapExceededError: it does not fit the contract.
    """
    with core.changing() as change:
        contract = active_contract(change, opening.contract, caller)
        verify_party(contract, caller, opening.party, opening, signature)
        mailbox = _mailbox(change.connection, contract, opening.job)
        if caller not in mailbox.openings:
            _require_open(mailbox.job)
            check_opening(contract, mailbox.request, opening)
            store.add_opening(change.connection, opening, signature)
            facts: dict[Fact, str | int] = {Fact.JOB: opening.job, Fact.PADDED_COUNT: opening.rows}
            record_statement(change, contract.id, Event.INTERSECTION_OPENED, caller, opening, facts=facts)
            _moved(change, contract, opening.job)
        elif mailbox.openings[caller][0] != opening:
            raise ReplayError("an opening that differs from the one given before", hint="Send what was sent before.")
        return receipt(core, change, contract.id, opening.job, opening)


def get_opening(core: Core, caller: str, contract: str, job: str) -> tuple[IntersectionOpening, bytes] | None:
    """The counterparty's, with its signature; None where it is not there after a while.

    Raises:
        StateError: the job is over.
    """
    return core.bell.hold(caller, partial(_find_opening, core, caller, contract, job), HOLD_SECONDS)


def put_chunk(core: Core, caller: str, chunk: SealedChunk) -> SignedReceipt:
    """Take the chunk that is due.

    Raises:
        ReplayError: not the one that is due, or another one than before in its place.
        MalformedError: it does not fit the openings, or its own sealed bytes.
    """
    statement = chunk.statement
    if hashlib.sha256(chunk.sealed).digest() != statement.sealed_digest:
        raise MalformedError("sealed bytes that are not the ones that were signed", hint="Send the chunk again.")
    with core.changing() as change:
        contract = active_contract(change, statement.contract, caller)
        verify_party(contract, caller, statement.sender, statement, chunk.signature)
        mailbox = _mailbox(change.connection, contract, statement.job)
        held = store.find_statement(change.connection, contract.id, statement.job, (statement.step, statement.index))
        if held is None:
            _require_open(mailbox.job)
            _require_due(mailbox, chunk)
            store.add_chunk(change.connection, chunk)
            facts: dict[Fact, str | int] = {
                Fact.JOB: statement.job,
                Fact.STEP: statement.step,
                Fact.CHUNK: statement.index,
                Fact.CHUNKS: statement.chunks,
            }
            record_statement(change, contract.id, Event.INTERSECTION_RELAYED, caller, statement, facts=facts)
            _moved(change, contract, statement.job)
        elif held != statement:
            raise ReplayError("a chunk that differs from the one given before", hint="Send what was sent before.")
        return receipt(core, change, contract.id, statement.job, statement)


def get_chunk(core: Core, caller: str, wanted: WantedChunk) -> SealedChunk | None:
    """A chunk for the caller; None where it is not there after a while.

    Raises:
        NotPermittedError: it is for the other party.
        StateError: the job is over.
    """
    return core.bell.hold(caller, partial(_find_chunk, core, caller, wanted), HOLD_SECONDS)


def put_end(core: Core, caller: str, end: IntersectionEnd, signature: bytes) -> SignedReceipt:
    """Take it that a party needs nothing more; when both have said so, the job is done and its mailbox erased.

    Raises:
        StateError: something is still to be sent.
        ReplayError: of another intersection.
    """
    with core.changing() as change:
        contract = active_contract(change, end.contract, caller)
        verify_party(contract, caller, end.party, end, signature)
        mailbox = _mailbox(change.connection, contract, end.job)
        if end.request_digest != mailbox.request.digest():
            raise ReplayError("an end that belongs to another intersection", hint="Ask for tasks again.")
        if caller not in mailbox.ends:
            _require_open(mailbox.job)
            _require_complete(mailbox)
            store.add_end(change.connection, end)
            record_statement(
                change, contract.id, Event.INTERSECTION_ENDED, caller, end, facts={Fact.JOB: mailbox.job.id}
            )
            _moved(change, contract, end.job)
        return receipt(core, change, contract.id, end.job, end)


def _begin(core: Core, change: Change, contract: Contract, request: IntersectionRequest, signature: bytes) -> Job:
    holder = require_party(contract, request.holder).name
    matcher = contract.counterparty(holder).name
    subjects = cut_by(contract, {holder: request.holder_rows, matcher: request.matcher_rows})
    check_request(contract, request, subjects=subjects)
    amounts = {matcher: request.totals_rho_micro, holder: request.size_rho_micro}
    charge_each(core, change, contract, release=request.digest().hex(), purpose=INTERSECTION, amounts=amounts)
    job = begin_job(change, request, signature, requester=request.requester, subject=request.type)
    return move_job(change, job, waiting_for=party_names(contract))


def _mailbox(connection: Connection, contract: Contract, job_id: str) -> _Mailbox:
    job = require_job(connection, contract.id, job_id, JobKind.INTERSECT)
    signed = signed_request(connection, contract.id, job.id)
    return _Mailbox(
        contract=contract,
        job=job,
        request=IntersectionRequest.from_canonical(signed.request),
        openings=store.list_openings(connection, contract.id, job.id),
        chunks=store.count_chunks(connection, contract.id, job.id),
        ends=store.list_ends(connection, contract.id, job.id),
    )


def _moved(change: Change, contract: Contract, job_id: str) -> None:
    """Carry what came over to the job."""
    mailbox = _mailbox(change.connection, contract, job_id)
    if len(mailbox.ends) == len(contract.parties):
        finish_job(change, mailbox.job)
        store.erase_mailbox(change.connection, contract.id, job_id)
        return
    schedule = mailbox.schedule
    move_job(
        change,
        mailbox.job,
        waiting_for=mailbox.waiting_for(),
        blocked=schedule is None,
        done=mailbox.chunks,
        total=0 if schedule is None else len(schedule.places()),
    )


def _require_due(mailbox: _Mailbox, chunk: SealedChunk) -> None:
    schedule = _require_opened(mailbox)
    places, statement = schedule.places(), chunk.statement
    place = statement.step, statement.index
    if mailbox.chunks == len(places) or places[mailbox.chunks] != place:
        raise ReplayError("another chunk than the one that is due", hint="Send the chunks in order.")
    expected = schedule.header(*place)
    if replace(statement, sealed_digest=b"") != expected:
        raise MalformedError("a chunk that does not fit the openings", hint="Send the chunk again.")
    if len(chunk.sealed) != schedule.content_bytes(*place) + OVERHEAD_BYTES:
        raise MalformedError(
            f"{len(chunk.sealed):,} sealed bytes can't be a chunk of {expected.count:,} rows",
            hint="Send the chunk again.",
        )


def _require_complete(mailbox: _Mailbox) -> None:
    if mailbox.chunks < len(_require_opened(mailbox).places()):
        raise StateError(
            "the intersection has not come to its end yet", hint="Send and fetch what is due, then end it."
        )


def _require_opened(mailbox: _Mailbox) -> Schedule:
    if mailbox.schedule is None:
        raise StateError("both parties have to open first", hint="Wait for the counterparty's opening.")
    return mailbox.schedule


def _require_open(job: Job) -> None:
    if job.state.ended:
        raise StateError(f"job {job.id} is {job.state}", hint="Look at the job, and ask for tasks again.")


def _find_opening(core: Core, caller: str, contract: str, job: str) -> tuple[IntersectionOpening, bytes] | None:
    with core.reading() as connection:
        signed = contract_of_party(connection, contract, caller)
        _require_open(require_job(connection, contract, job, JobKind.INTERSECT))
        other = signed.contract.counterparty(caller).name
        return store.list_openings(connection, contract, job).get(other)


def _find_chunk(core: Core, caller: str, wanted: WantedChunk) -> SealedChunk | None:
    with core.reading() as connection:
        contract_of_party(connection, wanted.contract, caller)
        _require_open(require_job(connection, wanted.contract, wanted.job, JobKind.INTERSECT))
        held = store.find_statement(connection, wanted.contract, wanted.job, wanted.place)
        if held is None:
            return None
        if held.receiver != caller:
            raise NotPermittedError(
                f"this chunk is for {held.receiver}", hint=f"Let {held.receiver} fetch it.", clause="parties"
            )
        return store.find_chunk(connection, wanted.contract, wanted.job, wanted.place)
