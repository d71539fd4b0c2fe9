"""What a zone does to history, and what a party that kept its receipts finds."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from miyun.audit.chain import next_entry
from miyun.audit.events import Event, Fact
from miyun.audit.statements import AuditEntry, AuditHead, Receipt
from miyun.audit.verify import AuditFindings, Disagreement, cross_check
from miyun.errors import AuditError

from .test_chain import NOW, rehashed

ACTORS = ("shop", "feed", "zone", "shop", "feed", "shop", "zone", "shop")


def digest(number: int) -> bytes:
    return bytes([number]) * 32


def log(numbers: list[int], actors: tuple[str, ...] = ACTORS) -> list[AuditEntry]:
    """A chain with one statement an entry, made by the actors in turn."""
    entries: list[AuditEntry] = []
    for number in numbers:
        entries.append(
            next_entry(
                entries[-1] if entries else None,
                contract="c1",
                event=Event.POINTS_RECEIVED,
                actor=actors[number],
                facts={Fact.STATEMENT: digest(number).hex()},
                at=NOW,
            )
        )
    return entries


def head_of(entries: list[AuditEntry]) -> AuditHead:
    last = entries[-1]
    return AuditHead(contract="c1", sequence=last.sequence, hash=last.hash, at=NOW)


def receipt(entries: list[AuditEntry], number: int) -> Receipt:
    """As the zone gave it when it accepted the statement with this number."""
    entry = next(entry for entry in entries if entry.facts[Fact.STATEMENT] == digest(number).hex())
    return Receipt(
        contract="c1",
        job="fuse-1",
        subject="points-chunk",
        statement_digest=digest(number),
        audit_sequence=entry.sequence,
        audit_head=entry.hash,
        at=NOW,
    )


TRUE = log([*range(8)])
SHOPS = [number for number, actor in enumerate(ACTORS) if actor == "shop"]
RECEIPTS = [receipt(TRUE, number) for number in SHOPS]
OWN = log([*SHOPS, 2])
"""The shop's own log: what it sent, and a statement of the zone's that it received."""


def check(entries: list[AuditEntry], head: AuditHead | None = None) -> AuditFindings:
    return cross_check(entries, head or head_of(entries), RECEIPTS, OWN, party="shop")


def kinds(findings: AuditFindings) -> set[Disagreement]:
    return {finding.disagreement for finding in findings.findings}


def test_true_histories_agree() -> None:
    findings = check(TRUE)

    assert findings.agree, findings.findings
    findings.require_agreement()
    assert (findings.zone_entries, findings.receipts, findings.own_entries) == (8, len(RECEIPTS), len(OWN))


def test_a_history_that_went_on_agrees() -> None:
    longer = log([*range(8)])
    longer.append(next_entry(longer[-1], contract="c1", event=Event.EPOCH_ERASED, actor="zone", facts={}, at=NOW))

    assert check(longer).agree


def test_nothing_to_compare_agrees() -> None:
    empty = AuditHead(contract="c1", sequence=0, hash=b"", at=NOW)

    assert cross_check([], empty, [], []).agree


def forgery(change: Callable[[list[AuditEntry]], list[AuditEntry]]) -> list[AuditEntry]:
    """A consistent chain over changed contents, as a zone that owns its database can write it."""
    return rehashed(change(list(TRUE)))


def reworded(entries: list[AuditEntry]) -> list[AuditEntry]:
    entries[1] = replace(entries[1], facts={**entries[1].facts, Fact.EPOCH: "7"})
    return entries


def test_a_rewritten_entry_is_found_though_the_chain_holds() -> None:
    findings = check(forgery(reworded))

    assert kinds(findings) == {Disagreement.REWRITTEN, Disagreement.FORKED}
    with pytest.raises(AuditError, match="entry 4 of the zone's log") as caught:
        findings.require_agreement()
    assert caught.value.hint


def test_a_rewritten_entry_under_the_old_hash_breaks_the_chain() -> None:
    entries = list(TRUE)
    entries[1] = replace(entries[1], actor="shop")

    findings = check(entries)

    assert Disagreement.BROKEN in kinds(findings)
    assert "the zone's log: audit entry 2" in findings.findings[0].what


def test_a_truncated_log_is_found_with_its_old_head() -> None:
    findings = check(TRUE[:5], head_of(TRUE))

    assert Disagreement.TRUNCATED in kinds(findings)
    assert "ends at entry 5" in findings.findings[0].what


def test_a_zone_restored_from_a_backup_is_found() -> None:
    """Head and log agree with one another and lack what the zone gave receipts for."""
    findings = check(TRUE[:5])

    assert kinds(findings) == {Disagreement.TRUNCATED, Disagreement.MISSING}
    named = [finding for finding in findings.findings if finding.disagreement is Disagreement.TRUNCATED]
    assert [finding.sequence for finding in named] == [6, 8]


def test_a_head_that_covers_less_than_the_log_is_found() -> None:
    findings = check(TRUE, head_of(TRUE[:7]))

    assert kinds(findings) == {Disagreement.TRUNCATED}


def test_a_reordered_log_is_found() -> None:
    findings = check(forgery(lambda entries: [*entries[:3], entries[5], entries[4], entries[3], *entries[6:]]))

    assert {Disagreement.REWRITTEN, Disagreement.REORDERED} <= kinds(findings)
    assert any("stands at entry 6" in finding.what for finding in findings.findings)


def test_a_dropped_statement_is_found() -> None:
    findings = check(forgery(lambda entries: entries[:3] + entries[4:]))

    missing = [finding for finding in findings.findings if finding.disagreement is Disagreement.MISSING]
    assert any(digest(3).hex()[:16] in finding.what for finding in missing)


def test_a_fork_is_found_by_receipts_alone() -> None:
    other = forgery(reworded)
    receipts = [*RECEIPTS, receipt(other, 7)]

    findings = cross_check(TRUE, head_of(TRUE), receipts, OWN, party="shop")

    assert Disagreement.FORKED in kinds(findings)
    forked = next(finding for finding in findings.findings if finding.disagreement is Disagreement.FORKED)
    assert forked.sequence == 8


def test_a_head_of_another_history_is_found() -> None:
    findings = cross_check(TRUE, head_of(forgery(reworded)), [], OWN, party="shop")

    assert kinds(findings) == {Disagreement.REWRITTEN}


def test_a_statement_that_was_never_made_is_found() -> None:
    """Only the party that is said to have made it can tell."""
    actors = (*ACTORS, "shop")
    longer = log([*range(9)], actors)

    findings = cross_check(longer, head_of(longer), RECEIPTS, OWN, party="shop")
    by_feed = cross_check(longer, head_of(longer), [], [], party="feed")

    assert kinds(findings) == {Disagreement.UNKNOWN}
    assert findings.findings[0].sequence == 9
    assert {finding.sequence for finding in by_feed.findings} == {2, 5}


def test_a_statement_of_the_zone_that_it_dropped_is_found() -> None:
    """Statement 2 is the zone's own; the shop holds it in its log."""
    own_only = [number for number in range(8) if number != 2]
    entries = log(own_only)

    findings = cross_check(entries, head_of(entries), [], OWN, party="shop")

    assert kinds(findings) == {Disagreement.MISSING}
    assert digest(2).hex()[:16] in findings.findings[0].what


def test_a_damaged_own_log_is_found() -> None:
    own = list(OWN)
    own[0] = replace(own[0], actor="feed")

    findings = cross_check(TRUE, head_of(TRUE), RECEIPTS, own, party="shop")

    assert kinds(findings) == {Disagreement.BROKEN}
    assert "the own log" in findings.findings[0].what
