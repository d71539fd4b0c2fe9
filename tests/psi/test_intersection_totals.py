"""Totals: noise and its bounds, slots, and what a holder that encrypts what it likes can read."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.psi.intersection_sum.points import NO_ROW
from miyun.psi.intersection_sum.totals import ColumnValues, TotalsPlan, draw_noise

from .intersection_world import HOLDER, ORDERS, SPEND, Data, Pair, make_contract, make_request, reader

CONTRACT = make_contract()
N = reader().public_key.n


def plan_for(rows: int = 100, **terms: object) -> TotalsPlan:
    return TotalsPlan.of(make_request(CONTRACT, **terms), rows=rows, key_bits=2048)


def test_each_total_gets_its_share_of_the_charge() -> None:
    """ρ = Σ Δ² / 2σ² over all totals, at most what is charged."""
    plan = plan_for(columns=(SPEND, ORDERS))

    bounds = [1000, 1, 9, 1]
    cost = sum(bound**2 / (2 * scale**2) for bound, scale in zip(bounds, plan.scales, strict=True))
    assert cost == pytest.approx(0.5)
    assert cost <= 0.5


def test_exact_counts_leave_the_charge_to_the_sums() -> None:
    plan = plan_for(columns=(SPEND, ORDERS), exact_for=(HOLDER,))

    assert plan.scales[1::2] == (0, 0)
    assert sum(bound**2 / (2 * scale**2) for bound, scale in zip([1000, 9], plan.scales[::2], strict=True)) <= 0.5
    assert draw_noise(plan.scales)[1::2] == [0, 0]


@settings(max_examples=50)
@given(st.data())
def test_what_is_covered_reads_as_it_was(data: st.DataObject) -> None:
    plan = plan_for(columns=(SPEND, ORDERS))
    half = 1 << plan.layout.bits - 1
    totals = data.draw(st.lists(st.integers(-half, half - 1), min_size=4, max_size=4))

    covered = plan.cover(totals, N)

    assert 2 * abs(covered) < N
    assert [v for total in plan.read(covered, N) for v in (total.total, total.known)] == totals


def test_rows_are_clipped_and_dummies_are_zero() -> None:
    plan = plan_for()
    numbers = [ColumnValues(values=np.array([-9999, 5, 9999, 7]), known=np.array([True, True, True, False]))]

    encoded = plan.encode(numbers, np.array([2, NO_ROW, 0, 1, 3]))

    flag = 1 << plan.layout.bits
    assert encoded == [1000 + flag, 0, -500 + flag, 5 + flag, 0]


def test_all_totals_are_noised_unless_exact_counts_are_granted() -> None:
    assert all(scale > 0 for scale in plan_for(columns=(SPEND, ORDERS)).scales)


def test_slots_hold_the_largest_sum_and_its_noise() -> None:
    plan = plan_for(rows=100_000)

    tail = max(plan.scales) * math.sqrt(2 * (math.log(4) + 64 * math.log(2)))
    assert 1 << plan.layout.bits - 1 > 100_000 * 1000 + tail


def test_noise_reaches_the_holder_as_it_was_drawn() -> None:
    people = [f"person {number}".encode() for number in range(6)]
    numbers = [ColumnValues(values=np.arange(6) * 10, known=np.ones(6, np.bool_))]
    pair = Pair(CONTRACT, make_request(CONTRACT), Data(people[:4], people, numbers), noise=lambda scales: [-12345, 17])

    pair.run()

    (total,) = pair.machines()[1].totals()
    assert (total.total, total.known) == (60 - 12345, 4 + 17)
    assert total.total_scale == pytest.approx(math.sqrt(2 / 1.0) * 1000)
    assert total.known_scale == pytest.approx(math.sqrt(2 / 1.0))


def test_drawn_noise_has_its_standard_deviation() -> None:
    draws = [draw_noise((1000.0, 3.0)) for _ in range(1500)]

    for scale, column in zip((1000.0, 3.0), zip(*draws, strict=True), strict=True):
        assert abs(sum(column) / len(column)) < 6 * scale / math.sqrt(len(column))
        deviation = math.sqrt(sum(value**2 for value in column) / len(column))
        assert deviation == pytest.approx(scale, rel=6 / math.sqrt(2 * len(column)))


class Superincreasing(TotalsPlan):
    """A cheating holder's: row i is 2ⁱ above all slots, whatever its numbers are."""

    __slots__ = ()

    def encode(self, numbers: object, rows: np.ndarray) -> list[int]:  # type: ignore[override]
        return [0 if row == NO_ROW else 1 << self.bits + int(row) for row in rows]


def attack(monkeypatch: pytest.MonkeyPatch, *, protected: bool) -> tuple[set[int], set[int]]:
    """The rows that matched, and those that the holder reads from its total."""
    chance = random.Random(3)
    people = [f"person {number}".encode() for number in range(64)]
    there = set(chance.sample(range(64), 32))
    data = Data(
        matcher=[people[row] for row in there],
        holder=list(people),
        numbers=[ColumnValues(values=np.zeros(64, np.int64), known=np.ones(64, np.bool_))],
    )
    if not protected:
        monkeypatch.setattr(TotalsPlan, "cover", lambda self, noise, n: self.layout.pack(noise))
    pair = Pair(CONTRACT, make_request(CONTRACT), data)
    holder = pair.machines()[1]
    plan = holder._plan
    assert plan is not None
    holder._plan = Superincreasing(columns=plan.columns, scales=plan.scales, layout=plan.layout)
    read: list[int] = []
    monkeypatch.setattr(TotalsPlan, "read", lambda self, plaintext, n: read.append(plaintext) or ())
    pair.run()
    above = (read[0] % N) >> plan.bits
    return there, {row for row in range(64) if above >> row & 1}


def test_without_the_cover_a_cheating_holder_reads_which_rows_matched(monkeypatch: pytest.MonkeyPatch) -> None:
    there, found = attack(monkeypatch, protected=False)

    # Negative noise borrows from above: at most the lowest rows are off by it.
    assert len(there ^ found) <= 4


def test_with_it_the_total_says_nothing_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty-four fair coins: fewer than 54 or more than 10 agree, but once in 10⁷ runs."""
    there, found = attack(monkeypatch, protected=True)

    assert 10 < len(there ^ found) < 54


def test_the_cover_is_uniform_above_the_slots() -> None:
    plan = plan_for()
    draws = [plan.cover([0, 0], N) % N >> plan.bits for _ in range(400)]

    assert all(draw >= 1 for draw in draws)
    assert len(set(draws)) == len(draws)
    mean = sum(draw / (N >> plan.bits) for draw in draws) / len(draws)
    assert abs(mean - 0.5) < 6 / math.sqrt(12 * len(draws))
