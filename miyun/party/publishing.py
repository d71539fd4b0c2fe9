"""Publishing what there is to ask this party about: the names and types of its columns, and its catalogue of tags."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from miyun.audit.events import Event, Fact
from miyun.contract.model import Contract
from miyun.errors import PeerError, ReplayError
from miyun.members.catalogue_pages import digest_of_pages, pages_of
from miyun.members.config import MembersConfig, load_members_config
from miyun.party.catalogues import own_catalogue
from miyun.party.publications import Published
from miyun.party.session import Session
from miyun.segments.publication import (
    MOST_PAGE_BYTES,
    PAGE_BYTES,
    PublishedColumn,
    PublishedSchema,
    check_schema,
)
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import catalogue_pb2 as wire
from miyun.wire.v1.catalogue_pb2_grpc import CatalogueServiceStub


def publish(session: Session, contract: Contract, *, again: bool = False) -> PublishedSchema:
    """Publish what there is under the next number, unless it was published before.

    Where the files have not changed since, they are not read; ``again`` looks whether the zone still has it. Where it
    has something else under this number, of another process of this home, that counts.

    Raises:
        ConfigError, SourceError: the configuration or the catalogue can't be read, or can't be published.
        ReplayError: the zone has something newer, and does not show it.
    """
    config = load_members_config(session.config_path)
    files = _files(session.config_path, config)
    held = session.publications.get(contract.id)
    if again:
        held = _compared(session, contract, held)
    if held is not None and held.acknowledged and held.files == files:
        return held.statement
    pages = _own_pages(config)
    statement = _statement(session, contract, config, pages, number=1 if held is None else held.statement.number + 1)
    if held is not None and _content(held.statement) == _content(statement):
        held = replace(held, files=files)
    else:
        held = Published(statement=statement, signature=session.sign(statement), files=files, acknowledged=False)
    session.publications.put(held)
    if held.acknowledged:
        return held.statement
    try:
        _send(session, contract, held, pages)
    except ReplayError:
        if again:
            raise
        return publish(session, contract, again=True)
    return held.statement


def own_columns(config: MembersConfig) -> tuple[PublishedColumn, ...]:
    """The attributes that are not private."""
    return tuple(
        PublishedColumn(name=name, type=attribute.type, low=attribute.bounds[0], high=attribute.bounds[1])
        for name, attribute in sorted(config.attributes.items())
        if not attribute.private
    )


def _statement(
    session: Session, contract: Contract, config: MembersConfig, pages: Sequence[bytes], *, number: int
) -> PublishedSchema:
    catalogue = None if config.tags is None else own_catalogue(config)
    statement = PublishedSchema(
        contract=contract.id,
        contract_digest=contract.digest(),
        party=session.name,
        number=number,
        columns=own_columns(config),
        catalogue_digest=catalogue.digest() if catalogue is not None and pages else b"",
        tags=0 if catalogue is None else len(catalogue.rows),
        page_digests=digest_of_pages(pages),
        at=session.now(),
    )
    check_schema(statement)
    return statement


def _content(statement: PublishedSchema) -> object:
    return statement.contract_digest, statement.columns, statement.catalogue_digest, statement.page_digests


def _own_pages(config: MembersConfig) -> tuple[bytes, ...]:
    if config.tags is None:
        return ()
    return tuple(pages_of(own_catalogue(config), page_bytes=PAGE_BYTES, most_bytes=MOST_PAGE_BYTES))


def _files(config_path: Path, config: MembersConfig) -> str:
    """Changes whenever a file changes that what is published is made of."""
    paths = [config_path] if config.tags is None else [config_path, config.tags.resolve(config.tags.catalogue)]
    facts = [path.stat() for path in paths if path.is_file()]
    return " ".join(f"{fact.st_ino}:{fact.st_size}:{fact.st_mtime_ns}" for fact in facts)


def _compared(session: Session, contract: Contract, held: Published | None) -> Published | None:
    """What was published last, where the zone may have lost it, or this home may have, or another process was first."""
    request = wire.GetSchemaRequest(contract=contract.id, party=session.name)
    answer = session.stub(CatalogueServiceStub).GetSchema(request)
    if answer.HasField("statement"):
        statement = from_wire(answer.statement, PublishedSchema)
        if held is not None and held.statement == statement:
            return held
        if held is None or held.statement.number <= statement.number:
            session.home.signing_key.verify_key.verify(statement, answer.signature)
            return Published(statement=statement, signature=answer.signature, files="", acknowledged=True)
    return None if held is None else replace(held, acknowledged=False)


def _send(session: Session, contract: Contract, published: Published, pages: Sequence[bytes]) -> None:
    statement, page = published.statement, 0
    message = to_wire(statement, wire.PublishedSchema)
    for _ in range(max(1, len(pages))):
        request = wire.PutSchemaRequest(
            statement=message, signature=published.signature, page=page, tags=pages[page] if pages else b""
        )
        answer = session.stub(CatalogueServiceStub).PutSchema(request)
        if answer.HasField("receipt"):
            session.receipts.keep(answer.receipt, statement, contract)
            facts: dict[Fact, str | int] = {Fact.VERSION: statement.number}
            session.audit_log.note(contract.id, Event.SCHEMA_PUBLISHED, session.name, statement, facts)
            session.publications.acknowledge(contract.id)
            return
        page = answer.missing_page
        if page >= len(pages):
            break
    raise PeerError("the zone asks for pages of a catalogue over and over", hint="Talk to the zone's operator.")
