"""Coverage by simulation: 2,000 draws with a fixed seed, so that 0.95 is met within ±0.02 (4.1 standard errors)."""

import math
from dataclasses import replace

import numpy as np
import pytest

from miyun.errors import InternalError
from miyun.insight.estimates import Estimate, deviations
from miyun.insight.lift import Group, Lift
from miyun.insight.sums import Sums, mean_difference
from miyun.insight.totals import NumberTotals
from tests.insight.worlds import discrete_gaussian

RUNS = 2_000
Z = deviations(0.95)
LOW, HIGH, STEP = -50.0, 400.0, 0.5
TOTAL_SCALE, KNOWN_SCALE = 9_000.0, 12.0


def spends(rng: np.random.Generator, people: int, mean: float) -> np.ndarray:
    """Steps: many small, few large, some returns, clipped."""
    return np.rint(np.clip(rng.exponential(mean + 10, people) - 10, LOW, HIGH) / STEP)


def totals_of(rng: np.random.Generator, steps: np.ndarray) -> NumberTotals:
    noise = [int(discrete_gaussian(rng, scale, 1)[0]) for scale in (TOTAL_SCALE, KNOWN_SCALE)]
    return NumberTotals(
        name="arm",
        low=LOW,
        high=HIGH,
        step=STEP,
        total=int(steps.sum()) + noise[0],
        total_scale=TOTAL_SCALE,
        known=len(steps) + noise[1],
        known_scale=KNOWN_SCALE,
    )


def hits(estimates: list[Estimate], truth: float) -> float:
    return float(np.mean([not estimate.excludes(truth) for estimate in estimates]))


def test_sums_and_means_of_these_people() -> None:
    rng = np.random.default_rng(1)
    steps = spends(rng, 5_000, 60)
    drawn = [totals_of(rng, steps) for _ in range(RUNS)]

    assert hits([one.sum(Z) for one in drawn], steps.sum() * STEP) == pytest.approx(0.95, abs=0.02)
    assert hits([one.mean(Z) for one in drawn], steps.mean() * STEP) == pytest.approx(0.95, abs=0.02)


def test_a_difference_of_means_has_chance_too() -> None:
    rng = np.random.default_rng(2)
    truth = STEP * (spends(rng, 2_000_000, 60).mean() - spends(rng, 2_000_000, 50).mean())
    drawn = [
        mean_difference(totals_of(rng, spends(rng, 3_000, 60)), totals_of(rng, spends(rng, 2_000, 50)), Z)
        for _ in range(RUNS // 2)
    ]

    assert hits(drawn, truth) >= 0.93


def test_the_range_bounds_the_chance() -> None:
    rng = np.random.default_rng(3)
    arm = totals_of(rng, spends(rng, 3_000, 60))

    assert replace(arm, known=0).mean_variance() == math.inf
    noiseless = replace(arm, total_scale=0.0, known_scale=0.0)
    assert arm.mean_variance() > noiseless.mean_variance()
    mean = noiseless.mean(Z).value
    assert noiseless.mean_variance() == pytest.approx((HIGH - mean) * (mean - LOW) / noiseless.known)


def test_means_stay_in_the_range_and_sums_may_be_negative() -> None:
    arm = NumberTotals(
        name="arm", low=-5, high=5, step=1, total=-900, total_scale=50.0, known=100, known_scale=20.0
    )  # more than 100 people can owe: noise

    assert arm.mean(Z).value == -5
    assert arm.mean(Z).low == -5
    assert arm.sum(Z).value == -900
    assert replace(arm, known=-3).mean(Z) != arm.mean(Z)
    assert not replace(arm, known=-3).mean(Z).known


def test_parts_are_compared_with_the_other_parts() -> None:
    def part(name: str, total: int, known: int) -> NumberTotals:
        return NumberTotals(
            name=name, low=0, high=10, step=0.01, total=total, total_scale=0.0, known=known, known_scale=0.0
        )

    sums = Sums(
        column="spend",
        whole=part("all", 1_000_000, 2_000),
        parts=(part("金卡", 600_000, 800), part("silver", 300_000, 700), part("none", 100_000, 500)),
    )

    whole, gold, silver, none = sums.rows()

    assert (whole.sum.value, whole.mean.value) == (10_000, 5)
    assert not whole.difference.known
    assert gold.difference.value == pytest.approx(7.5 - 4_000 / 1_200)
    assert silver.difference.value == pytest.approx(3_000 / 700 - 7_000 / 1_300)
    assert none.difference.value == pytest.approx(2 - 9_000 / 1_500)
    assert gold.difference.excludes(0)
    with pytest.raises(InternalError, match="one range"):
        replace(sums, parts=(replace(sums.whole, high=11),))


def test_sums_without_parts_compare_nothing() -> None:
    whole = NumberTotals(name="all", low=0, high=10, step=1, total=50, total_scale=3.0, known=10, known_scale=1.0)

    (grid,) = Sums(column="spend", whole=whole).grids()

    assert [column.key for column in grid.columns] == ["group", "people", "sum", "mean"]


def group(rng: np.random.Generator, people: int, share: float, mean: float) -> Group:
    steps = spends(rng, people, mean)
    return Group(
        name="group",
        people=people + int(discrete_gaussian(rng, 20.0, 1)[0]),
        people_scale=20.0,
        conversions=int(rng.binomial(people, share)) + int(discrete_gaussian(rng, 20.0, 1)[0]),
        conversions_scale=20.0,
        revenue=totals_of(rng, steps),
    )


def test_lift_of_conversions_and_of_revenue() -> None:
    rng = np.random.default_rng(4)
    truth = spends(rng, 2_000_000, 60).mean() / spends(rng, 2_000_000, 50).mean() - 1
    lifts = [Lift(exposed=group(rng, 20_000, 0.036, 60), control=group(rng, 5_000, 0.03, 50)) for _ in range(RUNS // 4)]

    conversions = [lift.conversions for lift in lifts]
    revenue = [lift.revenue for lift in lifts]

    assert hits([effect.difference for effect in conversions], 0.006) >= 0.925
    assert hits([effect.lift for effect in conversions], 0.2) >= 0.925
    assert hits([effect.lift for effect in revenue if effect], truth) >= 0.925
    assert hits([effect.gained for effect in conversions], 20_000 * 0.006) >= 0.925


def test_no_effect_is_rarely_called_clear() -> None:
    rng = np.random.default_rng(5)
    lifts = [Lift(exposed=group(rng, 8_000, 0.03, 50), control=group(rng, 2_000, 0.03, 50)) for _ in range(RUNS // 2)]

    assert np.mean([lift.conversions.clear for lift in lifts]) <= 0.075
    assert np.mean([lift.revenue.clear for lift in lifts if lift.revenue]) <= 0.075


def test_a_lift_by_hand_and_its_words() -> None:
    def of(people: int, conversions: int) -> Group:
        return Group(name="会员", people=people, people_scale=0.0, conversions=conversions, conversions_scale=0.0)

    lift = Lift(exposed=of(10_000, 600), control=of(10_000, 400))

    assert lift.conversions.lift.value == pytest.approx(0.5)
    assert lift.conversions.difference.value == pytest.approx(0.02)
    assert lift.conversions.gained.value == pytest.approx(200)
    assert lift.conversions.clear
    assert lift.revenue is None
    assert "is clear" in lift.to_html()
    assert "Not clear yet" in replace(lift, control=of(10_000, 590)).to_html()
    assert "尚不明确" in replace(lift, control=of(10_000, 590)).to_html("zh")
    assert not replace(lift, control=of(0, 0)).conversions.clear
