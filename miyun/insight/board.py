"""Boards: an audience's size, composition and coverage by report date."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

import numpy as np

from miyun.errors import InternalError
from miyun.insight.charts import Chart, Forest, Label, Trend
from miyun.insight.estimates import CONFIDENCE, UNKNOWN, Estimate, around, deviations
from miyun.insight.formats import Measure
from miyun.insight.grid import Cell, Column, Grid
from miyun.insight.portrait import COVERAGE, DIMENSION, NAME, PEOPLE, SHARE, TAG
from miyun.insight.result import Result, first, same_in_both
from miyun.insight.totals import Tags, TagTotals
from miyun.words import Words

_DATE = Column(key="date", head=Words(en="date", zh="日期"))
_VERSION = Column(key="version", head=Words(en="version", zh="版本"))
_CHANGE = Column(key="change", head=Words(en="change", zh="较上期"), measure=Measure.MORE_PEOPLE)
_COMPOSITION = Words(en="Composition", zh="构成")
_COVERAGE = Words(en="For how many the dimension is known", zh="各维度覆盖率")
_SHARE = Words(en="share", zh="占比")
_LINES = 8

_Row = tuple[tuple[str, ...], list[Estimate]]
"""Names, and an estimate for each date."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Day:
    """What was reported for one date, of the segment's ``version``; without tags it is a size alone."""

    date: date
    version: int
    totals: TagTotals


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Board(Result):
    """``days`` in order of their dates. Numbers and changes are about these very people.

    Those over tags are over the same, so that they line up; composition and coverage are of these days.
    """

    name: str
    days: tuple[Day, ...]
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        dates = [day.date for day in self.days]
        if not dates or dates != sorted(set(dates)):
            raise InternalError("a board has at least one date, and each once, in order")
        if len({day.totals.tags.ids for day in self.followed}) > 1:
            raise InternalError("a board follows the same tags through all dates")

    @property
    def followed(self) -> tuple[Day, ...]:
        """The days on which the tags were asked about."""
        return tuple(day for day in self.days if day.totals.tags.ids)

    def sizes(self) -> list[Estimate]:
        """People, date by date."""
        return [day.totals.size(deviations(self.confidence)) for day in self.days]

    def changes(self) -> list[Estimate]:
        """More people than on the date before; unknown for the first."""
        z = deviations(self.confidence)
        totals = [day.totals for day in self.days]
        return [UNKNOWN] + [
            around(now.everybody - before.everybody, math.hypot(now.scale, before.scale), z).one()
            for before, now in pairwise(totals)
        ]

    def composition(self) -> list[tuple[str, list[Estimate]]]:
        """Each tag's share, by followed day."""
        z = deviations(self.confidence)
        by_day = [list(day.totals.tagged().shares(z)) for day in self.followed]
        return [(tag, [shares[place] for shares in by_day]) for place, tag in enumerate(self._tags.ids)]

    def coverage(self) -> list[tuple[str, list[Estimate]]]:
        """For which share each dimension is known, by followed day."""
        z = deviations(self.confidence)
        by_day = [list(day.totals.coverage(z)) for day in self.followed]
        return [
            (dimension, [shares[place] for shares in by_day]) for place, dimension in enumerate(self._tags.dimensions)
        ]

    def title(self) -> Words:
        return Words(en=f"Board of {self.name}", zh=f"{self.name} 看板")

    def grids(self, most: int | None = None) -> tuple[Grid, ...]:
        """All of it by date; or, of at most so many tags and dimensions, then and now."""
        rows = [
            (day.date.isoformat(), str(day.version), people, change)
            for day, people, change in zip(self.days, self.sizes(), self.changes(), strict=True)
        ]
        several = len(rows) > 1
        sizes = Grid(
            key="sizes",
            title=self.title(),
            columns=(_DATE, _VERSION, PEOPLE, _CHANGE) if several or most is None else (_DATE, _VERSION, PEOPLE),
            rows=rows if several or most is None else [row[:3] for row in rows],
            notes=(self._note(),),
        )
        if most is not None and not self.followed:
            return (sizes,)
        composition = [((tag, self._names[tag]), shares) for tag, shares in self._of_most_people(most)]
        coverage = [((dimension,), shares) for dimension, shares in first(self.coverage(), most)]
        grid = self._by_date if most is None else self._then_and_now
        return (
            sizes,
            grid("composition", _COMPOSITION, (TAG, NAME), SHARE, composition),
            grid("coverage", _COVERAGE, (DIMENSION,), COVERAGE, coverage),
        )

    def _by_date(self, key: str, title: Words, heads: tuple[Column, ...], share: Column, rows: Sequence[_Row]) -> Grid:
        cells: list[tuple[Cell, ...]] = [
            (day.date.isoformat(), *names, estimate)
            for names, shares in rows
            for day, estimate in zip(self.followed, shares, strict=True)
        ]
        return Grid(key=key, title=title, columns=(_DATE, *heads, share), rows=cells)

    def _then_and_now(
        self, key: str, title: Words, heads: tuple[Column, ...], share: Column, rows: Sequence[_Row]
    ) -> Grid:
        dates = [same_in_both(day.date.isoformat()) for day in self.followed]
        if len(dates) == 1:
            now = (*heads, replace(share, head=dates[0]))
            return Grid(key=key, title=title, columns=now, rows=[(*names, *shares) for names, shares in rows])
        columns = (
            *heads,
            replace(share, key="first", head=dates[0]),
            replace(share, key="last", head=dates[-1]),
            Column(key="change", head=Words(en="change", zh="变化"), measure=Measure.MORE_POINTS),
        )
        cells: list[tuple[Cell, ...]] = [
            (*names, shares[0], shares[-1], _change(shares[0], shares[-1])) for names, shares in rows
        ]
        return Grid(key=key, title=title, columns=columns, rows=cells)

    def charts(self) -> tuple[Chart, ...]:
        size = Trend(
            title=Words(en=f"{self.name}: people", zh=f"{self.name}：人数"),
            measure=Measure.COUNT,
            dates=tuple(day.date for day in self.days),
            lines=((Label(text=self.name, instead=self.name), tuple(self.sizes())),),
        )
        composition = [
            (Label(text=self._names[tag], instead=tag), shares) for tag, shares in self._of_most_people(_LINES)
        ]
        coverage = [(Label(text=name, instead="?"), shares) for name, shares in self.coverage()[:_LINES]]
        charts = ((_COMPOSITION, composition), (_COVERAGE, coverage))
        return (size, *(self._chart(title, rows) for title, rows in charts if rows))

    def _chart(self, title: Words, rows: Sequence[tuple[Label, list[Estimate]]]) -> Chart:
        """Shares over time, or of the one date one below the other."""
        dates = tuple(day.date for day in self.followed)
        if len(dates) > 1:
            lines = tuple((label, tuple(shares)) for label, shares in rows)
            return Trend(title=title, measure=Measure.SHARE, dates=dates, lines=lines)
        marks = tuple((label, shares[0]) for label, shares in rows)
        return Forest(title=title, axis=_SHARE, measure=Measure.SHARE, marks=marks)

    def _of_most_people(self, most: int | None) -> list[tuple[str, list[Estimate]]]:
        """The composition, of the tags that most people carried on the last followed day first."""
        if not self.followed:
            return []
        composition = self.composition()
        order = np.argsort(-self.followed[-1].totals.counts, kind="stable").tolist()
        return [composition[place] for place in first(order, most)]

    def _note(self) -> Words:
        percent = f"{100 * self.confidence:g}"
        return Words(
            en=f"In brackets: {percent} % intervals for the noise.", zh=f"括号内为 {percent}% 置信区间，已计入噪声。"
        )

    @property
    def _tags(self) -> Tags:
        return (self.followed or self.days)[-1].totals.tags

    @property
    def _names(self) -> dict[str, str]:
        return dict(zip(self._tags.ids, self._tags.names, strict=True))


def _change(before: Estimate, now: Estimate) -> Estimate:
    """The later share less the earlier one: their noises are independent."""
    half_widths = [(estimate.high - estimate.low) / 2 for estimate in (before, now)]
    change, reach = now.value - before.value, math.hypot(*half_widths)
    return Estimate(change, change - reach, change + reach) if not math.isnan(change) else UNKNOWN
