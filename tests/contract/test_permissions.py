from collections.abc import Callable
from dataclasses import replace

import pytest

from miyun.contract.model import LOOKALIKE, MATCHED, Contract, Grant, Rung, Universe
from miyun.contract.permissions import (
    granted_tags,
    needed_grants,
    permit_activation,
    permit_channels,
    permit_fusion,
    permit_insight,
    permit_leg_count,
    permit_lookalike,
    permit_segment,
    permit_size,
)
from miyun.errors import NotPermittedError

OWN_OF_SHOP = frozenset({MATCHED, "members.age"})
SPEND = frozenset({MATCHED, "members.spend_90d"})


def refused(clause: str, act: Callable[[], None]) -> NotPermittedError:
    with pytest.raises(NotPermittedError) as caught:
        act()
    assert caught.value.clause == clause
    assert caught.value.hint
    return caught.value


def test_the_parties_fuse_and_nobody_else(drafted: Contract) -> None:
    permit_fusion(drafted, "shop")
    permit_fusion(drafted, "feed")
    refused("parties", lambda: permit_fusion(drafted, "zone"))


def test_own_columns_need_no_grant(drafted: Contract) -> None:
    permit_segment(drafted, "shop", OWN_OF_SHOP)
    permit_size(drafted, "shop", OWN_OF_SHOP)
    permit_activation(drafted, "shop", "shop", "member-messages", OWN_OF_SHOP, universe=Universe.MATCHED)


def test_columns_of_the_other_party_need_a_grant(drafted: Contract) -> None:
    permit_segment(drafted, "feed", SPEND)
    permit_size(drafted, "feed", SPEND)
    permit_activation(drafted, "shop", "feed", "platform-ads", SPEND, universe=Universe.MATCHED)
    for act in (
        lambda: permit_segment(drafted, "feed", OWN_OF_SHOP),
        lambda: permit_size(drafted, "feed", OWN_OF_SHOP),
        lambda: permit_activation(drafted, "shop", "feed", "platform-ads", OWN_OF_SHOP, universe=Universe.MATCHED),
        lambda: permit_activation(drafted, "feed", "feed", "platform-ads", OWN_OF_SHOP, universe=Universe.MATCHED),
        lambda: permit_segment(drafted, "shop", frozenset({MATCHED, "tags.tea"})),
    ):
        assert "grants" in refused("grants", act).message


def test_rows_of_the_platform_go_to_the_platform_with_the_grants_of_all_that_decides_about_them(
    drafted: Contract, without_grant: Callable[..., Contract]
) -> None:
    def activate(contract: Contract, subjects: set[str], recipient: str = "feed") -> None:
        channel = "platform-ads" if recipient == "feed" else "member-messages"
        permit_activation(contract, "feed", recipient, channel, frozenset(subjects), universe=Universe.PLATFORM)

    without_match = without_grant(owner="shop", subject=MATCHED, rung="activate", recipient="feed")
    without_spend = without_grant(owner="shop", subject="members.spend_90d", rung="activate", recipient="feed")
    permit_segment(without_match, "feed", frozenset({"tags.tea"}))
    permit_size(without_match, "feed", frozenset({"tags.tea"}))
    activate(drafted, {"tags.tea"})
    activate(drafted, {"tags.tea", *SPEND})
    activate(without_spend, {"tags.tea", MATCHED})

    refused("grants", lambda: activate(without_match, {"tags.tea"}))
    assert "members.spend_90d" in refused("grants", lambda: activate(without_spend, {"tags.tea", *SPEND})).message
    assert "within matched" in refused("channels[0].recipient", lambda: activate(drafted, {"tags.tea"}, "shop")).hint


@pytest.mark.parametrize("subject", [MATCHED, "members.spend_90d"])
@pytest.mark.parametrize("rung", [Rung.SIZE, Rung.USE, Rung.ACTIVATE])
def test_each_rung_is_a_grant_of_its_own(without_grant: Callable[..., Contract], subject: str, rung: Rung) -> None:
    contract = without_grant(owner="shop", subject=subject, rung=rung, recipient="feed")
    acts = {
        Rung.SIZE: lambda: permit_size(contract, "feed", SPEND),
        Rung.USE: lambda: permit_segment(contract, "feed", SPEND),
        Rung.ACTIVATE: lambda: permit_activation(
            contract, "feed", "feed", "platform-ads", SPEND, universe=Universe.MATCHED
        ),
    }

    error = refused("grants", acts.pop(rung))

    assert str(rung) in error.message
    assert subject in error.message
    for act in acts.values():
        act()


def test_membership_in_the_match_is_the_other_partys_to_grant(without_grant: Callable[..., Contract]) -> None:
    contract = without_grant(owner="feed", subject=MATCHED, rung="activate", recipient="shop")

    refused(
        "grants",
        lambda: permit_activation(contract, "shop", "shop", "member-messages", OWN_OF_SHOP, universe=Universe.MATCHED),
    )
    permit_activation(contract, "shop", "feed", "platform-ads", SPEND, universe=Universe.MATCHED)


