"""Portraits: what a segment's people are like, against a stated base.

TGI (target group index) = 100 × share in the segment / share in the base; 100 is as usual. Shares are among those for
whom the tag's dimension is known. What is shown is clamped to what is possible (no count below 0, no share above 1);
the intervals come from the unclamped totals.
"""

import math
from dataclasses import dataclass

import numpy as np

from miyun.errors import InternalError
from miyun.insight.charts import Chart, Forest, Label
from miyun.insight.estimates import CONFIDENCE, Estimate, Floats, counts, deviations
from miyun.insight.formats import Measure, written
from miyun.insight.grid import Column, Grid
from miyun.insight.origin import Origin
from miyun.insight.result import SHOWN, Result, first
from miyun.insight.totals import Integers, TagTotals
from miyun.words import Words

USUAL = 100.0

TAG = Column(key="tag", head=Words(en="tag", zh="标签"))
NAME = Column(key="name", head=Words(en="name", zh="名称"))
PEOPLE = Column(key="people", head=Words(en="people", zh="人数"), measure=Measure.COUNT)
SHARE = Column(key="share", head=Words(en="share", zh="占比"), measure=Measure.SHARE)
BASE_SHARE = Column(key="base_share", head=Words(en="share in base", zh="基准占比"), measure=Measure.SHARE)
TGI = Column(key="tgi", head=Words(en="TGI", zh="TGI"), measure=Measure.INDEX)
DIMENSION = Column(key="dimension", head=Words(en="dimension", zh="维度"))
COVERAGE = Column(key="coverage", head=Words(en="known for", zh="覆盖率"), measure=Measure.SHARE)
BASE_COVERAGE = Column(key="base_coverage", head=Words(en="known for, base", zh="基准覆盖率"), measure=Measure.SHARE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRow:
    """One tag. ``people`` and the shares are about these very people; ``tgi`` is a comparison."""

    tag: str
    name: str
    people: Estimate
    share: Estimate
    base_share: Estimate
    tgi: Estimate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Portrait(Result):
    """``segment`` against ``base``, over the same tags. ``most_tags`` is how many tags of one person were counted."""

    segment: TagTotals
    base: TagTotals
    most_tags: int
    confidence: float = CONFIDENCE
    origin: Origin | None = None

    def __post_init__(self) -> None:
        if self.segment.tags is not self.base.tags and self.segment.tags.ids != self.base.tags.ids:
            raise InternalError("a segment and its base are compared tag by tag")

    @property
    def size(self) -> Estimate:
        return self.segment.size(deviations(self.confidence))

    def rows(self) -> list[TagRow]:
        """Every tag, in the order of the question. Each interval holds for itself."""
        return self._rows(np.arange(len(self.segment.tags.ids)), self.confidence)

    def top(self, most: int = SHOWN) -> list[TagRow]:
        """Tags that are more frequent than in the base beyond noise and chance, greatest TGI first.

        Among 100,000 tags thousands look remarkable by noise alone. So a tag is listed only if it passes Benjamini and
        Hochberg's test (1995) at 1 − confidence: of all tags that pass, about that share are false. And the list shows
        the luckiest of them: its intervals are widened so that about that share of those shown miss the truth
        (Benjamini and Yekutieli, 2005).
        """
        excess = self.segment.tagged().excess_over(self.base.tagged())
        passing = _discoveries(excess, 1 - self.confidence)
        if not (len(passing) and most):
            return []
        rows = self._rows(passing, self.confidence)
        order = sorted(range(len(rows)), key=lambda place: -_rank(rows[place].tgi))[:most]
        chosen = passing[order]
        return self._rows(chosen, 1 - (1 - self.confidence) * len(chosen) / len(excess))

    def coverage(self) -> list[tuple[str, Estimate, Estimate]]:
        """Per dimension, for which share of the segment and of the base it is known."""
        z = deviations(self.confidence)
        return list(zip(self.segment.tags.dimensions, self.segment.coverage(z), self.base.coverage(z), strict=True))

    def title(self) -> Words:
        size = self.size
        return Words(
            en=f"Portrait of {self.segment.name}, {written(size, Measure.COUNT)} people, against {self.base.name}",
            zh=f"{self.segment.name} 画像，{written(size, Measure.COUNT, 'zh')} 人，基准：{self.base.name}",
        )

    def figures(self) -> dict[str, Estimate]:
        return {"size": self.size}

    def grids(self, most: int | None = None) -> tuple[Grid, ...]:
        rows = self.rows() if most is None else self.top(most)
        return (
            Grid(
                key="tags",
                title=self.title(),
                columns=(TAG, NAME, PEOPLE, SHARE, BASE_SHARE, TGI),
                rows=[(row.tag, row.name, row.people, row.share, row.base_share, row.tgi) for row in rows],
                notes=self._notes(listed=most is not None, empty=not rows),
            ),
            Grid(
                key="coverage",
                title=Words(en="For how many the dimension is known", zh="各维度覆盖率"),
                columns=(DIMENSION, COVERAGE, BASE_COVERAGE),
                rows=first(self.coverage(), most),
            ),
        )

    def charts(self) -> tuple[Chart, ...]:
        return (
            Forest(
                title=self.title(),
                axis=Words(en="TGI, 100: as in the base", zh="TGI，100 表示与基准相同"),
                measure=Measure.INDEX,
                marks=tuple((Label(text=row.name, instead=row.tag), row.tgi) for row in self.top()),
                reference=USUAL,
            ),
        )

    def _rows(self, places: Integers, confidence: float) -> list[TagRow]:
        z = deviations(confidence)
        tags, here, there = self.segment.tags, self.segment.tagged(places), self.base.tagged(places)
        columns = zip(
            places.tolist(),
            counts(here.part, self.segment.scale, z),
            here.shares(z),
            there.shares(z),
            here.ratio_to(there, z).scaled(USUAL),
            strict=True,
        )
        return [
            TagRow(tag=tags.ids[place], name=tags.names[place], people=people, share=share, base_share=base, tgi=tgi)
            for place, people, share, base, tgi in columns
        ]

    def _notes(self, *, listed: bool, empty: bool) -> tuple[Words, ...]:
        percent = f"{100 * self.confidence:g}"
        tags = len(self.segment.tags.ids)
        notes = [
            Words(
                en=f"In brackets: {percent} % intervals; noise is in all of them, chance in TGI too. Of each person "
                f"at most {self.most_tags} of the tags asked about are counted.",
                zh=f"括号内为 {percent}% 置信区间：均已计入噪声，TGI 还计入随机波动。"
                f"每人至多计入所问标签中的 {self.most_tags} 个。",
            )
        ]
        if listed:
            notes.append(
                Words(
                    en=f"Of {tags:,} tags, listed are those that stand out beyond noise and chance. Their intervals "
                    "are wider, because the most striking were picked.",
                    zh=f"共 {tags:,} 个标签，仅列出超出噪声与随机波动的标签；因是从中挑选，区间相应放宽。",
                )
            )
        if empty:
            notes.append(Words(en="No tag stands out.", zh="没有显著突出的标签。"))
        return tuple(notes)


def _discoveries(excess: Floats, rate: float) -> Integers:
    """Places whose one-sided test passes Benjamini and Hochberg's procedure, in order of their evidence."""
    order = np.argsort(-excess, kind="stable")
    chances = np.asarray([0.5 * math.erfc(each / math.sqrt(2)) for each in excess[order].tolist()])
    passes = np.flatnonzero(chances <= rate * np.arange(1, len(excess) + 1) / max(1, len(excess)))
    return order[: passes[-1] + 1] if len(passes) else order[:0]


def _rank(tgi: Estimate) -> float:
    """A TGI whose base share is lost in noise ranks by its lower end."""
    return tgi.value if tgi.known else tgi.low
