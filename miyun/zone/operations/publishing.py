"""What parties publish to each other: taken page by page, given when whole. The zone reads no tag of it."""

from sqlalchemy import Connection

from miyun.aggregates.lookalikes import SCORE
from miyun.aggregates.statements import InsightRequest
from miyun.audit.events import Event, Fact
from miyun.contract.permissions import require_party
from miyun.errors import NotFoundError, ReplayError, StateError
from miyun.segments.publication import PublishedSchema, check_page, check_schema
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import active_contract, contract_of_party, require_terms, verify_party
from miyun.zone.operations.history import SignedReceipt, receipt, record_statement
from miyun.zone.store import publications as store
from miyun.zone.store.publications import Publication


def put_schema(
    core: Core, caller: str, statement: PublishedSchema, signature: bytes, *, page: int, tags: bytes
) -> tuple[SignedReceipt | None, int]:
    """Take a page of what a party publishes, in any order, and again.

    The receipt, once all are in; before, the first page that is missing. Until then the other party is given what was
    published before.

    Raises:
        ReplayError: something newer was published, or something else under this number.
        MalformedError, SignatureError: no such statement, or no such page.
    """
    with core.reading() as connection:
        contract = contract_of_party(connection, statement.contract, caller).contract
    verify_party(contract, caller, statement.party, statement, signature)
    require_terms(contract, statement.contract_digest, statement)
    check_schema(statement)
    check_page(statement, page, tags)
    with core.changing() as change:
        active_contract(change, contract.id, caller)
        held = store.newest_publication(change.connection, contract.id, caller)
        _require_newest(held, statement)
        if held is None or held.statement != statement:
            held = Publication(statement=statement, signature=signature, whole=False)
            store.begin_publication(change.connection, held)
        if not held.whole:
            missing = _take_page(change, statement, page, tags)
            if missing:
                return None, min(missing)
            store.finish_publication(change.connection, statement)
            facts: dict[Fact, str | int] = {Fact.VERSION: statement.number}
            record_statement(change, contract.id, Event.SCHEMA_PUBLISHED, caller, statement, facts=facts)
        return receipt(core, change, contract.id, "", statement), 0


def get_schema(
    core: Core, caller: str, contract: str, party: str, *, number: int, page: int | None
) -> tuple[Publication | None, bytes]:
    """What a party published last, and a page of it, if one is asked for.

    Raises:
        StateError: ``number`` is not the newest any more.
        NotFoundError: there is no such page.
    """
    with core.reading() as connection:
        signed = contract_of_party(connection, contract, caller)
        signed.require_active(core.clock())
        require_party(signed.contract, party)
        held = store.newest_publication(connection, contract, party, whole=True)
        if held is None or page is None:
            return held, b""
        if held.statement.number != number:
            raise StateError(f"{party} has published anew meanwhile", hint="Fetch it from the start.")
        if page >= len(held.statement.page_digests):
            raise NotFoundError("there is no such page", hint="Ask for the pages that the statement names.")
        return held, store.get_page(connection, held.statement, page)


def require_newest_catalogue(connection: Connection, request: InsightRequest, owner: str) -> None:
    """Pass where the owner of the columns can answer by the catalogue that it published last, if it published any.

    Raises:
        StateError: the question counts on another one. The owner would refuse it, when it is charged.
    """
    if not request.catalogue_digest or any(branch.startswith(SCORE) for branch in request.branches):
        return
    published = store.newest_publication(connection, request.contract, owner)
    if published is None or published.statement.catalogue_digest in {b"", request.catalogue_digest}:
        return
    raise StateError(
        f"{owner} has another catalogue of tags now than the question counts on; nothing was charged",
        hint="Ask by the newest one: miyun catalogue fetch; name no file of an older one.",
    )


def _require_newest(held: Publication | None, statement: PublishedSchema) -> None:
    if held is not None and (
        held.statement.number > statement.number
        or (held.statement.number == statement.number and held.statement != statement)
    ):
        raise ReplayError(
            f"{statement.party} published number {held.statement.number} before", hint="Publish under a higher number."
        )


def _take_page(change: Change, statement: PublishedSchema, page: int, tags: bytes) -> set[int]:
    """Keep a page; gives those that are missing then."""
    held = store.pages_held(change.connection, statement)
    if page not in held and tags:
        store.put_page(change.connection, statement, page, tags)
    return set(range(len(statement.page_digests))) - held - {page}
