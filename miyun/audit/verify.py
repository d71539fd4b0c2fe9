"""Two sides' records of one history, held against each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from miyun.audit.chain import verify_chain
from miyun.audit.events import Fact
from miyun.audit.statements import AuditEntry, AuditHead, Receipt
from miyun.errors import AuditError


class Disagreement(StrEnum):
    BROKEN = "broken"
    """A log's own chain doesn't hold."""
    TRUNCATED = "truncated"
    """The zone's log is shorter than something it signed."""
    REWRITTEN = "rewritten"
    """The zone's log holds something else than what it signed, at the same place."""
    FORKED = "forked"
    """The zone signed two different histories."""
    MISSING = "missing"
    """A statement that the zone gave a receipt for, or that both hold, is not in the zone's log."""
    REORDERED = "reordered"
    """A statement stands in the zone's log after the point at which the zone confirmed it."""
    UNKNOWN = "unknown"
    """The zone's log attributes a statement to this party that this party has no record of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``sequence`` is a place in the zone's log, 0 where there is none; ``what`` says it in words."""

    disagreement: Disagreement
    sequence: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFindings:
    """The outcome of a comparison, and how much was compared."""

    findings: tuple[Finding, ...]
    zone_entries: int
    own_entries: int
    receipts: int

    @property
    def agree(self) -> bool:
        return not self.findings

    def require_agreement(self) -> None:
        """Pass where nothing disagrees.

        Raises:
            AuditError: with everything that does.
        """
        if self.findings:
            raise AuditError(
                "the zone's history and this one disagree: " + "; ".join(finding.what for finding in self.findings),
                hint="Keep this home as it is, stop the agent, and take it up with the operator of the zone.",
            )


def cross_check(
    zone_entries: Sequence[AuditEntry],
    head: AuditHead,
    receipts: Sequence[Receipt],
    own_entries: Sequence[AuditEntry],
    *,
    party: str = "",
) -> AuditFindings:
    """Compare the zone's log of one contract with what a party holds.

    ``head`` and ``receipts`` have been verified with the zone's key. ``party`` is the name of the party that compares;
    with it, statements in the zone's log that this party never made are found as well.
    """
    findings = (
        *_broken(zone_entries, "the zone's log"),
        *_broken(own_entries, "the own log"),
        *_against_head(zone_entries, head),
        *_forks(head, receipts),
        *_against_receipts(zone_entries, receipts),
        *_against_own(zone_entries, own_entries),
        *_unknown(zone_entries, receipts, own_entries, party),
    )
    return AuditFindings(
        findings=findings, zone_entries=len(zone_entries), own_entries=len(own_entries), receipts=len(receipts)
    )


def _broken(entries: Sequence[AuditEntry], log: str) -> Iterator[Finding]:
    try:
        verify_chain(entries)
    except AuditError as error:
        yield Finding(disagreement=Disagreement.BROKEN, sequence=0, what=f"{log}: {error.message}")


def _against_head(entries: Sequence[AuditEntry], head: AuditHead) -> Iterator[Finding]:
    if len(entries) < head.sequence:
        yield _truncated(head.sequence, len(entries), "the zone signed a head at")
    elif len(entries) > head.sequence:
        yield Finding(
            disagreement=Disagreement.TRUNCATED,
            sequence=head.sequence,
            what=f"the zone signs its log up to entry {head.sequence} only, of {len(entries)}",
        )
    elif entries and entries[-1].hash != head.hash:
        yield _rewritten(head.sequence, "the head that the zone signed")


def _forks(head: AuditHead, receipts: Sequence[Receipt]) -> Iterator[Finding]:
    heads = {head.sequence: head.hash}
    reported = set()
    for receipt in receipts:
        known = heads.setdefault(receipt.audit_sequence, receipt.audit_head)
        if known != receipt.audit_head and receipt.audit_sequence not in reported:
            reported.add(receipt.audit_sequence)
            yield Finding(
                disagreement=Disagreement.FORKED,
                sequence=receipt.audit_sequence,
                what=f"the zone signed two different heads at entry {receipt.audit_sequence}",
            )


def _against_receipts(entries: Sequence[AuditEntry], receipts: Sequence[Receipt]) -> Iterator[Finding]:
    places = _places(entries)
    for receipt in receipts:
        name = f"the receipt for {receipt.subject} {_short(receipt.statement_digest.hex())} of job {receipt.job}"
        if receipt.audit_sequence > len(entries):
            yield _truncated(receipt.audit_sequence, len(entries), f"{name} names")
        elif receipt.audit_sequence < 1 or entries[receipt.audit_sequence - 1].hash != receipt.audit_head:
            yield _rewritten(receipt.audit_sequence, name)
        place = places.get(receipt.statement_digest.hex())
        if place is None:
            yield _missing(f"{name} has no entry in the zone's log")
        elif place > receipt.audit_sequence:
            yield Finding(
                disagreement=Disagreement.REORDERED,
                sequence=place,
                what=f"{name} was given at entry {receipt.audit_sequence}, and the statement stands at entry {place}",
            )


def _against_own(entries: Sequence[AuditEntry], own_entries: Sequence[AuditEntry]) -> Iterator[Finding]:
    places = _places(entries)
    for own in own_entries:
        digest = own.facts.get(Fact.STATEMENT)
        if digest is not None and digest not in places:
            yield _missing(
                f"own entry {own.sequence} ({own.event}, statement {_short(digest)}) has no entry in the zone's log"
            )


def _unknown(
    entries: Sequence[AuditEntry], receipts: Sequence[Receipt], own_entries: Sequence[AuditEntry], party: str
) -> Iterator[Finding]:
    known = {receipt.statement_digest.hex() for receipt in receipts}
    known |= {own.facts[Fact.STATEMENT] for own in own_entries if Fact.STATEMENT in own.facts}
    for entry in entries:
        digest = entry.facts.get(Fact.STATEMENT)
        if party and entry.actor == party and digest is not None and digest not in known:
            yield Finding(
                disagreement=Disagreement.UNKNOWN,
                sequence=entry.sequence,
                what=f"entry {entry.sequence} of the zone's log ({entry.event}) holds a statement {_short(digest)} "
                f"of {party}'s that {party} has no record of",
            )


def _places(entries: Sequence[AuditEntry]) -> dict[str, int]:
    """Where each statement first stands."""
    places: dict[str, int] = {}
    for entry in entries:
        if Fact.STATEMENT in entry.facts:
            places.setdefault(entry.facts[Fact.STATEMENT], entry.sequence)
    return places


def _truncated(sequence: int, last: int, what: str) -> Finding:
    return Finding(
        disagreement=Disagreement.TRUNCATED,
        sequence=sequence,
        what=f"{what} entry {sequence}, and the zone's log ends at entry {last}",
    )


def _rewritten(sequence: int, what: str) -> Finding:
    return Finding(
        disagreement=Disagreement.REWRITTEN,
        sequence=sequence,
        what=f"entry {sequence} of the zone's log is not the one that {what} names",
    )


def _missing(what: str) -> Finding:
    return Finding(disagreement=Disagreement.MISSING, sequence=0, what=what)


def _short(digest: str) -> str:
    return digest[:16]
