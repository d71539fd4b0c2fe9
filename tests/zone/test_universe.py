"""Segments of the platform's rows, matched or not, beside those of matched pairs."""

from dataclasses import replace

import pytest

from miyun.contract.model import MATCHED, Contract, Rung, Universe
from miyun.errors import (
    ExpressionError,
    InputError,
    NotPermittedError,
    StateError,
)
from miyun.privacy.statements import BudgetCharge
from miyun.transport.codec import from_wire
from miyun.wire.v1 import segment_pb2
from tests.zone.asking import Circuit, SegmentVersion, ask, asked_contract, overlap, question
from tests.zone.members import DAY, MERCHANT, NOW, PLATFORM, World
from tests.zone.test_segments import EAGER, PAIRS, RICH, RIGHT, TAG_GRANTS, TEA, Fused, agree, fuse, in_force

USERS = set(range(len(RIGHT)))
MATCHED_USERS = {right for _, right in PAIRS}
SEED = {right for left, right in PAIRS if left in RICH}
UNMATCHED = USERS - MATCHED_USERS
OVER_USERS = {"universe": Universe.PLATFORM}


@pytest.fixture(scope="module")
def fused(shared_world: World) -> Fused:
    """A contract with one segment of either universe; `curated` is the platform's, `seed` the merchant's."""
    fused = fuse(shared_world, agree(shared_world, "universes"))
    fused.create("curated", "tags.tea", shared_world.platform, **OVER_USERS)
    fused.create("seed", "members.spend > 100")
    return fused


@pytest.mark.parametrize(
    ("name", "definition", "expected"),
    [
        ("tea", "tags.tea", set(TEA)),
        ("no-tea", "not tags.tea", USERS - set(TEA)),
        ("match", "matched", MATCHED_USERS),
        ("strangers", "not matched", UNMATCHED),
        ("tea-without-seed", "curated and not seed", set(TEA) - SEED),
        ("tea-with-seed", "curated or seed", set(TEA) | SEED),
        ("neither", "not (curated or seed)", USERS - set(TEA) - SEED),
        ("rich-directly", "tags.tea and members.spend > 100 within matched", set(TEA) & SEED),
        ("new-tea", "tags.tea and not (members.spend > 100 and matched)", set(TEA) - SEED),
    ],
)
def test_a_segment_of_rows_is_what_the_plaintext_says(
    fused: Fused, name: str, definition: str, expected: set[int]
) -> None:
    fused.create(name, definition, fused.world.platform, **OVER_USERS)
    fused.answer_legs()
    fused.ready(name)

    assert expected
    assert fused.world.platform.segment(fused.contract, name).universe == "platform"
    assert fused.activated(name, PLATFORM, [], []) == expected


def test_within_matched_a_merchant_reuses_what_the_platform_curated(fused: Fused) -> None:
    fused.create("eager-tea", "curated and members.opted_in within matched")
    fused.create("eager-tea-again", "eager-tea and not (seed and curated) within matched")
    fused.answer_legs()
    fused.ready("eager-tea-again")

    chosen = {(left, right) for left, right in PAIRS if left in EAGER and right in TEA}
    assert fused.activated("eager-tea", MERCHANT, [], []) == {left for left, _ in chosen}
    assert fused.activated("eager-tea", PLATFORM, [], []) == {right for _, right in chosen}
    assert fused.activated("eager-tea-again", MERCHANT, [], []) == {left for left, _ in chosen if left not in RICH}
    with pytest.raises(StateError, match="part of eager-tea"):
        fused.world.platform.change_segment(fused.contract, "curated", "invalidate")


def test_mixing_has_to_be_asked_for(fused: Fused) -> None:
    with pytest.raises(ExpressionError, match="curated is a segment of the universe platform") as of_rows:
        fused.create("mixed", "curated and members.opted_in")
    with pytest.raises(ExpressionError, match="known of matched rows only") as of_members:
        fused.create("mixed", "curated and members.opted_in", **OVER_USERS)

    assert "within matched" in of_rows.value.hint
    assert "within matched" in of_members.value.hint


