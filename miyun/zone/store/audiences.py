"""Published audiences, in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, delete, insert, select, update

from miyun.segments.audiences import Publication, Withdrawal
from miyun.zone.schema import publications, segments
from miyun.zone.store.segments import LIVE, StoredSegment, find_segment


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPublication:
    """What is said of the segment that a job created; ``withdrawal`` where that was taken back."""

    job: str
    statement: Publication
    signature: bytes
    withdrawal: Withdrawal | None = None


def put_publication(connection: Connection, contract: str, publication: StoredPublication) -> None:
    """In place of what was said of the segment before."""
    statement = publication.statement
    said = (
        statement.segment,
        statement.title_en,
        statement.title_zh,
        statement.description_en,
        statement.description_zh,
        statement.category,
    )
    connection.execute(
        delete(publications).where(publications.c.contract == contract, publications.c.job == publication.job)
    )
    connection.execute(
        insert(publications).values(
            contract=contract,
            job=publication.job,
            statement=statement.canonical_bytes(),
            signature=publication.signature,
            category=statement.category,
            words="\n".join(said).lower(),
        )
    )


def put_withdrawal(connection: Connection, contract: str, job: str, withdrawal: Withdrawal) -> None:
    connection.execute(
        update(publications)
        .where(publications.c.contract == contract, publications.c.job == job)
        .values(withdrawal=withdrawal.canonical_bytes())
    )


def find_publication(connection: Connection, contract: str, job: str) -> StoredPublication | None:
    row = connection.execute(
        select(publications).where(publications.c.contract == contract, publications.c.job == job)
    ).one_or_none()
    if row is None:
        return None
    return StoredPublication(
        job=row.job,
        statement=Publication.from_canonical(row.statement),
        signature=row.signature,
        withdrawal=None if row.withdrawal is None else Withdrawal.from_canonical(row.withdrawal),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """``words`` all have to be there, in small letters; an empty ``category`` or ``name`` is any."""

    words: Sequence[str]
    category: str
    name: str


def list_publications(
    connection: Connection, contract: str, search: Search, now: datetime, *, limit: int, after: str
) -> list[tuple[StoredSegment, StoredPublication]]:
    """Of live segments, by the segment's name, those after ``after``."""
    query = (
        select(publications.c.job)
        .join(segments, and_(segments.c.contract == publications.c.contract, segments.c.job == publications.c.job))
        .where(
            publications.c.contract == contract,
            publications.c.withdrawal.is_(None),
            segments.c.state.in_(LIVE),
            segments.c.expires > now,
            segments.c.name > after,
            *(publications.c.words.contains(word, autoescape=True) for word in search.words),
        )
    )
    if search.category:
        query = query.where(publications.c.category == search.category)
    if search.name:
        query = query.where(segments.c.name == search.name)
    jobs = connection.execute(query.order_by(segments.c.name).limit(limit)).scalars().all()
    found = ((find_segment(connection, contract, job), find_publication(connection, contract, job)) for job in jobs)
    return [(segment, publication) for segment, publication in found if segment and publication]
