"""The noised totals that enter: integers as they were decrypted, with the standard deviation of their noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from miyun.errors import InternalError
from miyun.insight.estimates import Estimate, Estimates, around, counts, fieller
from miyun.insight.proportions import Proportions

Integers = NDArray[np.int64]

NO_DIMENSION = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tags:
    """The tags that were asked about, by place.

    ``dimension_of`` says to which of ``dimensions`` a tag belongs: its share is taken among those for whom that
    dimension is known. `NO_DIMENSION`: among everybody.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    dimensions: tuple[str, ...]
    dimension_of: Integers

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.names) == len(self.dimension_of):
            raise InternalError("a tag without id, name or dimension")
        if len(self.ids) and not NO_DIMENSION <= self.dimension_of.min() <= self.dimension_of.max() < len(
            self.dimensions
        ):
            raise InternalError("a tag of a dimension that there is not")


NO_TAGS = Tags(ids=(), names=(), dimensions=(), dimension_of=np.empty(0, np.int64))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TagTotals:
    """How many people of ``name`` carry each tag, have each dimension known, and are there at all.

    ``scale`` is 0 only for what was published without noise, such as a platform's own base.
    """

    name: str
    tags: Tags
    counts: Integers
    known: Integers
    everybody: int
    scale: float

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.tags.ids) or len(self.known) != len(self.tags.dimensions):
            raise InternalError("as many totals as tags and dimensions are needed")

    @classmethod
    def read(cls, name: str, tags: Tags, totals: Sequence[int], scale: float) -> Self:
        """From the totals of one segment in a question's order: its tags, their dimensions, everybody."""
        places = len(tags.ids), len(tags.ids) + len(tags.dimensions)
        if len(totals) != places[1] + 1:
            raise InternalError("as many totals as tags and dimensions are needed, and one of everybody")
        return cls(
            name=name,
            tags=tags,
            counts=np.asarray(totals[: places[0]], dtype=np.int64),
            known=np.asarray(totals[places[0] : places[1]], dtype=np.int64),
            everybody=totals[-1],
            scale=scale,
        )

    def size(self, z: float) -> Estimate:
        return counts(self.everybody, self.scale, z).one()

    def tagged(self, places: Integers | None = None) -> Proportions:
        """Each tag among those for whom its dimension is known; of the tags at ``places``, or all."""
        chosen = slice(None) if places is None else places
        denominators = np.append(self.known, self.everybody)  # the last one is at NO_DIMENSION
        return Proportions.of(
            self.counts[chosen].astype(np.float64), denominators[self.tags.dimension_of[chosen]], scale=self.scale
        )

    def coverage(self, z: float) -> Estimates:
        """For which share of the people each dimension is known."""
        return Proportions.of(self.known.astype(np.float64), float(self.everybody), scale=self.scale).shares(z)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberTotals:
    """A column of numbers over some people, each clipped to ``low`` … ``high`` and counted in whole steps.

    ``total`` is in steps; ``known`` is the number
    of people whose value is known. Each has the standard deviation of its noise in its own unit.
    """

    name: str
    low: float
    high: float
    step: float
    total: int
    total_scale: float
    known: int
    known_scale: float

    def __post_init__(self) -> None:
        if not (self.low < self.high and self.step > 0):
            raise InternalError("a range of numbers runs from low to high in positive steps")

    def people(self, z: float) -> Estimate:
        return counts(self.known, self.known_scale, z).one()

    def sum(self, z: float) -> Estimate:
        """The sum over these very people: noise alone."""
        return around(self.total * self.step, self.total_scale * self.step, z).one()

    def mean(self, z: float) -> Estimate:
        """The mean of these very people: noise alone, and within the range, as each value is."""
        ratio = fieller(
            self.total, self.known, top_variance=self.total_scale**2, bottom_variance=self.known_scale**2, z=z
        )
        return ratio.scaled(self.step).clamped(self.low, self.high).one()

    def mean_variance(self) -> float:
        """Of the mean as a statement about such people: noise and chance. Infinite where there may be nobody.

        How much people differ is taken for the most that the range allows at that mean (Bhatia and Davis, 2000): their
        spread would be one more total to pay for. docs/privacy-budget.md has figures.
        """
        if self.known <= 0:
            return float("inf")
        mean = min(max(self.total * self.step / self.known, self.low), self.high)
        noise = (self.total_scale * self.step) ** 2 + (mean * self.known_scale) ** 2
        return noise / self.known**2 + (self.high - mean) * (mean - self.low) / self.known
