"""Sums and means of a column of numbers over a segment, and over the parts of a partition of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from miyun.errors import InternalError
from miyun.insight.charts import Chart, Forest, Label
from miyun.insight.estimates import CONFIDENCE, UNKNOWN, Estimate, around, deviations
from miyun.insight.formats import Measure
from miyun.insight.grid import Column, Grid
from miyun.insight.origin import Origin
from miyun.insight.result import Result
from miyun.insight.totals import NumberTotals
from miyun.words import Words

_COLUMNS = (
    Column(key="group", head=Words(en="people of", zh="人群")),
    Column(key="people", head=Words(en="people with a value", zh="有值人数"), measure=Measure.COUNT),
    Column(key="sum", head=Words(en="sum", zh="合计"), measure=Measure.AMOUNT),
    Column(key="mean", head=Words(en="mean", zh="均值"), measure=Measure.AMOUNT),
    Column(
        key="difference",
        head=Words(en="mean against the other parts", zh="与其余部分的均值差"),
        measure=Measure.MORE_AMOUNT,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SumRow:
    """``difference`` compares the mean with that of all other parts together; unknown for the whole."""

    group: str
    people: Estimate
    sum: Estimate
    mean: Estimate
    difference: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums(Result):
    """A column over ``whole`` and over ``parts``, which share out the whole (spend per tier, per campaign arm)."""

    column: str
    whole: NumberTotals
    parts: tuple[NumberTotals, ...] = ()
    confidence: float = CONFIDENCE
    origin: Origin | None = None

    def __post_init__(self) -> None:
        ranges = {(one.low, one.high, one.step) for one in (self.whole, *self.parts)}
        if len(ranges) != 1:
            raise InternalError("means are compared of one column, clipped to one range")

    def rows(self) -> list[SumRow]:
        """The whole first, then each part."""
        z = deviations(self.confidence)
        others = [_others(self.parts, place) for place in range(len(self.parts))]
        return [
            SumRow(
                group=one.name,
                people=one.people(z),
                sum=one.sum(z),
                mean=one.mean(z),
                difference=UNKNOWN if other is None else mean_difference(one, other, z),
            )
            for one, other in zip((self.whole, *self.parts), (None, *others), strict=True)
        ]

    def title(self) -> Words:
        return Words(en=f"{self.column} of {self.whole.name}", zh=f"{self.whole.name} 的 {self.column}")

    def grids(self, most: int | None = None) -> tuple[Grid, ...]:
        columns = _COLUMNS if self.parts else _COLUMNS[:-1]
        rows = [(row.group, row.people, row.sum, row.mean, row.difference)[: len(columns)] for row in self.rows()]
        return (Grid(key="sums", title=self.title(), columns=columns, rows=rows, notes=(self._note(),)),)

    def charts(self) -> tuple[Chart, ...]:
        return (
            Forest(
                title=self.title(),
                axis=Words(en="mean", zh="均值"),
                measure=Measure.AMOUNT,
                marks=tuple((Label(text=row.group, instead="?"), row.mean) for row in self.rows()),
            ),
        )

    def _note(self) -> Words:
        low, high, percent = self.whole.low, self.whole.high, f"{100 * self.confidence:g}"
        return Words(
            en=f"Each person's value counts as at least {low:,g} and at most {high:,g}. In brackets: {percent} % "
            "intervals; noise is in all of them, chance in the differences too.",
            zh=f"每人的数值截断在 {low:,g} 至 {high:,g} 之间。括号内为 {percent}% 置信区间：均已计入噪声，"
            "差值还计入随机波动。",
        )


def mean_difference(here: NumberTotals, there: NumberTotals, z: float) -> Estimate:
    """The mean here less the mean there: noise and chance."""
    variance = here.mean_variance() + there.mean_variance()
    if not math.isfinite(variance):
        return UNKNOWN
    return around(here.mean(z).value - there.mean(z).value, math.sqrt(variance), z).one()


def _others(parts: Sequence[NumberTotals], place: int) -> NumberTotals | None:
    """All parts but one as if they were one group; their noises add up."""
    rest = [part for other, part in enumerate(parts) if other != place]
    if not rest:
        return None
    return NumberTotals(
        name="",
        low=rest[0].low,
        high=rest[0].high,
        step=rest[0].step,
        total=sum(part.total for part in rest),
        total_scale=math.hypot(*(part.total_scale for part in rest)),
        known=sum(part.known for part in rest),
        known_scale=math.hypot(*(part.known_scale for part in rest)),
    )
