"""Jobs: begun once, however often they are asked for; moved on by the operations of their kind."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection

from miyun.aggregates.lookalikes import LookalikeRelease
from miyun.aggregates.statements import InsightRequest
from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job, JobKind, JobState
from miyun.errors import NotFoundError, StateError
from miyun.names import check_name
from miyun.psi.intersection_sum.statements import IntersectionRequest
from miyun.psi.statements import FuseRequest
from miyun.segments.statements import ActivationRequest, SegmentRequest
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import contract_of_party
from miyun.zone.operations.history import record_statement
from miyun.zone.store import jobs as store
from miyun.zone.store.jobs import SignedRequest

PAGE_JOBS = 200
LONGEST_WAIT_SECONDS = 5.0

JobRequest = FuseRequest | SegmentRequest | ActivationRequest | InsightRequest | IntersectionRequest | LookalikeRelease


def held_job(change: Change, request: JobRequest, event: Event, requester: str) -> Job | None:
    """The job that this request began, or None where it is new.

    Only the time may differ from the first request's; one with another time goes into history as well.

    Raises:
        StateError: the id stands for another request.
    """
    check_name(request.job)
    held = store.find_job(change.connection, request.contract, request.job)
    if held is None:
        return None
    first = read_request(held.kind, store.signed_request(change.connection, request.contract, request.job).request)
    if replace(first, at=request.at) != request:
        raise StateError(
            f"job {request.job} was begun with another request", hint="Ask anew, with an idempotency key of its own."
        )
    if first != request:
        record_statement(change, request.contract, event, requester, request, facts={Fact.JOB: request.job})
    return held


def begin_job(change: Change, request: JobRequest, signature: bytes, *, requester: str, subject: str) -> Job:
    job = Job(
        id=request.job,
        contract=request.contract,
        kind=_KINDS[type(request)],
        state=JobState.RUNNING,
        requester=requester,
        created=change.at,
        updated=change.at,
        subject=subject,
    )
    store.add_job(change.connection, job, SignedRequest(request=request.canonical_bytes(), signature=signature))
    return job


def move_job(
    change: Change,
    job: Job,
    *,
    waiting_for: Iterable[str] = (),
    blocked: bool | None = None,
    done: int | None = None,
    total: int | None = None,
    subject: str | None = None,
) -> Job:
    """An unfinished job, a step further. It is waiting-for-party where it is ``blocked`` by those it waits for."""
    names = tuple(waiting_for)
    waits = bool(names) if blocked is None else blocked
    moved = replace(
        job,
        state=JobState.WAITING_FOR_PARTY if waits else JobState.RUNNING,
        waiting_for=names,
        done=job.done if done is None else done,
        total=job.total if total is None else total,
        subject=job.subject if subject is None else subject,
        updated=change.at,
    )
    store.save_job(change.connection, moved)
    return moved


def finish_job(change: Change, job: Job) -> Job:
    finished = replace(job, state=JobState.DONE, waiting_for=(), done=job.total, updated=change.at)
    store.save_job(change.connection, finished)
    change.news_for.add(_ends_of(job.contract))
    return finished


def fail_job(change: Change, job: Job, *, code: str, reason: str) -> Job:
    failed = replace(job, state=JobState.FAILED, waiting_for=(), error_code=code, error=reason, updated=change.at)
    store.save_job(change.connection, failed)
    change.news_for.add(_ends_of(job.contract))
    return failed


def get_job(core: Core, caller: str, contract: str, job: str, *, wait_seconds: float = 0.0) -> Job:
    """A job of one of the caller's contracts, at its end or after so many seconds.

    Raises:
        NotFoundError: there is none.
    """
    with core.reading() as connection:
        contract_of_party(connection, contract, caller)
        found = require_job(connection, contract, job)
    if not found.state.ended and wait_seconds:
        return wait_for_end(core, found, min(wait_seconds, LONGEST_WAIT_SECONDS))
    return found


def wait_for_end(core: Core, job: Job, seconds: float) -> Job:
    """A job that whoever asks may see, at its end or after so many seconds."""
    newest = job

    def ended() -> Job | None:
        nonlocal newest
        with core.reading() as connection:
            newest = require_job(connection, job.contract, job.id)
        return newest if newest.state.ended else None

    return core.bell.hold(_ends_of(job.contract), ended, seconds) or newest


def _ends_of(contract: str) -> str:
    """What rings when a job of a contract has ended; no party is called like that."""
    return f"ends of {contract}"


def list_jobs(core: Core, caller: str, contract: str, *, state: str, limit: int, before: str) -> tuple[Job, ...]:
    """Jobs of a contract, newest first, at most `PAGE_JOBS` a page."""
    with core.reading() as connection:
        contract_of_party(connection, contract, caller)
        return store.list_jobs(
            connection,
            contract,
            state=JobState(state) if state else None,
            limit=min(limit or PAGE_JOBS, PAGE_JOBS),
            before=before,
        )


def require_job(connection: Connection, contract: str, job: str, kind: JobKind | None = None) -> Job:
    """A job by its id, of this kind.

    Raises:
        NotFoundError: there is none.
    """
    held = store.find_job(connection, contract, job)
    if held is None or kind not in {None, held.kind}:
        raise NotFoundError(f"there is no job {job[:80]} under contract {contract}", hint="List the jobs.")
    return held


def read_request(kind: JobKind, data: bytes) -> JobRequest:
    """The request that a job was begun with."""
    match kind:
        case JobKind.FUSE:
            return FuseRequest.from_canonical(data)
        case JobKind.SEGMENT:
            return SegmentRequest.from_canonical(data)
        case JobKind.ACTIVATE:
            return ActivationRequest.from_canonical(data)
        case JobKind.INSIGHT:
            return InsightRequest.from_canonical(data)
        case JobKind.INTERSECT:
            return IntersectionRequest.from_canonical(data)
        case JobKind.LOOKALIKE:
            return LookalikeRelease.from_canonical(data)


_KINDS: dict[type[JobRequest], JobKind] = {
    FuseRequest: JobKind.FUSE,
    SegmentRequest: JobKind.SEGMENT,
    ActivationRequest: JobKind.ACTIVATE,
    InsightRequest: JobKind.INSIGHT,
    IntersectionRequest: JobKind.INTERSECT,
    LookalikeRelease: JobKind.LOOKALIKE,
}
