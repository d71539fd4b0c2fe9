"""Weights that the reader of a portrait gives to the owner of the tags: charged, and passed on unopened."""

import hashlib

from sqlalchemy import Connection

from miyun.aggregates.lookalikes import LookalikeReceived, LookalikeRelease
from miyun.aggregates.statements import Circuit, InsightRequest
from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job, JobKind, JobState
from miyun.contract.model import MATCHED, Contract
from miyun.contract.permissions import permit_lookalike
from miyun.errors import (
    InputError,
    MalformedError,
    NotPermittedError,
    ReplayError,
    StateError,
)
from miyun.insight.lookalike import scoring_bytes
from miyun.keys.sealing import OVERHEAD_BYTES
from miyun.names import check_name
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import active_contract, contract_of_party, require_terms, verify_party
from miyun.zone.operations.history import SignedReceipt, receipt, record_statement
from miyun.zone.operations.insight import stored_insight
from miyun.zone.operations.jobs import begin_job, finish_job, held_job, move_job, require_job
from miyun.zone.operations.releases import LOOKALIKE, charge_each
from miyun.zone.store import lookalikes as store
from miyun.zone.store.insights import job_of_question
from miyun.zone.store.jobs import signed_request
from miyun.zone.store.lookalikes import StoredLookalike
from miyun.zone.store.segments import find_segment


def release_lookalike(
    core: Core, caller: str, release: LookalikeRelease, signature: bytes
) -> tuple[Job, SignedReceipt]:
    """Charge a release to the party that makes it; its agent sends the weights then.

    Raises:
        NotPermittedError: a grant is missing, or it is not the merchant's.
        BudgetExceededError, WaitingError: no room in the contract's budget, or in the party's leases.
        StateError: the name is taken, or the question was not answered.
    """
    with core.changing() as change:
        contract = active_contract(change, release.contract, caller)
        verify_party(contract, caller, release.party, release, signature)
        require_terms(contract, release.contract_digest, release)
        job = held_job(change, release, Event.LOOKALIKE_RELEASED, caller)
        if job is None:
            job = _begin(core, change, contract, release, signature)
            facts: dict[Fact, str | int] = {Fact.JOB: job.id, Fact.LOOKALIKE: release.name}
            record_statement(change, contract.id, Event.LOOKALIKE_RELEASED, caller, release, facts=facts)
        return job, receipt(core, change, contract.id, job.id, release)


def put_weights(core: Core, caller: str, contract_id: str, job_id: str, sealed: bytes) -> None:
    """Take the sealed weights of a release, which its party signed the digest of, for the owner of the tags.

    Raises:
        MalformedError: not the bytes that were signed, or not as many as the question needs.
        StateError: the job is over.
    """
    with core.changing() as change:
        contract = active_contract(change, contract_id, caller)
        job = require_job(change.connection, contract.id, job_id, JobKind.LOOKALIKE)
        if job.requester != caller:
            raise NotPermittedError(
                f"these weights are {job.requester}'s to send", hint="Let its agent send them.", clause="parties"
            )
        release = LookalikeRelease.from_canonical(signed_request(change.connection, contract.id, job.id).request)
        if hashlib.sha256(sealed).digest() != release.sealed_digest:
            raise MalformedError("weights that are not the ones that were signed", hint="Send them again.")
        if caller not in job.waiting_for:
            if job.state is JobState.FAILED:
                raise StateError(f"job {job.id} is {job.state}", hint="Look at the job.")
            return
        question, _ = _weighed(change.connection, contract, release)
        if len(sealed) != scoring_bytes(question.tag_count) + OVERHEAD_BYTES:
            raise MalformedError("weights of other tags than the question's", hint="Make them of the portrait's tags.")
        store.put_sealed(change.connection, contract.id, job.id, sealed)
        move_job(change, job, waiting_for=[contract.counterparty(caller).name], done=1)


def get_weights(core: Core, caller: str, contract: str, job: str) -> bytes:
    """The sealed weights, for the owner of the tags.

    Raises:
        NotPermittedError: the caller is not that owner.
        StateError: they are not here yet, or are erased: the owner has them, or its job failed.
    """
    with core.reading() as connection:
        signed = contract_of_party(connection, contract, caller)
        signed.require_active(core.clock())
        _require_recipient(require_job(connection, contract, job, JobKind.LOOKALIKE), caller)
        sealed = store.sealed_weights(connection, contract, job)
    if sealed is None:
        raise StateError("these weights are not here", hint="Look at the job.")
    return sealed


