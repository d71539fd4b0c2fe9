"""Answers as results: portraits, sums, lift, overlaps and boards."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from miyun.aggregates.question import Question
from miyun.aggregates.statements import NumberRange, OverlapAnswer
from miyun.contract.model import Contract
from miyun.errors import NotFoundError
from miyun.insight.board import Board, Day
from miyun.insight.lift import Group, Lift
from miyun.insight.overlap import Overlap, Size
from miyun.insight.portrait import Portrait
from miyun.insight.sums import Sums
from miyun.insight.totals import NumberTotals, Tags, TagTotals
from miyun.party.insight_answers import Answer

_NO_TAGS = Tags(ids=(), names=(), dimensions=(), dimension_of=np.empty(0, np.int64))


class View:
    """One answer; segments go by their places in the question."""

    def __init__(self, contract: Contract, answer: Answer) -> None:
        self._answer = answer
        self._question = Question.of(contract, answer.request)

    def name(self, place: int) -> str:
        return self._answer.request.segments[place].name

    def place(self, name: str) -> int | None:
        """The first place of a segment's name."""
        names = [segment.name for segment in self._answer.request.segments]
        return names.index(name) if name in names else None

    def tags(self, place: int) -> TagTotals:
        """The counts of one segment."""
        counts = self._answer.totals[place][: self._question.counts]
        return TagTotals.read(self.name(place), self._answer.tags or _NO_TAGS, counts, self._question.parts[0].scale)

    def portrait(self, place: int, base: int) -> Portrait:
        return Portrait(segment=self.tags(place), base=self.tags(base), most_tags=self._question.per_person)

    def number(self, place: int, number: int) -> NumberTotals:
        """A number over one segment."""
        asked: NumberRange = self._question.numbers[number]
        total, known = self._answer.totals[place][self._question.counts :][2 * number : 2 * number + 2]
        parts = self._question.parts[bool(self._question.tags) :][2 * number : 2 * number + 2]
        step = float(asked.step)
        return NumberTotals(
            name=self.name(place),
            low=asked.low * step,
            high=asked.high * step,
            step=step,
            total=total,
            total_scale=parts[0].scale,
            known=known,
            known_scale=parts[1].scale,
        )

    def sums(self, number: int, whole: int, parts: Sequence[int] = ()) -> Sums:
        return Sums(
            column=self._question.numbers[number].name,
            whole=self.number(whole, number),
            parts=tuple(self.number(part, number) for part in parts),
        )

    def lift(self) -> Lift:
        """Of the first segment against the second; the first number is 1 for whoever converted, else 0."""
        return Lift(exposed=self._group(0), control=self._group(1))

    def _group(self, place: int) -> Group:
        converted = self.number(place, 0)
        return Group(
            name=converted.name,
            people=converted.known,
            people_scale=converted.known_scale,
            conversions=converted.total,
            conversions_scale=converted.total_scale,
            revenue=self.number(place, 1) if len(self._question.numbers) > 1 else None,
        )


def overlap_of(answer: OverlapAnswer) -> Overlap:
    """What segments have in common. Versions of one segment are told apart by their numbers."""
    names = [segment.name for segment in answer.segments]
    labels = [
        segment.name if names.count(segment.name) == 1 else f"{segment.name}@{segment.version}"
        for segment in answer.segments
    ]
    pairs = [(one, other) for place, one in enumerate(labels) for other in labels[place:]]
    sizes: dict[tuple[str, ...], Size] = {
        ((one,) if one == other else (min(one, other), max(one, other))): Size.of(size)
        for (one, other), size in zip(pairs, answer.sizes, strict=True)
    }
    return Overlap(segments=tuple(labels), sizes=sizes, scale=answer.scale_milli / 1000)


def board_of(contract: Contract, name: str, answers: Sequence[Answer], overlaps: Sequence[OverlapAnswer]) -> Board:
    """What was reported of a segment date by date, of each date the last: over the newest portrait's tags.

    A segment that no portrait was made of has its sizes, from the answers about what segments share.

    Raises:
        NotFoundError: nothing was.
    """
    days: dict[date, TagTotals] = {}
    tags = _tags_of(contract, name, answers)
    for answer in answers:
        view = View(contract, answer)
        place = view.place(name)
        if place is not None and answer.tags is not None and answer.tags.ids == tags:
            days[answer.at.date()] = view.tags(place)
    if not days:
        days = _sizes(name, overlaps)
    if not days:
        raise NotFoundError(f"nothing was reported of the segment {name}", hint="Ask for a portrait of it first.")
    return Board(name=name, days=tuple(Day(date=at, totals=totals) for at, totals in sorted(days.items())))


def _tags_of(contract: Contract, name: str, answers: Sequence[Answer]) -> tuple[str, ...] | None:
    for answer in reversed(answers):
        if answer.tags is not None and View(contract, answer).place(name) is not None:
            return answer.tags.ids
    return None


def _sizes(name: str, overlaps: Sequence[OverlapAnswer]) -> dict[date, TagTotals]:
    days: dict[date, TagTotals] = {}
    for answer in overlaps:
        segments = len(answer.segments)
        for place, segment in enumerate(answer.segments):
            if segment.name == name:
                size = answer.sizes[place * segments - place * (place - 1) // 2]
                days[answer.at.date()] = TagTotals.read(name, _NO_TAGS, [size], answer.scale_milli / 1000)
    return days
