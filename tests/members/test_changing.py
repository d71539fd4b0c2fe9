"""What a change of rows comes to: points that come, bindings that move, and padding that hides how many."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from miyun.contract.model import MOST_DELTA_ROWS
from miyun.errors import InputError, StateError
from miyun.members.changing import PADDING, Digest, PaddingPoints, RosterChange, Values, plan_change

BUCKET = 4


def digest(value: str) -> Digest:
    return hashlib.sha256(value.encode()).digest()[:16]


@dataclass
class Sent:
    """Members with a phone and an email each, all sent; the phone "shared" is claimed by b and cc, and b has it."""

    spare: int = 8
    values: dict[str, dict[int, str]] = field(
        default_factory=lambda: {
            "b": {0: "shared", 1: "mail-b"},
            "cc": {0: "shared", 1: "mail-cc"},
            "d": {0: "phone-d", 1: "mail-d"},
        }
    )
    sent: tuple[tuple[str, ...], tuple[str, ...]] = (("shared", "phone-d"), ("mail-b", "mail-cc", "mail-d"))
    bound: tuple[tuple[int, ...], tuple[int, ...]] = ((0, 2), (0, 1, 2))

    @property
    def handles(self) -> int:
        return 3 + self.spare

    def points(self, place: int) -> int:
        return len(self.sent[place]) + self.spare

    def handles_of(self, members: Collection[str]) -> Mapping[str, int]:
        return {name: place for place, name in enumerate(self.values) if name in members}

    def digests_of(self, members: Collection[str]) -> Mapping[str, Mapping[int, Digest]]:
        held = {name: values for name, values in self.values.items() if name in members}
        return {name: {place: digest(value) for place, value in values.items()} for name, values in held.items()}

    def claimants(self, place: int, digests: Collection[Digest]) -> Mapping[Digest, frozenset[str]]:
        found = {digest(value): value for value in self.sent[place] if digest(value) in digests}
        return {
            key: frozenset(name for name, values in self.values.items() if values.get(place) == value)
            for key, value in found.items()
        }

    def positions(self, place: int, digests: Collection[Digest]) -> Mapping[Digest, tuple[int, int | None]]:
        at = enumerate(zip(self.sent[place], self.bound[place], strict=True))
        return {digest(value): (position, handle) for position, (value, handle) in at if digest(value) in digests}

    def padding(self, place: int) -> PaddingPoints:
        first = len(self.sent[place])
        return np.array([(first + i, 3 + i, i % 2 == 0) for i in range(self.spare)], PADDING)

    def some_handles(self, count: int) -> Sequence[int]:
        return [0, 1, 2]


def member(phone: str, mail: str) -> Values:
    return {0: (digest(phone), phone), 1: (digest(mail), mail)}


def planned(added: Mapping[str, Values], removed: Collection[str], known: Sent | None = None) -> RosterChange:
    return plan_change(known or Sent(), 2, added, removed, BUCKET)


def moved(change: RosterChange, place: int) -> dict[int, int | None]:
    """Rebinds that are no padding."""
    return {rebind.position: rebind.handle for rebind in change.types[place].rebinds if rebind.value_digest}


def test_whoever_goes_leaves_a_shared_value_to_the_next_of_those_who_have_it() -> None:
    change = planned({}, {"b"})

    assert moved(change, 0) == {0: 1}
    assert moved(change, 1) == {0: None}


def test_a_lower_id_takes_a_shared_value_over_and_a_higher_one_gets_nothing_of_it() -> None:
    lower, higher = planned({"a": member("shared", "mail-a")}, ()), planned({"zz": member("shared", "mail-zz")}, ())

    (handle,) = [row.handle for row in lower.members if row.member == "a"]
    assert moved(lower, 0) == {0: handle}
    assert moved(higher, 0) == {}
    for change, value in ((lower, "mail-a"), (higher, "mail-zz")):
        assert [point.value for point in change.types[1].points if point.value_digest] == [value]
        assert not any(point.value_digest for point in change.types[0].points)


def test_a_member_that_is_added_again_has_what_its_row_says_now() -> None:
    change = planned({"d": member("phone-new", "mail-d")}, ())

    assert moved(change, 0) == {1: None}
    assert moved(change, 1) == {}
    ((handle, value),) = [(point.handle, point.value) for point in change.types[0].points if point.value_digest]
    assert (handle, value) == (2, "phone-new")


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 5])
def test_numbers_are_padded_and_never_nothing(rows: int) -> None:
    change = planned({f"n{i}": member(f"phone-{i}", f"mail-{i}") for i in range(rows)}, {"d"} if rows else set())

    assert change.handles >= rows
    assert change.handles % BUCKET == 0 < change.handles
    bound = [{point.handle for point in each.points} for each in change.types]
    for each, handles in zip(change.types, bound, strict=True):
        assert len(each.points) % BUCKET == 0 < len(each.points)
        assert len(each.rebinds) % BUCKET == 0 < len(each.rebinds)
        assert [rebind.position for rebind in each.rebinds] == sorted({rebind.position for rebind in each.rebinds})
        assert len(handles) == len(each.points)
    assert {pad.handle for pad in change.padding} <= set.union(*bound)


def test_padding_goes_and_comes_back_like_rows_and_its_lack_is_said() -> None:
    change = planned({}, set())

    for each in change.types:
        for rebind in each.rebinds:
            bound = (rebind.position - each.first + 8) % 2 == 0
            assert rebind.handle == (None if bound else rebind.home)
    with pytest.raises(StateError, match="too little padding"):
        planned({}, set(), Sent(spare=3))


def test_more_than_a_delta_can_carry_is_refused() -> None:
    many = {f"n{i}": {0: (digest(f"phone-{i}"), f"phone-{i}")} for i in range(MOST_DELTA_ROWS + 1)}
    with pytest.raises(InputError, match="change at once"):
        planned(many, set())
