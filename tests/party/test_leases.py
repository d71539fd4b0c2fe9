"""An owner's own ledger: leases signed in time and within the limits, charges taken in only as they follow."""

from dataclasses import replace
from threading import Thread
from typing import Any

import pytest

from miyun.contract.draft import DEFAULT_BUDGET
from miyun.errors import AuditError, BudgetExceededError, MiyunError, SignatureError, TransportError
from miyun.party.leases import Leases
from miyun.party.progress import Warned, ignore
from miyun.privacy.statements import BudgetLease
from miyun.wire.v1.budget_pb2 import ListChargesRequest
from tests.party.world import MERCHANT, World

BUDGET = replace(DEFAULT_BUDGET, rho_micro=100, size_rho_micro=1, match_report_rho_micro=10, lease_rho_micro=15)
ENOUGH = BUDGET.match_report_rho_micro + 10 * BUDGET.size_rho_micro


@pytest.fixture
def owner(make_world: Any) -> World:
    world: World = make_world(budget=BUDGET)
    return world


def settle(world: World, told: list[Any] | None = None) -> None:
    events: list[Any] = [] if told is None else told
    Leases(world.session(MERCHANT), world.contract, events.append).settle()


def leased(world: World) -> int:
    return sum(lease.rho_micro for lease in world.zone.leases)


def test_room_for_a_report_and_ten_sizes_is_leased_and_no_more(owner: World) -> None:
    settle(owner)
    assert [lease.rho_micro for lease in owner.zone.leases] == [15, 15]
    assert leased(owner) >= ENOUGH
    settle(owner)
    assert leased(owner) == 30


def test_room_for_a_whole_lease_is_kept_so_that_a_question_may_cost_as_much(make_world: Any) -> None:
    owner = make_world(budget=replace(BUDGET, lease_rho_micro=40))
    settle(owner)
    assert [lease.rho_micro for lease in owner.zone.leases] == [40]
    owner.zone.charge(1)
    settle(owner)
    assert [lease.rho_micro for lease in owner.zone.leases] == [40, 40]


def test_two_threads_lease_one_after_the_other(owner: World, monkeypatch: pytest.MonkeyPatch) -> None:
    session = owner.session(MERCHANT)
    ledger, put_lease = session.ledger, session.ledger.put_lease
    second = Thread(target=Leases(session, owner.contract, ignore).settle)

    def overtaken(lease: BudgetLease, signature: bytes, *, total_micro: int) -> None:
        monkeypatch.setattr(ledger, "put_lease", put_lease)
        second.start()
        second.join(0.5)
        put_lease(lease, signature, total_micro=total_micro)

    monkeypatch.setattr(ledger, "put_lease", overtaken)
    Leases(session, owner.contract, ignore).settle()
    second.join()
    assert [lease.sequence for lease in owner.zone.leases] == [1, 2]
    assert leased(owner) == 30


def test_what_was_spent_is_leased_anew_until_the_contract_is_used_up(owner: World) -> None:
    settle(owner)
    for spent in range(10, 101, 10):
        owner.zone.charge(10)
        settle(owner)
        assert leased(owner) - spent >= min(ENOUGH, 100 - spent)
    assert leased(owner) == 100
    assert owner.session(MERCHANT).ledger.book(owner.contract).spent == 100


def test_the_own_limit_across_contracts_holds(owner: World) -> None:
    config = owner.merchant.path / "party.toml"
    config.write_text(config.read_text() + "[privacy]\ntotal_rho_micro = 20\n")
    other = BudgetLease(
        contract="autumn",
        contract_digest=bytes(32),
        owner=MERCHANT,
        sequence=1,
        rho_micro=12,
        expires=owner.contract.expires,
        at=owner.clock(),
    )
    session = owner.session(MERCHANT)
    session.ledger.put_lease(other, b"", total_micro=20)
    told: list[Any] = []
    settle(owner, told)
    assert leased(owner) == 8
    assert [type(event) for event in told] == [Warned]
    with pytest.raises(BudgetExceededError):
        session.ledger.put_lease(replace(other, sequence=2, rho_micro=1), b"", total_micro=20)


def test_a_lease_is_in_the_ledger_before_the_zone_sees_it_and_is_sent_again(owner: World) -> None:
    def fail(caller: str, method: str, message: Any) -> None:
        if method == "PutLease":
            raise TransportError("gone")

    owner.zone.before = fail
    with pytest.raises(TransportError):
        settle(owner)
    assert owner.session(MERCHANT).ledger.leased_micro() == 15
    owner.zone.before = lambda caller, method, message: None
    owner.restart(MERCHANT)
    settle(owner)
    sent = owner.zone.sent(MERCHANT, "PutLease")
    assert sent[0] == sent[1]
    assert [lease.sequence for lease in owner.zone.leases] == [1, 2]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"sequence": 3}, AuditError),
        ({"spent_micro": 4}, AuditError),
        ({"owner": "chessboard"}, AuditError),
        ({"contract": "autumn"}, AuditError),
        ({"rho_micro": 31}, AuditError),
    ],
)
def test_charges_that_do_not_follow_stop_the_leasing(
    owner: World, changes: dict[str, Any], kind: type[MiyunError]
) -> None:
    settle(owner)
    owner.zone.charge(**{"rho_micro": 5, **changes})
    with pytest.raises(kind):
        settle(owner)
    assert leased(owner) == 30
    assert owner.session(MERCHANT).ledger.book(owner.contract).spent == 0


def test_charges_of_another_key_are_refused(owner: World) -> None:
    settle(owner)
    owner.zone.charge(5)
    owner.zone.charges[0] = owner.zone.charges[0][0], bytes(64)
    with pytest.raises(SignatureError):
        settle(owner)
    assert owner.session(MERCHANT).ledger.charges("spring") == ()


def test_a_restored_zone_gets_back_what_it_lost(owner: World) -> None:
    settle(owner)
    owner.zone.charge(5)
    owner.zone.charge(5)
    settle(owner)
    charges, leases = list(owner.zone.charges), list(owner.zone.leases)
    owner.zone.charges, owner.zone.leases = [], []
    told: list[Any] = []
    settle(owner, told)
    assert (owner.zone.charges, owner.zone.leases) == (charges, leases)
    assert [type(event) for event in told] == [Warned]
    assert [name for caller, name, _ in owner.zone.calls][-2:] == ["PutCharges", "ListCharges"]


def test_an_owner_names_the_newest_charge_that_it_holds(owner: World) -> None:
    settle(owner)
    owner.zone.charge(5)
    owner.zone.charge(5)
    settle(owner)
    settle(owner)
    requests = [ListChargesRequest.FromString(sent) for sent in owner.zone.sent(MERCHANT, "ListCharges")]
    first, last = requests[0], requests[-1]
    assert (first.after, first.newest) == (0, b"")
    assert (last.after, last.newest) == (2, owner.zone.charges[1][0].digest())
