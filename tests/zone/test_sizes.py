"""Sizes and the budgets that pay for them."""

from dataclasses import replace

import pytest

from miyun.contract.model import Contract
from miyun.errors import (
    AuditError,
    BudgetExceededError,
    ContractError,
    MalformedError,
    NotPermittedError,
    ReplayError,
    SignatureError,
    WaitingError,
)
from miyun.privacy.statements import BudgetCharge
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import budget_pb2
from tests.zone.members import AMPLE, DAY, MERCHANT, NOW, PLATFORM, World
from tests.zone.test_segments import PAIRS, Fused, agree, fuse

TIGHT = replace(AMPLE, rho_micro=4_000, size_rho_micro=1_000, match_report_rho_micro=1_000, lease_rho_micro=2_000)
"""Room for a report and three sizes, in two leases."""


def fused_contract(world: World, id_: str, **choices: object) -> Fused:
    fused = fuse(world, agree(world, id_, **choices))
    fused.create("everybody", "matched")
    fused.ready("everybody")
    return fused


def test_a_size_is_a_band_around_the_truth(world: World) -> None:
    fused = fused_contract(world, "size-truth")

    band = world.merchant.size(fused.contract, "everybody")

    assert band.at_least <= len(PAIRS) < (band.below or len(PAIRS) + 1)
    assert band.version == 1


def test_the_same_size_again_is_free_and_the_same_for_ever(world: World) -> None:
    fused = fused_contract(world, "size-again", budget=TIGHT)
    assert world.merchant.quote(fused.contract, "everybody") == (1_000, 1_000)

    first = world.merchant.size(fused.contract, "everybody")
    spent = world.platform.charges(fused.contract).spent_micro
    world.clock.now = NOW + DAY

    assert world.platform.size(fused.contract, "everybody") == first
    assert world.merchant.size(fused.contract, "everybody", version=1) == first
    assert world.platform.charges(fused.contract).spent_micro == spent == 2_000
    assert world.merchant.quote(fused.contract, "everybody")[0] == 0


def test_one_definition_under_two_names_is_one_release(world: World) -> None:
    fused = fused_contract(world, "size-names")
    fused.create("all-of-them", "matched")
    fused.ready("all-of-them")

    one = world.merchant.size(fused.contract, "everybody")
    other = world.merchant.size(fused.contract, "all-of-them")

    assert (one.at_least, one.below) == (other.at_least, other.below)
    assert len(world.merchant.charges(fused.contract).charges) == 2


def test_both_owners_are_charged_and_get_signed_records(world: World) -> None:
    fused = fused_contract(world, "size-charged", budget=TIGHT)
    world.merchant.size(fused.contract, "everybody")

    for party in world.parties:
        signed = list(party.charges(fused.contract).charges)
        charges = [from_wire(charge.statement, BudgetCharge) for charge in signed]
        for charge, message in zip(charges, signed, strict=True):
            party.home.zone_link().verify_key().verify(charge, message.signature)
        assert [(charge.owner, charge.sequence, charge.purpose, charge.spent_micro) for charge in charges] == [
            (party.name, 1, "match-report", 1_000),
            (party.name, 2, "size", 2_000),
        ]
        assert list(party.check_in(fused.contract, signed[0]).charges) == signed[1:]


def test_without_a_lease_a_size_waits_and_charges_nobody(world: World) -> None:
    fused = fused_contract(world, "size-waits", budget=TIGHT)
    fused.create("opted-in", "members.opted_in")
    fused.answer_legs()
    fused.ready("opted-in")
    world.merchant.size(fused.contract, "everybody")
    world.merchant.lease(fused.contract, 2, 1_000)

    with pytest.raises(WaitingError) as refusal:
        world.merchant.size(fused.contract, "opted-in")

    assert PLATFORM in refusal.value.message
    assert refusal.value.clause == "budget.lease_rho_micro"
    assert [party.charges(fused.contract).spent_micro for party in world.parties] == [2_000, 2_000]
    world.platform.lease(fused.contract, 2, 1_000)
    world.merchant.size(fused.contract, "opted-in")


def test_a_used_up_budget_refuses_new_sizes_and_keeps_old_answers(world: World) -> None:
    fused = fused_contract(world, "size-spent", budget=replace(TIGHT, rho_micro=2_000))
    fused.create("opted-in", "members.opted_in")
    fused.answer_legs()
    fused.ready("opted-in")
    first = world.merchant.size(fused.contract, "everybody")

    with pytest.raises(BudgetExceededError) as refusal:
        world.merchant.size(fused.contract, "opted-in")

    assert refusal.value.clause == "budget.rho_micro"
    assert world.merchant.size(fused.contract, "everybody") == first


def test_a_size_of_an_earlier_epoch_is_answered_from_what_was_released(world: World) -> None:
    fused = fused_contract(world, "size-epochs")
    first = world.merchant.size(fused.contract, "everybody")
    second = fuse(world, fused.contract, epoch=2)
    second.ready("everybody")

    assert world.merchant.size(fused.contract, "everybody", version=1) == first
    assert world.merchant.size(fused.contract, "everybody").version == 2


