import numpy as np
import pytest

from miyun.errors import InternalError
from miyun.insight.estimates import Estimate, deviations
from miyun.insight.overlap import Overlap, Size
from miyun.privacy.bands import band
from tests.insight.worlds import discrete_gaussian


def test_a_matrix_by_hand() -> None:
    overlap = Overlap(
        segments=("奶茶", "sleepers"),
        sizes={("奶茶",): Size.of(4_000), ("sleepers",): Size.of(1_000), ("sleepers", "奶茶"): Size.of(500)},
        scale=0.0,
    )

    assert overlap.people("sleepers", "奶茶") == overlap.people("奶茶", "sleepers") == Estimate(500, 500, 500)
    assert overlap.share("sleepers", "奶茶") == Estimate(0.5, 0.5, 0.5)
    assert overlap.share("奶茶", "sleepers").value == 0.125
    assert overlap.share("奶茶", "奶茶").value == 1
    assert overlap.to_frame().shape == (2, 7)


def test_a_band_is_an_interval_with_its_noise() -> None:
    z = deviations(0.95)

    assert Size(at_least=2_000, below=5_000).estimate(22.4, z) == Estimate(3_499.5, 1_956, 5_043)
    assert Size(at_least=0, below=100).estimate(22.4, z).low == 0
    assert Size(at_least=10**10, below=None).estimate(22.4, z).high == float("inf")
    assert Size.of(-7) == Size(at_least=0, below=1)


@pytest.mark.parametrize("banded", [False, True])
def test_shares_hold_as_often_as_said(banded: bool) -> None:
    """10,000 draws: 0.95 less four standard errors."""
    rng, truth = np.random.default_rng(1), 300 / 1_200
    common, whole = (size + discrete_gaussian(rng, 22.4, 10_000) for size in (300, 1_200))

    def answered(noised: int) -> Size:
        if not banded:
            return Size.of(noised)
        at_least, below = band(noised, 100)
        return Size(at_least=at_least, below=below)

    found = [
        Overlap(
            segments=("a", "b"),
            sizes={("a",): answered(one), ("b",): Size.of(9_000), ("a", "b"): answered(both)},
            scale=22.4,
        ).share("a", "b")
        for both, one in zip(common.tolist(), whole.tolist(), strict=True)
    ]

    assert np.mean([not share.excludes(truth) for share in found]) >= 0.95 - 0.009
    assert all(0 <= share.low <= share.value <= share.high <= 1 for share in found)


def test_a_size_that_is_lacking_is_refused() -> None:
    with pytest.raises(InternalError, match="each two"):
        Overlap(segments=("a", "b"), sizes={("a",): Size.of(1), ("b",): Size.of(1)}, scale=1.0)
