"""Shares of people from noised counts, and how two such shares compare."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from miyun.insight.estimates import Amounts, Estimates, Floats, around, fieller, floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proportions:
    """``part`` of ``whole``, place by place, each with independent noise of its standard deviation."""

    part: Floats
    whole: Floats
    part_scale: float
    whole_scale: float

    @classmethod
    def of(cls, part: Amounts, whole: Amounts, *, scale: float) -> Self:
        """Parts and wholes of one release, with the same noise."""
        return cls(part=floats(part), whole=floats(whole), part_scale=scale, whole_scale=scale)

    def shares(self, z: float) -> Estimates:
        """The shares among these very people: noise alone."""
        return fieller(
            self.part,
            self.whole,
            top_variance=self.part_scale**2,
            bottom_variance=self.whole_scale**2,
            z=z,
            non_negative=True,
        ).clamped(0, 1)

    def ratio_to(self, base: "Proportions", z: float) -> Estimates:
        """How many times the base's share: noise and chance.

        The segment's chance is that of the share θ·p₀ under test, as in Wilson's interval. People who are in segment
        and base alike make the interval wider than it need be.
        """
        people, share = np.maximum(0, self.whole), base._plain()
        with np.errstate(invalid="ignore"):  # nobody here, perhaps nobody there
            bottom_variance = share**2 * self.whole_scale**2 + people**2 * base._variance(z)
        return fieller(
            self.part,
            share * people,
            top_variance=self.part_scale**2,
            bottom_variance=bottom_variance,
            linear=people * share,
            square=people * share**2,
            z=z,
            non_negative=True,
        )

    def difference_from(self, base: "Proportions", z: float) -> Estimates:
        """The share less the base's: noise and chance."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.where((self.whole > 0) & (base.whole > 0), self.part / self.whole - base.part / base.whole, 0)
        deviation = np.sqrt(self._variance(z) + base._variance(z))
        return around(np.where(np.isfinite(deviation), value, np.nan), deviation, z)

    def excess_over(self, base: "Proportions") -> Floats:
        """Standard deviations above what the base's share would give: noise and chance, under that hypothesis."""
        people, share = np.maximum(0, self.whole), base._plain()
        with np.errstate(invalid="ignore"):
            variance = (
                people * share * (1 - share)
                + self.part_scale**2
                + share**2 * self.whole_scale**2
                + people**2 * base._variance()
            )
            excess = np.where(variance > 0, (self.part - share * people) / np.sqrt(variance), 0.0)
        return np.where((people > 0) & np.isfinite(excess), excess, 0.0)

    def _plain(self) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.whole > 0, np.clip(self.part / self.whole, 0, 1), 0.0)

    def _variance(self, z: float = 0.0) -> Floats:
        """Of the share: noise and chance. Infinite where there may be nobody.

        With ``z`` > 0 chance is taken at a share drawn to ½ by z² people, so that 0 of 50 is not held for certain
        (Agresti and Coull, 1998).
        """
        share, people = self._plain(), np.maximum(self.whole, 1.0)
        drawn = (share * people + z**2 / 2) / (people + z**2)
        variance = drawn * (1 - drawn) / people + (self.part_scale**2 + share**2 * self.whole_scale**2) / people**2
        return np.where(self.whole > 0, variance, np.inf)