def test_a_grant_to_oneself_is_worth_nothing(drafted: Contract) -> None:
    own = Grant(owner="shop", subject="tags.tea", rung=Rung.USE, recipient="shop")
    contract = replace(drafted, grants=(*drafted.grants, own))

    refused("grants", lambda: permit_segment(contract, "shop", frozenset({MATCHED, "tags.tea"})))


def test_unknown_columns_are_refused(drafted: Contract) -> None:
    refused("grants", lambda: permit_segment(drafted, "shop", frozenset({"weather.rain"})))


def test_a_channel_leads_to_its_recipient_only(drafted: Contract) -> None:
    permit_channels(drafted, ("member-messages", "platform-ads"))
    refused("channels", lambda: permit_channels(drafted, ("member-messages", "fax")))
    refused("channels", lambda: permit_activation(drafted, "shop", "shop", "fax", SPEND, universe=Universe.MATCHED))
    refused(
        "channels[1].recipient",
        lambda: permit_activation(
            drafted, "shop", "shop", "platform-ads", frozenset({MATCHED}), universe=Universe.MATCHED
        ),
    )
    refused(
        "parties",
        lambda: permit_activation(drafted, "ann", "shop", "member-messages", SPEND, universe=Universe.MATCHED),
    )
    refused(
        "parties",
        lambda: permit_activation(drafted, "shop", "ann", "member-messages", SPEND, universe=Universe.MATCHED),
    )


def test_what_goes_on_to_a_third_party_needs_a_rung_of_its_own(drafted: Contract) -> None:
    channels = tuple(replace(channel, third_party="google") for channel in drafted.channels)
    tea = frozenset({MATCHED, "tags.tea"})

    def activate(rungs: dict[Rung, list[str]], subjects: frozenset[str] = tea, *, third_party: bool = True) -> None:
        grants = [
            Grant(owner="feed", subject=subject, rung=rung, recipient="shop")
            for rung, granted in rungs.items()
            for subject in granted
        ]
        contract = replace(drafted, grants=tuple(grants), channels=channels if third_party else drafted.channels)
        permit_activation(contract, "feed", "shop", "member-messages", subjects, universe=Universe.MATCHED)

    both = [MATCHED, "tags.tea"]
    activate({Rung.ACTIVATE: both}, third_party=False)
    activate({Rung.ACTIVATE: both, Rung.DISCLOSE: both})
    activate({Rung.ACTIVATE: both, Rung.DISCLOSE: [MATCHED]}, OWN_OF_SHOP)
    refusal = refused("grants", lambda: activate({Rung.ACTIVATE: both}))
    assert "sends hashed identifiers on to google" in refusal.message
    assert "rung disclose" in refusal.hint
    assert (
        "no disclose of tags.tea"
        in refused("grants", lambda: activate({Rung.ACTIVATE: both, Rung.DISCLOSE: [MATCHED]})).message
    )
    assert (
        "no disclose of matched"
        in refused(
            "grants", lambda: activate({Rung.ACTIVATE: both, Rung.DISCLOSE: ["tags.tea"]}, frozenset({"tags.tea"}))
        ).message
    )
    assert "no activate of" in refused("grants", lambda: activate({Rung.DISCLOSE: both})).message


def test_what_the_other_party_may_disclose_is_nobody_elses(drafted: Contract) -> None:
    """The shop's grant lets the feed disclose, not the shop itself."""
    channels = tuple(replace(channel, third_party="google") for channel in drafted.channels)
    wrong = Grant(owner="shop", subject=MATCHED, rung=Rung.DISCLOSE, recipient="feed")
    contract = replace(drafted, channels=channels, grants=(*drafted.grants, wrong))

    permit_activation(contract, "shop", "feed", "platform-ads", frozenset({MATCHED}), universe=Universe.PLATFORM)
    refused(
        "grants",
        lambda: permit_activation(
            contract, "shop", "shop", "member-messages", frozenset({MATCHED}), universe=Universe.MATCHED
        ),
    )


def test_legs_are_counted(drafted: Contract) -> None:
    permit_leg_count(drafted, drafted.legs_per_epoch)
    refused("legs_per_epoch", lambda: permit_leg_count(drafted, drafted.legs_per_epoch + 1))


def insight(*subjects: str, recipient: str = "shop") -> tuple[Grant, ...]:
    owner = "feed" if recipient == "shop" else "shop"
    return tuple(Grant(owner=owner, subject=name, rung=Rung.INSIGHT, recipient=recipient) for name in subjects)


