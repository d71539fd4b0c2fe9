"""Boards of a segment, from what this party was answered about it."""

from collections.abc import Iterator, Sequence

from miyun.aggregates.statements import OverlapAnswer, SegmentVersion
from miyun.contract.model import Contract
from miyun.errors import NotFoundError
from miyun.insight.board import Board, Day
from miyun.insight.totals import NO_TAGS, TagTotals
from miyun.party.insight_answers import Answer
from miyun.party.insight_views import View

_Shape = tuple[tuple[str, ...], int]
"""Which tags, and how many of them one person counts for: counts over other ones don't compare."""


def board_of(contract: Contract, name: str, answers: Sequence[Answer], overlaps: Sequence[OverlapAnswer]) -> Board:
    """What was reported of a segment date by date, both oldest first; of each date the newest version's last report.

    Composition and coverage are over the tags of the newest portrait. Where others were asked about, or only what
    segments share, there is a size. A report of a version that was out of date by then is left out.

    Raises:
        NotFoundError: nothing was.
    """
    portraits = [answer for answer in answers if _place(answer.request.segments, name) is not None]
    shape = _shape(portraits[-1]) if portraits else None
    reports = sorted(
        [*_sizes(name, overlaps), *(_day(contract, name, answer, shape) for answer in portraits)],
        key=lambda day: (day.date, day.version, bool(day.totals.tags.ids)),
    )
    days: list[Day] = []
    for report in reports:
        if days and report.version < days[-1].version:
            continue
        if days and report.date == days[-1].date:
            days.pop()
        days.append(report)
    if not days:
        raise NotFoundError(
            f"nothing was reported of the segment {name}",
            hint="Ask for a portrait of it first: miyun insight portrait",
        )
    return Board(name=name, days=tuple(days))


def _day(contract: Contract, name: str, answer: Answer, shape: _Shape | None) -> Day:
    place = _place(answer.request.segments, name)
    totals = View(contract, answer).tags(place or 0)
    if _shape(answer) != shape:
        totals = _size(name, totals.everybody, totals.scale)
    return Day(date=answer.at.date(), version=answer.request.segments[place or 0].version, totals=totals)


def _sizes(name: str, overlaps: Sequence[OverlapAnswer]) -> Iterator[Day]:
    for answer in overlaps:
        place, segments = _place(answer.segments, name), len(answer.segments)
        if place is not None:
            people = answer.sizes[place * segments - place * (place - 1) // 2]
            totals = _size(name, people, answer.scale_milli / 1000)
            yield Day(date=answer.at.date(), version=answer.segments[place].version, totals=totals)


def _place(segments: Sequence[SegmentVersion], name: str) -> int | None:
    """Where the newest of the versions of a segment is."""
    found = [(segment.version, place) for place, segment in enumerate(segments) if segment.name == name]
    return max(found)[1] if found else None


def _shape(answer: Answer) -> _Shape:
    return (() if answer.tags is None else answer.tags.ids), answer.request.per_person


def _size(name: str, people: int, scale: float) -> TagTotals:
    return TagTotals.read(name, NO_TAGS, [people], scale)
