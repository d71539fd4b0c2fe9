"""Tokens are known by their hashes, exchanged with an overlap, and spent at a rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miyun.answers.askers import Askers, Rate, Tokens
from miyun.errors import NotFoundError
from miyun.keys.home import Home
from tests.answers.serving import configuration


def test_a_token_is_good_until_the_one_after_the_next(home: Home) -> None:
    config, tokens = configuration(home.path), Tokens(home)
    first, second = tokens.draw("ad-platform", config), tokens.draw("ad-platform", config)
    askers = Askers(config.askers, tokens.hashes())
    assert [askers.find(token) is not None for token in (first, second)] == [True, True]
    third = tokens.draw("ad-platform", config)
    askers.renew(tokens.hashes())
    assert [askers.find(token) is not None for token in (first, second, third)] == [False, True, True]
    fourth = tokens.draw("ad-platform", config, withdraw=True)
    askers.renew(tokens.hashes())
    assert [askers.find(token) is not None for token in (second, third, fourth)] == [False, False, True]


def test_who_is_known_is_known_by_the_whole_token(home: Home) -> None:
    config = configuration(
        home.path, askers={name: {"targets": {"sleepers": name}} for name in ("ad-platform", "other")}
    )
    tokens = Tokens(home)
    one, other = tokens.draw("ad-platform", config), tokens.draw("other", config)
    askers = Askers(config.askers, tokens.hashes())
    found = [askers.find(token) for token in (one, other, one[:-1], one + " ", "", "\udcff", one.lower())]
    assert [asker.name if asker else None for asker in found] == ["ad-platform", "other", *[None] * 5]
    assert one.encode() not in (home.path / "vault.json").read_bytes()
    with pytest.raises(NotFoundError):
        tokens.draw("nobody", config)


def test_a_token_of_an_asker_that_is_not_configured_any_more_is_no_good(home: Home) -> None:
    config = configuration(home.path)
    token = Tokens(home).draw("ad-platform", config)
    renamed = configuration(home.path, askers={"other": {"targets": {"sleepers": "x"}}})
    assert Askers(renamed.askers, Tokens(home).hashes()).find(token) is None


@given(st.integers(1, 50), st.lists(st.floats(0, 3), max_size=200))
def test_no_second_has_more_than_twice_what_was_agreed(per_second: int, waits: list[float]) -> None:
    now, taken = [0.0], list[float]()
    rate = Rate(per_second, clock=lambda: now[0])
    for wait in waits:
        now[0] += wait
        if rate.take():
            taken.append(now[0])
    for begin in taken:
        assert sum(begin <= at < begin + 1 for at in taken) <= 2 * per_second


def test_what_was_agreed_is_had() -> None:
    now = [0.0]
    rate = Rate(10, clock=lambda: now[0])
    assert [rate.take() for _ in range(11)] == [True] * 10 + [False]
    now[0] = 0.1
    assert [rate.take() for _ in range(2)] == [True, False]
