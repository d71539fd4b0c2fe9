"""Every number of docs/privacy-budget.md, computed again from the code that releases."""

import math
import re
from pathlib import Path

import numpy as np

import miyun
from miyun.aggregates.question import Question
from miyun.aggregates.statements import Circuit, NumberRange
from miyun.contract.draft import DEFAULT_BUDGET
from miyun.contract.leakage.releases import WEAK_EPSILON
from miyun.insight.estimates import deviations
from miyun.insight.formats import Measure, written
from miyun.insight.lift import Group, Lift
from miyun.insight.proportions import Proportions
from miyun.insight.sums import mean_difference
from miyun.insight.totals import NumberTotals
from miyun.party.config import PrivacyConfig
from miyun.privacy.accounting import epsilon
from miyun.privacy.noise import MICRO, scale_for
from miyun.privacy.sensitivity import match_report_l2, size

PAGE = Path(miyun.__file__).parent.parent / "docs" / "privacy-budget.md"
DELTA = DEFAULT_BUDGET.delta_exponent
TYPES = 2
Z = deviations(0.95)


def eps(rho_micro: int) -> str:
    return f"{epsilon(rho_micro, DELTA):.2f}"


def guesses(rho_micro: int) -> str:
    """Of 100 guesses at even odds, at most so many right: ½ + ½·TV, TV ≤ √(KL/2) (Pinsker), KL ≤ ρ for ρ-zCDP."""
    return f"{50 + 100 * math.sqrt(rho_micro / MICRO / 8):.1f}"


def reach(scale: float) -> str:
    return f"±{Z * scale:,.0f}"


def promises() -> list[str]:
    amounts = (DEFAULT_BUDGET.size_rho_micro, 20_000, DEFAULT_BUDGET.rho_micro, PrivacyConfig().total_rho_micro)
    return [f"| {rho:,} | {eps(rho)} | {math.exp(epsilon(rho, DELTA)):,.1f} | {guesses(rho)} |" for rho in amounts]


def sizes() -> list[str]:
    return [
        f"| {rho:,} | {eps(rho)} | {reach(scale_for(rho, size(TYPES)))} | {DEFAULT_BUDGET.rho_micro // rho:,} |"
        for rho in (250, 1_000, 4_000)
    ]


def reports() -> list[str]:
    rho = DEFAULT_BUDGET.match_report_rho_micro
    return [
        f"| {types} | {reach(scale_for(rho, match_report_l2(types)))} | {reach(scale_for(1_000, size(types)))} |"
        for types in (1, 2, 3, 4)
    ]


def portrait(rho_micro: int, per_person: int, segments: int = 1) -> Question:
    return Question(
        circuit=Circuit.SELECTION,
        segments=segments,
        disjoint=0,
        types=TYPES,
        tags=100_000,
        dimensions=400,
        per_person=per_person,
        numbers=(),
        rho_micro=rho_micro,
    )


def portraits() -> list[str]:
    rows = []
    for rho in (5_000, 10_000, 20_000, 50_000):
        few, many = (portrait(rho, most).parts[0].scale for most in (5, 20))
        segment = Proportions.of(500, 5_000, scale=many)
        base = Proportions.of(80_000, 1_000_000, scale=many)
        share = written(segment.shares(Z).one(), Measure.SHARE)
        tgi = written(segment.ratio_to(base, Z).scaled(100).one(), Measure.INDEX)
        rows.append(f"| {rho:,} | {eps(rho)} | {reach(few)} | {reach(many)} | {share} | {tgi} |")
    return rows


def lookalikes() -> list[str]:
    """Weights are made of a portrait of two segments, seed and base."""
    first = portrait(20_000, 20, segments=2).parts[0]
    rows = []
    for rho in (10_000, 20_000, 50_000):
        own = scale_for(rho, first.sensitivity)
        rows.append(f"| {rho:,} | {eps(rho)} | {reach(own)} | {reach(math.hypot(own, first.scale))} |")
    return rows


def measurement(rho_micro: int) -> Question:
    return Question(
        circuit=Circuit.SELECTION,
        segments=2,
        disjoint=2,
        types=TYPES,
        tags=0,
        dimensions=0,
        per_person=0,
        numbers=(
            NumberRange(name="converted", low=0, high=1, step="1"),
            NumberRange(name="revenue", low=0, high=50_000, step="0.01"),
        ),
        rho_micro=rho_micro,
    )


