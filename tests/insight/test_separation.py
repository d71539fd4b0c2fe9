import numpy as np
import pytest

from miyun.errors import InternalError
from miyun.insight.separation import Separation
from tests.insight.worlds import discrete_gaussian


def test_the_auc_of_pairs() -> None:
    """Against every pair of somebody of the seed and somebody of the base."""
    seed, base = (30, 12, 5, 3), (10, 20, 40, 30)
    ranks = [np.repeat(np.arange(4), people) for people in (seed, base)]
    wins = np.mean((ranks[0][:, None] < ranks[1]) + (ranks[0][:, None] == ranks[1]) / 2)

    separation = Separation(name="s", seed=seed, seed_scale=0.0, base=base, base_scale=0.0)

    assert separation.auc.value == pytest.approx(wins)


def test_the_auc_holds_as_often_as_said() -> None:
    """4,000 draws: 0.95 within ±0.015."""
    rng = np.random.default_rng(1)
    seed_shares = np.asarray([0.3, 0.2, 0.12, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02])
    base_shares = np.full(10, 0.1)
    truth = float(seed_shares @ (1 - np.cumsum(base_shares) + base_shares / 2))

    found = [
        Separation(
            name="s",
            seed=tuple((rng.multinomial(1_500, seed_shares) + discrete_gaussian(rng, 22.4, 10)).tolist()),
            seed_scale=22.4,
            base=tuple((rng.multinomial(8_000, base_shares) + discrete_gaussian(rng, 22.4, 10)).tolist()),
            base_scale=22.4,
        ).auc
        for _ in range(4_000)
    ]

    assert np.mean([not auc.excludes(truth) for auc in found]) == pytest.approx(0.95, abs=0.015)


def test_a_score_that_tells_nothing() -> None:
    separation = Separation(name="s", seed=(100, 100), seed_scale=5.0, base=(900, 900), base_scale=0.0)

    assert separation.auc.value == 0.5
    assert not separation.auc.excludes(0.5)
    (grid,) = separation.grids()
    assert [row[0] for row in grid.rows] == ["1/2", "2/2"]


def test_a_seed_that_noise_drowns_is_unknown() -> None:
    separation = Separation(name="s", seed=(20, -12), seed_scale=50.0, base=(900, 900), base_scale=0.0)

    assert not separation.auc.known
    assert separation.to_plain()["auc"] == {"value": None, "low": 0.0, "high": 1.0}


def test_parts_that_do_not_match_are_refused() -> None:
    with pytest.raises(InternalError, match="same parts"):
        Separation(name="s", seed=(1, 2, 3), seed_scale=1.0, base=(1, 2), base_scale=1.0)
