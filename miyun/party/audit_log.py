"""The party's own hash chains, one a contract."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select

from miyun.audit.chain import next_entry
from miyun.audit.events import NO_FACTS, Event, Fact, Facts
from miyun.audit.statements import AuditEntry
from miyun.party.schema import audit_entries
from miyun.records import Statement
from miyun.storage.database import changing, reading


class AuditLog:
    def __init__(self, engine: Engine, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    def note(self, contract: str, event: Event, actor: str, statement: Statement, facts: Facts = NO_FACTS) -> None:
        """Append that ``actor`` made a statement which this party made too, or acts on. The same again adds nothing."""
        digest = statement.digest().hex()
        key = f"{event}:{digest}"
        all_facts: dict[Fact, str | int] = {Fact.STATEMENT: digest, Fact.KIND: statement.KIND, **facts}
        with changing(self._engine) as connection:
            held = select(audit_entries.c.sequence).where(
                audit_entries.c.contract == contract, audit_entries.c.key == key
            )
            if connection.scalar(held) is not None:
                return
            entry = next_entry(
                _last(connection, contract),
                contract=contract,
                event=event,
                actor=actor,
                facts=all_facts,
                at=self._now(),
            )
            connection.execute(
                insert(audit_entries).values(
                    contract=contract, sequence=entry.sequence, entry=entry.canonical_bytes(), key=key
                )
            )

    def entries(self, contract: str) -> tuple[AuditEntry, ...]:
        query = (
            select(audit_entries.c.entry).where(audit_entries.c.contract == contract).order_by(audit_entries.c.sequence)
        )
        with reading(self._engine) as connection:
            return tuple(AuditEntry.from_canonical(entry) for entry in connection.scalars(query))


def _last(connection: Connection, contract: str) -> AuditEntry | None:
    query = (
        select(audit_entries.c.entry)
        .where(audit_entries.c.contract == contract)
        .order_by(audit_entries.c.sequence.desc())
        .limit(1)
    )
    entry = connection.scalar(query)
    return None if entry is None else AuditEntry.from_canonical(entry)
