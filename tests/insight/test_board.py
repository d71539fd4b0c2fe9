from datetime import date, timedelta

import numpy as np
import pytest

from miyun.errors import InternalError
from miyun.insight.board import Board, Day
from miyun.insight.charts import Forest, Trend
from miyun.insight.totals import NO_TAGS, TagTotals
from tests.insight.worlds import discrete_gaussian, tags_of

START = date(2026, 8, 1)


def day(place: int, counts: list[int], people: int, scale: float = 0.0) -> Day:
    totals = TagTotals(
        name="members",
        tags=tags_of(3),
        counts=np.asarray(counts),
        known=np.asarray([people // 2, people // 4]),
        everybody=people,
        scale=scale,
    )
    return Day(date=START + timedelta(days=7 * place), version=place + 1, totals=totals)


def test_a_board_by_hand() -> None:
    board = Board(name="members", days=(day(0, [100, 50, 40], 400), day(1, [150, 60, 100], 600)))

    assert [size.value for size in board.sizes()] == [400, 600]
    first, second = board.changes()
    assert not first.known
    assert second.value == 200
    assert [(tag, [share.value for share in shares]) for tag, shares in board.composition()] == [
        ("tag-0", [0.5, 0.5]),  # of half the people
        ("tag-1", [0.5, 0.4]),
        ("tag-2", [0.1, pytest.approx(1 / 6)]),
    ]
    assert [[share.value for share in shares] for _, shares in board.coverage()] == [[0.5, 0.5], [0.25, 0.25]]


def test_people_see_then_and_now_and_programs_every_date() -> None:
    board = Board(name="members", days=tuple(day(place, [100 + place, 50, 40], 400) for place in range(5)))

    assert [len(grid.rows) for grid in board.grids(2)] == [5, 2, 2]
    assert [len(grid.rows) for grid in board.grids()] == [5, 15, 10]
    assert board.to_plain()["composition"][4] == {
        "date": "2026-08-29",
        "tag": "tag-0",
        "name": "标签 0",
        "share": {"value": 0.52, "low": 0.52, "high": 0.52},
    }
    assert board.to_frame()["people"].tolist() == [400.0] * 5


def test_a_board_of_one_date_shows_it_once() -> None:
    board = Board(name="members", days=(day(0, [100, 50, 40], 400),))

    sizes, composition, coverage = board.grids(20)

    assert [column.key for column in sizes.columns] == ["date", "version", "people"]
    assert [column.head.en for column in composition.columns] == ["tag", "name", "2026-08-01"]
    assert [column.head.en for column in coverage.columns] == ["dimension", "2026-08-01"]
    assert [type(chart) for chart in board.charts()] == [Trend, Forest, Forest]


def test_dates_with_a_size_alone_are_in_the_sizes_only() -> None:
    bare = Day(date=START + timedelta(days=3), version=2, totals=TagTotals.read("members", NO_TAGS, [450], 0))
    board = Board(name="members", days=(day(0, [100, 50, 40], 400), bare, day(1, [150, 60, 100], 600)))

    assert [size.value for size in board.sizes()] == [400, 450, 600]
    assert [len(grid.rows) for grid in board.grids()] == [3, 6, 4]
    assert [column.head.en for column in board.grids(5)[1].columns[2:]] == ["2026-08-01", "2026-08-08", "change"]
    size, composition, coverage = board.charts()
    assert [len(chart.dates) for chart in (size, composition, coverage) if isinstance(chart, Trend)] == [3, 2, 2]
    alone = Board(name="members", days=(bare,))
    assert [grid.key for grid in alone.grids(5)] == ["sizes"]
    assert len(alone.charts()) == 1
    assert alone.to_plain()["composition"] == []


def test_a_change_holds_as_often_as_said() -> None:
    """4,000 draws: 0.95 within ±0.015."""
    rng = np.random.default_rng(1)
    noise = discrete_gaussian(rng, 22.4, (4_000, 2))

    found = [
        Board(name="m", days=(day(0, [1, 1, 1], 4_000 + one, 22.4), day(1, [1, 1, 1], 4_300 + other, 22.4))).changes()[
            1
        ]
        for one, other in noise.tolist()
    ]

    assert np.mean([not change.excludes(300) for change in found]) == pytest.approx(0.95, abs=0.015)


def test_dates_come_once_and_in_order() -> None:
    with pytest.raises(InternalError, match="in order"):
        Board(name="m", days=(day(1, [1, 1, 1], 4), day(0, [1, 1, 1], 4)))
    with pytest.raises(InternalError, match="at least one"):
        Board(name="m", days=())
