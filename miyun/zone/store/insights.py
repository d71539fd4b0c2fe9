"""Readers' keys, and questions with what has come of them so far, in the database."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, exists, func, insert, select, update

from miyun.aggregates.statements import ReaderKey, Totals, ValuesChunk
from miyun.contract.jobs import JobState
from miyun.zone.schema import insight_pages, insight_segments, insight_values, insights, jobs, reader_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedKey:
    statement: ReaderKey
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTotals:
    statement: Totals
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredInsight:
    """A question about segments of ``epoch``. ``owner`` has the columns, and ``handles`` row handles.

    ``segment_jobs`` are the jobs of the segments, in the order of the request; empty for all pairs. ``covered`` is the
    first row handle that is missing in the running totals. ``totals`` are there from their first page on, and
    ``released`` with the last one.
    """

    contract: str
    job: str
    question: bytes
    epoch: int
    owner: str
    handles: int
    segment_jobs: tuple[str, ...]
    covered: int = 0
    totals: SignedTotals | None = None
    released: bool = False


def add_key(connection: Connection, signed: SignedKey) -> None:
    """Keep a party's newest key."""
    statement = signed.statement
    number = count_keys(connection, statement.contract, statement.party)
    connection.execute(
        insert(reader_keys).values(
            contract=statement.contract,
            party=statement.party,
            number=number,
            digest=statement.digest(),
            statement=statement.canonical_bytes(),
            signature=signed.signature,
        )
    )


def count_keys(connection: Connection, contract: str, party: str) -> int:
    """How many keys a party has handed in."""
    table = reader_keys.c
    return connection.execute(
        select(func.count()).select_from(reader_keys).where(table.contract == contract, table.party == party)
    ).scalar_one()


