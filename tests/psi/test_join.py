"""The join against a plaintext model, in memory and in files."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.errors import MalformedError
from miyun.psi import join_chunks
from miyun.psi.join import Matches, TokenColumn, join
from miyun.psi.join_chunks import ChunkedColumn, Room

from .world import as_set

pytestmark = pytest.mark.usefixtures("each_backend")

Column = dict[int, int]
"""Row handle → value."""

TokenColumns = tuple[TokenColumn, TokenColumn]
Join = Callable[[Iterable[TokenColumns]], Matches]


def join_in_files(folder: Path, types: Sequence[TokenColumns]) -> Matches:
    """The join of columns in chunks of three rows, in parts and ranges that are all in files."""
    highest = max((int(column.handles.max(initial=0)) for columns in types for column in columns), default=0)
    factor = np.uint32(0xFFFF_FFFF // max(highest, 1))
    columns = [(spread(left, factor), spread(right, factor)) for left, right in types]
    blocks = list(join_chunks.join_chunks(columns, Room(memory_bytes=0, folder=folder)))
    left, right, type_index = (
        np.concatenate([np.zeros(0, np.uint32), *(getattr(block, name) for block in blocks)])
        for name in ("left", "right", "type_index")
    )
    return Matches(left // factor, right // factor, type_index.astype(np.uint8))


def spread(column: TokenColumn, factor: np.uint32, rows: int = 3) -> ChunkedColumn:
    """The column under handles that lie in many ranges, in the same order."""
    starts = range(0, column.handles.size, rows)
    chunks = (
        TokenColumn(column.tokens[16 * start : 16 * (start + rows)], column.handles[start : start + rows] * factor)
        for start in starts
    )
    return ChunkedColumn(rows=column.handles.size, chunks=chunks)


@pytest.fixture(scope="module", params=["in memory", "in files"])
def join_anyhow(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Join]:
    if request.param == "in memory":
        yield join
        return
    folder = tmp_path_factory.mktemp("join")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(join_chunks, "_PIECE_ROWS", 7)
        patch.setattr(join_chunks, "_BLOCK_PAIRS", 2)
        yield lambda types: join_in_files(folder, list(types))
    assert list(folder.iterdir()) == []


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
@settings(max_examples=100)
def test_the_join_is_the_plaintext_join_in_whatever_order_tokens_come(join_anyhow: Join, types, random) -> None:
    columns = []
    for left, right in types:
        pair = [list(left.items()), list(right.items())]
        for rows in pair:
            random.shuffle(rows)
        columns.append((column(pair[0]), column(pair[1])))
    matches = join_anyhow(iter(columns))
    assert as_set(matches) == model(types)
    assert [int(handle) for handle in matches.left] == sorted(pair[0] for pair in model(types))
    assert len(set(map(int, matches.right))) == matches.right.size


@pytest.mark.parametrize("alike", [0, 8])
def test_many_rows_join_as_few_do(join_anyhow: Join, monkeypatch: pytest.MonkeyPatch, alike: int) -> None:
    """Enough for several parts and threads of the native kernel; some have tokens that begin with the same bytes."""
    monkeypatch.setattr(join_chunks, "_PIECE_ROWS", 10_000)
    monkeypatch.setattr(join_chunks, "_BLOCK_PAIRS", 4096)
    rng = np.random.default_rng(7)
    left, right = (rng.permutation(60_000)[:40_000] for _ in range(2))
    tokens = np.frombuffer(rng.bytes(16 * 60_000), np.uint8).reshape(-1, 16).copy()
    tokens[:, :alike] = 7
    sides = [
        TokenColumn(tokens[values].tobytes(), rng.permutation(40_000).astype(np.uint32)) for values in (left, right)
    ]
    handles = dict(zip(right.tolist(), sides[1].handles.tolist(), strict=True))
    expected = {
        (handle, handles[value], 0)
        for value, handle in zip(left.tolist(), sides[0].handles.tolist(), strict=True)
        if value in handles
    }
    assert as_set(join_anyhow([(sides[0], sides[1])])) == expected


def test_an_earlier_type_wins_and_leaves_the_loser_to_nobody(join_anyhow: Join) -> None:
    phone = ({0: 1}, {0: 1})
    openid = ({0: 7, 1: 8}, {1: 7, 0: 8})
    columns = [tuple(column(list(side.items())) for side in pair) for pair in (phone, openid)]
    assert as_set(join_anyhow(columns)) == {(0, 0, 0)}


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("values", [[5], [6, 6], [6, 6, 6], [8] * 9])
def test_a_token_twice_on_one_side_is_refused(join_anyhow: Join, side: int, values: list[int]) -> None:
    pair = [[(0, 5), (1, 4)], [(0, 5), (1, 9)]]
    pair[side] += list(enumerate(values, start=2))
    with pytest.raises(MalformedError, match="token twice"):
        join_anyhow([(column(pair[0]), column(pair[1]))])


@pytest.mark.parametrize("side", [0, 1])
def test_a_handle_twice_in_one_type_is_refused(join_anyhow: Join, side: int) -> None:
    """Whether or not its tokens match: else a party could learn from a refusal that they do."""
    pair = [[(0, 5), (9, 1)], [(0, 5), (9, 2)]]
    pair[side] += [(9, 6)]
    with pytest.raises(MalformedError, match="handle twice"):
        join_anyhow([(column(pair[0]), column(pair[1]))])


def test_a_column_of_uneven_length_is_refused() -> None:
    good = column([(0, 5)])
    with pytest.raises(MalformedError):
        TokenColumn(good.tokens[:-1], good.handles)


def test_nothing_joins_to_nothing(join_anyhow: Join) -> None:
    assert join_anyhow([]).left.size == 0
    assert join_anyhow([(column([]), column([(3, 1)]))]).right.size == 0
    assert join_anyhow([(column([]), column([]))]).right.size == 0
    assert join_anyhow([(column([(1, 2)]), column([(3, 1)]))]).right.size == 0


def test_all_equal_all_match(join_anyhow: Join) -> None:
    rows = [(handle, handle + 40) for handle in range(25)]
    assert as_set(join_anyhow([(column(rows), column(rows[::-1]))] * 2)) == {(row, row, 0) for row in range(25)}
