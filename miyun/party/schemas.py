"""What there is to ask about under a contract: the columns of both parties, and the other one's catalogue of tags."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from miyun.contract.model import Contract, PartyKind, Universe
from miyun.contract.schema import ColumnType
from miyun.errors import ConfigError, MalformedError, NotFoundError, ReplayError
from miyun.keys.signing import VerifyKey
from miyun.members.catalogue import Catalogue
from miyun.members.catalogue_pages import read_pages
from miyun.members.config import load_members_config
from miyun.party.catalogues import own_catalogue
from miyun.party.config import load_party_config
from miyun.party.given_catalogues import given_catalogue
from miyun.party.publishing import own_columns, publish
from miyun.party.session import Session
from miyun.segments.checking import check_types
from miyun.segments.expression import Expression
from miyun.segments.planning import plan
from miyun.segments.publication import PublishedColumn, PublishedSchema, check_page, check_schema
from miyun.transport.codec import from_wire
from miyun.wire.v1 import catalogue_pb2 as wire
from miyun.wire.v1.catalogue_pb2_grpc import CatalogueServiceStub


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnView:
    """A column that expressions may name, as ``subject``. A number runs from ``low`` to ``high``."""

    subject: str
    owner: str
    type: str
    low: str | None
    high: str | None


class SchemasClient:
    def __init__(self, session: Session) -> None:
        self._session = session

    def publish(self, contract: str) -> PublishedSchema:
        """Publish this party's columns and catalogue now; its agent does so whenever they have changed.

        Raises:
            ConfigError, SourceError: the configuration or the catalogue can't be read, or can't be published.
        """
        return publish(self._session, self._session.accepted.active(contract, self._session.now()), again=True)

    def fetch(self, contract: str) -> PublishedSchema:
        """What the other party published, with its catalogue, kept for when the zone can't be reached.

        Raises:
            NotFoundError: it has published nothing yet.
            SignatureError, MalformedError, ReplayError: the zone gives what that party didn't sign, or something older.
        """
        terms = self._session.accepted.active(contract, self._session.now())
        schema = fetch_schema(self._session, terms)
        if schema is None:
            other = terms.counterparty(self._session.name).name
            raise NotFoundError(f"{other} has published nothing yet", hint=f"Let {other} run its agent.")
        fetch_catalogue(self._session, terms, schema)
        return schema

    def columns(self, contract: str) -> tuple[ColumnView, ...]:
        """The columns of both parties: own ones, and those that the other one published."""
        terms = self._session.accepted.get(contract).contract
        other = terms.counterparty(self._session.name)
        own = load_members_config(self._session.config_path)
        given = self._session.given_schemas.schema(contract, other.name)
        mine = _views(terms, self._session.name, own_columns(own))
        return (*mine, *_views(terms, other.name, () if given is None else given.columns))

    def catalogue(self, contract: str) -> Catalogue:
        """The other party's catalogue: from the file that ``[catalogues]`` names, or else as it was published.

        Raises:
            ConfigError: no file is configured, and none was published.
            SourceError: the file can't be read, or is no catalogue.
        """
        return known_catalogue(self._session, self._session.accepted.get(contract).contract)


def known_catalogue(session: Session, contract: Contract) -> Catalogue:
    """Raises as ``SchemasClient.catalogue``."""
    other = contract.counterparty(session.name).name
    if other in load_party_config(session.config_path).catalogues:
        return given_catalogue(session.config_path, other)
    schema = fetch_schema(session, contract)
    catalogue = None if schema is None else fetch_catalogue(session, contract, schema)
    if catalogue is not None:
        return catalogue
    raise ConfigError(
        f"{other} has published no catalogue, and no file of it is configured",
        hint=f"Ask {other} to run its agent with a [tags] table, or for its catalogue file, to name in [catalogues].",
    )


def fetch_schema(session: Session, contract: Contract) -> PublishedSchema | None:
    """The newest statement of the other party, checked and kept; None where there is none yet.

    Raises:
        SignatureError, MalformedError: it is not that party's, or can't be.
        ReplayError: it is older than one that was seen here.
    """
    other = contract.counterparty(session.name).name
    held = session.given_schemas.schema(contract.id, other)
    answer = session.stub(CatalogueServiceStub).GetSchema(wire.GetSchemaRequest(contract=contract.id, party=other))
    if not answer.HasField("statement"):
        return held
    schema = _checked(contract, other, answer)
    if held == schema:
        return schema
    if held is not None and held.number >= schema.number:
        raise ReplayError(
            f"the zone gives what {other} published as number {schema.number}, and number {held.number} was seen here",
            hint="Talk to the zone's operator.",
        )
    session.given_schemas.keep(schema)
    return schema


def fetch_catalogue(session: Session, contract: Contract, schema: PublishedSchema) -> Catalogue | None:
    """The catalogue of a statement that was checked, fetched unless it is here; None where it has none.

    Raises:
        MalformedError: the pages are not those that were signed, or no catalogue.
        StateError: the other party has published anew meanwhile.
    """
    if not schema.page_digests:
        return None
    if session.given_schemas.has_catalogue(schema):
        held = session.given_schemas.catalogue(contract.id, schema.party)
        if held is not None:
            return held
    pages = list(_pages(session, schema))
    catalogue = read_pages(pages, digest=schema.catalogue_digest, tags=schema.tags)
    session.given_schemas.keep_catalogue(schema, pages)
    return catalogue


def check_columns(session: Session, contract: Contract, expression: Expression) -> None:
    """Check an expression against this party's own columns, and those that the other one published.

    Raises:
        ExpressionError: an unknown column, or a value that doesn't go with the column's type.
    """
    named = {leg.namespace for leg in plan(expression, Universe.MATCHED).legs}
    own, other = contract.party(session.name), contract.counterparty(session.name)
    schemas: dict[str, Mapping[str, ColumnType]] = {}
    if own.kind.namespace in named:
        schemas[own.kind.namespace] = load_members_config(session.config_path).column_types
    given = fetch_schema(session, contract) if other.kind.namespace in named else None
    if given is not None:
        schemas[other.kind.namespace] = given.column_types

    def is_tag(name: str) -> bool:
        if own.kind is PartyKind.PLATFORM:
            config = load_members_config(session.config_path)
            catalogue = None if config.tags is None else own_catalogue(config)
        else:
            catalogue = None if given is None else fetch_catalogue(session, contract, given)
        return catalogue is not None and catalogue.place_of(name) is not None

    check_types(expression, schemas, is_tag=is_tag)


def _checked(contract: Contract, party: str, answer: wire.GetSchemaResponse) -> PublishedSchema:
    schema = from_wire(answer.statement, PublishedSchema)
    VerifyKey(contract.party(party).signing_key).verify(schema, answer.signature)
    if (schema.contract, schema.contract_digest, schema.party) != (contract.id, contract.digest(), party):
        raise MalformedError(
            f"the zone gives as {party}'s what was published elsewhere", hint="Talk to the zone's operator."
        )
    check_schema(schema)
    return schema


def _pages(session: Session, schema: PublishedSchema) -> Iterator[bytes]:
    for page in range(len(schema.page_digests)):
        request = wire.GetSchemaRequest(contract=schema.contract, party=schema.party, number=schema.number, page=page)
        tags = session.stub(CatalogueServiceStub).GetSchema(request).tags
        check_page(schema, page, tags)
        yield tags


def _views(contract: Contract, party: str, columns: tuple[PublishedColumn, ...]) -> Iterator[ColumnView]:
    namespace = contract.party(party).kind.namespace
    for column in columns:
        yield ColumnView(
            subject=f"{namespace}.{column.name}", owner=party, type=column.type, low=column.low, high=column.high
        )
