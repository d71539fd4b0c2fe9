"""The attack finds exactly those whose number it tried."""

from demo.brute_force import NUMBER_SPACE, attack


def test_every_number_in_the_slice_falls() -> None:
    inside = [13_800_000_000, 13_800_012_345, 13_800_199_999]
    found = attack([*inside, 13_999_999_999], seconds=0.01)
    assert (found.listed, found.expected, found.recovered) == (4, 3, 3)
    assert found.tried >= 200_000
    assert found.seconds_for_all == NUMBER_SPACE / (found.tried / found.seconds)
