import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import miyun.insight
from miyun.insight.estimates import UNKNOWN, Estimate, around, counts, deviations, fieller

amounts = st.floats(-1e6, 1e6)
variances = st.floats(1e-3, 1e8)


def test_the_example_of_the_package() -> None:
    assert doctest.testmod(miyun.insight, optionflags=doctest.ELLIPSIS) == (0, 3)


def test_how_far_intervals_reach() -> None:
    assert deviations(0.95) == pytest.approx(1.959964, abs=1e-6)
    assert deviations(0.99) == pytest.approx(2.575829, abs=1e-6)


@pytest.mark.parametrize("scale", [0.05, 0.3, 0.5, 0.8, 1.0, 1.7, 3.0, 22.4, 200.0])
def test_a_count_is_in_its_interval_as_often_as_said(scale: float) -> None:
    """Exactly, by the discrete Gaussian's own probabilities."""
    reach = math.ceil(14 * scale) + 2
    noise = np.arange(-reach, reach + 1)
    chance = np.exp(-(noise**2) / (2 * scale**2))
    chance /= chance.sum()

    found = counts(10_000 + noise, scale, deviations(0.95))

    covered = chance[(found.low <= 10_000) & (found.high >= 10_000)].sum()
    assert covered >= 0.95
    assert scale < 3 or covered <= 0.972


def test_a_count_is_never_shown_below_nothing() -> None:
    assert counts(-30, 20.0, 1.96).one() == Estimate(0, 0, 9)


def test_without_noise_a_count_is_exact() -> None:
    assert counts(17, 0.0, 1.96).one() == Estimate(17, 17, 17)


@given(amounts, st.floats(0, 1e6), variances, variances, st.floats(-1e4, 1e4))
def test_a_ratio_is_in_the_interval_where_the_inequality_says(
    top: float, bottom: float, top_variance: float, bottom_variance: float, ratio: float
) -> None:
    """Fieller's own inequality, at any ratio: the interval has all that satisfy it."""
    z = 2.0
    left, right = (top - ratio * bottom) ** 2, z**2 * (top_variance + ratio**2 * bottom_variance)

    found = fieller(top, bottom, top_variance=top_variance, bottom_variance=bottom_variance, z=z).one()

    if left < right * (1 - 1e-6):
        slack = 1e-6 * (1 + abs(ratio))
        assert found.low - slack <= ratio <= found.high + slack
    if math.isfinite(found.low) and left > right * (1 + 1e-6):
        slack = 1e-6 * (1 + abs(ratio))
        assert not found.low + slack < ratio < found.high - slack


def test_a_ratio_to_what_may_be_nothing_is_open_above() -> None:
    found = fieller(100, 3, top_variance=25, bottom_variance=25, z=1.96, non_negative=True).one()

    assert found.value == pytest.approx(100 / 3)
    assert found.high == math.inf
    assert 5 < found.low < 10  # (100 − θ·3)² = 1.96²·25·(1 + θ²)
    assert (100 - found.low * 3) ** 2 == pytest.approx(1.96**2 * 25 * (1 + found.low**2))


def test_a_ratio_to_nobody_is_unknown() -> None:
    found = fieller(10, 0, top_variance=25, bottom_variance=25, z=1.96).one()

    assert not found.known
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_what_an_unknown_number_excludes() -> None:
    assert not UNKNOWN.excludes(0)
    assert not around(math.nan, 1.0, 1.96).one().excludes(7)
    assert Estimate(5, 4, 6).excludes(3.9)
