"""The join against a plaintext model."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.errors import MalformedError
from miyun.psi.join import TokenColumn, join

from .world import as_set

pytestmark = pytest.mark.usefixtures("each_backend")

Column = dict[int, int]
"""Row handle → value."""


def token(value: int) -> bytes:
    """Distinct values have distinct tokens, which often agree in one half."""
    return (value % 3).to_bytes(8, "little") + (value // 3).to_bytes(8, "little")


def column(rows: list[tuple[int, int]]) -> TokenColumn:
    return TokenColumn(b"".join(token(v) for _, v in rows), np.array([h for h, _ in rows], np.uint32))


def model(types: list[tuple[Column, Column]]) -> set[tuple[int, int, int]]:
    pairs: set[tuple[int, int, int]] = set()
    for index, (left, right) in enumerate(types):
        by_value = {value: handle for handle, value in right.items()}
        for handle, value in left.items():
            match = by_value.get(value)
            if match is not None and all(handle != pair[0] and match != pair[1] for pair in pairs):
                pairs.add((handle, match, index))
    return pairs


sides = st.dictionaries(st.integers(0, 25), st.integers(0, 30), max_size=20).map(
    lambda rows: {handle: value for value, handle in {v: h for h, v in rows.items()}.items()}
)
several_types = st.lists(st.tuples(sides, sides), max_size=4)


@given(several_types, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_the_join_is_the_plaintext_join_in_whatever_order_tokens_come(types, random) -> None:
    columns = []
    for left, right in types:
        pair = [list(left.items()), list(right.items())]
        for rows in pair:
            random.shuffle(rows)
        columns.append((column(pair[0]), column(pair[1])))
    matches = join(iter(columns))
    assert as_set(matches) == model(types)
    assert [int(handle) for handle in matches.left] == sorted(pair[0] for pair in model(types))
    assert len(set(map(int, matches.right))) == matches.right.size


def test_many_rows_join_as_few_do() -> None:
    """Enough for several parts and threads of the native kernel."""
    rng = np.random.default_rng(7)
    left, right = (rng.permutation(60_000)[:40_000] for _ in range(2))
    tokens = rng.bytes(16 * 60_000)
    sides = [
        TokenColumn(b"".join(tokens[16 * v : 16 * v + 16] for v in values), rng.permutation(40_000).astype(np.uint32))
        for values in (left, right)
    ]
    handles = dict(zip(right.tolist(), sides[1].handles.tolist(), strict=True))
    expected = {
        (handle, handles[value], 0)
        for value, handle in zip(left.tolist(), sides[0].handles.tolist(), strict=True)
        if value in handles
    }
    assert as_set(join([(sides[0], sides[1])])) == expected


def test_an_earlier_type_wins_and_leaves_the_loser_to_nobody() -> None:
    phone = ({0: 1}, {0: 1})
    openid = ({0: 7, 1: 8}, {1: 7, 0: 8})
    assert as_set(join([tuple(column(list(side.items())) for side in pair) for pair in (phone, openid)])) == {(0, 0, 0)}


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("value", [5, 6])
def test_a_token_twice_on_one_side_is_refused(side: int, value: int) -> None:
    pair = [[(0, 5), (1, 4)], [(0, 5), (1, 9)]]
    pair[side] += [(2, value), (3, value)]
    with pytest.raises(MalformedError, match="token twice"):
        join([(column(pair[0]), column(pair[1]))])


@pytest.mark.parametrize("side", [0, 1])
def test_a_handle_twice_in_one_type_is_refused(side: int) -> None:
    pair = [[(0, 5)], [(0, 5)]]
    pair[side] += [(0, 6)]
    with pytest.raises(MalformedError, match="handle twice"):
        join([(column(pair[0]), column(pair[1]))])


def test_uneven_columns_are_refused() -> None:
    good = column([(0, 5)])
    with pytest.raises(MalformedError):
        join([(good, TokenColumn(good.tokens[:-1], good.handles))])


def test_nothing_joins_to_nothing() -> None:
    assert join([]).left.size == 0
    assert join([(column([]), column([(3, 1)]))]).right.size == 0
