"""Jobs, in the database."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from miyun.contract.jobs import Job, JobKind, JobState
from miyun.zone.schema import jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """The canonical bytes of the request that a party signed for a job, and its signature."""

    request: bytes
    signature: bytes


_OPEN = [state.value for state in JobState if not state.ended]


def add_job(connection: Connection, job: Job, signed: SignedRequest) -> None:
    connection.execute(
        insert(jobs).values(
            contract=job.contract,
            id=job.id,
            kind=job.kind.value,
            requester=job.requester,
            created=job.created,
            request=signed.request,
            signature=signed.signature,
            **_changing(job),
        )
    )


def save_job(connection: Connection, job: Job) -> None:
    """Write what changes during a job's life."""
    connection.execute(
        update(jobs).where(jobs.c.contract == job.contract, jobs.c.id == job.id).values(**_changing(job))
    )


def find_job(connection: Connection, contract: str, job: str) -> Job | None:
    row = connection.execute(select(jobs).where(jobs.c.contract == contract, jobs.c.id == job)).one_or_none()
    return None if row is None else _job(row)


def signed_request(connection: Connection, contract: str, job: str) -> SignedRequest:
    row = connection.execute(
        select(jobs.c.request, jobs.c.signature).where(jobs.c.contract == contract, jobs.c.id == job)
    ).one()
    return SignedRequest(request=row.request, signature=row.signature)


def list_jobs(
    connection: Connection, contract: str, *, state: JobState | None, limit: int, before: str
) -> tuple[Job, ...]:
    """Newest first. ``before``: only jobs older than the one with this id."""
    query = select(jobs).where(jobs.c.contract == contract).order_by(jobs.c.number.desc()).limit(limit)
    if state is not None:
        query = query.where(jobs.c.state == state.value)
    if before:
        place = select(jobs.c.number).where(jobs.c.contract == contract, jobs.c.id == before).scalar_subquery()
        query = query.where(jobs.c.number < place)
    return tuple(_job(row) for row in connection.execute(query).all())


def open_jobs(connection: Connection, contracts: Collection[str], kind: JobKind | None = None) -> tuple[Job, ...]:
    """Unfinished jobs of these contracts, oldest first."""
    query = select(jobs).where(jobs.c.contract.in_(contracts), jobs.c.state.in_(_OPEN)).order_by(jobs.c.number)
    if kind is not None:
        query = query.where(jobs.c.kind == kind.value)
    return tuple(_job(row) for row in connection.execute(query).all())


def _changing(job: Job) -> dict[str, object]:
    return {
        "state": job.state.value,
        "subject": job.subject,
        "waiting_for": ",".join(job.waiting_for),
        "done": job.done,
        "total": job.total,
        "error_code": job.error_code,
        "error": job.error,
        "updated": job.updated,
    }


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        contract=row.contract,
        kind=JobKind(row.kind),
        state=JobState(row.state),
        requester=row.requester,
        created=row.created,
        updated=row.updated,
        waiting_for=tuple(name for name in row.waiting_for.split(",") if name),
        done=row.done,
        total=row.total,
        error_code=row.error_code,
        error=row.error,
        subject=row.subject,
    )