def newest_key(connection: Connection, contract: str, party: str) -> SignedKey | None:
    table = reader_keys.c
    row = connection.execute(
        select(reader_keys)
        .where(table.contract == contract, table.party == party)
        .order_by(table.number.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else _key(row)


def find_key(connection: Connection, contract: str, party: str, digest: bytes) -> SignedKey | None:
    table = reader_keys.c
    row = connection.execute(
        select(reader_keys).where(table.contract == contract, table.party == party, table.digest == digest)
    ).one_or_none()
    return None if row is None else _key(row)


def contracts_with_keys(connection: Connection) -> tuple[str, ...]:
    """The contracts under which somebody has handed in a key."""
    return tuple(connection.execute(select(reader_keys.c.contract).distinct()).scalars())


def add_insight(connection: Connection, insight: StoredInsight) -> None:
    connection.execute(
        insert(insights).values(
            contract=insight.contract,
            job=insight.job,
            question=insight.question,
            epoch=insight.epoch,
            owner=insight.owner,
            handles=insight.handles,
            paid=True,
            released=False,
            covered=0,
        )
    )
    for place, segment in enumerate(insight.segment_jobs):
        connection.execute(
            insert(insight_segments).values(
                contract=insight.contract, job=insight.job, place=place, segment_job=segment
            )
        )


def find_insight(connection: Connection, contract: str, job: str) -> StoredInsight | None:
    columns = [column for column in insights.c if column.name != "running"]
    row = connection.execute(
        select(*columns).where(insights.c.contract == contract, insights.c.job == job)
    ).one_or_none()
    if row is None:
        return None
    table = insight_segments.c
    segment_jobs = connection.execute(
        select(table.segment_job).where(table.contract == contract, table.job == job).order_by(table.place)
    ).scalars()
    return StoredInsight(
        contract=contract,
        job=job,
        question=row.question,
        epoch=row.epoch,
        owner=row.owner,
        handles=row.handles,
        segment_jobs=tuple(segment_jobs),
        covered=row.covered,
        totals=None
        if row.totals is None
        else SignedTotals(statement=Totals.from_canonical(row.totals), signature=row.totals_signature),
        released=row.released,
    )


def job_of_question(connection: Connection, contract: str, question: bytes) -> str | None:
    """The newest job that asks this question and has not failed."""
    job: str | None = connection.execute(
        select(jobs.c.id)
        .join(insights, (insights.c.contract == jobs.c.contract) & (insights.c.job == jobs.c.id))
        .where(jobs.c.contract == contract, insights.c.question == question, jobs.c.state != JobState.FAILED.value)
        .order_by(jobs.c.number.desc())
        .limit(1)
    ).scalar()
    return job


def is_paid(connection: Connection, contract: str, question: bytes) -> bool:
    """Whether there was a job for this question, even one that failed, of which the charge still pays for an answer."""
    table = insights.c
    return connection.execute(
        select(exists().where(table.contract == contract, table.question == question, table.paid))
    ).scalar_one()


def forget_payment(connection: Connection, contract: str, job: str) -> None:
    """The charge of this job may have been answered for already."""
    connection.execute(
        update(insights).where(insights.c.contract == contract, insights.c.job == job).values(paid=False)
    )


def unanswered(connection: Connection) -> tuple[tuple[str, str], ...]:
    """Contract and job of all questions without an answer, whether they are open or failed."""
    query = select(insights.c.contract, insights.c.job).where(insights.c.released.is_(False))
    return tuple((row.contract, row.job) for row in connection.execute(query))


def count_answers(connection: Connection) -> int:
    """Of all questions under all contracts."""
    query = select(func.count()).select_from(insights).where(insights.c.released)
    return connection.execute(query).scalar_one()


def running_totals(connection: Connection, insight: StoredInsight) -> bytes | None:
    """The totals over the rows that are in; None before the first."""
    return connection.execute(
        select(insights.c.running).where(insights.c.contract == insight.contract, insights.c.job == insight.job)
    ).scalar()


def put_running(connection: Connection, insight: StoredInsight, chunk: ValuesChunk, running: bytes) -> None:
    """Keep the totals with the rows of a chunk more, and that it is in."""
    connection.execute(_update(insight).values(running=running, covered=chunk.low + chunk.count))
    connection.execute(
        insert(insight_values).values(
            contract=insight.contract, job=insight.job, index=chunk.index, statement=chunk.canonical_bytes()
        )
    )


def find_values(connection: Connection, contract: str, job: str, index: int) -> ValuesChunk | None:
    table = insight_values.c
    held = connection.execute(
        select(table.statement).where(table.contract == contract, table.job == job, table.index == index)
    ).scalar()
    return None if held is None else ValuesChunk.from_canonical(held)


def begin_totals(connection: Connection, insight: StoredInsight, totals: SignedTotals) -> None:
    """Keep what is signed of totals whose pages follow."""
    connection.execute(
        _update(insight).values(totals=totals.statement.canonical_bytes(), totals_signature=totals.signature)
    )


def put_page(connection: Connection, insight: StoredInsight, page: int, ciphertexts: bytes) -> None:
    connection.execute(
        insert(insight_pages).values(contract=insight.contract, job=insight.job, page=page, ciphertexts=ciphertexts)
    )


def pages_held(connection: Connection, insight: StoredInsight) -> frozenset[int]:
    return frozenset(connection.execute(select(insight_pages.c.page).where(*_pages(insight))).scalars())


def find_page(connection: Connection, insight: StoredInsight, page: int) -> bytes | None:
    """A page of totals; None before it comes, and once they are erased."""
    query = select(insight_pages.c.ciphertexts).where(*_pages(insight), insight_pages.c.page == page)
    return connection.execute(query).scalar()


def release_totals(connection: Connection, insight: StoredInsight) -> None:
    """The reader may have what is there; of what it was made of no more is kept than which chunks came."""
    connection.execute(_update(insight).values(released=True, running=None))


def insights_of_segment(connection: Connection, contract: str, segment_job: str) -> tuple[str, ...]:
    """The jobs of the questions about a segment."""
    table = insight_segments.c
    jobs_ = connection.execute(
        select(table.job).where(table.contract == contract, table.segment_job == segment_job).distinct()
    ).scalars()
    return tuple(jobs_)


def insights_of_epoch(connection: Connection, contract: str, epoch: int) -> tuple[str, ...]:
    """The jobs of the questions about an epoch."""
    return tuple(
        connection.execute(
            select(insights.c.job).where(insights.c.contract == contract, insights.c.epoch == epoch)
        ).scalars()
    )


def kept_epochs(connection: Connection, contract: str) -> tuple[int, ...]:
    """The epochs of which there are totals still."""
    here = (insight_pages.c.contract == insights.c.contract) & (insight_pages.c.job == insights.c.job)
    query = select(insights.c.epoch).join(insight_pages, here).where(insights.c.contract == contract).distinct()
    return tuple(connection.execute(query).scalars())


def erase_running(connection: Connection, contract: str, jobs_: Collection[str]) -> None:
    """Forget what was handed in for these questions, but for answers that are released."""
    table = insights.c
    here = (table.contract == contract, table.job.in_(jobs_))
    connection.execute(update(insights).where(*here).values(running=None, covered=0))
    connection.execute(
        delete(insight_values).where(insight_values.c.contract == contract, insight_values.c.job.in_(jobs_))
    )
    unreleased = select(table.job).where(*here, table.released.is_(False))
    connection.execute(
        delete(insight_pages).where(insight_pages.c.contract == contract, insight_pages.c.job.in_(unreleased))
    )
    connection.execute(
        update(insights).where(*here, table.released.is_(False)).values(totals=None, totals_signature=None)
    )


def erase_totals(connection: Connection, contract: str, epoch: int) -> None:
    """Forget what was released about an epoch; that it was stays known."""
    asked = select(insights.c.job).where(insights.c.contract == contract, insights.c.epoch == epoch)
    connection.execute(
        delete(insight_pages).where(insight_pages.c.contract == contract, insight_pages.c.job.in_(asked))
    )


def _pages(insight: StoredInsight) -> tuple[ColumnElement[bool], ...]:
    return insight_pages.c.contract == insight.contract, insight_pages.c.job == insight.job


def _update(insight: StoredInsight) -> Any:
    return update(insights).where(insights.c.contract == insight.contract, insights.c.job == insight.job)


def _key(row: Row[Any]) -> SignedKey:
    return SignedKey(statement=ReaderKey.from_canonical(row.statement), signature=row.signature)