def test_opt_outs_of_both_owners_are_taken_away(fused: Fused) -> None:
    fused.answer_legs()
    fused.ready("curated")
    members = [left for left, right in PAIRS if right in TEA][:5]
    users = [*sorted(UNMATCHED & set(TEA))[:5], *sorted(MATCHED_USERS & set(TEA))[-3:]]

    reached = fused.activated("curated", PLATFORM, members, users)

    assert reached == set(TEA) - {right for left, right in PAIRS if left in members} - set(users)
    assert len(reached) < len(TEA) - len(users)


def test_rows_of_the_platform_go_to_the_platform_alone(fused: Fused) -> None:
    fused.answer_legs()
    fused.ready("curated")

    with pytest.raises(NotPermittedError) as refused:
        fused.world.platform.request_activation(fused.contract, "curated", MERCHANT, "member-messages")

    assert refused.value.clause == "channels[0].recipient"
    assert "within matched" in refused.value.hint


def test_an_activation_names_the_universe_of_what_it_discloses(fused: Fused) -> None:
    fused.answer_legs()
    fused.ready("curated")

    with pytest.raises(StateError, match="is not what") as refused:
        fused.world.platform.request_activation(
            fused.contract, "curated", PLATFORM, "platform-ads", key="other", universe=Universe.MATCHED
        )

    assert "universe platform" in refused.value.hint


def without(world: World, id_: str, rung: Rung, *subjects: str) -> Contract:
    """A contract under which the merchant grants the platform this rung of these subjects no more."""
    granted = world.draft(id_)
    kept = [
        grant
        for grant in granted.grants
        if not (grant.recipient == PLATFORM and grant.rung is rung and grant.subject in subjects)
    ]
    assert len(kept) == len(granted.grants) - len(subjects)
    contract = replace(granted, grants=(*kept, *TAG_GRANTS))
    return in_force(world, contract)


def test_taking_a_seed_away_needs_the_grants_of_handing_it_over(world: World) -> None:
    fused = fuse(world, without(world, "universe-seed", Rung.ACTIVATE, "members.spend"))
    fused.create("seed", "members.spend > 100")
    fused.create("curated", "tags.tea", world.platform, **OVER_USERS)
    fused.create("others", "curated and not seed", world.platform, **OVER_USERS)
    fused.create("others-again", "others or not curated", world.platform, **OVER_USERS)
    fused.answer_legs()
    fused.ready("others-again")

    for name in ("seed", "others", "others-again"):
        with pytest.raises(NotPermittedError, match=r"activate of members\.spend"):
            world.platform.request_activation(fused.contract, name, PLATFORM, "platform-ads")
    assert fused.activated("curated", PLATFORM, [], []) == set(TEA)


def test_opt_outs_are_taken_away_so_that_every_list_needs_the_grant_of_the_match(world: World) -> None:
    fused = fuse(world, without(world, "universe-list", Rung.ACTIVATE, MATCHED))
    fused.create("curated", "tags.tea", world.platform, **OVER_USERS)
    fused.answer_legs()
    fused.ready("curated")

    with pytest.raises(NotPermittedError, match="activate of matched"):
        world.platform.request_activation(fused.contract, "curated", PLATFORM, "platform-ads")


def test_what_no_match_decides_needs_no_grant_of_the_match(world: World) -> None:
    contract = without(world, "universe-use", Rung.USE, MATCHED)
    contract = fuse(world, contract).contract

    world.platform.create_segment(contract, "curated", "tags.tea", **OVER_USERS)
    for definition in ("matched", "tags.tea and not matched", "curated and matched"):
        with pytest.raises(NotPermittedError, match="use of matched"):
            world.platform.create_segment(contract, "of-match", definition, **OVER_USERS)
    with pytest.raises(NotPermittedError, match="use of matched"):
        world.platform.create_segment(contract, "of-match", "tags.tea")
    with pytest.raises(NotPermittedError, match=r"use of tags\.pets"):
        world.merchant.create_segment(contract, "of-pets", "tags.pets", **OVER_USERS)


