from datetime import UTC, datetime
from typing import Any

import pytest

from miyun.contract.draft import DEFAULT_BUDGET, DEFAULT_EVALUATION_CAP, draft_contract
from miyun.contract.model import (
    LOOKALIKE,
    MATCHED,
    Channel,
    Contract,
    Domain,
    IdentifierTerms,
    Rung,
    Universe,
)
from miyun.contract.permissions import permit_activation, permit_segment, permit_size
from miyun.errors import ContractError, InputError, NotPermittedError
from miyun.keys.identity import Identity
from miyun.privacy.accounting import epsilon

PHONE = IdentifierTerms(type="phone", profile="e164-cn", evaluation_cap=DEFAULT_EVALUATION_CAP)
EXPIRES = datetime(2099, 1, 1, tzinfo=UTC)


def test_a_draft_permits_the_main_job(drafted: Contract) -> None:
    for party, channel in (("shop", "member-messages"), ("feed", "platform-ads")):
        permit_size(drafted, party, frozenset({MATCHED}))
        permit_segment(drafted, party, frozenset({MATCHED}))
        permit_activation(drafted, "shop", party, channel, frozenset({MATCHED}), universe=Universe.MATCHED)


def test_a_draft_discloses_no_column_that_was_not_listed(identities: dict[str, Identity]) -> None:
    contract = draft_contract(id="spring-2027", **identities, identifiers=[PHONE], expires=EXPIRES)

    assert {grant.subject for grant in contract.grants} == {MATCHED}
    with pytest.raises(NotPermittedError):
        permit_activation(
            contract,
            "shop",
            "feed",
            "platform-ads",
            frozenset({MATCHED, "members.spend_90d"}),
            universe=Universe.MATCHED,
        )


def test_a_draft_grants_insights_of_what_is_named_and_of_the_match(identities: dict[str, Identity]) -> None:
    def granted(*insights: str) -> set[tuple[str, str, str]]:
        contract = draft_contract(
            id="spring-2027", **identities, identifiers=[PHONE], expires=EXPIRES, insights=insights
        )
        of = [grant for grant in contract.grants if grant.rung is Rung.INSIGHT]
        return {(grant.owner, grant.subject, grant.recipient) for grant in of}

    assert granted() == set()
    assert granted("tags") == {("feed", "matched", "shop"), ("feed", "tags", "shop")}
    assert granted("members.spend", "tags.tea", "tags.tea") == {
        ("feed", "matched", "shop"),
        ("feed", "tags.tea", "shop"),
        ("shop", "matched", "feed"),
        ("shop", "members.spend", "feed"),
    }
    assert granted("matched") == {("feed", "matched", "shop"), ("shop", "matched", "feed")}
    with pytest.raises(InputError):
        granted("tag.tea")


def test_lookalikes_are_drafted_where_they_are_wanted(identities: dict[str, Identity]) -> None:
    def granted(**choices: Any) -> set[tuple[str, str, str]]:
        contract = draft_contract(
            id="spring-2027", **identities, identifiers=[PHONE], expires=EXPIRES, columns=["spend"], **choices
        )
        return {(grant.owner, grant.subject, grant.rung) for grant in contract.grants}

    assert granted(lookalikes=True) - granted() == {
        ("feed", LOOKALIKE, Rung.SIZE),
        ("feed", LOOKALIKE, Rung.USE),
        ("shop", MATCHED, Rung.INSIGHT),
        ("shop", "members.spend", Rung.INSIGHT),
    }
    assert granted(lookalikes=True, insights=["matched", "members.spend"]) >= granted(lookalikes=True)


