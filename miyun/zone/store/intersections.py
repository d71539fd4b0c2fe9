"""What two parties send each other through the zone, kept until both have ended."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from miyun.psi.intersection_sum.schedule import Place
from miyun.psi.intersection_sum.statements import IntersectionChunk, IntersectionEnd, IntersectionOpening
from miyun.zone.schema import intersection_chunks, intersection_ends, intersection_openings


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedChunk:
    statement: IntersectionChunk
    signature: bytes
    sealed: bytes


def add_opening(connection: Connection, opening: IntersectionOpening, signature: bytes) -> None:
    connection.execute(
        insert(intersection_openings).values(
            contract=opening.contract,
            job=opening.job,
            party=opening.party,
            statement=opening.canonical_bytes(),
            signature=signature,
        )
    )


def list_openings(connection: Connection, contract: str, job: str) -> dict[str, tuple[IntersectionOpening, bytes]]:
    """With their signatures, by party."""
    table = intersection_openings.c
    rows = connection.execute(select(intersection_openings).where(table.contract == contract, table.job == job)).all()
    return {row.party: (IntersectionOpening.from_canonical(row.statement), row.signature) for row in rows}


def add_chunk(connection: Connection, chunk: SealedChunk) -> None:
    statement = chunk.statement
    connection.execute(
        insert(intersection_chunks).values(
            contract=statement.contract,
            job=statement.job,
            step=statement.step.value,
            index=statement.index,
            statement=statement.canonical_bytes(),
            signature=chunk.signature,
            sealed=chunk.sealed,
        )
    )


def count_chunks(connection: Connection, contract: str, job: str) -> int:
    table = intersection_chunks.c
    return connection.execute(
        select(func.count()).select_from(intersection_chunks).where(table.contract == contract, table.job == job)
    ).scalar_one()


def find_statement(connection: Connection, contract: str, job: str, place: Place) -> IntersectionChunk | None:
    """The chunk at a place, without what is sealed."""
    table = intersection_chunks.c
    step, index = place
    held = connection.execute(
        select(table.statement).where(
            table.contract == contract, table.job == job, table.step == step.value, table.index == index
        )
    ).scalar()
    return None if held is None else IntersectionChunk.from_canonical(held)


def find_chunk(connection: Connection, contract: str, job: str, place: Place) -> SealedChunk | None:
    table = intersection_chunks.c
    step, index = place
    row = connection.execute(
        select(intersection_chunks).where(
            table.contract == contract, table.job == job, table.step == step.value, table.index == index
        )
    ).one_or_none()
    if row is None:
        return None
    return SealedChunk(
        statement=IntersectionChunk.from_canonical(row.statement), signature=row.signature, sealed=row.sealed
    )


def add_end(connection: Connection, end: IntersectionEnd) -> None:
    connection.execute(
        insert(intersection_ends).values(
            contract=end.contract, job=end.job, party=end.party, statement=end.canonical_bytes()
        )
    )


def list_ends(connection: Connection, contract: str, job: str) -> dict[str, IntersectionEnd]:
    """By party."""
    table = intersection_ends.c
    rows = connection.execute(select(intersection_ends).where(table.contract == contract, table.job == job)).all()
    return {row.party: IntersectionEnd.from_canonical(row.statement) for row in rows}


def erase_mailbox(connection: Connection, contract: str, job: str) -> None:
    """Forget what was sent. Who has ended stays known."""
    for table in (intersection_openings, intersection_chunks):
        connection.execute(delete(table).where(table.c.contract == contract, table.c.job == job))
