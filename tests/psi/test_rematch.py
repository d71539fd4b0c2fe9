"""Matching what changed gives what joining everything gives."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.psi.join import TokenColumn, join
from miyun.psi.rematch import NONE, Numbers, Rematch, Side, rematch

HANDLES, VALUES, TYPES = 6, 5, 3

Pair = tuple[int, int, int]


@dataclass
class Rows:
    """One side: per type which handle each value is bound to, and the match as it was."""

    bound: list[dict[int, int]] = field(default_factory=lambda: [{} for _ in range(TYPES)])
    taken: dict[int, tuple[int, int]] = field(default_factory=dict)
    looked_up: int = 0

    def partners(self, type_index: int, handles: Numbers, other: Side) -> Numbers:
        assert isinstance(other, Rows)
        self.looked_up += handles.size
        values = {handle: value for value, handle in self.bound[type_index].items()}
        there = other.bound[type_index]
        return np.array([there.get(values.get(handle, -1), NONE) for handle in handles.tolist()], np.uint32)

    def mates(self, handles: Numbers) -> tuple[Numbers, Numbers]:
        found = [self.taken.get(handle, (NONE, NONE)) for handle in handles.tolist()]
        return np.array([one for one, _ in found], np.uint32), np.array([other for _, other in found], np.uint32)

    def column(self, type_index: int) -> TokenColumn:
        items = self.bound[type_index].items()
        tokens = b"".join(value.to_bytes(16, "big") for value, _ in items)
        return TokenColumn(tokens, np.array([handle for _, handle in items], np.uint32))

    def bind(self, type_index: int, value: int, handle: int | None) -> set[int]:
        """Bind a value to a handle, which loses the value that it had; gives the handles that changed."""
        bound = self.bound[type_index]
        changed = {bound.pop(value)} if value in bound else set()
        if handle is None:
            return changed
        for other in [held for held, at in bound.items() if at == handle]:
            del bound[other]
        bound[value] = handle
        return changed | {handle}


def joined(left: Rows, right: Rows) -> set[Pair]:
    matches = join([(left.column(place), right.column(place)) for place in range(TYPES)])
    return set(zip(matches.left.tolist(), matches.right.tolist(), matches.type_index.tolist(), strict=True))


def keep(left: Rows, right: Rows, pairs: set[Pair]) -> None:
    left.taken = {one: (type_index, other) for one, other, type_index in pairs}
    right.taken = {other: (type_index, one) for one, other, type_index in pairs}


def applied(pairs: set[Pair], change: Rematch) -> set[Pair]:
    lost = {pair for pair in pairs if pair[:2] in set(change.lost)}
    assert len(lost) == len(change.lost)
    return (pairs - lost) | {(pair.left, pair.right, pair.type_index) for pair in change.gained}


Binding = tuple[int, int, int, int | None]

bindings: st.SearchStrategy[Binding] = st.tuples(
    st.integers(0, 1),
    st.integers(0, TYPES - 1),
    st.integers(0, VALUES - 1),
    st.none() | st.integers(0, HANDLES - 1),
)


@settings(max_examples=400)
@given(st.lists(st.lists(bindings, max_size=12), min_size=1, max_size=6))
def test_deltas_of_both_sides_lead_to_the_join_of_all_that_is_live(
    deltas: list[list[Binding]],
) -> None:
    left, right, pairs = Rows(), Rows(), set[Pair]()
    for delta in deltas:
        changed: tuple[set[int], set[int]] = (set(), set())
        for place, type_index, value, handle in delta:
            changed[place].update((left, right)[place].bind(type_index, value, handle))

        change = rematch(TYPES, left, right, changed)

        pairs = applied(pairs, change)
        assert pairs == joined(left, right)
        keep(left, right, pairs)


def test_what_did_not_change_is_not_looked_up() -> None:
    left, right = Rows(), Rows()
    for number in range(1000):
        for side in (left, right):
            side.bind(0, number, number)
            side.bind(1, number, number)
    keep(left, right, joined(left, right))
    changed = left.bind(0, 7, None)

    change = rematch(TYPES, left, right, (changed, set()))

    assert change.lost == ((7, 7),)
    assert [(pair.left, pair.right, pair.type_index) for pair in change.gained] == [(7, 7, 1)]
    assert left.looked_up + right.looked_up < 10
