"""Published schemas, and the pages of catalogues, in the database."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from miyun.segments.publication import PublishedSchema
from miyun.zone.schema import published_pages, published_schemas


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """``whole``: all of its pages are here."""

    statement: PublishedSchema
    signature: bytes
    whole: bool


def newest_publication(connection: Connection, contract: str, party: str, *, whole: bool = False) -> Publication | None:
    """What a party published last; the last that is ``whole``, if asked for."""
    table = published_schemas.c
    query = select(published_schemas).where(table.contract == contract, table.party == party)
    if whole:
        query = query.where(table.whole)
    row = connection.execute(query.order_by(table.number.desc()).limit(1)).first()
    if row is None:
        return None
    return Publication(
        statement=PublishedSchema.from_canonical(row.statement), signature=row.signature, whole=row.whole
    )


def begin_publication(connection: Connection, publication: Publication) -> None:
    """Keep a statement, in place of one whose pages never all came."""
    statement = publication.statement
    held = newest_publication(connection, statement.contract, statement.party)
    if held is not None and not held.whole:
        _erase(connection, statement.contract, statement.party, from_number=held.statement.number)
    connection.execute(
        insert(published_schemas).values(
            contract=statement.contract,
            party=statement.party,
            number=statement.number,
            statement=statement.canonical_bytes(),
            signature=publication.signature,
            whole=False,
        )
    )


def finish_publication(connection: Connection, statement: PublishedSchema) -> None:
    """All pages are here: what the party published before goes."""
    table = published_schemas.c
    connection.execute(
        update(published_schemas)
        .where(table.contract == statement.contract, table.party == statement.party, table.number == statement.number)
        .values(whole=True)
    )
    _erase(connection, statement.contract, statement.party, below=statement.number)


def put_page(connection: Connection, statement: PublishedSchema, page: int, tags: bytes) -> None:
    connection.execute(
        insert(published_pages).values(
            contract=statement.contract, party=statement.party, number=statement.number, page=page, tags=tags
        )
    )


def pages_held(connection: Connection, statement: PublishedSchema) -> set[int]:
    table = published_pages.c
    query = select(table.page).where(
        table.contract == statement.contract, table.party == statement.party, table.number == statement.number
    )
    return set(connection.execute(query).scalars())


def get_page(connection: Connection, statement: PublishedSchema, page: int) -> bytes:
    table = published_pages.c
    tags: bytes = connection.execute(
        select(table.tags).where(
            table.contract == statement.contract,
            table.party == statement.party,
            table.number == statement.number,
            table.page == page,
        )
    ).scalar_one()
    return tags


def erase_publications(connection: Connection, contract: str) -> None:
    """Forget what was published under a contract."""
    for table in (published_schemas, published_pages):
        connection.execute(delete(table).where(table.c.contract == contract))


def _erase(
    connection: Connection, contract: str, party: str, *, from_number: int | None = None, below: int | None = None
) -> None:
    for table in (published_schemas, published_pages):
        query = delete(table).where(table.c.contract == contract, table.c.party == party)
        if from_number is not None:
            query = query.where(table.c.number >= from_number)
        if below is not None:
            query = query.where(table.c.number < below)
        connection.execute(query)