def test_insight_needs_grants_of_its_own_rung(drafted: Contract) -> None:
    for act in (
        lambda: permit_insight(drafted, "shop", (), frozenset()),
        lambda: permit_insight(drafted, "shop", ("tags.age",), frozenset()),
        lambda: permit_insight(drafted, "feed", (), SPEND),
    ):
        assert "insight" in refused("grants", act).message
    contract = replace(drafted, grants=(*drafted.grants, *insight(MATCHED, "tags.age", "tags.tea")))

    permit_insight(contract, "shop", ("tags.age",), OWN_OF_SHOP, tags=("tags.tea",))
    for act in (
        lambda: permit_insight(contract, "shop", ("tags.income",), frozenset()),
        lambda: permit_insight(contract, "shop", ("tags.age",), frozenset({"tags.rich"})),
        lambda: permit_insight(contract, "shop", ("weather.rain",), frozenset()),
        lambda: permit_insight(contract, "feed", ("members.spend_90d",), frozenset()),
    ):
        refused("grants", act)
    refused("parties", lambda: permit_insight(contract, "zone", (), frozenset()))


def test_own_columns_and_tags_need_no_grant_of_insight(drafted: Contract) -> None:
    contract = replace(drafted, grants=insight(MATCHED))

    permit_insight(contract, "shop", ("members.spend_90d",), OWN_OF_SHOP, tags=("members.interests",))
    refused("grants", lambda: permit_insight(contract, "shop", (), frozenset(), tags=("tags.tea",)))


def test_whose_grants_of_tags_are_whose(drafted: Contract) -> None:
    contract = replace(
        drafted, grants=(*insight(MATCHED, "tags", "tags.gender=female"), *insight("members.age", recipient="feed"))
    )

    assert granted_tags(contract, "shop") == {"", "gender=female"}
    assert granted_tags(contract, "feed") == {"age"}
    permit_insight(contract, "shop", (), frozenset(), tags=("tags", "tags.tea"))


def test_weights_tell_about_the_merchants_rows(drafted: Contract) -> None:
    contract = replace(drafted, grants=insight(MATCHED, "members.spend_90d", recipient="feed"))

    permit_lookalike(contract, "shop", SPEND)
    permit_lookalike(contract, "shop", SPEND | {"tags.tea"})
    for subject in (MATCHED, "members.spend_90d"):
        fewer = replace(contract, grants=tuple(grant for grant in contract.grants if grant.subject != subject))
        assert subject in refused("grants", lambda lacking=fewer: permit_lookalike(lacking, "shop", SPEND)).message
    refused("grants", lambda: permit_lookalike(contract, "shop", OWN_OF_SHOP))
    refused("parties", lambda: permit_lookalike(contract, "feed", frozenset()))
    refused("parties", lambda: permit_lookalike(contract, "zone", frozenset()))


def test_who_scores_best_is_the_platforms_to_grant(drafted: Contract) -> None:
    scored = frozenset({MATCHED, LOOKALIKE})
    grants = tuple(
        Grant(owner="feed", subject=LOOKALIKE, rung=rung, recipient="shop")
        for rung in (Rung.SIZE, Rung.USE, Rung.ACTIVATE)
    )
    for index, act in enumerate(
        (
            lambda contract: permit_size(contract, "shop", scored),
            lambda contract: permit_segment(contract, "shop", scored),
            lambda contract: permit_activation(
                contract, "shop", "shop", "member-messages", scored, universe=Universe.MATCHED
            ),
        )
    ):
        column = replace(grants[index], subject="tags.best")
        refused(
            "grants",
            lambda act=act, column=column: act(replace(drafted, grants=(*drafted.grants, column))),
        )
        act(replace(drafted, grants=(*drafted.grants, grants[index])))
    permit_segment(drafted, "feed", scored)


@pytest.mark.parametrize("rung", [Rung.SIZE, Rung.USE])
@pytest.mark.parametrize("recipient", ["shop", "feed"])
@pytest.mark.parametrize("subjects", [OWN_OF_SHOP, SPEND, frozenset({MATCHED, "tags.tea"}), frozenset({"tags.tea"})])
def test_needed_grants_are_all_there_where_it_is_permitted(
    drafted: Contract, subjects: frozenset[str], recipient: str, rung: Rung
) -> None:
    needs = needed_grants(drafted, recipient, subjects, rung)
    permit = {Rung.SIZE: permit_size, Rung.USE: permit_segment}[rung]

    if all(need.clause for need in needs):
        permit(drafted, recipient, subjects)
    else:
        refusal = refused("grants", lambda: permit(drafted, recipient, subjects))
        assert next(need for need in needs if not need.clause).text() in refusal.hint
    for need in needs:
        if need.clause:
            grant = drafted.grants[int(need.clause.removeprefix("grants[").removesuffix("]"))]
            assert grant == Grant(owner=need.owner, subject=need.subject, rung=rung, recipient=recipient)
    own = drafted.party(recipient).kind.namespace
    assert {need.subject for need in needs} == {subject for subject in subjects if subject.partition(".")[0] != own}


def test_nobody_owns_other_columns(drafted: Contract) -> None:
    refused("grants", lambda: needed_grants(drafted, "shop", frozenset({"orders.sum"}), Rung.USE))
    refused("parties", lambda: needed_grants(drafted, "zone", SPEND, Rung.USE))