def measurements() -> list[str]:
    rows = []
    for rho in (10_000, 20_000, 50_000):
        conversions, people, revenue, _ = (part.scale for part in measurement(rho).parts)

        def group(count: int, converted: int, people: float = people, conversions: float = conversions) -> Group:
            return Group(
                name="", people=count, people_scale=people, conversions=converted, conversions_scale=conversions
            )

        lift = written(
            Lift(exposed=group(40_000, 1_440), control=group(10_000, 300)).conversions.lift, Measure.MORE_PERCENT
        )
        rows.append(f"| {rho:,} | {eps(rho)} | {reach(conversions)} | {reach(revenue / 100)} | {lift} |")
    return rows


def differences() -> list[str]:
    spread = 8.4
    _, _, revenue, known = (part.scale for part in measurement(20_000).parts)
    rows = []
    for people in (10_000, 100_000, 1_000_000, 10_000_000):
        group = NumberTotals(
            name="",
            low=0,
            high=500,
            step=0.01,
            total=120 * people,
            total_scale=revenue,
            known=people,
            known_scale=known,
        )
        shown = mean_difference(group, group, Z)
        noise = 2 * ((0.01 * revenue) ** 2 + (1.2 * known) ** 2) / people**2
        with_spread = noise * 5 / 4 + 2 * spread**2 / people
        offs = (Z * math.sqrt(noise), shown.high, Z * math.sqrt(with_spread))
        rows.append(f"| {people:,} | " + " | ".join(f"±{off:.3f}" for off in offs) + " |")
    return rows


def year() -> list[str]:
    budget = DEFAULT_BUDGET
    plan = (
        ("match reports, one a quarter", 4, budget.match_report_rho_micro, True),
        ("sizes", 30, budget.size_rho_micro, True),
        ("portrait of the best customers", 1, 20_000, True),
        ("lookalike: the reader's own noise", 1, 20_000, False),
        ("lookalike: how well the score separates", 1, 5_000, True),
        ("measurement of a campaign", 1, 15_000, True),
    )
    merchant = platform = 0
    rows = []
    for words, times, rho, both in plan:
        merchant += times * rho
        platform += times * rho if both else 0
        rows.append(f"| {words} | {times} × {rho:,} | {merchant:,} | {platform:,} |")
    assert platform < merchant <= budget.rho_micro
    return [*rows, f"| ε at the end | | {eps(merchant)} | {eps(platform)} |"]


def prose() -> list[str]:
    """The numbers in bold, in the order of the page."""
    budget, total = DEFAULT_BUDGET, PrivacyConfig().total_rho_micro
    scale = portrait(20_000, 20).parts[0].scale
    four = portrait(20_000, 20, segments=4).parts[0].scale
    return [
        f"{budget.rho_micro:,}",
        eps(budget.rho_micro),
        guesses(budget.rho_micro),
        f"{WEAK_EPSILON:.0f}",
        f"{Z * scale_for(budget.size_rho_micro, size(TYPES)):.0f}",
        f"{scale:.0f}",
        f"{four:.0f}",
        eps(2 * budget.rho_micro),
        f"{total:,}",
        eps(total),
        eps(budget.rho_micro // 2),
        f"{budget.lease_rho_micro:,}",
        f"{budget.lease_rho_micro // budget.size_rho_micro}",
    ]


def test_every_row_of_every_table_is_what_the_code_computes() -> None:
    lines = PAGE.read_text().splitlines()
    heads = {place - 1 for place, line in enumerate(lines) if line.startswith("|---")}
    tables = [line for place, line in enumerate(lines) if re.match(r"\| ", line) and place not in heads]

    expected = promises() + sizes() + reports() + portraits() + lookalikes() + measurements() + differences() + year()

    assert tables == expected


def test_every_number_in_the_text_is_what_the_code_computes() -> None:
    assert re.findall(r"\*\*([\d.,]+)\*\*", PAGE.read_text()) == prose()


def test_no_guesser_does_better_than_the_page_says() -> None:
    """The best guess between two worlds, one row apart, where one count took the whole budget: the likelihood ratio's.

    200,000 draws: 0.4 points are three standard errors.
    """
    rng = np.random.default_rng(1)
    scale = scale_for(DEFAULT_BUDGET.rho_micro, 1)
    worlds = rng.integers(0, 2, 200_000)
    answers = worlds + rng.normal(0, scale, 200_000)

    right = 100 * np.mean((answers > 0.5) == worlds)

    assert right <= float(guesses(DEFAULT_BUDGET.rho_micro)) + 0.4
    assert right > 55  # and the bound is not an idle one
