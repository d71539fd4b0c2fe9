"""Coverage by simulation: 40,000 draws with a fixed seed, so that 0.95 is met within ±0.005 (4.6 standard errors)."""

import math

import numpy as np
import pytest

from miyun.insight.estimates import Estimates, deviations
from miyun.insight.proportions import Proportions
from tests.insight.worlds import discrete_gaussian

RUNS = 40_000
Z = deviations(0.95)
WORLDS = [
    # people, share, base's people, base's share, noise
    (5_000, 0.20, 300_000, 0.10, 22.4),
    (5_000, 0.02, 300_000, 0.01, 22.4),
    (2_000, 0.01, 100_000, 0.01, 50.0),
    (500, 0.50, 20_000, 0.30, 5.0),
    (50_000, 0.001, 1_000_000, 0.004, 10.0),
    (800, 0.30, 800, 0.30, 30.0),
]


def covered(found: Estimates, truth: float) -> float:
    return float(np.mean((found.low <= truth) & (truth <= found.high)))


def noised(seed: int, people: int, part: object, scale: float) -> Proportions:
    rng = np.random.default_rng(seed)
    return Proportions.of(
        part + discrete_gaussian(rng, scale, RUNS),
        people + discrete_gaussian(rng, scale, RUNS),
        scale=scale,
    )


@pytest.mark.parametrize(("people", "share", "_people", "_share", "scale"), WORLDS)
def test_a_share_of_these_people(people: int, share: float, _people: int, _share: float, scale: float) -> None:
    part = round(people * share)

    found = noised(1, people, part, scale).shares(Z)

    assert 0.945 <= covered(found, part / people) <= (0.957 if part > 3 * scale else 1)
    assert found.low.min() >= 0
    assert found.high.max() <= 1
    assert ((found.low <= found.value) & (found.value <= found.high)).all()


@pytest.mark.parametrize(("people", "share", "base_people", "base_share", "scale"), WORLDS)
def test_how_many_times_the_base(people: int, share: float, base_people: int, base_share: float, scale: float) -> None:
    rng = np.random.default_rng(2)
    here = noised(3, people, rng.binomial(people, share, RUNS), scale)
    there = noised(4, base_people, rng.binomial(base_people, base_share, RUNS), scale)

    found = here.ratio_to(there, Z)

    assert 0.945 <= covered(found, share / base_share) <= 0.96
    assert found.low.min() >= 0


@pytest.mark.parametrize(("people", "share", "base_people", "base_share", "scale"), WORLDS)
def test_a_difference(people: int, share: float, base_people: int, base_share: float, scale: float) -> None:
    rng = np.random.default_rng(5)
    here = noised(6, people, rng.binomial(people, share, RUNS), scale)
    there = noised(7, base_people, rng.binomial(base_people, base_share, RUNS), scale)

    found = here.difference_from(there, Z)

    assert 0.945 <= covered(found, share - base_share) <= 0.975


def test_chance_alone_counts_where_there_is_no_noise() -> None:
    """Two small groups without noise, hardly any conversions: an interval for noise alone would be a point."""
    rng = np.random.default_rng(8)
    here = Proportions.of(rng.binomial(400, 0.02, RUNS), np.full(RUNS, 400.0), scale=0.0)
    there = Proportions.of(rng.binomial(400, 0.01, RUNS), np.full(RUNS, 400.0), scale=0.0)

    assert covered(here.difference_from(there, Z), 0.01) >= 0.945
    assert covered(here.ratio_to(there, Z), 2.0) >= 0.945


@pytest.mark.parametrize("scale", [0.0, 5.0, 60.0])
def test_no_excess_looks_like_a_standard_normal(scale: float) -> None:
    """Tails at 2 and 3 standard deviations: 2.3 % and 0.13 %, within what 40,000 draws and skew allow."""
    rng = np.random.default_rng(9)
    here = noised(10, 20_000, rng.binomial(20_000, 0.01, RUNS), scale)
    there = noised(11, 400_000, rng.binomial(400_000, 0.01, RUNS), scale)

    excess = here.excess_over(there)

    assert np.mean(excess > 2) == pytest.approx(0.0228, abs=0.004)
    assert np.mean(excess > 3) == pytest.approx(0.0013, abs=0.0012)


def test_nobody_says_nothing() -> None:
    nobody = Proportions.of([5, 5, 0], [0, -12, 0], scale=10.0)
    some = Proportions.of([50, 50, 50], [100, 100, 100], scale=10.0)

    for found in (
        nobody.shares(Z),
        nobody.ratio_to(some, Z),
        some.ratio_to(nobody, Z),
        nobody.difference_from(some, Z),
    ):
        assert not any(estimate.known for estimate in found)
    assert nobody.excess_over(some).tolist() == [0, 0, 0]
    assert some.excess_over(nobody).tolist() == [0, 0, 0]
    assert nobody.difference_from(some, Z)[0].high == math.inf
