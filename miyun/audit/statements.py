"""What is signed about history."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from miyun.records import Record, Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Statement):
    """Signed by the zone: it holds the statement with this digest, and its audit chain stood at this head."""

    KIND: ClassVar[str] = "receipt"

    contract: str
    job: str
    subject: str
    statement_digest: bytes
    audit_sequence: int
    audit_head: bytes
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead(Statement):
    KIND: ClassVar[str] = "audit-head"

    contract: str
    sequence: int
    hash: bytes
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry(Record):
    """One link: ``hash`` covers the rest of the entry (``miyun.audit.chain.entry_hash``)."""

    sequence: int
    contract: str
    at: datetime
    event: str
    actor: str
    facts: dict[str, str]
    previous: bytes
    hash: bytes
