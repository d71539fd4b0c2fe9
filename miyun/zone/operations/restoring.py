"""After a restore, nothing new is released under a contract before both owners have checked in.

An owner checks in as it asks for its charges and names the newest one that it holds, and the zone has that one.

Questions about the other party's columns are paid for by the charges that come back: their noise is the owner's, which
answers once. That of questions about the reader's own columns was the zone's, and it can't tell any more which of them
it answered: what was paid for these before pays for nothing now.
"""

import logging

from sqlalchemy import Connection

from miyun.aggregates.statements import Circuit, InsightRequest
from miyun.contract.model import Contract
from miyun.errors import AuditError, StateError, WaitingError
from miyun.privacy.ledger import LeaseBook
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import party_names
from miyun.zone.operations.jobs import fail_job, require_job
from miyun.zone.store import budget as store
from miyun.zone.store import insights
from miyun.zone.store.jobs import signed_request

log = logging.getLogger(__name__)


def forget_check_ins(core: Core) -> None:
    """The database was restored: every owner has to check in again."""
    with core.changing() as change:
        store.forget_check_ins(change.connection)
        for contract, job in insights.unanswered(change.connection):
            _give_up_sums(change, contract, job)
        released = _count_releases(change.connection)
    core.mark.write(released)


def raise_mark(core: Core, connection: Connection) -> None:
    """Something is about to be released that a backup of before does not know of."""
    core.mark.write(_count_releases(connection))


def notice_restore(core: Core) -> None:
    """Do so where the database knows of fewer charges and answers than this zone has signed and taken."""
    with core.reading() as connection:
        released = _count_releases(connection)
    if released < core.mark.read():
        log.warning("the database was restored: new sizes wait until the agents of both owners have checked in")
        forget_check_ins(core)


def check_in(core: Core, book: LeaseBook, *, newest: int, digest: bytes) -> None:
    """An owner names the newest charge that it holds (0: none); ``book`` is what the zone has of it.

    Raises:
        AuditError: the zone has another charge of this number.
    """
    held = newest <= len(book.charges)
    forked = held and newest > 0 and book.charges[newest - 1].digest() != digest
    _note(core, book, complete=held and not forked)
    if forked:
        raise AuditError(
            f"this zone signed two different charges {newest} to {book.owner}",
            hint="Keep both, and take it up with the zone's operator: the zone was restored and went on.",
        )


def owners_missing(connection: Connection, contract: Contract) -> tuple[str, ...]:
    """The owners that have not checked in since the contract came here or the database was restored."""
    present = store.checked_in(connection, contract.id)
    return tuple(owner for owner in party_names(contract) if owner not in present)


def require_check_ins(connection: Connection, contract: Contract) -> None:
    """Pass where both owners have checked in.

    Raises:
        WaitingError: one has not.
    """
    for owner in owners_missing(connection, contract):
        raise WaitingError(
            f"the zone releases nothing new under contract {contract.id} before {owner} has confirmed its charges",
            hint=f"Wait until {owner}'s agent has run.",
        )


def _count_releases(connection: Connection) -> int:
    return store.count_charges(connection) + insights.count_answers(connection)


def _give_up_sums(change: Change, contract: str, job: str) -> None:
    request = InsightRequest.from_canonical(signed_request(change.connection, contract, job).request)
    if request.circuit is not Circuit.VALUES:
        return
    insights.forget_payment(change.connection, contract, job)
    insights.erase_running(change.connection, contract, [job])
    held = require_job(change.connection, contract, job)
    if not held.state.ended:
        reason = "the zone was restored from a backup, and can't tell whether it answered this before"
        fail_job(change, held, code=StateError.code, reason=reason)


def _note(core: Core, book: LeaseBook, *, complete: bool) -> None:
    with core.reading() as connection:
        if (book.owner in store.checked_in(connection, book.contract)) == complete:
            return
    with core.changing() as change:
        store.note_check_in(change.connection, book.contract, book.owner, complete=complete)
        change.work_for.add(book.contract)
