"""The bounds hold in every small world, and are reached in some."""

import math
import operator
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.errors import InternalError
from miyun.privacy.sensitivity import counts_l2, match_report_l2, size, sum_l2

Row = tuple[int | None, ...]
"""A row's value of each identifier type."""
Pairs = dict[tuple[int, int], int]
"""Matched pairs of rows, and the type that each matched on."""


def join(left: dict[int, Row], right: dict[int, Row], types: int) -> Pairs:
    """Types in priority order: equal values, among rows not matched yet."""
    free_left, free_right = dict(left), dict(right)
    pairs: Pairs = {}
    for type_ in range(types):
        holders = {row[type_]: r for r, row in free_right.items() if row[type_] is not None}
        found = {(mine, holders[row[type_]]): type_ for mine, row in free_left.items() if row[type_] in holders}
        for mine, theirs in found:
            del free_left[mine], free_right[theirs]
        pairs |= found
    return pairs


def sides(rows: int, types: int) -> Iterator[dict[int, Row]]:
    """All sides of so many rows whose values, from 0 to rows − 1 or missing, are unique in each type."""
    columns = set(permutations([*range(rows), *[None] * rows], rows))
    for chosen in product(columns, repeat=types):
        yield dict(enumerate(zip(*chosen, strict=True)))


def differences(one: Pairs, other: Pairs) -> tuple[int, int]:
    """How many pairs are in the one only, and in the other only.

    The segments whose counts differ most are just these two sets, so the larger is the most that any segment moves.
    """
    return len(one.keys() - other.keys()), len(other.keys() - one.keys())


def counts(pairs: Pairs, types: int) -> list[int]:
    return [sum(t == type_ for t in pairs.values()) for type_ in range(types)]


def assert_bounds(left: dict[int, Row], right: dict[int, Row], types: int, removed: int) -> tuple[int, int]:
    """Check the lemma for one removed left row; how far the counts and a segment moved."""
    with_row = join(left, right, types)
    without = join({other: row for other, row in left.items() if other != removed}, right, types)
    moves = [a - b for a, b in zip(counts(with_row, types), counts(without, types), strict=True)]
    lost, gained = differences(with_row, without)

    assert all(abs(move) <= 1 for move in moves)
    assert Fraction(match_report_l2(types)) ** 2 >= sum(move**2 for move in moves)
    assert max(lost, gained) <= size(types)
    assert lost - gained in (0, 1)
    return sum(move**2 for move in moves), max(lost, gained)


@pytest.mark.parametrize(("rows", "types"), [(1, 1), (2, 1), (2, 2), (3, 1), (2, 3)])
def test_no_row_moves_more_in_any_small_world(rows: int, types: int) -> None:
    """Every left side against every right side; the first row is removed, and rows are interchangeable."""
    all_sides = list(sides(rows, types))

    for left, right in product(all_sides, all_sides):
        assert_bounds(left, right, types, 0)


@pytest.mark.parametrize("types", [1, 2, 3, 4, 5, 6])
def test_the_bounds_are_reached(types: int) -> None:
    left, right = chain(types)

    squared, segment = assert_bounds(left, right, types, 0)

    assert squared == types
    assert segment == size(types)


def chain(types: int) -> tuple[dict[int, Row], dict[int, Row]]:
    """Left row i and right row i share type 2i, right row i and left row i + 1 share type 2i + 1."""
    rows = range(types // 2 + 2)
    left, right = (
        {i: tuple(_chain_value(i, t, side) for t in range(types)) for i in rows} for side in ("left", "right")
    )
    return left, right


def _chain_value(row: int, type_: int, side: str) -> int:
    shared = type_ // 2
    holder = shared + (type_ % 2 if side == "left" else 0)
    return 1_000 if row == holder else row + (2_000 if side == "left" else 3_000)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dict[int, Row], dict[int, Row], int]:
    types = draw(st.integers(1, 5))
    rows = draw(st.integers(1, 7))

    def side() -> dict[int, Row]:
        columns = [
            draw(st.lists(st.integers(0, rows), min_size=rows, max_size=rows, unique=True)) for _ in range(types)
        ]
        missing = draw(st.sets(st.tuples(st.integers(0, rows - 1), st.integers(0, types - 1))))
        return {r: tuple(None if (r, t) in missing else columns[t][r] for t in range(types)) for r in range(rows)}

    return side(), side(), types


@settings(max_examples=300)
@given(worlds())
def test_no_row_of_either_side_moves_more_in_larger_worlds(world: tuple[dict[int, Row], dict[int, Row], int]) -> None:
    left, right, types = world
    for row in left:
        assert_bounds(left, right, types, row)
        assert_bounds(right, left, types, row)


