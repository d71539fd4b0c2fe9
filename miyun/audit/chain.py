"""One history per contract, as a chain of hashes: no entry can be changed, dropped or moved unnoticed."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from miyun.audit.events import Event, Fact, Facts
from miyun.audit.statements import AuditEntry
from miyun.errors import AuditError, InternalError

FIRST_SEQUENCE = 1
GENESIS = bytes(32)
"""``previous`` of a chain's first entry."""

_FACT_NAMES = frozenset(Fact)
_LONGEST_FACT = 200


def next_entry(
    previous: AuditEntry | None,
    *,
    contract: str,
    event: Event,
    actor: str,
    facts: Facts,
    at: datetime,
) -> AuditEntry:
    """The entry that follows ``previous`` (None: the first). Whole seconds of ``at`` count.

    Raises:
        InternalError: a fact that no entry may state, or an entry for another chain.
    """
    _check_facts(facts)
    if previous is not None and previous.contract != contract:
        raise InternalError(f"an entry of contract {contract} can't follow one of {previous.contract}")
    entry = AuditEntry(
        sequence=FIRST_SEQUENCE if previous is None else previous.sequence + 1,
        contract=contract,
        at=at.astimezone(UTC).replace(microsecond=0),
        event=str(event),
        actor=actor,
        facts={str(name): str(value) for name, value in facts.items()},
        previous=GENESIS if previous is None else previous.hash,
        hash=b"",
    )
    return replace(entry, hash=entry_hash(entry))


def entry_hash(entry: AuditEntry) -> bytes:
    """SHA-256 over the canonical bytes of the entry with an empty ``hash``."""
    return hashlib.sha256(b"miyun/v1/audit-entry\0" + replace(entry, hash=b"").canonical_bytes()).digest()


def verify_chain(entries: Sequence[AuditEntry]) -> None:
    """Check a whole chain from its first entry.

    Raises:
        AuditError: the first entry that doesn't follow, by its sequence.
    """
    previous: AuditEntry | None = None
    for place, entry in enumerate(entries, start=FIRST_SEQUENCE):
        if entry.sequence != place:
            raise _broken(place, f"is numbered {entry.sequence}")
        if previous is not None and entry.contract != previous.contract:
            raise _broken(place, f"belongs to contract {entry.contract}")
        if entry.previous != (GENESIS if previous is None else previous.hash):
            raise _broken(place, "does not follow the one before")
        if entry.hash != entry_hash(entry):
            raise _broken(place, "was changed after it was written")
        previous = entry


def _check_facts(facts: Facts) -> None:
    for name, value in facts.items():
        if name not in _FACT_NAMES:
            raise InternalError(f"an audit entry may not state “{name}”")
        if len(str(value)) > _LONGEST_FACT:
            raise InternalError(f"an audit entry may not state so long a “{name}”")


def _broken(sequence: int, what: str) -> AuditError:
    return AuditError(
        f"audit entry {sequence} {what}",
        hint="Keep both copies of the log and ask the other side for theirs: this one was damaged or rewritten.",
    )
