from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.errors import AuditError, BudgetExceededError, WaitingError
from miyun.privacy.ledger import LeaseBook
from miyun.privacy.statements import BudgetCharge, BudgetLease

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DAY = timedelta(days=1)
DIGEST = b"\1" * 32


def book(limit: int = 1_000) -> LeaseBook:
    return LeaseBook(contract="c1", owner="shop", limit_micro=limit)


def lease(held: LeaseBook, rho_micro: int, *, days: int = 30, at: datetime = NOW) -> LeaseBook:
    record = held.next_lease(contract_digest=DIGEST, rho_micro=rho_micro, expires=NOW + days * DAY, at=at)
    return replace(held, leases=(*held.leases, record))


def charge(held: LeaseBook, rho_micro: int, at: datetime = NOW) -> LeaseBook:
    record = held.next_charge(release="aa", purpose="size", rho_micro=rho_micro, at=at)
    return replace(held, charges=(*held.charges, record))


def test_charges_draw_on_leases_and_follow_one_another() -> None:
    held = charge(charge(lease(lease(book(), 300), 200), 250), 150)

    assert (held.leased, held.spent, held.remaining(NOW), held.leasable(NOW)) == (500, 400, 100, 500)
    assert [record.sequence for record in held.charges] == [1, 2]
    assert [record.spent_micro for record in held.charges] == [250, 400]
    assert [record.sequence for record in held.leases] == [1, 2]


def test_beyond_the_leases_a_charge_waits_for_the_owner() -> None:
    held = lease(book(), 300)

    with pytest.raises(WaitingError, match="shop") as caught:
        charge(held, 301)

    assert "shop" in caught.value.hint
    assert charge(held, 300).remaining(NOW) == 0


def test_beyond_the_contract_nothing_helps() -> None:
    held = charge(lease(book(), 1_000), 900)

    with pytest.raises(BudgetExceededError) as caught:
        charge(held, 101)
    assert caught.value.clause == "budget.rho_micro"
    with pytest.raises(BudgetExceededError):
        lease(held, 1)


def test_an_expired_lease_gives_no_room_and_its_rest_is_leased_again() -> None:
    held = charge(lease(book(), 1_000, days=1), 400)
    later = NOW + 2 * DAY

    assert held.remaining(later) == 0
    assert held.leasable(later) == 600
    with pytest.raises(WaitingError):
        charge(held, 1, at=later)
    again = charge(lease(held, 600, at=later), 600, at=later)
    assert again.spent == 1_000


def test_a_charge_is_drawn_from_leases_in_force_at_its_time() -> None:
    """The first lease is over when the second charge comes, so the second lease pays it."""
    held = lease(lease(book(), 300, days=1), 300, days=10)
    held = charge(held, 100)
    later = NOW + 2 * DAY
    held = charge(held, 300, at=later)

    assert held.remaining(later) == 0
    assert held.remaining(NOW) == 200


def records() -> tuple[BudgetLease, BudgetCharge, BudgetCharge]:
    held = charge(charge(lease(book(), 300), 100), 100)
    return held.leases[0], held.charges[0], held.charges[1]


def test_records_that_do_not_fit_are_found() -> None:
    first_lease, first, second = records()
    broken = [
        {"leases": (replace(first_lease, sequence=2),)},
        {"leases": (first_lease, first_lease)},
        {"leases": (replace(first_lease, owner="feed"),)},
        {"leases": (replace(first_lease, contract="c2"),)},
        {"leases": (replace(first_lease, rho_micro=0),)},
        {"leases": (replace(first_lease, rho_micro=-5),)},
        {"leases": (first_lease,), "charges": (second,)},
        {"leases": (first_lease,), "charges": (second, first)},
        {"leases": (first_lease,), "charges": (first, replace(second, spent_micro=150))},
        {"leases": (first_lease,), "charges": (replace(first, owner="feed"),)},
        {"leases": (first_lease,), "charges": (replace(first, rho_micro=-1, spent_micro=-1),)},
        {"charges": (first,)},
        {"leases": (first_lease,), "charges": (replace(first, rho_micro=301, spent_micro=301),)},
        {"leases": (first_lease,), "charges": (replace(first, at=NOW + 30 * DAY),)},
    ]

    for fields in broken:
        with pytest.raises(AuditError):
            replace(book(), **fields)


steps = st.lists(
    st.tuples(st.sampled_from(["lease", "charge"]), st.integers(1, 400), st.integers(0, 3), st.integers(1, 20)),
    max_size=25,
)


@settings(max_examples=100)
@given(steps)
def test_no_order_of_events_overspends(events: list[tuple[str, int, int, int]]) -> None:
    held, now = book(), NOW
    for kind, rho_micro, days, lifetime in events:
        now += days * DAY
        try:
            if kind == "lease":
                record = held.next_lease(
                    contract_digest=DIGEST, rho_micro=rho_micro, expires=now + lifetime * DAY, at=now
                )
                held = replace(held, leases=(*held.leases, record))
            else:
                held = charge(held, rho_micro, at=now)
        except (BudgetExceededError, WaitingError):
            pass
        assert held.spent <= held.limit_micro
        assert held.spent <= held.leased
        assert held.spent + held.remaining(now) + held.leasable(now) == held.limit_micro
