"""No row adds more to an answer than its noise hides, whoever made the columns."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from miyun.aggregates.columns import Columns
from miyun.errors import InternalError

from .world import AGE, CarriersOf, NumbersOf, make_job

QUESTION = make_job(handles=10, tag_count=4, dimension_count=3, per_person=2, numbers=(AGE,)).question
FITTING: list[list[int]] = [[0, 3], [3], [], [7, 9], [0, 3], [3, 7], [], [0, 3, 7, 9]]
"""Four tags, three dimensions, everybody."""


def counts(rows: list[list[int]], low: int = 0, high: int = 10) -> CarriersOf:
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.uint64)
    return CarriersOf(low, high, offsets, np.array([row for part in rows for row in part], np.uint32))


def number(values: list[int], known: list[bool]) -> NumbersOf:
    return NumbersOf(0, len(values), np.array(values, np.int64), np.array(known))


def test_columns_that_fit() -> None:
    columns = Columns(low=0, high=10, counts=[counts(FITTING[:4]), counts(FITTING[4:])])
    offsets, handles = columns.carriers(QUESTION)
    assert [handles[start:end].tolist() for start, end in pairwise(offsets)] == FITTING


def test_the_order_of_rows_in_a_count_does_not_matter() -> None:
    rows = [list(reversed(part)) for part in FITTING]
    assert len(Columns(low=0, high=10, counts=[counts(rows)]).carriers(QUESTION)[1]) == 13


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({2: [3]}, "lets it"),
        ({6: [3]}, "lets it"),
        ({7: [0, 0]}, "twice"),
        ({0: [3, 3]}, "twice"),
        ({0: [9, 0, 9]}, "twice"),
        ({0: [10]}, "outside"),
    ],
    ids=["a tag too many", "a dimension too many", "everybody twice", "twice", "twice, not in order", "outside"],
)
def test_a_row_that_adds_too_much_is_refused(changed: dict[int, list[int]], reason: str) -> None:
    rows = [changed.get(place, part) for place, part in enumerate(FITTING)]
    with pytest.raises(InternalError, match=reason):
        Columns(low=0, high=10, counts=[counts(rows)]).carriers(QUESTION)


@pytest.mark.parametrize(
    "parts",
    [[], [counts(FITTING[:-1])], [counts([*FITTING, []])], [counts(FITTING, 10, 20)]],
    ids=["none", "too few", "too many", "other rows"],
)
def test_other_counts_than_the_questions_are_refused(parts: list[Any]) -> None:
    with pytest.raises(InternalError):
        Columns(low=0, high=10, counts=parts).carriers(QUESTION)


def test_a_value_out_of_its_range_is_refused() -> None:
    unknown = number([18, 99, 200], [True, True, False])
    ((values, known),) = Columns(low=0, high=3, numbers=[unknown]).steps(QUESTION)
    assert values.tolist() == [18, 99, 0]
    assert known.tolist() == [True, True, False]
    for value in (17, 100):
        with pytest.raises(InternalError, match="range"):
            Columns(low=0, high=1, numbers=[number([value], [True])]).steps(QUESTION)
    for parts in ([], [unknown, unknown], [number([20], [True])]):
        with pytest.raises(InternalError):
            Columns(low=0, high=3, numbers=parts).steps(QUESTION)
