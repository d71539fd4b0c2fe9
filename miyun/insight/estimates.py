"""Estimates with intervals, and the two ways to get one from noised totals: a count, and a ratio after Fieller."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Amounts = Floats | Sequence[float] | float

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value from ``low`` to ``high``. Not a number: the totals don't tell. An infinite end is open."""

    value: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        return not math.isnan(self.value)

    def excludes(self, value: float) -> bool:
        """Whether the interval rules ``value`` out."""
        return not self.low <= value <= self.high


UNKNOWN = Estimate(math.nan, -math.inf, math.inf)


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Many estimates, as three arrays."""

    value: Floats
    low: Floats
    high: Floats

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, place: int) -> Estimate:
        return Estimate(float(self.value[place]), float(self.low[place]), float(self.high[place]))

    def __iter__(self) -> Iterator[Estimate]:
        return map(Estimate, self.value.tolist(), self.low.tolist(), self.high.tolist())

    def one(self) -> Estimate:
        """The only one."""
        (estimate,) = self
        return estimate

    def scaled(self, factor: float, plus: float = 0.0) -> "Estimates":
        """Each times a positive ``factor``, ``plus`` a constant."""
        return Estimates(self.value * factor + plus, self.low * factor + plus, self.high * factor + plus)

    def clamped(self, low: float, high: float) -> "Estimates":
        """Values and ends within what is possible; post-processing."""
        return Estimates(*(np.clip(end, low, high) for end in (self.value, self.low, self.high)))


def deviations(confidence: float) -> float:
    """How many standard deviations a two-sided interval of that confidence reaches."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def floats(amounts: Amounts) -> Floats:
    return np.atleast_1d(np.asarray(amounts, dtype=np.float64))


def around(values: Amounts, deviation: Amounts, z: float) -> Estimates:
    """Normal intervals; open around what is not a number."""
    value = floats(values)
    reach = z * floats(deviation)
    known = np.isfinite(value)
    return Estimates(value, np.where(known, value - reach, -np.inf), np.where(known, value + reach, np.inf))


def counts(noised: Amounts, scale: float, z: float) -> Estimates:
    """Counts of at least 0 from integers with discrete Gaussian noise.

    The half-width is the integer next above zσ − ½: of an integer as wide as that the normal tail is too high a guess.
    """
    value = floats(noised)
    reach = max(0, math.ceil(z * scale - 0.5))
    return Estimates(value, value - reach, value + reach).clamped(0, math.inf)


def fieller(
    top: Amounts,
    bottom: Amounts,
    *,
    top_variance: Amounts,
    bottom_variance: Amounts,
    z: float,
    linear: Amounts = 0.0,
    square: Amounts = 0.0,
    non_negative: bool = False,
) -> Estimates:
    """Ratios θ of what ``top`` and ``bottom`` are noisy readings of: those with

        (top − θ·bottom)² ≤ z² (V_top + θ²·V_bottom + θ·linear − θ²·square).

    The last two are chance that depends on θ itself, as of a count (Wilson's interval). Where ``bottom`` may be 0 the
    interval has an open end; so there is no division that noise could blow up (Fieller, 1954).
    """
    a, b = floats(top), floats(bottom)
    lead = b**2 - z**2 * (floats(bottom_variance) - floats(square))
    middle = 2 * a * b + z**2 * floats(linear)
    rest = a**2 - z**2 * floats(top_variance)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = np.where(b > 0, a / b, np.nan)
        root = np.sqrt(np.maximum(0, middle**2 - 4 * lead * rest))
        bounded = lead > 0
        low = np.where(bounded, (middle - root) / (2 * lead), -np.inf)
        high = np.where(bounded, (middle + root) / (2 * lead), np.inf)
        if non_negative:
            low = np.where(~bounded & (rest > 0) & (a > 0), 2 * rest / (middle + root), low)
    low, high = np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)
    found = Estimates(value, low, high)
    return found.clamped(0, math.inf) if non_negative else found