def test_a_size_needs_its_grant(world: World) -> None:
    fused = fused_contract(world, "size-grant")
    fused.create("secret", "members.secret > 3")

    with pytest.raises(NotPermittedError) as refusal:
        world.platform.size(fused.contract, "secret")

    assert refusal.value.clause == "grants"


def test_nobody_asks_in_another_s_name(world: World) -> None:
    fused = fused_contract(world, "size-posing")

    with pytest.raises(SignatureError):
        world.platform.size(fused.contract, "everybody", asker=MERCHANT)
    with pytest.raises(SignatureError):
        world.merchant.size(fused.contract, "everybody", signer=world.platform)


def test_an_analyst_asks_within_a_delegation_and_not_beyond(world: World) -> None:
    fused = fused_contract(world, "size-analyst")
    analyst, contract = world.analyst, fused.contract
    with pytest.raises(NotPermittedError) as before:
        analyst.size(contract, "everybody")

    world.platform.delegate(contract, analyst, expires=NOW + DAY)
    fused.create("secret", "members.secret > 3")

    assert analyst.size(contract, "everybody") == world.merchant.size(contract, "everybody")
    assert analyst.quote(contract, "everybody")[0] == 0
    refusals = [before.value.message]
    for segment in ("secret", "no-such-segment"):
        with pytest.raises(NotPermittedError) as refusal:
            analyst.size(contract, segment)
        refusals.append(refusal.value.message)
    with pytest.raises(NotPermittedError) as unknown:
        analyst.size(replace(contract, id="no-such-contract"), "everybody")
    with pytest.raises(NotPermittedError) as forged:
        analyst.size(contract, "everybody", signer=world.stranger)
    world.clock.now = NOW + DAY
    with pytest.raises(NotPermittedError) as late:
        analyst.size(contract, "everybody")
    assert {*refusals, unknown.value.message, forged.value.message, late.value.message} == {before.value.message}


def test_a_segment_under_evaluation_has_no_size_yet(world: World) -> None:
    fused = fused_contract(world, "size-early")
    fused.create("slow", "members.opted_in")

    with pytest.raises(WaitingError):
        world.merchant.size(fused.contract, "slow")


def test_leases_keep_to_the_contract(world: World) -> None:
    contract = world.agree("leases", budget=TIGHT)
    merchant = world.merchant

    with pytest.raises(BudgetExceededError) as too_large:
        merchant.lease(contract, 1, 2_001)
    with pytest.raises(MalformedError):
        merchant.lease(contract, 1, 0)
    with pytest.raises(ReplayError):
        merchant.lease(contract, 2, 1_000)
    with pytest.raises(ContractError) as too_long:
        merchant.lease(contract, 1, 1_000, expires=contract.expires + DAY)
    merchant.lease(contract, 1, 2_000)
    merchant.lease(contract, 1, 2_000)
    with pytest.raises(ReplayError):
        merchant.lease(contract, 1, 1_000)
    merchant.lease(contract, 2, 2_000)
    with pytest.raises(BudgetExceededError) as too_much:
        merchant.lease(contract, 3, 1)

    assert too_large.value.clause == "budget.lease_rho_micro"
    assert too_long.value.clause == "expires"
    assert too_much.value.clause == "budget.rho_micro"
    assert merchant.charges(contract).leased_micro == 4_000


def give_back(world: World, contract: Contract, charges: list[budget_pb2.SignedBudgetCharge]) -> int:
    request = budget_pb2.PutChargesRequest(contract=contract.id, charges=charges)
    return world.merchant.budget.PutCharges(request).taken_over


def test_charges_that_the_zone_still_has_change_nothing(world: World) -> None:
    fused = fused_contract(world, "charges-kept")
    held = list(world.merchant.charges(fused.contract).charges)

    assert give_back(world, fused.contract, held) == 0


def test_made_up_charges_are_refused(world: World) -> None:
    fused = fused_contract(world, "charges-made-up")
    (held,) = world.merchant.charges(fused.contract).charges
    more = replace(from_wire(held.statement, BudgetCharge), sequence=2, spent_micro=1)
    forged = budget_pb2.SignedBudgetCharge(
        statement=to_wire(more, budget_pb2.BudgetCharge), signature=world.merchant.sign(more)
    )

    with pytest.raises(SignatureError):
        give_back(world, fused.contract, [forged])


def test_two_histories_of_one_charge_are_found(world: World) -> None:
    fused = fused_contract(world, "charges-forked")
    (held,) = world.merchant.charges(fused.contract).charges
    other = replace(from_wire(held.statement, BudgetCharge), release="0" * 64)
    signed = budget_pb2.SignedBudgetCharge(
        statement=to_wire(other, budget_pb2.BudgetCharge), signature=world.zone._core.signing_key.sign(other)
    )

    with pytest.raises(AuditError):
        give_back(world, fused.contract, [signed])
    with pytest.raises(AuditError):
        world.merchant.check_in(fused.contract, signed)
    with pytest.raises(WaitingError, match=MERCHANT):
        world.platform.size(fused.contract, "everybody")
