"""Whole intersection-sums against a plaintext model, and what goes wrong between the parties.

Named invariants:
    same-totals     without noise the totals and the size are the model's, whatever was lost, repeated or restarted
    nothing-moves   a message that is refused changes nothing
    once            noise is drawn once, a chunk has one content
"""

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miyun.psi.intersection_sum import schedule
from miyun.psi.intersection_sum.exchange import ExchangeState
from miyun.psi.intersection_sum.statements import Step

from .intersection_world import HOLDER, MATCHER, ORDERS, SPEND, Pair, make_contract, make_request, no_noise, random_data

CONTRACT = make_contract()


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "CHUNK_ROWS", 7)


@pytest.fixture(params=[(SPEND,), (SPEND, ORDERS)], ids=["one column", "two columns"])
def columns(request: pytest.FixtureRequest) -> Iterator[tuple[object, ...]]:
    return request.param


def check(pair: Pair, data: object, columns: tuple[object, ...], *, exact: bool) -> None:
    matcher, holder = pair.machines()
    assert {matcher.exchange.state, holder.exchange.state} == {ExchangeState.FINISHED}
    assert [(total.total, total.known) for total in holder.totals()] == data.sums(columns)
    if exact:
        assert (matcher.size().size, matcher.size().scale) == (len(data.matched_rows()), 0)


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("seed", range(2))
def test_totals_and_size_are_those_of_the_plaintext(columns: tuple[object, ...], seed: int) -> None:
    data = random_data(random.Random(seed), len(columns))
    pair = Pair(CONTRACT, make_request(CONTRACT, columns=columns, exact_for=(MATCHER,)), data, noise=no_noise)

    pair.run()

    check(pair, data, columns, exact=True)


@settings(max_examples=6, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_losses_repeats_and_restarts_change_nothing(seed: int) -> None:
    chance = random.Random(seed)
    data = random_data(chance, 1)
    draws = []

    def noise(scales: list[float]) -> list[int]:
        draws.append(scales)
        return no_noise(scales)

    pair = Pair(CONTRACT, make_request(CONTRACT, exact_for=(MATCHER,)), data, noise=noise)
    steps = 0
    while any(agent.machine.exchange.state is not ExchangeState.FINISHED for agent in pair.agents):
        steps += 1
        assert steps < 2000
        agent = chance.choice(pair.agents)
        agent.step(lambda: chance.random() < 0.2)
        if agent.taken and chance.random() < 0.3:
            agent.take(chance.choice(agent.taken))
        if chance.random() < 0.02:
            agent.restart()

    check(pair, data, (SPEND,), exact=True)
    assert len(draws) == 1


def test_size_alone_needs_no_key(each_backend: None) -> None:
    data = random_data(random.Random(5), 0)
    pair = Pair(CONTRACT, make_request(CONTRACT, columns=(), exact_for=(MATCHER,)), data)

    pair.run()

    matcher, holder = pair.machines()
    assert matcher.size().size == len(data.matched_rows())
    assert {matcher.exchange.state, holder.exchange.state} == {ExchangeState.FINISHED}
    assert {step for step, _ in pair.box.letters} == {Step.POINTS, Step.ANSWERS, Step.ROWS}


@pytest.mark.parametrize(("matchers", "holders"), [(0, 3), (3, 0), (0, 0)])
def test_a_party_may_bring_nothing(matchers: int, holders: int) -> None:
    data = random_data(random.Random(1), 1)
    data.matcher = data.matcher[:matchers]
    data.holder = data.holder[:holders]
    pair = Pair(CONTRACT, make_request(CONTRACT, exact_for=(MATCHER,)), data, noise=no_noise)

    pair.run()

    check(pair, data, (SPEND,), exact=True)


@pytest.mark.parametrize("seed", range(3))
def test_dummies_change_no_total(seed: int) -> None:
    data = random_data(random.Random(seed), 1)
    pair = Pair(CONTRACT, make_request(CONTRACT), data, noise=no_noise)

    pair.run()

    check(pair, data, (SPEND,), exact=False)


def test_what_is_sent_does_not_depend_on_the_order_of_rows_nor_its_length_on_the_dummies() -> None:
    request = make_request(CONTRACT)
    data = random_data(random.Random(2), 1)
    pairs = [Pair(CONTRACT, request, data) for _ in range(5)]

    for pair in pairs:
        for name in (HOLDER, MATCHER):
            points = pair.points[name].points
            pieces = [points[at : at + 32] for at in range(0, len(points), 32)]
            assert pieces == sorted(set(pieces))
    assert len({len(pair.points[HOLDER].points) for pair in pairs}) == 1


def test_the_holder_is_told_exact_counts_only_where_it_is_granted() -> None:
    data = random_data(random.Random(3), 1)
    pair = Pair(CONTRACT, make_request(CONTRACT, exact_for=(HOLDER,)), data)

    pair.run()

    (total,) = pair.machines()[1].totals()
    assert (total.known, total.known_scale) == (data.sums((SPEND,))[0][1], 0)
    assert total.total_scale == 1000.0