def put_received(core: Core, caller: str, statement: LookalikeReceived, signature: bytes) -> SignedReceipt:
    """Take the word of the owner of the tags that it has the weights; they are erased here.

    Raises:
        ReplayError: it has those of another release, or said otherwise before.
    """
    with core.changing() as change:
        contract = active_contract(change, statement.contract, caller)
        verify_party(contract, caller, statement.party, statement, signature)
        job = require_job(change.connection, contract.id, statement.job, JobKind.LOOKALIKE)
        _require_recipient(job, caller)
        held = store.lookalike_of_job(change.connection, contract.id, job.id)
        if held is None or held.received is None:
            _receive(change, job, statement)
        elif held.received != statement:
            raise ReplayError("these weights were received before", hint="Send what was sent before.")
        return receipt(core, change, contract.id, job.id, statement)


def _begin(core: Core, change: Change, contract: Contract, release: LookalikeRelease, signature: bytes) -> Job:
    check_name(release.name)
    if store.lookalike_named(change.connection, contract.id, release.name) is not None:
        raise StateError(f"there is a lookalike {release.name} already", hint="Choose another name.")
    _, subjects = _weighed(change.connection, contract, release)
    permit_lookalike(contract, release.party, subjects)
    if release.rho_micro < 1:
        raise InputError("a release without noise of its own", hint="Spend at least a millionth.")
    charge_each(
        core,
        change,
        contract,
        release=release.digest().hex(),
        purpose=LOOKALIKE,
        amounts={release.party: release.rho_micro},
    )
    job = begin_job(change, release, signature, requester=release.party, subject=release.name)
    store.add_lookalike(change.connection, StoredLookalike(contract=contract.id, name=release.name, job=job.id))
    return move_job(change, job, waiting_for=[release.party], total=2)


def _weighed(
    connection: Connection, contract: Contract, release: LookalikeRelease
) -> tuple[InsightRequest, frozenset[str]]:
    """The question whose totals were weighed, and what its seed and base are made of."""
    job = job_of_question(connection, contract.id, release.question)
    insight = None if job is None else stored_insight(connection, contract.id, job)
    if job is None or insight is None or insight.totals is None:
        raise StateError(
            "the question that was weighed has no answer here", hint="Ask for the portrait again, then release."
        )
    request = InsightRequest.from_canonical(signed_request(connection, contract.id, job).request)
    jobs = dict(zip(request.segments, insight.segment_jobs, strict=True))
    compared = {release.seed, release.base}
    if (request.requester, request.circuit) != (release.party, Circuit.SELECTION) or not request.tag_count:
        raise StateError("the question that was weighed is no portrait of one's own", hint="Ask for one first.")
    if len(compared) != 2 or not compared <= jobs.keys():
        raise StateError("the portrait that was weighed is not of this seed and base", hint="Ask for one of both.")
    subjects = {MATCHED}
    for segment in compared:
        found = find_segment(connection, contract.id, jobs[segment]) if jobs[segment] else None
        subjects |= frozenset() if found is None else found.subjects
    return request, frozenset(subjects)


def _receive(change: Change, job: Job, statement: LookalikeReceived) -> None:
    if job.state.ended:
        raise StateError(f"job {job.id} is {job.state}", hint="Look at the job.")
    release = LookalikeRelease.from_canonical(signed_request(change.connection, statement.contract, job.id).request)
    if statement.release_digest != release.digest():
        raise ReplayError("weights of another release than this job's", hint="Fetch the weights again.")
    store.put_received(change.connection, statement)
    finish_job(change, job)
    facts: dict[Fact, str | int] = {Fact.JOB: job.id, Fact.LOOKALIKE: release.name}
    record_statement(change, statement.contract, Event.LOOKALIKE_RECEIVED, statement.party, statement, facts=facts)


def _require_recipient(job: Job, caller: str) -> None:
    if job.requester == caller:
        raise NotPermittedError(
            f"these weights are for the other party than {caller}", hint="Let its agent fetch them.", clause="parties"
        )
