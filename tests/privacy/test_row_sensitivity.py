"""How much one row changes a count of one side's rows, matched or not, with padding among them."""

from collections import Counter
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.members.padding import plan_padding
from miyun.privacy.sensitivity import most_padding, rows
from tests.privacy.test_sensitivity import Row, chain, join, worlds

Copies = tuple[int, ...]
"""Which row each padding row copies."""


def changed(left: dict[int, Row], right: dict[int, Row], types: int, *, without: tuple[str, int]) -> set[int]:
    """The right rows that are other, or matched with another, in a world without one row."""
    side, gone = without
    fewer = {row: values for row, values in (left if side == "left" else right).items() if row != gone}
    before = {theirs: mine for mine, theirs in join(left, right, types)}
    after = join(fewer if side == "left" else left, fewer if side == "right" else right, types)
    partners = {theirs: mine for mine, theirs in after}
    return {row for row in right if before.get(row) != partners.get(row)} | ({gone} if side == "right" else set())


@settings(max_examples=200)
@given(worlds())
def test_no_row_changes_more_rows(world: tuple[dict[int, Row], dict[int, Row], int]) -> None:
    left, right, types = world
    for side, others in (("left", left), ("right", right)):
        for row in others:
            assert len(changed(left, right, types, without=(side, row))) <= rows(types, 0)


@pytest.mark.parametrize("types", [1, 2, 3, 4, 5, 6])
def test_the_bound_is_reached(types: int) -> None:
    left, right = chain(types)
    assert len(changed(right, left, types, without=("right", 0))) == rows(types, 0)


@pytest.mark.parametrize(("real", "padding"), [(2, 0), (3, 1), (4, 1), (4, 2), (5, 3), (6, 2)])
def test_copies_with_and_without_a_row_can_be_drawn_together(real: int, padding: int) -> None:
    """As in the proof: the last row goes, its copies and itself copy others, and the choice is uniform again."""
    gone = real - 1
    outcomes: Counter[Copies] = Counter()
    choices = list(permutations(range(real), padding))
    for chosen in choices:
        free = [row for row in range(gone) if row not in chosen]
        moved = [place for place, row in enumerate(chosen) if row == gone]
        ways = list(permutations(free, len(moved) + 1))
        for way in ways:
            copies = [*chosen, way[-1]]
            for place, row in zip(moved, way, strict=False):
                copies[place] = row
            assert sum(a != b for a, b in zip(copies, chosen, strict=False)) <= 1
            outcomes[tuple(copies)] += Fraction(1, len(choices) * len(ways))

    assert set(outcomes) == set(permutations(range(gone), padding + 1))
    assert len(set(outcomes.values())) == 1


@given(st.integers(1, 500), st.integers(1, 50), st.integers(1, 3), st.data())
def test_the_most_padding_is_what_rosters_keep_to(members: int, bucket: int, types: int, data: st.DataObject) -> None:
    values = [members] if types == 1 else [data.draw(st.integers(0, members)) for _ in range(types)]
    assert plan_padding(members, values, bucket).handles <= most_padding(bucket, types)


def test_the_values() -> None:
    assert [rows(types, 0) for types in range(5)] == [1, 1, 2, 2, 3]
    assert [rows(types, 7) for types in range(5)] == [2, 2, 3, 3, 4]
    assert [most_padding(10, types) for types in (1, 2, 3)] == [9, 27, 27]
