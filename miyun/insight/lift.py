"""Measurement: what people who were reached did, against a control group."""

import math
from dataclasses import dataclass

from miyun.insight.charts import Chart, Forest, Label
from miyun.insight.estimates import CONFIDENCE, UNKNOWN, Estimate, counts, deviations, fieller, floats
from miyun.insight.formats import Measure, written
from miyun.insight.grid import Column, Grid
from miyun.insight.origin import Origin
from miyun.insight.proportions import Proportions
from miyun.insight.result import Result
from miyun.insight.sums import mean_difference
from miyun.insight.totals import NumberTotals
from miyun.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The noised size of a group and how many converted. ``revenue`` is over everybody: who bought nothing is 0."""

    name: str
    people: int
    people_scale: float
    conversions: int
    conversions_scale: float
    revenue: NumberTotals | None = None

    def size(self, z: float) -> Estimate:
        return counts(self.people, self.people_scale, z).one()

    def converted(self) -> Proportions:
        return Proportions(
            part=floats(self.conversions),
            whole=floats(self.people),
            part_scale=self.conversions_scale,
            whole_scale=self.people_scale,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """``here`` and ``there`` are about these very people; the rest are comparisons.

    ``difference`` is per person, ``lift`` the difference as a share of the control's, ``gained`` the difference times
    the exposed: what would not have been without.
    """

    here: Estimate
    there: Estimate
    difference: Estimate
    lift: Estimate
    gained: Estimate

    @property
    def clear(self) -> bool:
        """Whether noise and chance don't explain the difference."""
        return self.difference.known and self.difference.excludes(0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift(Result):
    exposed: Group
    control: Group
    confidence: float = CONFIDENCE
    origin: Origin | None = None

    @property
    def conversions(self) -> Effect:
        z = deviations(self.confidence)
        here, there = self.exposed.converted(), self.control.converted()
        difference = here.difference_from(there, z)
        return Effect(
            here=here.shares(z).one(),
            there=there.shares(z).one(),
            difference=difference.one(),
            lift=here.ratio_to(there, z).scaled(1.0, -1.0).one(),
            gained=difference.scaled(max(0, self.exposed.people)).one(),
        )

    @property
    def revenue(self) -> Effect | None:
        """Per person of the group; None where it was not asked for."""
        here, there, z = self.exposed.revenue, self.control.revenue, deviations(self.confidence)
        if here is None or there is None:
            return None
        difference = mean_difference(here, there, z)
        people = max(0, here.known)
        return Effect(
            here=here.mean(z),
            there=there.mean(z),
            difference=difference,
            lift=_mean_lift(here, there, z),
            gained=Estimate(difference.value * people, difference.low * people, difference.high * people),
        )

    def title(self) -> Words:
        people = self.figures()
        exposed, control = people["exposed_people"], people["control_people"]
        return Words(
            en=f"{self.exposed.name}, {written(exposed, Measure.COUNT)} people exposed, against the control group "
            f"{self.control.name}, {written(control, Measure.COUNT)} people",
            zh=f"曝光组 {self.exposed.name}，{written(exposed, Measure.COUNT, 'zh')} 人，"
            f"对照组 {self.control.name}，{written(control, Measure.COUNT, 'zh')} 人",
        )

    def figures(self) -> dict[str, Estimate]:
        z = deviations(self.confidence)
        return {"exposed_people": self.exposed.size(z), "control_people": self.control.size(z)}

    def grids(self, most: int | None = None) -> tuple[Grid, ...]:
        conversions = self._grid("conversions", Words(en="Conversions", zh="转化"), self.conversions, Measure.SHARE)
        revenue = self.revenue
        if revenue is None:
            return (conversions,)
        return (
            conversions,
            self._grid("revenue", Words(en="Revenue per person", zh="人均收入"), revenue, Measure.AMOUNT),
        )

    def charts(self) -> tuple[Chart, ...]:
        effects = (
            (Words(en="conversions", zh="转化"), self.conversions),
            (Words(en="revenue", zh="收入"), self.revenue),
        )
        return (
            Forest(
                title=self.title(),
                axis=Words(en="lift, 0: as in the control group", zh="提升，0 表示与对照组相同"),
                measure=Measure.MORE_PERCENT,
                marks=tuple(
                    (Label(text=words, instead=words.en), effect.lift)
                    for words, effect in effects
                    if effect is not None
                ),
                reference=0.0,
            ),
        )

    def _grid(self, key: str, title: Words, effect: Effect, measure: Measure) -> Grid:
        shares = measure is Measure.SHARE
        columns = (
            Column(
                key="exposed",
                head=Words(en=f"exposed: {self.exposed.name}", zh=f"曝光组 {self.exposed.name}"),
                measure=measure,
            ),
            Column(
                key="control",
                head=Words(en=f"control: {self.control.name}", zh=f"对照组 {self.control.name}"),
                measure=measure,
            ),
            Column(
                key="difference",
                head=Words(en="difference", zh="差值"),
                measure=Measure.MORE_POINTS if shares else Measure.MORE_AMOUNT,
            ),
            Column(key="lift", head=Words(en="lift", zh="提升"), measure=Measure.MORE_PERCENT),
            Column(
                key="gained",
                head=Words(en="gained among the exposed", zh="曝光组增量"),
                measure=Measure.MORE_PEOPLE if shares else Measure.MORE_AMOUNT,
            ),
        )
        row = (effect.here, effect.there, effect.difference, effect.lift, effect.gained)
        return Grid(key=key, title=title, columns=columns, rows=[row], notes=self._notes(effect))

    def _notes(self, effect: Effect) -> tuple[Words, ...]:
        percent = f"{100 * self.confidence:g}"
        verdict = (
            Words(
                en="The difference is clear: noise and chance don't explain it.",
                zh="差异明确：噪声与随机波动不足以解释。",
            )
            if effect.clear
            else Words(
                en="Not clear yet: noise and chance may explain the difference.",
                zh="尚不明确：差异可能源于噪声或随机波动。",
            )
        )
        return (
            verdict,
            Words(
                en=f"In brackets: {percent} % intervals; noise is in all of them, chance in difference, lift and gain "
                "too. It is an effect only if lots decided who was exposed.",
                zh=f"括号内为 {percent}% 置信区间：均已计入噪声，差值、提升与增量还计入随机波动。"
                "仅当分组由随机决定时才可视为因果效果。",
            ),
        )


def _mean_lift(here: NumberTotals, there: NumberTotals, z: float) -> Estimate:
    variances = here.mean_variance(), there.mean_variance()
    if not all(map(math.isfinite, variances)):
        return UNKNOWN
    ratio = fieller(
        here.mean(z).value, there.mean(z).value, top_variance=variances[0], bottom_variance=variances[1], z=z
    )
    return ratio.scaled(1.0, -1.0).one()
