"""The two sides of an intersection-sum."""

from bench.intersections import deal_sides


def test_half_of_the_rows_are_common_and_the_sum_is_over_them() -> None:
    sides = deal_sides(101)
    ours = set(sides.matcher.tolist())
    common = [number for phone, number in zip(sides.holder, sides.numbers, strict=True) if int(phone) in ours]
    assert len(ours) == len(set(sides.holder.tolist())) == 101
    assert (sides.matched, sides.total) == (len(common), sum(common)) == (50, sum(common))
