"""Which generations are in force on which day, whenever somebody rotates."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.errors import KeyAccessError, StateError
from miyun.pair.keyset import (
    LEAD_DAYS,
    OVERLAP_DAYS,
    Generation,
    KeySet,
    Side,
    Standing,
    appended,
    begun,
    require_later,
    rotated,
    withdrawn,
)

START = date(2026, 1, 5)


def day(number: int) -> date:
    return START + timedelta(days=number)


def numbers(generations: tuple[Generation, ...]) -> list[int]:
    return [one.number for one in generations]


def fresh() -> KeySet:
    return begun("news", Side.PUBLISHER, "square", since=START)


@st.composite
def histories(draw: st.DrawFn) -> tuple[KeySet, int]:
    """A publisher's keys after rotations on time, early, late, never for a while, and withdrawals; and the last day."""
    keys, today = fresh(), 0
    for _ in range(draw(st.integers(0, 10))):
        today += draw(st.integers(0, 45))
        match draw(st.sampled_from(["rotate", "rotate", "rotate", "early", "withdraw"])):
            case "rotate":
                keys = rotated(keys, day(today))
            case "early":
                try:
                    keys = appended(keys, since=day(today), salt=keys.newest.salt + 1)
                except StateError:
                    continue
            case "withdraw":
                keys = withdrawn(keys, day(today))
    return keys, today


def test_one_rotates_after_another() -> None:
    keys = fresh()
    for number in range(1, 7):
        keys = rotated(keys, day(30 * number))
    assert [one.salt for one in keys.generations] == [1, 2, 3, 4, 5, 6, 7]
    assert [one.key for one in keys.generations] == [1, 1, 1, 1, 1, 1, 2], "a key lives for 180 days"
    assert numbers(keys.emitted(day(30))) == [2, 1]
    assert numbers(keys.emitted(day(59))) == [2, 1]
    assert numbers(keys.emitted(day(60))) == [3, 2]
    assert numbers(keys.emitted(day(180))) == [7, 6]


def test_the_next_generation_is_made_a_week_before_and_comes_by_itself() -> None:
    keys = fresh()
    assert rotated(keys, day(30 - LEAD_DAYS - 1)) is keys
    prepared = rotated(keys, day(30 - LEAD_DAYS))
    assert rotated(prepared, day(30 - LEAD_DAYS)) is prepared, "once"
    assert prepared.standing(prepared.newest, day(29)) is Standing.COMING
    assert prepared.current(day(29)).number == 1
    assert prepared.current(day(30)).number == 2


def test_rotating_late_leaves_days_without_a_current_generation() -> None:
    keys = fresh()
    assert keys.current(day(29)).number == 1
    for late in (30, 59):
        with pytest.raises(StateError, match="no generation"):
            keys.current(day(late))
        assert numbers(keys.emitted(day(late))) == [1], "running campaigns go on"
    assert keys.emitted(day(60)) == ()
    after = rotated(keys, day(40))
    assert after.newest.since == day(40)
    assert numbers(after.emitted(day(59))) == [2, 1]
    assert numbers(after.emitted(day(60))) == [2], "being late makes no id live longer"


def test_rotating_early_overlaps_from_then_on() -> None:
    keys = appended(fresh(), since=day(10), salt=2)
    assert numbers(keys.emitted(day(39))) == [2, 1]
    assert numbers(keys.emitted(day(40))) == [2]
    with pytest.raises(StateError, match="third in force") as caught:
        appended(keys, since=day(20), salt=3)
    assert str(day(40)) in caught.value.hint
    assert numbers(appended(keys, since=day(40), salt=3).emitted(day(40))) == [3, 2]


def test_what_has_leaked_is_not_used_for_another_day() -> None:
    keys = withdrawn(rotated(rotated(fresh(), day(30)), day(55)), day(56))
    assert [keys.standing(one, day(56)) for one in keys.generations] == [Standing.WITHDRAWN] * 3 + [Standing.CURRENT]
    assert (keys.newest.salt, keys.newest.key) == (4, 2), "both are new"
    assert numbers(keys.emitted(day(56))) == numbers(keys.accepted(day(56))) == [4]
    assert numbers(keys.emitted(day(55))) == [2, 1], "the past stays as it was"


