import pytest
from hypothesis import given
from hypothesis import strategies as st

from miyun.privacy.bands import band

counts = st.integers(-(10**6), 10**11)
thresholds = st.integers(0, 10**5)


@pytest.mark.parametrize(
    ("noised", "suppress_below", "expected"),
    [
        (-40, 100, (0, 100)),
        (0, 100, (0, 100)),
        (99, 100, (0, 100)),
        (100, 100, (100, 200)),
        (199, 100, (100, 200)),
        (200, 100, (200, 500)),
        (4_767, 100, (2_000, 5_000)),
        (60, 30, (50, 100)),
        (35, 30, (30, 50)),
        (-1, 0, (0, 1)),
        (0, 0, (0, 1)),
        (7, 0, (5, 10)),
        (10**10 - 1, 0, (5 * 10**9, 10**10)),
        (10**10, 0, (10**10, None)),
        (10**12, 100, (10**10, None)),
    ],
)
def test_bands(noised: int, suppress_below: int, expected: tuple[int, int | None]) -> None:
    assert band(noised, suppress_below) == expected


@given(counts, thresholds)
def test_a_band_holds_its_count(noised: int, suppress_below: int) -> None:
    at_least, below = band(noised, suppress_below)

    assert at_least <= max(0, noised)
    assert below is None or noised < below
    assert at_least == 0 or at_least >= suppress_below


@given(counts, counts, thresholds)
def test_more_is_never_a_lower_band(one: int, other: int, suppress_below: int) -> None:
    low, high = band(min(one, other), suppress_below), band(max(one, other), suppress_below)

    assert low == high or (low[1] is not None and low[1] <= high[0])
