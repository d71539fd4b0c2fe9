"""``miyun segment explain`` and ``estimate``."""

from collections.abc import Sequence
from typing import Any

import pytest

from miyun.contract.model import Universe
from miyun.party.estimates import SizeEstimate
from miyun.segments.expansion import Meaning, expand
from miyun.segments.explaining import Explanation, explained
from miyun.segments.parser import parse
from miyun.segments.planning import plan
from miyun.segments.quotes import LegQuote, OwnerQuote, SegmentQuote, ToldSize
from tests.cli import samples
from tests.cli.conftest import Miyun, Standin

CONTRACT = samples.contract()
VIP = Meaning(universe=Universe.MATCHED, expression=parse("members.tier = 'gold'"))
TOLD = ToldSize(at_least=100, below=200, at=samples.AT)


def explanation(
    definition: str = "vip and tags.tea", *, asked: Sequence[str] = (), told: ToldSize | None = None, epoch: int = 2
) -> Explanation:
    """What the shop would be told by a zone that has been asked these predicates."""
    expression = parse(definition)
    meant = expand(expression, Universe.MATCHED, {"vip": VIP})
    planned = plan(expression)
    legs = ((CONTRACT.owner_of(leg.namespace).name, leg.predicate.text()) for leg in planned.legs)
    quote = SegmentQuote(
        contract="spring",
        contract_digest=CONTRACT.digest(),
        definition=expression.text(),
        universe=Universe.MATCHED,
        meaning=meant.expression.text(),
        epoch=epoch,
        sequence=0,
        legs=tuple(LegQuote(party=party, predicate=text, asked=text in asked) for party, text in legs),
        owners=tuple(
            OwnerQuote(
                party=party.name,
                legs=CONTRACT.legs_per_epoch,
                rho_micro=0 if told else 1_000,
                leased_micro=40_000,
                left_micro=900_000,
            )
            for party in CONTRACT.parties
        ),
        told=told,
        until=CONTRACT.expires,
        at=samples.AT,
    )
    return explained(CONTRACT, "shop", quote, planned, plan(meant.expression))


def test_a_plan_is_shown_to_people(party: Standin, miyun: Miyun) -> None:
    party.answers["segments.explain"] = explanation()

    said = miyun("segment", "explain", "spring", "tags.tea and vip").out

    assert party.calls == [("segments.explain", ("spring", "tags.tea and vip"), {"universe": "matched", "points": {}})]
    assert "members.tier = 'gold' and tags.tea" in said
    limit = CONTRACT.legs_per_epoch
    assert f"{limit} and 1 new, of {limit}: too many" in said
    assert f"{limit} and 0 new, of {limit} " in said
    assert "ρ = 0.001" in said
    assert "ρ = 0.9" in said
    assert "these grants as well:\n  owner square, subject tags.tea, rung use" in said
    assert "whether the row satisfies “tags.tea”" in said
    assert "grants[" in said
    assert "是否满足“tags.tea”" in miyun("segment", "explain", "spring", "vip and tags.tea", "--lang", "zh").out


def test_what_is_free_is_said_to_be(party: Standin, miyun: Miyun) -> None:
    party.answers["segments.explain"] = explanation(asked=["tags.tea"], told=TOLD)

    said = miyun("segment", "explain", "spring", "vip and tags.tea").out

    assert "100 to 199, told at 2026-11-22 08:30 UTC" in said
    assert "asked before" in said
    assert "a predicate that it was not told in this epoch before" in said
    assert "too many" not in said


def test_before_a_fusion_and_without_legs_there_is_a_plan_too(party: Standin, miyun: Miyun) -> None:
    party.answers["segments.explain"] = explanation("vip", epoch=0)
    said = miyun("segment", "explain", "spring", "vip").out
    assert "none: nothing is fused yet" in said
    assert "No owner evaluates anything" in said


def test_a_plan_for_scripts_has_everything(party: Standin, miyun: Miyun) -> None:
    party.answers["segments.explain"] = explanation(told=TOLD)

    document = miyun("segment", "explain", "spring", "vip and tags.tea", "--json").document

    assert (document["definition"], document["segments"]) == ("tags.tea and vip", ["vip"])
    assert document["meaning"] == "members.tier = 'gold' and tags.tea"
    assert document["subjects"] == ["matched", "members.tier", "tags.tea"]
    assert document["legs"] == [{"party": "square", "predicate": "tags.tea", "asked": False}]
    assert document["told"] == {"at_least": 100, "below": 200, "at": "2026-11-22T08:30:00Z"}
    assert {share["party"]: share["legs_new"] for share in document["owners"]} == {"shop": 0, "square": 1}
    needs = {(need["rung"], need["subject"], need["recipient"]): need["clause"] for need in document["needs"]}
    assert needs["use", "tags.tea", "shop"] == ""
    assert needs["use", "matched", "shop"].startswith("grants[")
    assert {line["who"] for line in document["learns"]} == {"zone", "party", "zone-and-merchant"}


def test_an_estimate_says_what_it_costs_before_it_is_asked(party: Standin, miyun: Miyun) -> None:
    party.answers["segments.explain"] = explanation()
    party.answers["estimate"] = SizeEstimate(
        contract="spring",
        definition="tags.tea and vip",
        universe=Universe.MATCHED,
        epoch=2,
        at_least=100,
        below=200,
        at=samples.AT,
        rho_micro=1_000,
    )

    outcome = miyun("segment", "estimate", "spring", "vip and tags.tea")
    document = miyun("segment", "estimate", "spring", "vip and tags.tea", "--json").document

    assert outcome.err.splitlines()[0] == "Costs shop ρ = 0.001 of ρ = 0.9, square ρ = 0.001 of ρ = 0.9."
    assert "100 to 199" in outcome.out
    assert (document["at_least"], document["below"], document["rho_micro"]) == (100, 200, 1_000)
    assert [call[0] for call in party.calls] == ["segments.explain", "estimate"] * 2


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_an_estimate_can_be_quoted_alone(options: tuple[str, ...], party: Standin, miyun: Miyun) -> None:
    party.answers["segments.explain"] = explanation()

    outcome = miyun("segment", "estimate", "spring", "vip and tags.tea", "--universe", "platform", "--quote", *options)

    assert party.calls == [("segments.explain", ("spring", "vip and tags.tea"), {"universe": "platform", "points": {}})]
    if options:
        assert [share["rho_micro"] for share in outcome.document] == [1_000, 1_000]
    else:
        assert "ρ = 0.04" in outcome.out


def test_an_estimate_that_was_told_is_free(party: Standin, miyun: Miyun) -> None:
    def estimated(*_: Any, **__: Any) -> SizeEstimate:
        return SizeEstimate(
            contract="spring",
            definition="tags.tea and vip",
            universe=Universe.MATCHED,
            epoch=2,
            at_least=5_000,
            below=None,
            at=samples.AT,
            rho_micro=0,
        )

    party.answers["segments.explain"] = explanation(told=TOLD)
    party.answers["estimate"] = estimated

    outcome = miyun("segment", "estimate", "spring", "vip and tags.tea")

    assert outcome.err.startswith("It was told before, and costs nothing.")
    assert "at least 5,000" in outcome.out
    assert "nothing: told before" in outcome.out


@pytest.mark.parametrize("command", ["explain", "estimate"])
def test_a_slip_of_the_pen_is_told_before_the_home_is_opened(command: str, miyun: Miyun) -> None:
    outcome = miyun("segment", command, "spring", "members.a and")
    assert outcome.status == 2
    assert "^" in outcome.err