def test_a_size_is_charged_to_the_owners_whose_rows_decide_about_it(world: World) -> None:
    fused = fuse(world, agree(world, "universe-sizes"))
    for name, definition, universe in (
        ("tea-users", "tags.tea", Universe.PLATFORM),
        ("tea-pairs", "tags.tea", Universe.MATCHED),
        ("tea-strangers", "tea-users and not matched", Universe.PLATFORM),
    ):
        fused.create(name, definition, universe=universe)
    fused.answer_legs()
    for name in ("tea-users", "tea-pairs", "tea-strangers"):
        fused.ready(name)

    for name, truth, charged in (
        ("tea-users", len(TEA), {PLATFORM}),
        ("tea-pairs", len(MATCHED_USERS & set(TEA)), {MERCHANT, PLATFORM}),
        ("tea-strangers", len(UNMATCHED & set(TEA)), {MERCHANT, PLATFORM}),
    ):
        before = {party.name: len(party.charges(fused.contract).charges) for party in world.parties}
        quoted, _ = world.merchant.quote(fused.contract, name)
        band = world.merchant.size(fused.contract, name)
        after = {party.name: party.charges(fused.contract).charges for party in world.parties}
        assert band.at_least <= truth < (band.below or truth + 1)
        assert quoted == fused.contract.budget.size_rho_micro
        assert {party for party, charges in after.items() if len(charges) > before[party]} == charged
        assert from_wire(after[PLATFORM][-1].statement, BudgetCharge).rho_micro == quoted


def test_a_new_epoch_evaluates_them_as_new_versions(world: World) -> None:
    contract = agree(world, "universe-epochs")
    first = fuse(world, contract)
    first.create("curated", "tags.tea", world.platform, **OVER_USERS)
    first.create("seed", "members.spend > 100")
    first.create("others", "curated and not seed", world.platform, **OVER_USERS)
    first.create("ended", "not matched", world.platform, expires=NOW + DAY, **OVER_USERS)
    first.answer_legs()
    first.ready("others")
    world.clock.now = NOW + 2 * DAY

    second = fuse(world, contract, epoch=2)
    second.answer_legs()
    second.ready("others")

    segment = world.platform.segment(contract, "others")
    assert (segment.version, segment.epoch, segment.state, segment.universe) == (2, 2, "ready", "platform")
    assert world.platform.segment(contract, "ended").state == "expired"
    assert second.activated("others", PLATFORM, [], []) == set(TEA) - SEED


def test_they_are_listed_renamed_and_invalidated(fused: Fused) -> None:
    platform = fused.world.platform
    fused.create("first-name", "tags.tea", platform, **OVER_USERS)
    platform.change_segment(fused.contract, "first-name", "rename", "second-name")
    listed = platform.segments.ListSegments(segment_pb2.ListSegmentsRequest(contract=fused.contract.id)).segments
    assert {segment.name: segment.universe for segment in listed}.items() >= {
        "second-name": "platform",
        "seed": "matched",
    }.items()

    platform.change_segment(fused.contract, "second-name", "invalidate")

    with pytest.raises(StateError, match="invalidated"):
        platform.request_activation(fused.contract, "second-name", PLATFORM, "platform-ads")


def test_totals_and_overlaps_keep_universes_apart(world: World) -> None:
    fused = asked_contract(world, "universe-insight")
    for name, definition in (("near", "not matched"), ("far", "matched")):
        fused.create(name, definition, world.platform, **OVER_USERS)
        fused.ready(name)
    near, far, rich = (SegmentVersion(name=name, version=1) for name in ("near", "far", "rich"))

    with pytest.raises(InputError, match="matched rows only") as refused:
        ask(world.merchant, question(fused, segments=(near,)))
    with pytest.raises(InputError, match="matched rows only"):
        ask(world.merchant, question(fused, Circuit.VALUES, segments=(rich, near)))
    with pytest.raises(InputError, match="different universes"):
        overlap(world.merchant, fused, rich, near)

    assert "near within matched" in refused.value.hint
    assert overlap(world.merchant, fused, near, far).sizes == (len(UNMATCHED), 0, len(MATCHED_USERS))
