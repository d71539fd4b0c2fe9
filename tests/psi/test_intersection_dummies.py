"""The noise of the size: its distribution, what it hides, and that both parties agree on the pool."""

import math
from collections import Counter
from dataclasses import replace

import pytest

from miyun.hazmat.scalars import SecretScalar
from miyun.privacy.accounting import epsilon
from miyun.psi.intersection_sum.dummies import DummyPool
from miyun.psi.intersection_sum.points import NO_ROW, as_encodings, holder_points, matcher_points

from .intersection_world import Data, Pair, make_contract, make_request

CONTRACT = make_contract()


def weights(pool: DummyPool) -> dict[int, float]:
    """The probabilities of D."""
    mass = {k: math.exp(-((k - pool.tail) ** 2) / (2 * pool.scale**2)) for k in range(pool.size + 1)}
    total = sum(mass.values())
    return {k: weight / total for k, weight in mass.items()}


@pytest.mark.parametrize("rho_micro", [1, 7, 100, 10_000, 333_333, 1_000_000, 50_000_000])
def test_the_tail_that_is_cut_off_is_below_2_to_the_minus_64(rho_micro: int) -> None:
    pool = DummyPool.of(rho_micro)

    assert 2 * math.exp(-(pool.tail**2) / (2 * pool.scale**2)) < 2**-64
    assert pool.size == 2 * pool.tail


def test_the_pools_of_the_docstring() -> None:
    assert (DummyPool.of(10_000).size, DummyPool.of(100).size, DummyPool.of(0).size) == (136, 1358, 0)
    assert (DummyPool.of(0).draw(), DummyPool.of(0).scale) == (0, 0)


def test_draws_are_discrete_gaussian_about_the_middle_and_stay_in_the_pool() -> None:
    pool = DummyPool.of(20_000)  # a standard deviation of 5
    draws = [pool.draw() for _ in range(3_000)]

    assert 0 <= min(draws) <= max(draws) <= pool.size
    expected = weights(pool)
    counts = Counter(draws)
    cells = [k for k in expected if expected[k] * len(draws) >= 10]
    statistic = sum((counts[k] - expected[k] * len(draws)) ** 2 / (expected[k] * len(draws)) for k in cells)
    # χ² with len(cells) degrees of freedom: beyond six standard deviations once in a hundred million runs.
    assert statistic < len(cells) + 6 * math.sqrt(2 * len(cells))


@pytest.mark.parametrize("rho_micro", [5_000, 100_000, 1_000_000])
def test_neighbouring_sizes_can_not_be_told_apart_beyond_epsilon_and_delta(rho_micro: int) -> None:
    """The hockey-stick divergence of C + D and C + 1 + D, computed exactly, is below the theorem's δ + (1 + e^ε) η."""
    probability = weights(DummyPool.of(rho_micro))
    for exponent in (6, 9, 12):
        limit = epsilon(rho_micro, exponent)
        for shift in (1, -1):
            outside = sum(
                max(0.0, p - math.exp(limit) * probability.get(k + shift, 0.0)) for k, p in probability.items()
            )
            assert outside <= 10**-exponent + (1 + math.exp(limit)) * 2**-64


def test_rows_keep_their_places_and_dummies_have_none() -> None:
    request = make_request(CONTRACT)
    values = [b"a", None, b"c", b"d"]
    own = matcher_points(request, values, SecretScalar.random())

    pool = DummyPool.of(request.size_rho_micro).size
    assert len(own.rows) == len(values) + pool
    assert sorted(own.rows[own.rows != NO_ROW].tolist()) == [0, 2, 3]


def test_the_parties_share_as_many_dummies_as_the_holder_drew(monkeypatch: pytest.MonkeyPatch) -> None:
    request = make_request(CONTRACT)
    monkeypatch.setattr(DummyPool, "draw", lambda self: 9)
    scalar = SecretScalar.random()

    theirs = set(as_encodings(holder_points(request, [b"x", None], scalar).points).tolist())
    ours = set(as_encodings(matcher_points(request, [b"y", None], scalar).points).tolist())
    again = set(as_encodings(matcher_points(replace(request, job="job-2"), [b"y", None], scalar).points).tolist())

    assert len(theirs & ours) == 9
    assert not theirs & again


def test_a_dummys_name_as_an_identifier_is_another_point() -> None:
    request = make_request(CONTRACT)
    scalar = SecretScalar.random()
    names = [str(index).encode() for index in range(DummyPool.of(request.size_rho_micro).size)]

    own = matcher_points(request, names, scalar)

    assert len(set(as_encodings(own.points).tolist())) == 2 * len(names)


def test_the_matcher_sees_the_size_with_the_noise_of_the_draws() -> None:
    """Without Paillier, so that many runs are cheap: unbiased, and spread as the scale says."""
    request = make_request(CONTRACT, columns=())
    people = [f"person {number}".encode() for number in range(12)]
    data = Data(matcher=[*people[:8]], holder=[*people[4:], None], numbers=[])
    sizes = []
    for _ in range(60):
        pair = Pair(CONTRACT, request, data)
        pair.run()
        sizes.append(pair.machines()[0].size())

    (scale,) = {size.scale for size in sizes}
    assert scale == 1.0
    mean = sum(size.size for size in sizes) / len(sizes)
    assert abs(mean - 4) < 6 * scale / math.sqrt(len(sizes))
    assert len({size.size for size in sizes}) > 1
