"""What a budget in millionths of zCDP's ρ means as (ε, δ).

ρ-zCDP is Bun and Steinke's concentrated differential privacy (2016); charges add up (their Lemma 1.7). The conversion
is that of Canonne, Kamath and Steinke (2020), Corollary 13: for every α > 1, ρ-zCDP gives (ε, δ) with

    δ = exp((α−1)(αρ−ε)) · (1−1/α)^α / (α−1),   so   ε = αρ + (ln 1/δ + (α−1)·ln(1−1/α) − ln α) / (α−1).

Any α gives a valid ε; the best one is searched. It is below Bun and Steinke's ρ + 2√(ρ ln 1/δ) (Proposition 1.3).
"""

import math

from miyun.errors import InternalError
from miyun.privacy.noise import MICRO

_STEPS = 200
_NARROWING = (math.sqrt(5) - 1) / 2
_SAFETY = 1 + 1e-9
"""Far above the rounding error of the formula, so that ε is never understated."""

_MOST_RHO_MICRO = 1_000_000 * MICRO


def epsilon(rho_micro: int, delta_exponent: int) -> float:
    """The ε of (ε, 10^−``delta_exponent``) for a total charge of ``rho_micro``, rounded up."""
    if rho_micro < 0 or delta_exponent < 1:
        raise InternalError("a charge can't be negative, nor delta 1 or more")
    if rho_micro == 0:
        return 0.0
    rho = rho_micro / MICRO
    log_inverse_delta = delta_exponent * math.log(10)
    # The best α − 1 for the simpler bound αρ + ln(1/δ)/(α−1); the exact optimum is near. Search its logarithm.
    near = math.log(math.sqrt(log_inverse_delta / rho))
    low, high = near - 10, near + 10
    for _ in range(_STEPS):
        left, right = high - _NARROWING * (high - low), low + _NARROWING * (high - low)
        if _epsilon_at(left, rho, log_inverse_delta) <= _epsilon_at(right, rho, log_inverse_delta):
            high = right
        else:
            low = left
    return max(0.0, _epsilon_at((low + high) / 2, rho, log_inverse_delta)) * _SAFETY


def rho_for(epsilon_limit: float, delta_exponent: int) -> int:
    """The largest charge in micro-ρ whose ε at δ = 10^−``delta_exponent`` is at most ``epsilon_limit``."""
    if epsilon_limit < 0:
        raise InternalError("epsilon can't be negative")
    low, high = 0, _MOST_RHO_MICRO
    while low < high:
        middle = (low + high + 1) // 2
        if epsilon(middle, delta_exponent) <= epsilon_limit:
            low = middle
        else:
            high = middle - 1
    return low


def _epsilon_at(log_alpha_less_1: float, rho: float, log_inverse_delta: float) -> float:
    less_1 = math.exp(log_alpha_less_1)
    alpha = 1 + less_1
    return alpha * rho + (log_inverse_delta - less_1 * math.log1p(1 / less_1) - math.log(alpha)) / less_1
