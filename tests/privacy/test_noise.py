"""Noise has the distribution that its scale says, and its scale never costs more than the charge.

Distribution tests draw a fixed number of samples from the operating system's randomness. Each states a bound on the
probability that correct noise fails it.
"""

import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miyun.errors import InternalError
from miyun.privacy.noise import MICRO, discrete_gaussian, scale_for
from miyun.privacy.sensitivity import match_report_l2, size

SAMPLES = 40_000


def densities(scale: float) -> dict[int, float]:
    """The discrete Gaussian's probabilities, up to 12 standard deviations."""
    reach = math.ceil(12 * scale)
    weights = {x: math.exp(-(x**2) / (2 * scale**2)) for x in range(-reach, reach + 1)}
    total = sum(weights.values())
    return {x: weight / total for x, weight in weights.items()}


@pytest.mark.parametrize("scale", [0.7, 3.0, 22.4])
def test_noise_is_a_discrete_gaussian(scale: float) -> None:
    """Kolmogorov–Smirnov by Massart's inequality, P(sup|F_n − F| > t) ≤ 2·exp(−2nt²): fails by chance below 10⁻¹²."""
    threshold = math.sqrt(math.log(2e12) / (2 * SAMPLES))
    drawn = Counter(discrete_gaussian([0] * SAMPLES, scale))
    expected = densities(scale)

    empirical, exact, farthest = 0.0, 0.0, 0.0
    for x in sorted(expected.keys() | drawn.keys()):
        empirical += drawn[x] / SAMPLES
        exact += expected.get(x, 0.0)
        farthest = max(farthest, abs(empirical - exact))

    assert farthest < threshold


def test_noise_has_the_stated_standard_deviation() -> None:
    """n draws' mean square, over σ², is within 7√(2/n) of 1: fails by chance below 10⁻⁷.

    A discrete Gaussian is subgaussian with its σ², so Laurent and Massart's bound for sums of squared Gaussians holds
    for the upper tail (below 10⁻¹⁰); Maurer's bound for sums of non-negative variables (2003) holds for the lower.
    """
    scale = 20.0
    drawn = discrete_gaussian([0] * SAMPLES, scale)

    ratio = sum(x * x for x in drawn) / SAMPLES / scale**2

    assert abs(ratio - 1) < 7 * math.sqrt(2 / SAMPLES)


def test_noise_is_added_to_each_value_on_its_own() -> None:
    """Correlation and mean of n pairs have deviation 1/√n; 7 of them fail by chance below 10⁻⁹ (Chernoff)."""
    pairs = SAMPLES // 2
    drawn = discrete_gaussian([1_000, -5_000] * pairs, 10.0)
    first = [x - 1_000 for x in drawn[::2]]
    second = [x + 5_000 for x in drawn[1::2]]

    correlation = sum(a * b for a, b in zip(first, second, strict=True)) / pairs / 100.0

    assert abs(correlation) < 7 / math.sqrt(pairs)
    assert abs(sum(first) / pairs) < 7 * 10 / math.sqrt(pairs)


@given(st.integers(1, 10**12), st.integers(1, 16))
def test_the_scale_never_costs_more_than_the_charge(rho_micro: int, types: int) -> None:
    for sensitivity, squared in ((match_report_l2(types), types), (float(size(types)), size(types) ** 2)):
        scale = scale_for(rho_micro, sensitivity)

        cost_micro = Fraction(squared) * MICRO / (2 * Fraction(scale) ** 2)
        assert cost_micro <= rho_micro
        assert cost_micro > rho_micro * (1 - Fraction(1, 10**12))


def test_opendp_agrees_on_the_cost() -> None:
    from opendp.domains import atom_domain, vector_domain
    from opendp.measurements import make_gaussian
    from opendp.metrics import l2_distance

    for rho_micro, sensitivity in ((1_000, 1.0), (2_500, match_report_l2(2)), (333, match_report_l2(3))):
        discrete_gaussian([0], 1.0)
        scale = scale_for(rho_micro, sensitivity)
        measurement = make_gaussian(vector_domain(atom_domain(T="i64")), l2_distance(T="f64"), scale=scale)
        assert measurement.map(sensitivity) * MICRO == pytest.approx(rho_micro, rel=1e-9)


@pytest.mark.parametrize(("rho_micro", "sensitivity"), [(0, 1.0), (-1, 1.0), (1, 0.0), (1, -1.0), (1, math.nan)])
def test_there_is_no_noise_for_nothing(rho_micro: int, sensitivity: float) -> None:
    with pytest.raises(InternalError):
        scale_for(rho_micro, sensitivity)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan])
def test_no_count_leaves_without_noise(scale: float) -> None:
    with pytest.raises(InternalError):
        discrete_gaussian([5], scale)


def test_no_count_is_so_large_that_it_could_saturate() -> None:
    with pytest.raises(InternalError):
        discrete_gaussian([1 << 53], 1.0)
