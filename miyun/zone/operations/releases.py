"""Paying for what is released: the charge of both owners' leases, in the transaction that keeps the noised value."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from miyun.audit.events import Event, Fact
from miyun.contract.model import Contract
from miyun.errors import WaitingError
from miyun.privacy.ledger import LeaseBook
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import party_names
from miyun.zone.operations.history import record
from miyun.zone.operations.restoring import owners_missing, require_check_ins
from miyun.zone.store import budget as store

MATCH_REPORT = "match-report"
SIZE = "size"
INSIGHT = "insight"
OVERLAP = "overlap"


def lease_book(connection: Connection, contract: Contract, owner: str) -> LeaseBook:
    return LeaseBook(
        contract=contract.id,
        owner=owner,
        limit_micro=contract.budget.rho_micro,
        leases=store.list_leases(connection, contract.id, owner),
        charges=tuple(charge for charge, _ in store.list_charges(connection, contract.id, owner)),
    )


def charge_owners(
    core: Core, change: Change, contract: Contract, *, release: str, purpose: str, rho_micro: int
) -> None:
    """Charge a release to the leases of both owners, or to neither. ``release`` is a digest of what was asked, in hex.

    Raises:
        BudgetExceededError: the contract's budget for one of them doesn't hold it.
        WaitingError: an owner's leases don't, or it has to check in first.
    """
    books = [lease_book(change.connection, contract, owner) for owner in party_names(contract)]
    _require_room(books, rho_micro, change.at)
    require_check_ins(change.connection, contract)
    charges = [book.next_charge(release=release, purpose=purpose, rho_micro=rho_micro, at=change.at) for book in books]
    for charge in charges:
        store.add_charge(change.connection, charge, core.signing_key.sign(charge))
    core.mark.write(store.count_charges(change.connection))
    facts: dict[Fact, str | int] = {Fact.PURPOSE: purpose, Fact.DIGEST: release, Fact.RHO_MICRO: rho_micro}
    record(change, contract.id, Event.RELEASE, core.name, facts)


def owners_without_room(change: Change, contract: Contract, rho_micro: int) -> tuple[str, ...]:
    """The owners whose leases don't hold a charge now, or who have to check in first."""
    missing = owners_missing(change.connection, contract)
    return tuple(
        owner
        for owner in party_names(contract)
        if owner in missing or lease_book(change.connection, contract, owner).remaining(change.at) < rho_micro
    )


def _require_room(books: Sequence[LeaseBook], rho_micro: int, now: datetime) -> None:
    """Room with both owners. A budget that is used up is told before a lease that is awaited."""
    awaited = None
    for book in books:
        try:
            book.check(rho_micro, now)
        except WaitingError as error:
            awaited = awaited or error
    if awaited is not None:
        raise awaited
