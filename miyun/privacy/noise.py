"""Discrete Gaussian noise on integers, and how much of it a charge buys.

N_ℤ(0, σ²) added to each coordinate of an integer vector with ℓ₂-sensitivity Δ₂ satisfies ρ-zCDP for
ρ = Δ₂² / 2σ² (Canonne, Kamath, Steinke: The Discrete Gaussian for Differential Privacy, 2020, Theorem 14). The sampler
is OpenDP's: exact, in rational arithmetic, from the operating system's randomness.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

from miyun.errors import InternalError

MICRO = 1_000_000
_LARGEST = 1 << 53


def warm() -> None:
    """Load the sampler, which takes half a second, before the first job waits for it."""
    discrete_gaussian([0], 1.0)


def scale_for(rho_micro: int, sensitivity: float) -> float:
    """The standard deviation σ = Δ₂/√(2ρ) for a charge of ``rho_micro``, rounded up: it never costs more than that.

    ``sensitivity`` is Δ₂, itself rounded up where it is irrational. The check is exact, in rational numbers.
    """
    if rho_micro <= 0 or not sensitivity > 0:
        raise InternalError("noise needs a positive charge and a positive sensitivity")
    least_variance = Fraction(sensitivity) ** 2 * MICRO / (2 * rho_micro)
    scale = math.sqrt(least_variance)
    while Fraction(scale) ** 2 < least_variance:
        scale = math.nextafter(scale, math.inf)
    return scale


def discrete_gaussian(values: Sequence[int], scale: float) -> list[int]:
    """Each value plus independent discrete Gaussian noise of standard deviation ``scale``."""
    if not (scale > 0 and math.isfinite(scale)):
        raise InternalError("noise needs a positive scale")
    if any(abs(value) >= _LARGEST for value in values):
        raise InternalError("a count that no table can reach")
    from opendp.domains import atom_domain, vector_domain
    from opendp.measurements import make_gaussian
    from opendp.metrics import l2_distance
    from opendp.mod import enable_features

    enable_features("contrib")
    measurement = make_gaussian(vector_domain(atom_domain(T="i64")), l2_distance(T="f64"), scale=scale)
    noised: list[int] = measurement(list(values))
    return noised
