"""The audit chains, one per contract, in the database."""

from sqlalchemy import Connection, insert, select

from miyun.audit.statements import AuditEntry
from miyun.zone.schema import audit_entries


def last_entry(connection: Connection, contract: str) -> AuditEntry | None:
    row = connection.execute(
        select(audit_entries.c.entry)
        .where(audit_entries.c.contract == contract)
        .order_by(audit_entries.c.sequence.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else AuditEntry.from_canonical(row.entry)


def add_entry(connection: Connection, entry: AuditEntry) -> None:
    connection.execute(
        insert(audit_entries).values(contract=entry.contract, sequence=entry.sequence, entry=entry.canonical_bytes())
    )


def list_entries(connection: Connection, contract: str, *, after: int, limit: int | None) -> tuple[AuditEntry, ...]:
    query = (
        select(audit_entries.c.entry)
        .where(audit_entries.c.contract == contract, audit_entries.c.sequence > after)
        .order_by(audit_entries.c.sequence)
        .limit(limit)
    )
    return tuple(AuditEntry.from_canonical(row.entry) for row in connection.execute(query).all())
