import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miyun.errors import MalformedError
from miyun.insight.lookalike import (
    LARGEST_FACTOR,
    Scoring,
    Weights,
    best,
    edges,
    parts,
    scoring_bytes,
    weigh,
    with_own_noise,
)
from miyun.insight.totals import NO_DIMENSION, Tags, TagTotals
from miyun.privacy.noise import scale_for
from tests.insight.worlds import drawn, tags_of


def of_everybody(count: int) -> Tags:
    return replace(tags_of(count), dimensions=(), dimension_of=np.full(count, NO_DIMENSION))


def totals(tags: Tags, counts: list[int], everybody: int, scale: float = 0.0) -> TagTotals:
    return TagTotals(
        name="t", tags=tags, counts=np.asarray(counts), known=np.asarray([], int), everybody=everybody, scale=scale
    )


def reference(counts: list[int], people: int, base_counts: list[int], base_people: int, scale: float) -> list[int]:
    """Tag by tag, in plain loops: which of two groups a tag is of, then shrinking, then the difference of log-odds."""
    usual = [count / base_people for count in base_counts]
    expected = [people * share for share in usual]
    more = [count - each for count, each in zip(counts, expected, strict=True)]
    variance = [each * (1 - share) + scale**2 for each, share in zip(expected, usual, strict=True)]
    tags = range(len(counts))
    share, spread = 0.1, 0.5
    for _ in range(50):
        chance = []
        for tag in tags:
            wide, narrow = spread * expected[tag] ** 2 + variance[tag], variance[tag]
            differs = share * math.exp(-(more[tag] ** 2) / (2 * wide)) / math.sqrt(wide)
            alike = (1 - share) * math.exp(-(more[tag] ** 2) / (2 * narrow)) / math.sqrt(narrow)
            chance.append(differs / (differs + alike))
        share = min(max(sum(chance) / len(chance), 1e-3), 1 - 1e-3)
        weight = [chance[tag] * (expected[tag] ** 2 / variance[tag]) ** 2 for tag in tags]
        moments = sum(weight[tag] * (more[tag] ** 2 - variance[tag]) / expected[tag] ** 2 for tag in tags)
        spread = min(max(moments / sum(weight), 1e-3), 1.0)
    weights = []
    for tag in tags:
        believed = chance[tag] * spread * expected[tag] ** 2 / (spread * expected[tag] ** 2 + variance[tag])
        possible = min(max(counts[tag], 0), people) - expected[tag]
        drawn = usual[tag] + believed * possible / people
        ratio = max(0.0, drawn) / (1 - drawn) / (usual[tag] / (1 - usual[tag]))
        weights.append(round(1000 * math.log(min(max(ratio, 1 / LARGEST_FACTOR), LARGEST_FACTOR))))
    return weights


@pytest.mark.parametrize("scale", [0.0, 22.4, 300.0])
def test_weights_against_a_plain_reference(scale: float) -> None:
    rng = np.random.default_rng(1)
    base_counts = rng.integers(4_000, 60_000, 50).tolist()
    times = np.where(rng.random(50) < 0.3, rng.uniform(0.2, 1.6, 50), 1.0)
    counts = (rng.binomial(2_000, np.asarray(base_counts) / 100_000 * times) + rng.normal(0, scale, 50)).astype(int)

    weights = weigh(
        totals(of_everybody(50), counts.tolist(), 2_000, scale), totals(of_everybody(50), base_counts, 100_000)
    )

    expected = reference(counts.tolist(), 2_000, base_counts, 100_000, scale)
    assert np.abs(weights.thousandths - expected).max() <= 1
    assert scale > 100 or np.abs(expected).max() > 300


def test_many_people_and_no_noise_give_the_log_odds() -> None:
    tags = of_everybody(4)
    weights = weigh(
        totals(tags, [300_000, 50_000, 100_000, 0], 1_000_000),
        totals(tags, [1_000_000, 1_000_000, 1_000_000, 10_000], 10**7),
    )

    odds = [share / (1 - share) for share in (0.3, 0.05, 0.1)]
    usual = 0.1 / 0.9
    assert weights.thousandths[:3] == pytest.approx([1000 * math.log(each / usual) for each in odds], abs=10)
    assert weights.thousandths[3] < -3_000


def test_tags_that_noise_drowns_weigh_next_to_nothing() -> None:
    rng = np.random.default_rng(2)
    tags = of_everybody(3_000)
    base = drawn(rng, tags_of(3_000), people=1_000_000, shares=np.full(3_000, 5e-4), scale=0.0)
    seed = drawn(rng, tags_of(3_000), people=5_000, shares=np.full(3_000, 5e-4), scale=40.0)

    weights = weigh(replace(seed, tags=tags, known=seed.known[:0]), replace(base, tags=tags, known=base.known[:0]))

    assert np.abs(weights.thousandths).mean() < 50  # e^0.05: 5 %


def test_noise_below_nobody_is_nobody() -> None:
    """A seed of 100, tags that 20 would carry, and noise of 12: of one tag it counts −25 people."""
    tags = of_everybody(40)
    counts = [45, 2] * 10 + [20] * 18 + [0, -25]
    weights = weigh(totals(tags, counts, 100, 12.0), totals(tags, [2_000] * 40, 10_000)).thousandths

    assert weights[0] > 300
    assert -1_500 < weights[39] <= weights[38] < weights[1] < 0


