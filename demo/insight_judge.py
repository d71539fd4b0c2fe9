"""Holds portraits and sums, as the command printed them, against the plaintext join."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from demo.insight_reference import Counts, Tag, below, count, index, read_carried, read_catalogue, spent
from demo.insight_results import FAR, INTERVAL, Estimated, Noised, PortraitResult, SumResult, SumsResult, TagResult
from demo.reference import Match

Answer = dict[str, Any]


def judge_portrait(
    answer: Answer,
    folder: Path,
    people: Collection[Match],
    others: Collection[Match],
    *,
    branches: Collection[str],
    planted: Mapping[str, float],
    **told: Any,
) -> PortraitResult:
    """A portrait of ``people`` against ``others``, who include them, each number with the truth beside it.

    It is over ``branches``. ``planted`` says how many times as often the segment was made to carry a tag; ``told`` are
    the other fields of the result.
    """
    asked = below(read_catalogue(folder / "catalogue.csv"), branches)
    carried = read_carried(folder / "tags.parquet", asked)
    here, there = (count((match.user for match in matches), carried, asked) for matches in (people, others))
    noise = noise_of(answer["size"])
    tags = tuple(_tag(row, asked[row["tag"]], here, there, noise) for row in answer["tags"])
    liked = tuple(tag for tag, times in planted.items() if times > 1)
    return PortraitResult(
        size=Noised(name="people", value=answer["size"]["value"], noise=noise, truth=here.everybody),
        tags=tags,
        coverage=tuple(_coverage(row, asked, here, there) for row in answer["coverage"]),
        planted=liked,
        visible=tuple(tag.tag for tag in tags if tag.tag in liked and _is_visible(tag.tgi)),
        **told,
    )


def judge_sums(
    answer: Answer, groups: Mapping[str, Collection[Match]], *, column: str, most: float, **told: Any
) -> SumsResult:
    """Sums of spending over these groups, by their names."""
    rows = tuple(_sum(row, groups[row["group"]], most) for row in answer["sums"])
    return SumsResult(column=column, most=most, rows=rows, **told)


def _tag(row: Answer, tag: Tag, here: Counts, there: Counts, noise: float) -> TagResult:
    return TagResult(
        tag=tag.id,
        name=row["name"].rpartition("/")[2],
        people=Noised(name=tag.id, value=row["people"]["value"], noise=noise, truth=here.carried[tag.id]),
        share=estimated(row["share"], _share(tag, here)),
        base_share=estimated(row["base_share"], _share(tag, there)),
        tgi=estimated(row["tgi"], index(tag, here, there)),
    )


def _coverage(row: Answer, asked: Mapping[str, Tag], here: Counts, there: Counts) -> tuple[str, Estimated, Estimated]:
    dimension = next(tag.dimension for tag in asked.values() if tag.dimension_path == row["dimension"])
    return (
        row["dimension"],
        estimated(row["coverage"], here.known[dimension] / here.everybody),
        estimated(row["base_coverage"], there.known[dimension] / there.everybody),
    )


def _sum(row: Answer, matches: Iterable[Match], most: float) -> SumResult:
    people, total = spent(matches, most)
    return SumResult(
        group=row["group"],
        people=Noised(name="people", value=row["people"]["value"], noise=noise_of(row["people"]), truth=people),
        sum=Noised(name="sum", value=row["sum"]["value"], noise=noise_of(row["sum"]), truth=total),
        mean=estimated(row["mean"], total / people),
    )


def _is_visible(tgi: Estimated) -> bool:
    """Whether noise can't make this TGI look like 100."""
    if tgi.low is None or tgi.high is None:
        return False
    return tgi.truth - 100 > FAR * (tgi.high - tgi.low) / (2 * INTERVAL)


def _share(tag: Tag, counts: Counts) -> float:
    return counts.carried[tag.id] / (counts.known[tag.dimension] or 1)


def noise_of(estimate: Answer) -> float:
    """The standard deviation behind an interval, from its upper half: the lower one may be cut off at 0."""
    return float((estimate["high"] - estimate["value"]) / INTERVAL)


def estimated(estimate: Answer, truth: float) -> Estimated:
    return Estimated(value=estimate["value"], low=estimate["low"], high=estimate["high"], truth=truth)