def ranked_items(pairs: Pairs, right: dict[int, Row], scores: list[int], counts: list[int]) -> set[tuple[object, ...]]:
    """Pairs, with whether the right row is among the so many best of them: what a segment may depend on."""
    order = sorted(right, key=lambda row: (-scores[row], row))
    return {(pair, *(pair[1] in order[:count] for count in counts)) for pair in pairs}


@settings(max_examples=300)
@given(
    world=worlds(),
    scores=st.lists(st.integers(0, 3), min_size=7, max_size=7),
    best=st.lists(st.integers(1, 8), max_size=3, unique=True),
)
def test_who_scores_best_moves_one_row_more(
    world: tuple[dict[int, Row], dict[int, Row], int], scores: list[int], best: list[int]
) -> None:
    left, right, types = world
    with_all = ranked_items(join(left, right, types), right, scores, best)
    for gone in right:
        fewer = {row: values for row, values in right.items() if row != gone}
        without = ranked_items(join(left, fewer, types), fewer, scores, best)
        assert max(len(with_all - without), len(without - with_all)) <= size(types, len(best))
    for gone in left:
        fewer = {row: values for row, values in left.items() if row != gone}
        without = ranked_items(join(fewer, right, types), right, scores, best)
        assert max(len(with_all - without), len(without - with_all)) <= size(types)


def test_the_bound_of_who_scores_best_is_reached() -> None:
    everybody = {row: (row,) for row in range(4)}
    fewer = {row: values for row, values in everybody.items() if row != 0}
    items = [ranked_items(join(everybody, right, 1), right, [4, 3, 2, 1], [1, 2, 3]) for right in (everybody, fewer)]
    assert len(items[0] - items[1]) == size(1, 3) == 4


def moves(with_row: Pairs, without: Pairs, side: int) -> dict[int, frozenset[int]]:
    """By row of one side whose pair differs: how its membership in a segment, any set of pairs, may move."""
    pairs = [{pair[side]: pair for pair in world} for world in (with_row, without)]
    rows = {row for row in pairs[0].keys() | pairs[1].keys() if pairs[0].get(row) != pairs[1].get(row)}
    return {row: frozenset({0, -(row in pairs[0]), int(row in pairs[1])}) for row in rows}


@cache
def worst(movable: tuple[frozenset[int], ...], values: tuple[tuple[int, ...], ...], disjoint: int = 1) -> int:
    """The square of the farthest that totals over disjoint segments can move; each row adds any of ``values``."""
    totals = {tuple([0] * len(values[0]) * disjoint)}
    for signs in movable:
        steps = {
            tuple((int(place == after) - int(place == before)) * part for place in range(disjoint) for part in value)
            for before in range(-1, disjoint if -1 in signs else 0)
            for after in range(-1, disjoint if 1 in signs else 0)
            for value in values
        }
        totals = {tuple(map(operator.add, total, step)) for total in totals for step in steps}
    return max(sum(part**2 for part in total) for total in totals)


def assert_aggregates(left: dict[int, Row], right: dict[int, Row], types: int, removed: int) -> list[float]:
    """Check the bounds for either side as the owner when a left row goes; how near each came to its bound."""
    with_row = join(left, right, types)
    without = join({other: row for other, row in left.items() if other != removed}, right, types)
    ratios = []
    for side in (0, 1):
        movable = moves(with_row, without, side)
        assert side == 1 or movable.get(removed) in (None, {0, -1})
        kinds = tuple(sorted(movable.values(), key=sorted))
        for values, bound in [
            (((1, 0, 0), (0, 1, 0), (0, 0, 1)), counts_l2(types, 1, 1)),
            (((1, 1, 0), (0, 1, 1)), counts_l2(types, 1, 2)),
            (((-2,), (0,), (3,)), sum_l2(types, 1, -2, 3)),
            (((1,), (4,)), sum_l2(types, 1, 1, 4)),
            (((-4,), (-1,)), sum_l2(types, 1, -4, -1)),
        ]:
            squared = worst(kinds, values)
            assert squared <= Fraction(bound) ** 2
            ratios.append(squared / bound**2)
    return ratios


