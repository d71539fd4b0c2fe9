"""What two parties computed with each other without the zone: how many people they share, and sums over them."""

from dataclasses import dataclass

from miyun.insight.charts import Chart, Forest, Label
from miyun.insight.estimates import CONFIDENCE, Estimate, counts, deviations
from miyun.insight.formats import Measure
from miyun.insight.grid import Column, Grid
from miyun.insight.origin import Origin
from miyun.insight.result import Result
from miyun.insight.totals import NumberTotals
from miyun.words import Words

_TYPE = Column(key="type", head=Words(en="matched by identifier type", zh="匹配所用标识类型"))
_SIZE = Column(key="people", head=Words(en="people in both", zh="共同人数"), measure=Measure.COUNT)
_SUMS = (
    Column(key="number", head=Words(en="number", zh="数值")),
    Column(key="people", head=Words(en="people with a value", zh="有值人数"), measure=Measure.COUNT),
    Column(key="sum", head=Words(en="sum", zh="合计"), measure=Measure.AMOUNT),
    Column(key="mean", head=Words(en="mean", zh="均值"), measure=Measure.AMOUNT),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intersection(Result):
    """By one identifier type, of rows with the properties ``cut``.

    ``size`` is noised with a standard deviation of ``scale`` (0: exact); None for who doesn't learn it. ``sums`` are
    by column.
    """

    type: str
    cut: tuple[str, ...] = ()
    size: int | None = None
    scale: float = 0.0
    sums: tuple[NumberTotals, ...] = ()
    confidence: float = CONFIDENCE
    origin: Origin | None = None

    def people(self) -> Estimate | None:
        """How many are in both; None for who learns sums."""
        return None if self.size is None else counts(self.size, self.scale, deviations(self.confidence)).one()

    def title(self) -> Words:
        return Words(en=f"Intersection by {self.type}", zh=f"按 {self.type} 求交")

    def grids(self, most: int | None = None) -> tuple[Grid, ...]:
        people, z = self.people(), deviations(self.confidence)
        grids = []
        if people is not None:
            size = Words(en="Size of the intersection", zh="交集人数")
            grids.append(
                Grid(key="size", title=size, columns=(_TYPE, _SIZE), rows=[(self.type, people)], notes=self._notes())
            )
        if self.sums:
            rows = [(one.name, one.people(z), one.sum(z), one.mean(z)) for one in self.sums]
            sums = Words(en="Sums over the intersection", zh="交集上的合计")
            grids.append(Grid(key="sums", title=sums, columns=_SUMS, rows=rows, notes=self._notes()))
        return tuple(grids)

    def charts(self) -> tuple[Chart, ...]:
        people, z = self.people(), deviations(self.confidence)
        marks = [] if people is None else [(_SIZE.head, Measure.COUNT, self.type, people)]
        marks += [(_SUMS[3].head, Measure.AMOUNT, one.name, one.mean(z)) for one in self.sums]
        return tuple(
            Forest(title=self.title(), axis=axis, measure=measure, marks=((Label(text=text, instead="?"), estimate),))
            for axis, measure, text, estimate in marks
        )

    def _notes(self) -> tuple[Words, ...]:
        cut = " · ".join(self.cut)
        of = [Words(en=f"Of rows with {cut}.", zh=f"限于满足 {cut} 的行。")] if cut else []
        if self.sums:
            ranges = "; ".join(f"{one.name}: {one.low:,g} … {one.high:,g}" for one in self.sums)
            of.append(
                Words(
                    en=f"Values outside count as the nearest end ({ranges}).", zh=f"超出范围的值按端点计（{ranges}）。"
                )
            )
        percent = f"{100 * self.confidence:g}"
        exact = self.size is not None and not self.scale
        noise = Words(en="This number is exact.", zh="该人数为确切值。")
        if not exact:
            noise = Words(
                en=f"In brackets: {percent} % intervals; noise is in all of them.",
                zh=f"括号内为 {percent}% 置信区间：均已计入噪声。",
            )
        return (*of, noise)
