"""How well a lookalike's score tells the seed from the base, from noised counts of the seed by score."""

import math
from dataclasses import dataclass

import numpy as np

from miyun.errors import InternalError
from miyun.insight.charts import Chart, Forest, Label
from miyun.insight.estimates import CONFIDENCE, Estimate, Floats, around, counts, deviations
from miyun.insight.formats import Measure
from miyun.insight.grid import Column, Grid
from miyun.insight.origin import Origin
from miyun.insight.proportions import Proportions
from miyun.insight.result import Result, first
from miyun.words import Words

USELESS = 0.5

_COLUMNS = (
    Column(key="part", head=Words(en="by score", zh="得分分段")),
    Column(key="seed", head=Words(en="people of the seed", zh="种子人数"), measure=Measure.COUNT),
    Column(key="share", head=Words(en="share of the seed", zh="占种子"), measure=Measure.SHARE),
    Column(key="base_share", head=Words(en="share of the base", zh="占基准"), measure=Measure.SHARE),
    Column(
        key="index", head=Words(en="index (100: as in the base)", zh="指数（100 与基准相同）"), measure=Measure.INDEX
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation(Result):
    """``seed`` and ``base``: people by score, best part first, each count with noise of its standard deviation."""

    name: str
    seed: tuple[int, ...]
    seed_scale: float
    base: tuple[int, ...]
    base_scale: float
    confidence: float = CONFIDENCE
    origin: Origin | None = None

    def __post_init__(self) -> None:
        if len(self.seed) != len(self.base) or len(self.seed) < 2:
            raise InternalError("a seed and its base are counted in the same parts, at least two")

    @property
    def auc(self) -> Estimate:
        """The chance that somebody of the seed scores above somebody of the base (equal: half): noise and chance.

        0.5 is useless, 1 perfect. People of one part count as equal, which understates a good score a little, and the
        seed's own people are in the base, which does too. With gᵢ the share of the base below part i and half of part
        i, it is the mean of g over the seed; its variance is by the delta method.
        """
        z = deviations(self.confidence)
        seed, base = np.asarray(self.seed, dtype=np.float64), np.asarray(self.base, dtype=np.float64)
        people, others = seed.sum(), base.sum()
        if people <= z * self.seed_scale * math.sqrt(len(seed)) or others <= 0:
            return Estimate(math.nan, 0.0, 1.0)
        below = _below(base) / others
        value = float(seed @ below / people)
        above = (np.cumsum(seed) - seed / 2) / people  # the mirror image: which share of the seed is above
        variance = _variance(seed, below, self.seed_scale, value) + _variance(base, above, self.base_scale, value)
        return around(value, math.sqrt(variance), z).clamped(0, 1).one()

    def title(self) -> Words:
        auc = self.auc
        return Words(
            en=f"Lookalike of {self.name}: separation (AUC) {_written(auc)}, 0.5 is none",
            zh=f"{self.name} 人群扩展：区分度（AUC）{_written(auc)}，0.5 为无区分",
        )

    def grids(self, most: int | None = None) -> tuple[Grid, ...]:
        z = deviations(self.confidence)
        seed, base = _parts(self.seed, self.seed_scale), _parts(self.base, self.base_scale)
        columns = zip(
            counts(seed.part, self.seed_scale, z),
            seed.shares(z),
            base.shares(z),
            seed.ratio_to(base, z).scaled(100.0),
            strict=True,
        )
        rows = [(f"{place + 1}/{len(self.seed)}", *estimates) for place, estimates in enumerate(columns)]
        return (Grid(key="parts", title=self.title(), columns=_COLUMNS, rows=first(rows, most)),)

    def figures(self) -> dict[str, Estimate]:
        return {"auc": self.auc}

    def charts(self) -> tuple[Chart, ...]:
        rows = self.grids()[0].rows
        marks = [(str(part), index) for part, *_, index in rows if isinstance(index, Estimate)]
        return (
            Forest(
                title=self.title(),
                axis=Words(en="index, 100: as in the base", zh="指数，100 表示与基准相同"),
                measure=Measure.INDEX,
                marks=tuple((Label(text=part, instead=part), index) for part, index in marks),
                reference=100.0,
            ),
        )


def _below(base: Floats) -> Floats:
    """How many of the base are in lower parts, and half of the same part; part 0 is the best."""
    return np.asarray(base.sum() - np.cumsum(base) + base / 2)


def _variance(people: Floats, standing: Floats, scale: float, mean: float) -> float:
    """Of the mean standing of the people: chance and noise."""
    total = people.sum()
    chance = max(0.0, people @ standing**2 / total - mean**2) / total
    return float(chance + scale**2 * np.sum((standing - mean) ** 2) / total**2)


def _parts(people: tuple[int, ...], scale: float) -> Proportions:
    """Each part among all. The whole is the parts' sum, so its noise is taken for more than it is."""
    return Proportions(
        part=np.asarray(people, dtype=np.float64),
        whole=np.full(len(people), float(sum(people))),
        part_scale=scale,
        whole_scale=scale * math.sqrt(len(people)),
    )


def _written(auc: Estimate) -> str:
    return f"{auc.value:.2f} ({auc.low:.2f}–{auc.high:.2f})"
