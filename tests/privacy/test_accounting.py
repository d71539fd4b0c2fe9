import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.errors import InternalError
from miyun.privacy.accounting import epsilon, rho_for
from miyun.privacy.noise import MICRO

charges = st.integers(1, 10**9)
exponents = st.integers(1, 30)


@given(charges, exponents)
def test_the_conversion_is_at_least_as_good_as_bun_and_steinkes(rho_micro: int, exponent: int) -> None:
    """Bun–Steinke 2016, Proposition 1.3: ρ + 2√(ρ ln 1/δ)."""
    rho, log = rho_micro / MICRO, exponent * math.log(10)

    assert 0 <= epsilon(rho_micro, exponent) <= (rho + 2 * math.sqrt(rho * log)) * (1 + 1e-8)


@given(charges, exponents)
def test_delta_of_the_epsilon_is_no_more_than_stated(rho_micro: int, exponent: int) -> None:
    """Canonne–Kamath–Steinke 2020, Corollary 13, as printed there, minimised over a grid of α of its own."""
    rho, eps = rho_micro / MICRO, epsilon(rho_micro, exponent)
    grid = (1 + 10 ** (step / 50) for step in range(-300, 500))

    log_delta = min((a - 1) * (a * rho - eps) + a * math.log1p(-1 / a) - math.log(a - 1) for a in grid)

    assert log_delta <= -exponent * math.log(10) * (1 - 1e-2)


@pytest.mark.parametrize(
    ("rho_micro", "exponent"),
    [(500_000, 6), (100_000, 9), (1_000, 9)],
)
def test_a_gaussian_really_costs_no_more(rho_micro: int, exponent: int) -> None:
    """The exact ε of one Gaussian of that ρ (Balle–Wang 2018, Theorem 8), a lower bound of any valid conversion."""
    sigma = 1 / math.sqrt(2 * rho_micro / MICRO)

    def delta(eps: float) -> float:
        def phi(x: float) -> float:
            return math.erfc(-x / math.sqrt(2)) / 2

        return phi(1 / (2 * sigma) - eps * sigma) - math.exp(eps) * phi(-1 / (2 * sigma) - eps * sigma)

    low, high = 0.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if delta(middle) > 10.0**-exponent else (low, middle)

    assert epsilon(rho_micro, exponent) >= high
    assert epsilon(rho_micro, exponent) <= 1.12 * high


@given(charges, charges, exponents)
def test_more_costs_more_and_together_less_than_apart(one: int, other: int, exponent: int) -> None:
    together = epsilon(one + other, exponent)

    assert together >= max(epsilon(one, exponent), epsilon(other, exponent))
    assert together <= (epsilon(one, exponent + 1) + epsilon(other, exponent + 1)) * (1 + 1e-6)


@settings(max_examples=50)
@given(st.floats(0.01, 50), st.integers(3, 15))
def test_a_charge_for_an_epsilon_keeps_to_it(limit: float, exponent: int) -> None:
    rho_micro = rho_for(limit, exponent)

    assert epsilon(rho_micro, exponent) <= limit < epsilon(rho_micro + 1, exponent)


def test_the_ends() -> None:
    assert epsilon(0, 9) == 0
    assert rho_for(0, 9) == 0
    for wrong in (lambda: epsilon(-1, 9), lambda: epsilon(1, 0), lambda: rho_for(-0.1, 9)):
        with pytest.raises(InternalError):
            wrong()
