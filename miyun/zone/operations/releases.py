"""Paying for what is released: the charge of both owners' leases, in the transaction that keeps the noised value."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from miyun.audit.events import Event, Fact
from miyun.contract.model import Contract
from miyun.errors import WaitingError
from miyun.privacy.ledger import LeaseBook
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import party_names
from miyun.zone.operations.history import record
from miyun.zone.operations.restoring import owners_missing, raise_mark, require_check_ins
from miyun.zone.store import budget as store

MATCH_REPORT = "match-report"
SIZE = "size"
INSIGHT = "insight"
OVERLAP = "overlap"
INTERSECTION = "intersection"
LOOKALIKE = "lookalike"


def lease_book(connection: Connection, contract: Contract, owner: str) -> LeaseBook:
    return LeaseBook(
        contract=contract.id,
        owner=owner,
        limit_micro=contract.budget.rho_micro,
        leases=store.list_leases(connection, contract.id, owner),
        charges=tuple(charge for charge, _ in store.list_charges(connection, contract.id, owner)),
    )


def charge_owners(
    core: Core,
    change: Change,
    contract: Contract,
    *,
    release: str,
    purpose: str,
    rho_micro: int,
    owners: Sequence[str],
) -> None:
    """Charge a release to the leases of all ``owners``, or to none. ``release`` is a digest of what was asked, in hex.

    Raises:
        BudgetExceededError: the contract's budget for one of them doesn't hold it.
        WaitingError: an owner's leases don't, or it has to check in first.
    """
    books = [lease_book(change.connection, contract, owner) for owner in owners]
    amounts = dict.fromkeys(owners, rho_micro)
    _charge(core, change, contract, books, amounts, release=release, purpose=purpose)
    facts: dict[Fact, str | int] = {Fact.PURPOSE: purpose, Fact.DIGEST: release, Fact.RHO_MICRO: rho_micro}
    record(change, contract.id, Event.RELEASE, core.name, facts)


def charge_each(
    core: Core, change: Change, contract: Contract, *, release: str, purpose: str, amounts: Mapping[str, int]
) -> None:
    """Charge each owner's leases with an amount of its own, or none of them; not twice for one release.

    Raises:
        BudgetExceededError, WaitingError: as ``charge_owners``.
    """
    books = [lease_book(change.connection, contract, owner) for owner, amount in amounts.items() if amount]
    due = [book for book in books if (release, purpose) not in {(one.release, one.purpose) for one in book.charges}]
    if due:
        _charge(core, change, contract, due, amounts, release=release, purpose=purpose)
    for book in due:
        facts: dict[Fact, str | int] = {
            Fact.PURPOSE: purpose,
            Fact.DIGEST: release,
            Fact.OWNER: book.owner,
            Fact.RHO_MICRO: amounts[book.owner],
        }
        record(change, contract.id, Event.RELEASE, core.name, facts)


def is_charged(connection: Connection, contract: Contract, *, release: str, purpose: str) -> bool:
    """Whether both owners were charged for this release before."""
    return all(
        any((charge.release, charge.purpose) == (release, purpose) for charge in book.charges)
        for book in (lease_book(connection, contract, owner) for owner in party_names(contract))
    )


def owners_without_room(change: Change, contract: Contract, rho_micro: int) -> tuple[str, ...]:
    """The owners whose leases don't hold a charge now, or who have to check in first."""
    missing = owners_missing(change.connection, contract)
    return tuple(
        owner
        for owner in party_names(contract)
        if owner in missing or lease_book(change.connection, contract, owner).remaining(change.at) < rho_micro
    )


def _charge(
    core: Core,
    change: Change,
    contract: Contract,
    books: Sequence[LeaseBook],
    amounts: Mapping[str, int],
    *,
    release: str,
    purpose: str,
) -> None:
    _require_room(books, amounts, change.at)
    require_check_ins(change.connection, contract)
    charges = [
        book.next_charge(release=release, purpose=purpose, rho_micro=amounts[book.owner], at=change.at)
        for book in books
    ]
    for charge in charges:
        store.add_charge(change.connection, charge, core.signing_key.sign(charge))
    raise_mark(core, change.connection)


def _require_room(books: Sequence[LeaseBook], amounts: Mapping[str, int], now: datetime) -> None:
    """Room with every owner. A budget that is used up is told before a lease that is awaited."""
    awaited = None
    for book in books:
        try:
            book.check(amounts[book.owner], now)
        except WaitingError as error:
            awaited = awaited or error
    if awaited is not None:
        raise awaited