def test_a_base_share_lost_in_noise_weighs_nothing() -> None:
    tags = of_everybody(3)
    weights = weigh(totals(tags, [50, 50, 50], 100, 5.0), totals(tags, [30, -4, 500], 1_000, 20.0))

    assert weights.thousandths[:2].tolist() == [0, 0]
    assert weigh(totals(tags, [5, 5, 5], -3, 5.0), totals(tags, [300, 300, 500], 1_000)).thousandths.tolist() == [0] * 3


def test_the_best_rows() -> None:
    scores = np.asarray([5, 9, 9, -2, 7, 9])

    assert best(scores, 3).tolist() == [1, 2, 5]
    assert best(scores, 2).tolist() == [1, 2]  # of equal ones the first
    assert best(scores, 5).tolist() == [0, 1, 2, 4, 5]
    assert best(scores[:0], 3).tolist() == []
    assert best(scores, 99).tolist() == [0, 1, 2, 3, 4, 5]
    assert best(scores, 0).tolist() == []


def test_weights_and_edges_travel_as_bytes() -> None:
    tags = ("tea", "coffee", "vip")
    scoring = Scoring(
        weights=Weights(tags=tags, thousandths=np.asarray([3912, 0, -3912])), edges=(*range(8, 0, -1), -9)
    )

    data = scoring.to_bytes()
    read = Scoring.from_bytes(tags, data)

    assert len(data) == scoring_bytes(3)
    assert (read.weights.tags, read.weights.thousandths.tolist(), read.edges) == (tags, [3912, 0, -3912], scoring.edges)
    assert list(read.weights.heavy().items()) == [("tea", 3912), ("vip", -3912)]
    for wrong in (b"", data[:-1], data + bytes(2)):
        with pytest.raises(MalformedError, match="other tags"):
            Scoring.from_bytes(tags, wrong)
    for huge in (3913, -3913, -(1 << 15)):
        with pytest.raises(MalformedError, match="larger than any"):
            Scoring.from_bytes(("tea",), huge.to_bytes(2, "little", signed=True) + bytes(36))
    with pytest.raises(MalformedError, match="edges that rise"):
        Scoring.from_bytes((), bytes(32) + (1).to_bytes(4, "little"))


@given(scores=st.lists(st.integers(-3, 3), max_size=30), count=st.integers(-1, 35))
def test_the_best_are_those_that_a_stable_sort_puts_first(scores: list[int], count: int) -> None:
    order = sorted(range(len(scores)), key=lambda place: (-scores[place], place))

    assert best(np.asarray(scores, np.int32), count).tolist() == sorted(order[: max(0, count)])


def test_parts_by_score() -> None:
    scores = np.asarray([10, 5, 4, 0, -1, 5], np.int32)

    assert parts(scores, [5, 0]).tolist() == [0, 0, 1, 1, 2, 0]
    assert parts(scores, [5, 5, 0]).tolist() == [0, 0, 2, 2, 3, 0]  # nothing lies between equal edges
    assert parts(scores[:0], [5]).tolist() == []


def test_edges_part_people_like_the_base() -> None:
    rng = np.random.default_rng(4)
    shares = rng.uniform(0.05, 0.4, 60)
    weights = Weights(tags=tuple(map(str, range(60))), thousandths=rng.integers(-900, 900, 60))
    carried = rng.random((60, 50_000)) < shares[:, None]
    base = totals(of_everybody(60), carried.sum(axis=1).tolist(), 50_000)

    made = edges(weights, base)
    sizes = np.bincount(parts(weights.thousandths @ carried, made), minlength=10) / 50_000

    assert list(made) == sorted(made, reverse=True)
    assert sizes == pytest.approx([0.1] * 10, abs=0.02)
    assert edges(weights, base) == made


def test_edges_of_no_weights_are_nowhere() -> None:
    tags = of_everybody(2)
    weights = Weights(tags=tags.ids, thousandths=np.zeros(2, np.int64))

    assert edges(weights, totals(tags, [5, 5], 10)) == (0,) * 9
    assert edges(weights, totals(tags, [5, 5], -3)) == (0,) * 9


def test_the_reader_adds_noise_of_its_own() -> None:
    tags = of_everybody(2_000)
    before = totals(tags, [100] * 2_000, 1_000, 30.0)

    after = with_own_noise(before, rho_micro=10_000, sensitivity=8.0)

    own = scale_for(10_000, 8.0)
    assert after.scale == pytest.approx(math.hypot(30, own))
    assert np.std(after.counts) == pytest.approx(own, rel=0.08)  # five standard errors
    assert after.everybody != before.everybody or after.counts.tolist() != before.counts.tolist()


def test_a_lookalike_finds_the_seeds_kind() -> None:
    """20,000 users; one in ten likes 15 of 300 tags more, and half of those are the seed."""
    rng = np.random.default_rng(5)
    kind = np.arange(20_000) < 2_000
    shares = rng.uniform(0.01, 0.15, 300)
    times = np.where(np.arange(300) < 15, 3.0, 1.0)
    carried = rng.random((300, 20_000)) < shares[:, None] * np.where(kind, times[:, None], 1.0)
    tags = of_everybody(300)
    noise = rng.normal(0, 60.0, 300).round().astype(int)
    seed = totals(tags, (carried[:, :1_000].sum(axis=1) + noise).tolist(), 1_000, 60.0)
    base = totals(tags, carried.sum(axis=1).tolist(), 20_000)

    scores = weigh(seed, base).thousandths @ carried
    found = 1_000 + best(scores[1_000:], 1_000)  # without the seed

    assert kind[found].mean() > 4.5 * kind[1_000:].mean()
