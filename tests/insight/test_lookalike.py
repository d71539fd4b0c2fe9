import math
from dataclasses import replace

import numpy as np
import pytest

from miyun.errors import InternalError
from miyun.insight.lookalike import LARGEST_FACTOR, Weights, best, tenths, weigh, with_own_noise
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
        drawn = usual[tag] + believed * more[tag] / people
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


def test_a_base_share_lost_in_noise_weighs_nothing() -> None:
    tags = of_everybody(3)
    weights = weigh(totals(tags, [50, 50, 50], 100, 5.0), totals(tags, [30, -4, 500], 1_000, 20.0))

    assert weights.thousandths[:2].tolist() == [0, 0]
    assert weigh(totals(tags, [5, 5, 5], -3, 5.0), totals(tags, [300, 300, 500], 1_000)).thousandths.tolist() == [0] * 3


def test_scores_are_the_sums_of_the_weights_of_a_row() -> None:
    rng = np.random.default_rng(3)
    carried = rng.random((40, 500)) < 0.05  # tags × rows
    weights = Weights(tags=tuple(map(str, range(40))), thousandths=rng.integers(-4_000, 4_000, 40))
    offsets = np.concatenate([[0], np.cumsum(carried.sum(axis=1))]).astype(np.uint64)
    handles = np.nonzero(carried)[1].astype(np.uint32)

    scores = weights.score(offsets, handles, 500)

    assert scores.tolist() == (weights.thousandths @ carried).tolist()


def test_tags_of_another_question_are_refused() -> None:
    weights = Weights(tags=("a",), thousandths=np.asarray([5]))
    handles = np.asarray([0, 3], np.uint32)

    with pytest.raises(InternalError, match="do not belong"):
        weights.score(np.asarray([0, 1, 2], np.uint64), handles, 4)
    with pytest.raises(InternalError, match="do not belong"):
        weights.score(np.asarray([0, 1], np.uint64), handles, 4)
    with pytest.raises(InternalError, match="beyond its chunk"):
        weights.score(np.asarray([0, 2], np.uint64), handles, 3)


def test_the_best_rows() -> None:
    scores = np.asarray([5, 9, 9, -2, 7, 9])

    assert best(scores, 3).tolist() == [1, 2, 5]
    assert best(scores, 2).tolist() == [1, 2]  # of equal ones the first
    assert best(scores, 3, eligible=np.asarray([True, False, True, True, True, False])).tolist() == [0, 2, 4]
    assert best(scores, 99).tolist() == [0, 1, 2, 3, 4, 5]
    assert best(scores, 0).tolist() == []


def test_tenths_of_the_base() -> None:
    scores = np.random.default_rng(4).permutation(1_000)

    parts = tenths(scores)

    assert np.bincount(parts).tolist() == [100] * 10
    assert parts[scores == 999] == 0
    assert parts[scores == 0] == 9
    assert set(tenths(np.zeros(50, np.int64)).tolist()) == {0}  # equal scores fall together
    assert tenths(np.asarray([], np.int64)).tolist() == []


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
    offsets = np.concatenate([[0], np.cumsum(carried.sum(axis=1))]).astype(np.uint64)

    scores = weigh(seed, base).score(offsets, np.nonzero(carried)[1].astype(np.uint32), 20_000)
    found = best(scores, 1_000, eligible=np.arange(20_000) >= 1_000)  # without the seed

    assert kind[found].mean() > 4.5 * kind[1_000:].mean()