def assert_disjoint(left: dict[int, Row], right: dict[int, Row], types: int, removed: int) -> list[float]:
    """The same over two and three segments that no pair is in twice."""
    with_row = join(left, right, types)
    without = join({other: row for other, row in left.items() if other != removed}, right, types)
    ratios = []
    for side in (0, 1):
        kinds = tuple(sorted(moves(with_row, without, side).values(), key=sorted))
        for values, parts, bound in [
            (((1, 0), (0, 1)), 2, counts_l2(types, 2, 1, disjoint=2)),
            (((1, 0), (0, 1)), 3, counts_l2(types, 3, 1, disjoint=3)),
            (((0,), (4,)), 3, sum_l2(types, 3, 0, 4, disjoint=3)),
            (((-2,), (0,), (3,)), 2, sum_l2(types, 2, -2, 3, disjoint=2)),
        ]:
            squared = worst(kinds, values, parts)
            assert squared <= Fraction(bound) ** 2
            ratios.append(squared / bound**2)
    return ratios


@settings(max_examples=150)
@given(worlds())
def test_no_row_moves_an_aggregate_more(world: tuple[dict[int, Row], dict[int, Row], int]) -> None:
    left, right, types = world
    for row in left:
        assert_aggregates(left, right, types, row)
        assert_aggregates(right, left, types, row)


@pytest.mark.parametrize("types", [1, 2, 3, 4, 5, 6])
def test_the_bounds_of_aggregates_are_reached(types: int) -> None:
    left, right = chain(types)

    ratios = assert_aggregates(left, right, types, 0)

    of_kind = [max(ratios[kind], ratios[kind + 5]) for kind in range(5)]
    assert [of_kind[kind] for kind in (0, 2, 3, 4)] == pytest.approx([1, 1, 1, 1])


@settings(max_examples=150)
@given(worlds())
def test_no_row_moves_disjoint_segments_more(world: tuple[dict[int, Row], dict[int, Row], int]) -> None:
    left, right, types = world
    for row in left:
        assert_disjoint(left, right, types, row)
        assert_disjoint(right, left, types, row)


@pytest.mark.parametrize("types", [1, 2, 3, 4, 5])
def test_the_bounds_of_disjoint_segments_are_reached(types: int) -> None:
    left, right = chain(types)

    ratios = assert_disjoint(left, right, types, 0)

    assert [max(ratios[kind], ratios[kind + 4]) for kind in (0, 1, 2)] == pytest.approx([1, 1, 1])


def test_a_partition_costs_no_more_the_more_parts_it_has() -> None:
    # The whole and its parts: √2 for one type, where √(1 + parts) would be charged.
    assert [round(counts_l2(types, 7, 1, disjoint=6) ** 2) for types in (1, 2, 3, 4)] == [2, 4, 9, 13]
    assert [round(counts_l2(types, 2, 1, disjoint=2) ** 2) for types in (1, 2, 3, 4)] == [1, 2, 5, 8]
    assert sum_l2(1, 6, -3, 7, disjoint=6) == 7
    assert sum_l2(2, 6, -3, 7, disjoint=6) == 10
    for types in (1, 2, 3, 4, 5):
        assert sum_l2(types, 3, -3, 7, disjoint=2) <= sum_l2(types, 3, -3, 7)
    with pytest.raises(InternalError, match="disjoint"):
        counts_l2(1, 2, 1, disjoint=3)


@pytest.mark.parametrize("types", [1, 2, 3, 4])
@pytest.mark.parametrize("segments", [1, 2, 8])
def test_segments_of_one_question_add_up_as_squares(types: int, segments: int) -> None:
    assert counts_l2(types, segments, 5) == pytest.approx(math.sqrt(5 * segments) * counts_l2(types, 1, 1))
    assert sum_l2(types, segments, -3, 7) == pytest.approx(math.sqrt(segments) * sum_l2(types, 1, -3, 7))
    assert Fraction(counts_l2(types, segments, 5)) ** 2 >= 5 * segments * round(counts_l2(types, 1, 1) ** 2)


def test_the_values_of_aggregates() -> None:
    assert [round(counts_l2(types, 1, 1) ** 2) for types in (1, 2, 3, 4, 5)] == [1, 2, 4, 5, 9]
    assert [sum_l2(types, 1, 0, 10) for types in (1, 2, 3, 4)] == [10, 10, 20, 20]
    assert [sum_l2(types, 1, -4, 10) for types in (1, 2, 3, 4)] == [10, 14, 20, 24]
    with pytest.raises(InternalError):
        counts_l2(1, 0, 1)
    with pytest.raises(InternalError):
        sum_l2(1, 1, 0, 0)


def test_the_values() -> None:
    assert [size(types) for types in (1, 2, 3, 4, 5)] == [1, 1, 2, 2, 3]
    for types in range(1, 17):
        assert Fraction(match_report_l2(types)) ** 2 >= types
        assert match_report_l2(types) == pytest.approx(math.sqrt(types))
    with pytest.raises(InternalError):
        size(0)
    with pytest.raises(InternalError):
        match_report_l2(0)
