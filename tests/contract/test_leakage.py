"""The statement says all that the contract allows, and changes with it."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from miyun.aggregates.question import MOST_SEGMENTS
from miyun.contract.leakage import Language, LeakageLine, Who, leakage, render
from miyun.contract.model import (
    LOOKALIKE,
    MATCHED,
    PAIR_BUYERS,
    Channel,
    Consent,
    Contract,
    Domain,
    Grant,
    IdentifierTerms,
    Rung,
)
from miyun.privacy.accounting import epsilon
from miyun.privacy.noise import scale_for

LANGUAGES: tuple[Language, Language] = ("en", "zh")
CHINESE = re.compile("[\u4e00-\u9fff]")


def statement(contract: Contract, language: Language) -> str:
    """The text without the line that names the contract's digest, which changes with everything."""
    return render([line for line in leakage(contract) if line.clause != "id"], language)


def lines_of(contract: Contract, who: Who) -> list[LeakageLine]:
    return [line for line in leakage(contract) if line.who is who]


def resolve(contract: Contract, path: str) -> object:
    value: Any = contract.to_plain()
    for part in re.findall(r"\w+", path):
        value = value[int(part) if part.isdigit() else part]
    return value


CHANGES: dict[str, Callable[[Contract], Contract]] = {
    "zone.organisation": lambda c: replace(c, zone=replace(c.zone, organisation="Other Ltd")),
    "zone.name": lambda c: replace(c, zone=replace(c.zone, name="zone-2")),
    "parties[0].name": lambda c: replace(c, parties=(replace(c.parties[0], name="shop-2"), c.parties[1])),
    "parties[1].organisation": lambda c: replace(
        c, parties=(c.parties[0], replace(c.parties[1], organisation="New Inc"))
    ),
    "identifiers[0].evaluation_cap": lambda c: replace(
        c, identifiers=(replace(c.identifiers[0], evaluation_cap=c.identifiers[0].evaluation_cap + 1), c.identifiers[1])
    ),
    "identifiers[1].profile": lambda c: replace(
        c, identifiers=(c.identifiers[0], replace(c.identifiers[1], profile="uid2"))
    ),
    "identifiers order": lambda c: replace(c, identifiers=c.identifiers[::-1]),
    "identifiers more": lambda c: replace(
        c, identifiers=(*c.identifiers, IdentifierTerms(type="oaid", profile="oaid", evaluation_cap=5))
    ),
    "budget.rho_micro": lambda c: replace(c, budget=replace(c.budget, rho_micro=200_000)),
    "budget.size_rho_micro": lambda c: replace(c, budget=replace(c.budget, size_rho_micro=2_000)),
    "budget.match_report_rho_micro": lambda c: replace(c, budget=replace(c.budget, match_report_rho_micro=5_000)),
    "budget.lease_rho_micro": lambda c: replace(c, budget=replace(c.budget, lease_rho_micro=30_000)),
    "budget.delta_exponent": lambda c: replace(c, budget=replace(c.budget, delta_exponent=6)),
    "budget.suppress_below": lambda c: replace(c, budget=replace(c.budget, suppress_below=50)),
    "budget.suppress_below none": lambda c: replace(c, budget=replace(c.budget, suppress_below=0)),
    "channels fewer": lambda c: replace(c, channels=c.channels[:1]),
    "channels more": lambda c: replace(
        c, channels=(*c.channels, Channel(name="coupons", domain=Domain.PRIVATE, recipient="shop"))
    ),
    "channels[0].domain": lambda c: replace(c, channels=(replace(c.channels[0], domain=Domain.PUBLIC), c.channels[1])),
    "channels[0].recipient": lambda c: replace(c, channels=(replace(c.channels[0], recipient="feed"), c.channels[1])),
    "channels[0].third_party": lambda c: replace(
        c, channels=(replace(c.channels[0], third_party="google"), c.channels[1])
    ),
    "consent.required": lambda c: replace(c, consent=replace(c.consent, required=False)),
    "consent.purposes": lambda c: replace(c, consent=Consent(required=True, purposes=("marketing", "research"))),
    "padding_bucket": lambda c: replace(c, padding_bucket=500),
    "padding_bucket none": lambda c: replace(c, padding_bucket=1),
    "delta_bucket": lambda c: replace(c, delta_bucket=1_000),
    "legs_per_epoch": lambda c: replace(c, legs_per_epoch=17),
    "location_radius_min": lambda c: replace(c, location_radius_min=600),
    "location_grid": lambda c: replace(c, location_grid=100),
    "retention_days": lambda c: replace(c, retention_days=31),
    "starts": lambda c: replace(c, starts=c.starts + timedelta(seconds=1)),
    "expires": lambda c: replace(c, expires=c.expires + timedelta(seconds=1)),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("clause", CHANGES)
def test_each_clause_that_matters_changes_the_text(drafted: Contract, clause: str, language: Language) -> None:
    assert statement(CHANGES[clause](drafted), language) != statement(drafted, language)


def test_no_clause_was_forgotten(drafted: Contract) -> None:
    changed = {re.split(r"[.\[ ]", clause)[0] for clause in CHANGES}

    assert set(drafted.to_plain()) - changed == {"id", "grants"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("subject", [MATCHED, "column"])
@pytest.mark.parametrize(("owner", "recipient"), [("shop", "feed"), ("feed", "shop")])
@pytest.mark.parametrize("rung", Rung)
def test_each_grant_changes_the_text(
    drafted: Contract, owner: str, recipient: str, subject: str, rung: Rung, language: Language
) -> None:
    namespace = drafted.party(owner).kind.namespace
    grant = Grant(
        owner=owner, recipient=recipient, rung=rung, subject=MATCHED if subject == MATCHED else f"{namespace}.vip"
    )
    bare = replace(drafted, grants=())
    granted = replace(bare, grants=(grant,))

    (line, *_) = [line for line in leakage(granted) if line.clause == "grants[0]"]

    assert line.who is Who.PARTY
    assert line.name.en.startswith(recipient)
    assert owner in line.learns.in_language(language)
    assert statement(granted, language) != statement(bare, language)
    if subject != MATCHED:
        assert grant.subject in line.learns.in_language(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_grants_read_the_same(drafted: Contract, language: Language) -> None:
    grants = tuple(
        Grant(owner=owner, recipient=recipient, subject=subject, rung=rung)
        for (owner, recipient, column), rung in product(
            [("shop", "feed", "members.vip"), ("feed", "shop", "tags.vip")], Rung
        )
        for subject in (MATCHED, column)
    )
    contract = replace(drafted, grants=grants)

    lines = [line for line in leakage(contract) if line.who is Who.PARTY and line.clause.startswith("grants[")]

    assert {line.clause for line in lines} == {f"grants[{index}]" for index in range(len(grants))}
    assert len({line.learns.in_language(language) for line in lines}) == len(lines)


def test_removing_any_grant_of_a_draft_changes_the_text(drafted: Contract) -> None:
    for index in range(len(drafted.grants)):
        fewer = replace(drafted, grants=drafted.grants[:index] + drafted.grants[index + 1 :])
        for language in LANGUAGES:
            assert statement(fewer, language) != statement(drafted, language)


def test_exact_lists_are_said_aloud_and_outside_differential_privacy(drafted: Contract) -> None:
    bare = replace(drafted, grants=())
    lists = [line for line in lines_of(drafted, Who.PARTY) if "exact list" in line.learns.en]

    assert [line.clause for line in lists] == ["grants[2]", "grants[5]"]
    assert all(line.loud and "Outside differential privacy" in line.learns.en for line in lists)
    assert all("差分隐私之外" in line.learns.zh for line in lists)
    assert "exact list" not in render(leakage(bare), "en")


def test_opt_outs_are_called_a_disclosure_to_whom_lists_go(drafted: Contract) -> None:
    told = [line for line in leakage(drafted) if "Subtraction is disclosure" in line.learns.en]

    assert [(line.clause, line.loud) for line in told] == [("grants[2]", True), ("grants[5]", True)]
    assert "shop can learn who opted out" in told[0].learns.en
    assert "feed 可能得知谁已退订" in told[1].learns.zh


def test_a_platform_sees_who_is_taken_away_from_lists_that_it_knows(
    drafted: Contract, without_grant: Callable[..., Contract]
) -> None:
    contract = without_grant(owner="shop", subject=MATCHED, rung="activate", recipient="feed")

    (told,) = [line for line in leakage(drafted) if "cut from all of feed's rows" in line.learns.en]

    assert (told.who, told.loud, resolve(drafted, told.clause)) == (
        Who.PARTY,
        True,
        {"owner": "shop", "subject": MATCHED, "rung": "activate", "recipient": "feed"},
    )
    assert not [line for line in leakage(contract) if "cut from all of feed's rows" in line.learns.en]


def test_sizes_of_the_platforms_rows_say_whom_they_cost_and_what_padding_counts(drafted: Contract) -> None:
    def told(contract: Contract) -> str:
        (line,) = [line for line in leakage(contract) if "universe “platform”" in line.learns.en and not line.loud]
        return line.learns.en

    rho = drafted.budget.size_rho_micro
    padded, bare = told(drafted), told(replace(drafted, padding_bucket=1))

    assert f"up to {3 * (drafted.padding_bucket - 1):,} rows" in padded
    assert f"deviation {scale_for(rho, 2):.1f}, costs feed alone" in padded
    assert f"{scale_for(rho, 3):.1f}, and it costs both" in padded
    assert "padding" not in bare
    assert f"deviation {scale_for(rho, 1):.1f}, costs feed alone" in bare


def test_a_platform_that_hosts_the_zone_is_said_aloud(drafted: Contract, hosted: Contract) -> None:
    (loud, *_) = lines_of(hosted, Who.ZONE_AND_PLATFORM)
    (quiet, *_) = lines_of(drafted, Who.ZONE_AND_PLATFORM)

    assert loud.loud
    assert "FEED  Inc operates both the zone and the platform" in loud.learns.en
    assert "FEED  Inc 同时运营融合区与平台" in loud.learns.zh
    assert not quiet.loud
    assert "Different organisations" in quiet.learns.en
    assert not any(line.loud for line in lines_of(hosted, Who.ZONE_AND_MERCHANT))


def test_a_merchant_that_hosts_the_zone_is_said_aloud(drafted: Contract) -> None:
    contract = replace(drafted, zone=replace(drafted.zone, organisation="tea shop ag"))

    (loud, *_) = lines_of(contract, Who.ZONE_AND_MERCHANT)

    assert loud.loud
    assert "operates both the zone and the merchant" in loud.learns.en


@pytest.mark.parametrize(
    ("cap", "share"),
    [(10_000_000, "0.1 %"), (1, "0.00000001 %"), (123_456, "0.00123456 %"), (9_999_999_999, "99.99999999 %")],
)
def test_caps_are_a_share_of_all_phone_numbers(drafted: Contract, cap: int, share: str) -> None:
    contract = replace(drafted, identifiers=(replace(drafted.identifiers[0], evaluation_cap=cap),))

    for who in (Who.ZONE_AND_PLATFORM, Who.ZONE_AND_MERCHANT):
        (line,) = [line for line in lines_of(contract, who) if line.clause == "identifiers[0].evaluation_cap"]
        assert f"{cap:,}" in line.learns.en
        assert f" {share} of ten billion" in line.learns.en
        assert f"一百亿个手机号的 {share}" in line.learns.zh
        assert not line.loud


def test_a_cap_that_holds_nothing_back_is_said_aloud(drafted: Contract) -> None:
    contract = replace(drafted, identifiers=(replace(drafted.identifiers[0], evaluation_cap=10**10),))

    (line,) = [x for x in lines_of(contract, Who.ZONE_AND_PLATFORM) if x.clause == "identifiers[0].evaluation_cap"]

    assert line.loud
    assert "EVERY phone" in line.learns.en


def test_the_budget_is_stated_as_epsilon_and_delta(drafted: Contract) -> None:
    text = render(leakage(drafted), "en")

    assert f"ε = {epsilon(100_000, 9):.2f} and δ = 10^-9" in text
    assert f"alone ε = {epsilon(1_000, 9):.2f}; the budget holds 100 such answers" in text
    assert f"alone ε = {epsilon(2_500, 9):.2f}" in text


def test_a_weak_budget_is_said_aloud(drafted: Contract) -> None:
    weak = replace(drafted, budget=replace(drafted.budget, rho_micro=5_000_000))

    def loud(contract: Contract) -> bool:
        return next(line for line in leakage(contract) if line.clause == "budget.rho_micro").loud

    assert loud(weak)
    assert not loud(drafted)


def test_analysts_learn_sizes_only_with_a_grant(drafted: Contract, without_grant: Callable[..., Contract]) -> None:
    contract = without_grant(owner="feed", subject=MATCHED, rung="size", recipient="shop")

    by_shop, by_feed = lines_of(contract, Who.ANALYST)

    assert by_shop.learns.en.startswith("They learn nothing of the match")
    assert "no row, no handle, no exact count" in by_feed.learns.en
    assert "no row, no handle, no exact count" in lines_of(drafted, Who.ANALYST)[0].learns.en


def test_everybody_is_in_the_statement(drafted: Contract) -> None:
    assert {line.who for line in leakage(drafted)} == set(Who) - {Who.THIRD_PARTY}
    assert {line.who for line in leakage(disclosing(drafted, "google"))} == set(Who)
    assert {line.name.en for line in lines_of(drafted, Who.PARTY)} == {
        "shop, the merchant (Tea Shop AG)",
        "feed, the platform (Feed Inc)",
    }


def test_every_line_names_a_clause_that_is_there(drafted: Contract, hosted: Contract) -> None:
    for contract in (drafted, hosted, disclosing(drafted, "google"), replace(drafted, grants=(), channels=())):
        for line in leakage(contract):
            resolve(contract, line.clause)


def numbers(words: str) -> set[str]:
    """The figures in a text, but for how each language says “95 %”."""
    for phrase in ("19 times in 20", "95%"):
        words = words.replace(phrase, "")
    return set(re.findall(r"\d[\d,.]*\d|\d", words))


def test_both_languages_say_as_much(drafted: Contract, hosted: Contract) -> None:
    to_buyers = disclosing(drafted, PAIR_BUYERS, MATCHED, "tags.tea")
    to_both = disclosing(to_buyers, "google")
    for contract in (
        *(drafted, hosted, disclosing(drafted, "google"), disclosing(drafted, "google", MATCHED)),
        *(to_buyers, to_both),
    ):
        for line in leakage(contract):
            assert not CHINESE.search(line.learns.en + line.when.en + line.name.en)
            assert CHINESE.search(line.learns.zh)
            assert CHINESE.search(line.when.zh)
            assert numbers(line.learns.en) == numbers(line.learns.zh)


def test_the_text_has_a_heading_for_each_who_learns(drafted: Contract) -> None:
    contract = disclosing(disclosing(drafted, "google", MATCHED), "meta", "tags.tea")
    for language in LANGUAGES:
        lines = leakage(contract)
        text = render(lines, language)
        for line in lines:
            assert text.count(f"\n{line.name.in_language(language)}\n") == 1
        assert text.count("\n  - ") == len(lines)
        assert text.count("[clause " if language == "en" else "[条款 ") == len(lines)


def asking(contract: Contract, *subjects: str) -> Contract:
    grants = [Grant(owner="feed", subject=subject, rung=Rung.INSIGHT, recipient="shop") for subject in subjects]
    return replace(contract, grants=(*contract.grants, *grants))


def test_what_insight_rests_on_is_said_where_it_is_granted(drafted: Contract) -> None:
    asked = asking(drafted, MATCHED, "tags", "tags.tea")

    new = [line for line in leakage(asked) if line.clause != "id" and line not in leakage(drafted)]

    assert [line.clause for line in new if line.who is Who.EVERYBODY] == [
        *("budget.rho_micro", "grants"),
        "grants",  # sums past the zone
    ]
    assert "read single rows through the noise" in new[1].learns.en
    whole, tea = (line.learns for line in new if line.clause in {"grants[10]", "grants[11]"})
    assert "all of feed's catalogue of tags (tags) but the sensitive ones" in whole.en
    assert "tags.tea, and if that is a tag over everything below it" in tea.en
    for line in new:
        assert not CHINESE.search(line.learns.en)
        assert CHINESE.search(line.learns.zh)
        assert numbers(line.learns.en) == numbers(line.learns.zh)
        resolve(asked, line.clause)


def test_as_many_segments_are_stated_as_a_question_takes(drafted: Contract) -> None:
    assert f"up to {MOST_SEGMENTS} segments" in statement(drafted, "en")


def test_what_parties_compute_past_the_zone_is_said_where_it_is_granted(drafted: Contract) -> None:
    def told(contract: Contract) -> str:
        return " ".join(line.learns.en for line in leakage(contract) if "In such a run" in line.learns.en)

    assert "noisy sums" not in told(drafted)
    assert "noisy sums" in told(asking(drafted, MATCHED))
    of_match = (MATCHED, Rung.SIZE)
    none = replace(drafted, grants=tuple(one for one in drafted.grants if (one.subject, one.rung) != of_match))
    assert told(none) == ""
    exact = Grant(owner="feed", subject=MATCHED, rung=Rung.EXACT_SIZE, recipient="shop")
    assert told(replace(none, grants=(*none.grants, exact)))
    text = statement(replace(drafted, padding_bucket=77), "zh")
    assert "77 的倍数" in text
    assert "哑元" in text


def test_what_lookalikes_tell_is_said_where_they_are_granted(drafted: Contract) -> None:
    weights = Grant(owner="shop", subject=MATCHED, rung=Rung.INSIGHT, recipient="feed")
    best = [
        Grant(owner="feed", subject=LOOKALIKE, rung=rung, recipient="shop")
        for rung in (Rung.SIZE, Rung.USE, Rung.ACTIVATE)
    ]
    contract = replace(drafted, grants=(weights, *best))

    lines = [line for line in leakage(contract) if line.clause.startswith("grants[")]
    (received,) = [line for line in lines if "weights of each lookalike" in line.learns.en]
    scored = [line for line in lines if "score best by a lookalike" in line.learns.en]

    assert (received.clause, received.name.en) == ("grants[0]", "feed, the platform (Feed Inc)")
    assert "knows the noise that it added itself" in received.learns.en
    assert [line.clause for line in scored] == ["grants[1]", "grants[2]", "grants[3]"]
    assert [line.loud for line in scored] == [False, False, True]
    assert all("weights of its own making" in line.learns.en and "自拟权重" in line.learns.zh for line in scored)
    assert len({line.learns for line in scored}) == 3
    for line in (received, *scored):
        assert not CHINESE.search(line.learns.en)
        assert CHINESE.search(line.learns.zh)


def test_weights_go_to_the_platform_only(drafted: Contract) -> None:
    assert "weights of each lookalike" not in render(leakage(asking(drafted, MATCHED)), "en")


def disclosing(contract: Contract, third_party: str, *subjects: str) -> Contract:
    channel = Channel(name=f"ads-{third_party}", domain=Domain.PUBLIC, recipient="shop", third_party=third_party)
    grants = [Grant(owner="feed", subject=subject, rung=Rung.DISCLOSE, recipient="shop") for subject in subjects]
    return replace(contract, channels=(*contract.channels, channel), grants=(*contract.grants, *grants))


def test_a_third_party_is_named_aloud_with_what_its_hashes_are_worth(drafted: Contract) -> None:
    contract = disclosing(drafted, "google", MATCHED, "tags.tea")
    received, match, column = lines_of(contract, Who.THIRD_PARTY)

    assert {line.name.en.partition(",")[0] for line in (received, match, column)} == {"google"}
    assert all(line.loud for line in (received, match, column))
    assert "whoever holds a list of identifiers hashes it too" in received.learns.en
    assert "谁持有标识清单" in received.learns.zh
    assert "both feed and shop have them" in match.learns.en
    assert "tags.tea" in column.learns.en
    told = [line for line in lines_of(contract, Who.PARTY) if line.loud and "google" in line.learns.en]
    assert [line.clause for line in told] == ["grants[9]", "grants[10]", "channels[2]"]
    assert all("google" in line.learns.zh for line in told)


def test_buyers_who_see_pair_ids_are_told_of_as_such(drafted: Contract) -> None:
    contract = disclosing(drafted, PAIR_BUYERS, MATCHED, "tags.tea")
    received, match, column = lines_of(contract, Who.THIRD_PARTY)

    assert "can't test whose it is" in received.learns.en
    assert "people can be followed" in received.learns.en
    assert all("behind each of these ids" in line.learns.en for line in (match, column))
    both = disclosing(contract, "google")
    told = [line.learns for line in lines_of(contract, Who.PARTY) if PAIR_BUYERS in line.learns.en]
    assert len(told) == 3
    for line in (*lines_of(contract, Who.THIRD_PARTY), *(line for line in leakage(contract) if line.learns in told)):
        assert "hash" not in line.learns.en
        assert "哈希" not in line.learns.zh
    (match, _) = [line.learns for line in lines_of(both, Who.PARTY) if "google. Whoever gets hashes" in line.learns.en]
    assert "as PAIR ids, to pair-buyers" in match.en
    assert "PAIR 标识的形式发送给 pair-buyers" in match.zh


def test_a_third_party_without_a_grant_gets_nothing(drafted: Contract) -> None:
    for contract in (disclosing(drafted, "google"), disclosing(drafted, "google", "tags.tea")):
        assert "gets nothing: feed does not grant shop" in lines_of(contract, Who.THIRD_PARTY)[0].learns.en
    other = replace(
        disclosing(drafted, "google"),
        grants=(Grant(owner="shop", subject=MATCHED, rung=Rung.DISCLOSE, recipient="feed"),),
    )
    assert "gets nothing" in lines_of(other, Who.THIRD_PARTY)[0].learns.en, "it is the feed that may, not the shop"
    assert "to nobody" in render(leakage(other), "en")


def test_each_third_party_has_a_heading_of_its_own(drafted: Contract) -> None:
    contract = disclosing(disclosing(drafted, "google", MATCHED), "meta")
    names = [line.name.en.partition(",")[0] for line in lines_of(contract, Who.THIRD_PARTY)]

    assert names == ["google", "google", "meta", "meta"]
