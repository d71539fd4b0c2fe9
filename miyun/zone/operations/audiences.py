"""Audiences that a platform publishes among its own rows: published, withdrawn, searched."""

from miyun.audit.events import Event, Fact
from miyun.contract.model import Contract, PartyKind, Universe
from miyun.errors import InputError, NotPermittedError, ReplayError, StateError
from miyun.segments.audiences import Audience, Publication, Withdrawal
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import active_contract, contract_of_party, require_terms, verify_party
from miyun.zone.operations.fitting import fitting
from miyun.zone.operations.history import SignedReceipt, receipt, record_statement
from miyun.zone.operations.segments import require_own, view
from miyun.zone.store import audiences as store
from miyun.zone.store.audiences import Search, StoredPublication
from miyun.zone.store.segments import StoredSegment

PAGE_AUDIENCES = 100
LONGEST_SEARCH = 200


def publish_audience(core: Core, caller: str, statement: Publication, signature: bytes) -> SignedReceipt:
    """List a segment of the platform's rows with its words, in place of what was said of it before.

    Raises:
        NotPermittedError: it is not the caller's, or not of the platform's rows.
        StateError: it is over, hidden, or closed to definitions.
        InputError: the words can't be shown.
    """
    with core.changing() as change:
        contract = active_contract(change, statement.contract, caller)
        verify_party(contract, caller, statement.owner, statement, signature)
        require_terms(contract, statement.contract_digest, statement)
        statement.check_words()
        segment = require_own(change, contract.id, statement.segment, statement.owner)
        _require_publishable(contract, segment)
        held = store.find_publication(change.connection, contract.id, segment.job)
        if held is None or held.statement != statement:
            if held is not None and statement.at < held.statement.at:
                raise ReplayError("words that are older than those that are published", hint="Publish anew.")
            published = StoredPublication(job=segment.job, statement=statement, signature=signature)
            store.put_publication(change.connection, contract.id, published)
            facts = {Fact.SEGMENT: segment.name}
            record_statement(change, contract.id, Event.AUDIENCE_PUBLISHED, caller, statement, facts=facts)
        return receipt(core, change, contract.id, segment.job, statement)


def withdraw_audience(core: Core, caller: str, statement: Withdrawal, signature: bytes) -> SignedReceipt:
    """List a segment no more. What is made of it stays.

    Raises:
        NotPermittedError: it is not the caller's.
        StateError: it is not published.
    """
    with core.changing() as change:
        contract = active_contract(change, statement.contract, caller)
        verify_party(contract, caller, statement.owner, statement, signature)
        require_terms(contract, statement.contract_digest, statement)
        segment = require_own(change, contract.id, statement.segment, statement.owner)
        held = store.find_publication(change.connection, contract.id, segment.job)
        if held is None or held.withdrawal not in {None, statement}:
            raise StateError(f"segment {segment.name} is not published", hint="List them: miyun audience list")
        if held.withdrawal is None:
            store.put_withdrawal(change.connection, contract.id, segment.job, statement)
            facts = {Fact.SEGMENT: segment.name}
            record_statement(change, contract.id, Event.AUDIENCE_WITHDRAWN, caller, statement, facts=facts)
        return receipt(core, change, contract.id, segment.job, statement)


def list_audiences(
    core: Core, caller: str, contract: str, *, words: str, category: str, name: str, limit: int, after: str
) -> tuple[Audience, ...]:
    """Published audiences by name, at most `PAGE_AUDIENCES` a page, that have all of ``words``; fewer where their
    definitions are long.

    Raises:
        InputError: more words than `LONGEST_SEARCH` characters.
    """
    if len(words) > LONGEST_SEARCH:
        raise InputError("a search that is too long", hint=f"Search for at most {LONGEST_SEARCH} characters.")
    search = Search(words=words.lower().split(), category=category, name=name)
    with core.reading() as connection:
        contract_of_party(connection, contract, caller)
        now, page = core.clock(), min(limit or PAGE_AUDIENCES, PAGE_AUDIENCES)
        found = (
            Audience(
                segment=view(connection, segment, now),
                subjects=tuple(sorted(segment.subjects)),
                publication=published.statement,
                signature=published.signature,
            )
            for segment, published in store.list_publications(
                connection, contract, search, now, limit=page, after=after
            )
        )
        return fitting(found, lambda audience: audience.segment.definition)


def require_withdrawn(change: Change, segment: StoredSegment) -> None:
    """Pass where the segment is not published.

    Raises:
        StateError: it is, under the name and the terms that it has.
    """
    held = store.find_publication(change.connection, segment.contract, segment.job)
    if held is not None and held.withdrawal is None:
        raise StateError(
            f"segment {segment.name} is published",
            hint=f"Withdraw it first: miyun audience withdraw {segment.contract} {segment.name}",
        )


def _require_publishable(contract: Contract, segment: StoredSegment) -> None:
    if contract.party(segment.owner).kind is not PartyKind.PLATFORM:
        raise NotPermittedError(
            "only the platform publishes audiences",
            hint="Let the platform create the segment and publish it.",
            clause="parties",
        )
    if segment.universe is not Universe.PLATFORM:
        raise NotPermittedError(
            f"segment {segment.name} is of the universe {segment.universe}",
            hint="Publish a segment of the platform's own rows: miyun segment create --universe platform",
            clause="parties",
        )
    if segment.hidden or not segment.processable:
        raise StateError(
            f"segment {segment.name} is hidden, or closed to definitions",
            hint="Let it be listed and used: miyun segment change --show --processable",
        )
