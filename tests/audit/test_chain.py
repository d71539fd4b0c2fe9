from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miyun.audit.chain import GENESIS, entry_hash, next_entry, verify_chain
from miyun.audit.events import Event, Fact
from miyun.audit.statements import AuditEntry
from miyun.errors import AuditError, InternalError

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def chain(length: int, contract: str = "c1") -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    for number in range(length):
        previous = entries[-1] if entries else None
        facts = {Fact.EPOCH: number, Fact.STATEMENT: f"{number:064x}"}
        entries.append(next_entry(previous, contract=contract, event=Event.RELEASE, actor="zone", facts=facts, at=NOW))
    return entries


def rehashed(entries: Sequence[AuditEntry]) -> list[AuditEntry]:
    """The same contents as a chain that holds."""
    again: list[AuditEntry] = []
    for number, entry in enumerate(entries, start=1):
        linked = replace(entry, sequence=number, previous=again[-1].hash if again else GENESIS)
        again.append(replace(linked, hash=entry_hash(linked)))
    return again


def test_a_chain_holds() -> None:
    entries = chain(5)

    verify_chain(entries)
    verify_chain([])
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4, 5]
    assert entries[0].previous == GENESIS
    assert AuditEntry.from_canonical(entries[3].canonical_bytes()) == entries[3]


def test_times_are_whole_seconds_in_utc() -> None:
    at = datetime(2026, 11, 22, 16, 30, 0, 999, tzinfo=timezone(timedelta(hours=8)))

    entry = next_entry(None, contract="c1", event=Event.LEASE, actor="shop", facts={}, at=at)

    assert entry.at == NOW
    assert entry.to_plain()["at"] == "2026-11-22T08:30:00Z"


TAMPERING = {
    "event": {"event": "lease"},
    "actor": {"actor": "shop"},
    "facts": {"facts": {"epoch": "9"}},
    "time": {"at": NOW + timedelta(seconds=1)},
    "contract": {"contract": "c2"},
    "sequence": {"sequence": 9},
    "previous": {"previous": b"\1" * 32},
    "hash": {"hash": b"\1" * 32},
}


@given(st.integers(2, 6), st.data())
def test_every_change_is_found_where_it_is(length: int, data: st.DataObject) -> None:
    entries = chain(length)
    place = data.draw(st.integers(0, length - 1))
    fields = TAMPERING[data.draw(st.sampled_from(sorted(TAMPERING)))]
    entries[place] = replace(entries[place], **fields)

    with pytest.raises(AuditError, match=f"entry {place + 1} |entry {place + 2} ") as caught:
        verify_chain(entries)

    assert caught.value.hint


def test_a_change_with_a_new_hash_breaks_the_next_link() -> None:
    entries = chain(4)
    changed = replace(entries[1], actor="shop")
    entries[1] = replace(changed, hash=entry_hash(changed))

    with pytest.raises(AuditError, match="entry 3 does not follow"):
        verify_chain(entries)


@pytest.mark.parametrize("order", [[1, 2, 3], [0, 2, 3], [0, 2, 1, 3], [0, 0, 1, 2], [3, 2, 1, 0]])
def test_dropped_moved_and_repeated_entries_are_found(order: list[int]) -> None:
    entries = chain(4)

    with pytest.raises(AuditError):
        verify_chain([entries[place] for place in order])


def test_entries_of_two_contracts_are_no_chain() -> None:
    mixed = chain(2)
    foreign = replace(chain(3, "c2")[2], previous=mixed[1].hash)
    mixed.append(replace(foreign, hash=entry_hash(foreign)))

    with pytest.raises(AuditError, match="entry 3 belongs to contract c2"):
        verify_chain(mixed)
    with pytest.raises(InternalError):
        next_entry(mixed[0], contract="c2", event=Event.LEASE, actor="shop", facts={}, at=NOW)


def test_no_entry_states_a_fact_that_is_not_on_the_list() -> None:
    for facts in ({"phone": "13800138000"}, {"matched": 4767}, {Fact.CODE: "x" * 201}):
        with pytest.raises(InternalError):
            next_entry(None, contract="c1", event=Event.RELEASE, actor="zone", facts=facts, at=NOW)


def test_no_fact_is_about_a_person_or_an_exact_count() -> None:
    forbidden = {"id", "member", "user", "phone", "email", "identifier", "matched", "matches", "count", "size", "name"}

    assert not forbidden & set(Fact)