def test_an_advertiser_that_lost_its_key_keeps_the_publishers_salt_and_its_age() -> None:
    keys = withdrawn(begun("shop", Side.ADVERTISER, "square", since=START, salt=7), day(20), salt=7)
    assert (keys.newest.salt, keys.newest.key) == (7, 2)
    assert keys.due(keys.newest) == day(30)


@given(histories())
@settings(max_examples=150)
def test_whatever_is_done_two_generations_are_given_out_at_most_and_none_for_long(made: tuple[KeySet, int]) -> None:
    keys, today = made
    for number in range(-2, today + 95):
        at = day(number)
        emitted, accepted = keys.emitted(at), keys.accepted(at)
        assert len(emitted) <= 2
        assert list(emitted) == sorted(emitted, key=lambda one: -one.number)
        assert set(numbers(emitted)) <= set(numbers(accepted))
        standings = [keys.standing(one, at) for one in keys.generations]
        assert standings.count(Standing.CURRENT) <= 1
        for one, standing in zip(keys.generations, standings, strict=True):
            age = (at - one.since).days
            assert (standing is Standing.CURRENT) <= (0 <= age < 30)
            assert (one in emitted) <= (0 <= age < 30 + OVERLAP_DAYS)
            assert (one in emitted) == (standing in (Standing.CURRENT, Standing.OVERLAPPING))
            key_age = (at - min(other.since for other in keys.generations if other.key == one.key)).days
            assert (standing is Standing.CURRENT) <= (key_age < 180)


@given(histories(), st.integers(0, 400))
@settings(max_examples=100)
def test_once_replaced_a_generation_is_given_out_for_thirty_days_and_no_longer(
    made: tuple[KeySet, int], number: int
) -> None:
    keys, _ = made
    at = day(number)
    for one in keys.generations:
        if one.withdrawn is None:
            last = keys.current_until(one)
            assert (keys.standing(one, at) is Standing.OVERLAPPING) == (last <= at < last + timedelta(OVERLAP_DAYS))


@given(histories(), st.integers(0, 400))
@settings(max_examples=100)
def test_what_one_side_emits_the_other_takes_even_if_its_day_is_another(made: tuple[KeySet, int], number: int) -> None:
    keys, _ = made
    kept = {one.number for one in keys.generations if one.withdrawn is None}
    for other in (number - 1, number, number + 1):
        assert set(numbers(keys.emitted(day(number)))) & kept <= set(numbers(keys.accepted(day(other))))


@given(histories())
@settings(max_examples=100)
def test_secrets_are_needed_as_long_as_they_are_used(made: tuple[KeySet, int]) -> None:
    keys, today = made
    salts, kept = keys.needed(day(today))
    later = [one for number in range(today, today + 100) for one in keys.accepted(day(number))]
    assert salts == {one.salt for one in later}
    assert kept == {one.key for one in later}


@given(histories())
@settings(max_examples=50)
def test_a_key_set_is_read_back_as_it_was(made: tuple[KeySet, int]) -> None:
    keys, _ = made
    assert KeySet.from_canonical(keys.canonical_bytes()) == keys


@pytest.mark.parametrize("salt", [0, 1])
def test_a_salt_of_before_is_not_taken_again(salt: int) -> None:
    with pytest.raises(StateError, match="not a later one"):
        require_later(fresh(), salt)
    with pytest.raises(StateError, match="not a later one"):
        appended(fresh(), since=day(40), salt=salt)


@pytest.mark.parametrize("number", [-1, 0])
def test_a_day_of_before_is_not_taken_again(number: int) -> None:
    with pytest.raises(StateError, match="not later than the newest"):
        appended(fresh(), since=day(number), salt=2)


@pytest.mark.parametrize(
    "generations",
    [
        (),
        (Generation(number=2, salt=1, key=1, since=START),),
        (Generation(number=1, salt=1, key=1, since=day(1)), Generation(number=2, salt=2, key=1, since=START)),
    ],
)
def test_damaged_key_sets_are_refused(generations: tuple[Generation, ...]) -> None:
    with pytest.raises(KeyAccessError, match="damaged"):
        KeySet(name="news", side=Side.PUBLISHER, publisher="square", generations=generations)
