"""What insights said, held against the truth: plain records like those of `demo.results`."""

from dataclasses import dataclass
from statistics import NormalDist

INTERVAL = NormalDist().inv_cdf(0.975)
"""How many standard deviations of noise an interval of 95 % reaches on either side."""

FAR = 7.0
"""Standard deviations that no noise explains: even of a thousand counts one is as far off once in 10⁸ runs."""


PLANTED_AT_LEAST = 1.5
"""Times as many of a lookalike's users as of all were made to be like its seed; in a simulation of 450 runs 2.4 times
were the fewest, and 3.6 the mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """A noised value with its interval of 95 %, open where None, beside the truth."""

    value: float | None
    low: float | None
    high: float | None
    truth: float

    @property
    def holds(self) -> bool:
        """Whether the truth is in the interval, as it is 19 times in 20."""
        return (self.low is None or self.low <= self.truth) and (self.high is None or self.truth <= self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noised:
    """A noised count or sum, with noise of this standard deviation, beside the truth."""

    name: str
    value: float
    noise: float
    truth: float

    @property
    def plausible(self) -> bool:
        """Whether the noise explains the difference."""
        return abs(self.value - self.truth) <= FAR * self.noise + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TagResult:
    """A tag in the portrait: how many carry it, their share among whom its dimension is known, and the TGI."""

    tag: str
    name: str
    people: Noised
    share: Estimated
    base_share: Estimated
    tgi: Estimated

    @property
    def above(self) -> bool:
        """Whether the answer alone says that the segment carries it more often than the base."""
        return self.tgi.low is not None and self.tgi.low > 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitResult:
    """A segment against a base; ``drawing`` is SVG.

    ``planted`` are tags that the segment was made to like; noise can't hide those that are ``visible``.
    """

    segment: str
    base: str
    size: Noised
    per_person: int
    tags: tuple[TagResult, ...]
    coverage: tuple[tuple[str, Estimated, Estimated], ...]
    planted: tuple[str, ...]
    visible: tuple[str, ...]
    drawing: str

    @property
    def liked(self) -> list[TagResult]:
        """The planted tags."""
        return [tag for tag in self.tags if tag.tag in self.planted]

    @property
    def intervals(self) -> list[Estimated]:
        """All shares, TGIs and coverages."""
        found = [one for tag in self.tags for one in (tag.share, tag.base_share, tag.tgi)]
        return found + [one for _, *both in self.coverage for one in both]

    @property
    def differences(self) -> list[str]:
        found = [
            f"portrait of {self.segment}, {one.name}: {one.value:,.0f}, in truth {one.truth:,.0f}"
            for one in (self.size, *(tag.people for tag in self.tags))
            if not one.plausible
        ]
        return found + [
            f"the portrait hides that {self.segment} likes {tag.tag}"
            for tag in self.liked
            if tag.tag in self.visible and not tag.above
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class SumResult:
    """A number over the people of a segment: how many, their sum, and the mean with its interval."""

    group: str
    people: Noised
    sum: Noised
    mean: Estimated


@dataclass(frozen=True, slots=True, kw_only=True)
class SumsResult:
    """``most`` is what a larger value counts as."""

    column: str
    most: float
    rows: tuple[SumResult, ...]
    drawing: str

    @property
    def differences(self) -> list[str]:
        return [
            f"{self.column} over {row.group}: {one.name} {one.value:,.0f}, in truth {one.truth:,.0f}"
            for row in self.rows
            for one in (row.people, row.sum)
            if not one.plausible
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """By which factor the odds of a tag are higher in the seed."""

    tag: str
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LookalikeResult:
    """Users delivered, against a plaintext scoring by the same weights, the heaviest of which comes first.

    ``planted`` is which share of the delivered users were made to be like the seed, ``planted_among_all`` that of all
    users; ``visible``: there are so many that noise can't hide it. ``seed`` are the people of the seed in all parts by
    score together.
    """

    audience: str
    count: int
    weights: tuple[Weight, ...]
    file: str
    delivered: int
    missing: int
    surplus: int
    planted: float
    planted_among_all: float
    visible: bool
    auc: Estimated
    seed: Noised
    drawing: str

    @property
    def differences(self) -> list[str]:
        found = []
        if self.missing or self.surplus:
            found.append(f"{self.file}: {self.missing:,} users missing, {self.surplus:,} too many")
        if self.visible and self.planted < PLANTED_AT_LEAST * self.planted_among_all:
            found.append(
                f"{self.planted:.0%} of {self.audience} are like the seed, {self.planted_among_all:.0%} of all"
            )
        if not self.seed.plausible:
            found.append(f"the seed by score: {self.seed.value:,.0f} people, in truth {self.seed.truth:,.0f}")
        return found
