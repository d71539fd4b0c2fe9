"""Writing history: audit entries, and the signed receipts that point into them."""

from sqlalchemy import Connection

from miyun.audit.chain import GENESIS, next_entry
from miyun.audit.events import NO_FACTS, Event, Fact, Facts
from miyun.audit.statements import AuditEntry, AuditHead, Receipt
from miyun.errors import InternalError
from miyun.records import Statement
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import contract_of_party
from miyun.zone.store.audit_log import add_entry, last_entry, list_entries

PAGE_ENTRIES = 1000

SignedReceipt = tuple[Receipt, bytes]


def record(change: Change, contract: str, event: Event, actor: str, facts: Facts) -> None:
    """Append an entry to the contract's chain."""
    entry = next_entry(
        _newest(change, contract), contract=contract, event=event, actor=actor, facts=facts, at=change.at
    )
    add_entry(change.connection, entry)
    change.newest[contract] = entry


def record_statement(
    change: Change, contract: str, event: Event, actor: str, statement: Statement, *, facts: Facts = NO_FACTS
) -> None:
    """Append that ``actor`` made a statement."""
    about: Facts = {Fact.STATEMENT: statement.digest().hex(), Fact.KIND: statement.KIND}
    record(change, contract, event, actor, {**about, **facts})


def receipt(core: Core, change: Change, contract: str, job: str, statement: Statement) -> SignedReceipt:
    """The zone's word that it holds the statement, which stands in the chain already."""
    last = _newest(change, contract)
    if last is None:
        raise InternalError("a receipt without a history")
    given = Receipt(
        contract=contract,
        job=job,
        subject=statement.KIND,
        statement_digest=statement.digest(),
        audit_sequence=last.sequence,
        audit_head=last.hash,
        at=change.at,
    )
    return given, core.signing_key.sign(given)


def entries_for_party(
    core: Core, caller: str, contract: str, *, after: int, limit: int
) -> tuple[tuple[AuditEntry, ...], AuditHead, bytes]:
    """A page of the chain, and its head, signed."""
    with core.reading() as connection:
        contract_of_party(connection, contract, caller)
        entries = list_entries(connection, contract, after=after, limit=min(limit or PAGE_ENTRIES, PAGE_ENTRIES))
        head = _head(connection, core, contract)
    return entries, head, core.signing_key.sign(head)


def _newest(change: Change, contract: str) -> AuditEntry | None:
    if contract not in change.newest:
        found = last_entry(change.connection, contract)
        if found is None:
            return None
        change.newest[contract] = found
    return change.newest[contract]


def _head(connection: Connection, core: Core, contract: str) -> AuditHead:
    last = last_entry(connection, contract)
    return AuditHead(
        contract=contract,
        sequence=0 if last is None else last.sequence,
        hash=GENESIS if last is None else last.hash,
        at=core.clock(),
    )
