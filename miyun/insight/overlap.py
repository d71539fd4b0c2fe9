"""How much segments have in common, from the zone's noised sizes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from miyun.errors import InternalError
from miyun.insight.charts import Chart, Heat, Label
from miyun.insight.estimates import CONFIDENCE, Estimate, deviations
from miyun.insight.formats import Measure
from miyun.insight.grid import Column, Grid
from miyun.insight.origin import Origin
from miyun.insight.result import Result, same_in_both
from miyun.words import Words

_SHARES = Words(en="Share of the row's people who are in the column too", zh="行人群中同属列人群的占比")
_ALSO_IN = Words(en="of these, also in …", zh="其中同时属于")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A noised size as it was answered: from ``at_least`` to under ``below`` (None: no end).

    A noised number n that is not shown as a band is the band from n to n + 1.
    """

    at_least: int
    below: int | None

    @classmethod
    def of(cls, noised: int) -> "Size":
        return cls(at_least=max(0, noised), below=max(0, noised) + 1)

    def estimate(self, scale: float, z: float) -> Estimate:
        """Of the size: the band's middle, and the band as far out as its noise may have carried it."""
        reach = max(0, math.ceil(z * scale - 0.5))
        low = max(0, self.at_least - reach)
        if self.below is None:
            return Estimate(self.at_least, low, math.inf)
        return Estimate((self.at_least + self.below - 1) / 2, low, self.below - 1 + reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap(Result):
    """``sizes`` of each segment ``(name,)`` and of what each two have in common, ``(name, other)`` in order of names.

    ``scale`` is the standard deviation of the noise of each size.
    """

    segments: tuple[str, ...]
    sizes: Mapping[tuple[str, ...], Size]
    scale: float
    confidence: float = CONFIDENCE
    origin: Origin | None = None

    def __post_init__(self) -> None:
        asked = {self._key(one, other) for one in self.segments for other in self.segments}
        if asked - self.sizes.keys():
            raise InternalError("an overlap without the size of each segment and of each two in common")

    def people(self, one: str, other: str) -> Estimate:
        """How many are in both."""
        return self.sizes[self._key(one, other)].estimate(self.scale, deviations(self.confidence))

    def share(self, one: str, other: str) -> Estimate:
        """Which share of the people of ``one`` is in ``other`` too.

        Its ends are those of two sizes that each miss half as often, so that both hold as often as is said.
        """
        if one == other:
            return Estimate(1.0, 1.0, 1.0)
        z = deviations((1 + self.confidence) / 2)
        common, whole = (self.sizes[self._key(one, end)].estimate(self.scale, z) for end in (other, one))
        value = min(1.0, common.value / whole.value) if whole.value > 0 else math.nan
        low = min(1.0, common.low / whole.high)
        return Estimate(value, low, min(1.0, common.high / whole.low) if whole.low > 0 else 1.0)

    def title(self) -> Words:
        return Words(en="Overlap of segments", zh="人群包重合度")

    def grids(self, most: int | None = None) -> tuple[Grid, ...]:
        names = self.segments[:most]
        return (
            self._grid("people", Words(en="People in both", zh="共同人数"), names, Measure.COUNT),
            self._grid("shares", _SHARES, names, Measure.SHARE),
        )

    def charts(self) -> tuple[Chart, ...]:
        return (
            Heat(
                title=_SHARES,
                measure=Measure.SHARE,
                labels=tuple(Label(text=name, instead=name) for name in self.segments),
                cells=tuple(tuple(self.share(one, other) for other in self.segments) for one in self.segments),
            ),
        )

    def _grid(self, key: str, title: Words, names: tuple[str, ...], measure: Measure) -> Grid:
        cell = self.people if measure is Measure.COUNT else self.share
        return Grid(
            key=key,
            title=title,
            columns=(
                Column(key="segment", head=_ALSO_IN),
                *(Column(key=name, head=same_in_both(name), measure=measure) for name in names),
            ),
            rows=[(one, *(cell(one, other) for other in names)) for one in names],
        )

    @staticmethod
    def _key(one: str, other: str) -> tuple[str, ...]:
        return (one,) if one == other else (min(one, other), max(one, other))