def test_exact_sizes_are_drafted_to_whom_they_are_said_for(identities: dict[str, Identity]) -> None:
    def granted(*exact_sizes: tuple[str, str]) -> set[tuple[str, str, str]]:
        contract = draft_contract(
            id="spring-2027", **identities, identifiers=[PHONE], expires=EXPIRES, exact_sizes=exact_sizes
        )
        of = [grant for grant in contract.grants if grant.rung is Rung.EXACT_SIZE]
        return {(grant.owner, grant.subject, grant.recipient) for grant in of}

    assert granted() == set()
    assert granted(("shop", MATCHED)) == {("feed", MATCHED, "shop")}
    both = granted(("feed", "members.spend"), ("shop", MATCHED), ("feed", MATCHED))
    assert both == {("feed", MATCHED, "shop"), ("shop", MATCHED, "feed"), ("shop", "members.spend", "feed")}
    with pytest.raises(InputError, match="no party"):
        granted(("zone", MATCHED))
    with pytest.raises(ContractError):
        granted(("shop", "members.spend"))


def test_disclosures_are_drafted_to_whoever_has_a_channel_with_a_third_party(identities: dict[str, Identity]) -> None:
    def granted(*disclosures: str, sender: str = "shop") -> set[tuple[str, str, str]]:
        channels = [Channel(name="search", domain=Domain.PUBLIC, recipient=sender, third_party="google")]
        contract = draft_contract(
            id="spring-2027",
            **identities,
            identifiers=[PHONE],
            expires=EXPIRES,
            channels=channels,
            disclosures=disclosures,
        )
        of = [grant for grant in contract.grants if grant.rung is Rung.DISCLOSE]
        return {(grant.owner, grant.subject, grant.recipient) for grant in of}

    assert granted() == set()
    assert granted(MATCHED) == {("feed", MATCHED, "shop")}
    assert granted("tags.tea") == {("feed", MATCHED, "shop"), ("feed", "tags.tea", "shop")}
    assert granted("members.spend", sender="feed") == {("shop", MATCHED, "feed"), ("shop", "members.spend", "feed")}
    with pytest.raises(InputError, match=r"members\.spend on to a third party"):
        granted("members.spend")
    with pytest.raises(InputError, match="third party"):
        draft_contract(id="spring-2027", **identities, identifiers=[PHONE], expires=EXPIRES, disclosures=[MATCHED])


def test_defaults_err_on_the_safe_side(identities: dict[str, Identity]) -> None:
    contract = draft_contract(id="spring-2027", **identities, identifiers=[PHONE], expires=EXPIRES)

    assert contract.consent.required
    assert contract.padding_bucket > 1
    assert DEFAULT_EVALUATION_CAP <= 10**10 // 1_000
    assert epsilon(DEFAULT_BUDGET.rho_micro, DEFAULT_BUDGET.delta_exponent) < 3
    room = DEFAULT_BUDGET.match_report_rho_micro + 10 * DEFAULT_BUDGET.size_rho_micro
    assert DEFAULT_BUDGET.lease_rho_micro >= room


@pytest.mark.parametrize(
    "swapped",
    [("zone", "merchant"), ("merchant", "platform"), ("platform", "zone")],
)
def test_identities_must_fit_their_place(identities: dict[str, Identity], swapped: tuple[str, str]) -> None:
    one, other = swapped
    wrong = identities | {one: identities[other], other: identities[one]}

    with pytest.raises(InputError):
        draft_contract(id="spring-2027", **wrong, identifiers=[PHONE], expires=EXPIRES)


def test_locations_are_drafted_for_sizes_and_use_and_for_no_list(identities: dict[str, Identity]) -> None:
    def granted(*locations: str) -> set[tuple[str, str, str]]:
        contract = draft_contract(
            id="spring-2027", **identities, identifiers=[PHONE], expires=EXPIRES, locations=locations
        )
        return {(grant.owner, grant.subject, grant.rung) for grant in contract.grants}

    assert granted("tags.home", "members.store") - granted() == {
        (owner, subject, rung)
        for owner, subject in (("feed", "tags.home.location"), ("shop", "members.store.location"))
        for rung in (Rung.SIZE, Rung.USE)
    }
    with pytest.raises(InputError, match="belongs to no party"):
        granted("home")
