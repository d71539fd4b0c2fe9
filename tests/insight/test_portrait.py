import numpy as np
import pytest

from miyun.errors import InternalError
from miyun.insight.portrait import Portrait
from miyun.insight.totals import NO_DIMENSION, Tags, TagTotals
from tests.insight.worlds import drawn, tags_of


def totals(name: str, tags: Tags, counts: list[int], known: list[int], everybody: int, scale: float) -> TagTotals:
    return TagTotals(
        name=name, tags=tags, counts=np.asarray(counts), known=np.asarray(known), everybody=everybody, scale=scale
    )


def test_tgi_by_hand() -> None:
    """Two of the three tags are of a dimension that is known for some only."""
    tags = tags_of(3)
    portrait = Portrait(
        segment=totals("sleepers", tags, [200, 90, 100], [800, 600], 1_000, 0.0),
        base=totals("everybody", tags, [10_000, 5_000, 20_000], [80_000, 50_000], 100_000, 0.0),
        most_tags=5,
    )

    city, interest, anybody = portrait.rows()

    assert city.share.value == 200 / 800  # of those whose city is known
    assert city.base_share.value == 10_000 / 80_000
    assert city.tgi.value == pytest.approx(100 * (200 / 800) / (10_000 / 80_000))
    assert interest.tgi.value == pytest.approx(100 * (90 / 600) / (5_000 / 50_000))
    assert anybody.tgi.value == pytest.approx(100 * (100 / 1_000) / (20_000 / 100_000))
    assert [round(row.tgi.value) for row in portrait.rows()] == [200, 150, 50]
    assert city.people.low == city.people.high == 200  # no noise, so the count is what it is,
    assert city.share.low == city.share.high == 0.25  # and the share too,
    assert city.tgi.low < 190 < 210 < city.tgi.high  # but a comparison has its chance
    assert [(name, here.value, there.value) for name, here, there in portrait.coverage()] == [
        ("city", 0.8, 0.8),
        ("interest", 0.6, 0.5),
    ]


def test_totals_are_read_in_a_questions_order() -> None:
    read = TagTotals.read("s", tags_of(3), [7, 8, 9, 40, 30, 50], 5.0)

    assert (read.counts.tolist(), read.known.tolist(), read.everybody) == ([7, 8, 9], [40, 30], 50)
    assert read.tagged().whole.tolist() == [40, 30, 50]
    with pytest.raises(InternalError, match="as many totals"):
        TagTotals.read("s", tags_of(3), [7, 8, 9, 40, 30], 5.0)


def test_what_stands_out_comes_first_and_the_rest_is_left_out() -> None:
    names = ("mild", "strong", "less than usual", "noise")
    tags = Tags(ids=names, names=names, dimensions=(), dimension_of=np.full(4, NO_DIMENSION))
    portrait = Portrait(
        segment=totals("s", tags, [560, 600, 100, 14], [], 2_000, 20.0),
        base=totals("b", tags, [8_000, 4_000, 8_000, 40], [], 40_000, 20.0),
        most_tags=5,
    )

    assert [row.name for row in portrait.top()] == ["strong", "mild"]
    assert [row.name for row in portrait.top(1)] == ["strong"]


def test_noise_alone_rarely_makes_a_list() -> None:
    """300 portraits of people like the base, of 2,000 tags: any tag at all is listed in about 5 % of them."""
    tags, rng = tags_of(2_000), np.random.default_rng(1)
    shares = rng.uniform(0.001, 0.2, 2_000)
    base = drawn(rng, tags, people=400_000, shares=shares, scale=22.4, name="base")

    lists = [
        Portrait(segment=drawn(rng, tags, people=5_000, shares=shares, scale=22.4), base=base, most_tags=20).top()
        for _ in range(300)
    ]

    assert sum(map(bool, lists)) <= 300 * 0.10  # 5 % and four standard errors


def test_the_listed_intervals_hold_though_the_best_were_picked() -> None:
    """100 true preferences among 2,000 tags. Of what the top lists show, at most 5 % misses (plus three errors), and at
    most about 5 % is listed in vain."""
    tags, rng = tags_of(2_000), np.random.default_rng(2)
    shares = rng.uniform(0.01, 0.2, 2_000)
    times = np.where(np.arange(2_000) < 100, rng.uniform(1.5, 3, 2_000), 1.0)
    base = drawn(rng, tags, people=4_000_000, shares=shares, scale=22.4, name="base")
    truth = dict(zip(tags.ids, 100 * times, strict=True))

    shown = [
        row
        for _ in range(60)
        for row in Portrait(
            segment=drawn(rng, tags, people=4_000, shares=shares * times, scale=22.4), base=base, most_tags=20
        ).top(20)
    ]

    assert len(shown) > 1_000
    assert np.mean([row.tgi.excludes(truth[row.tag]) for row in shown]) <= 0.07
    assert np.mean([truth[row.tag] == 100 for row in shown]) <= 0.07


def test_each_of_all_rows_holds_for_itself() -> None:
    tags, rng = tags_of(6_000), np.random.default_rng(3)
    shares = rng.uniform(0.01, 0.3, 6_000)
    times = rng.uniform(0.4, 2.5, 6_000)
    portrait = Portrait(
        segment=drawn(rng, tags, people=6_000, shares=shares * times, scale=22.4),
        base=drawn(rng, tags, people=2_000_000, shares=shares, scale=22.4, name="base"),
        most_tags=20,
    )

    missed = [row.tgi.excludes(100 * time) for row, time in zip(portrait.rows(), times, strict=True)]

    assert np.mean(missed) == pytest.approx(0.05, abs=0.011)


def test_what_is_shown_is_possible_whatever_the_noise() -> None:
    tags = tags_of(3)
    portrait = Portrait(
        segment=totals("s", tags, [-40, 90, 3], [30, 60], -5, 20.0),
        base=totals("b", tags, [-3, 900, 1], [30, 4_000], 6_000, 20.0),
        most_tags=5,
    )

    rows = portrait.rows()

    assert rows[0].people.value == 0
    assert all(row.people.low >= 0 and row.tgi.low >= 0 for row in rows)
    assert all(
        0 <= end <= 1 for row in rows for share in (row.share, row.base_share) for end in (share.low, share.high)
    )
    assert rows[1].share.value == 1
    assert portrait.size.value == 0
    assert portrait.to_json()
    assert portrait.table()


def test_a_tag_that_the_base_hardly_has_ranks_by_what_is_certain() -> None:
    tags = Tags(ids=("rare", "plain"), names=("rare", "plain"), dimensions=(), dimension_of=np.asarray([-1, -1]))
    portrait = Portrait(
        segment=totals("s", tags, [900, 1_400], [], 4_000, 20.0),
        base=totals("b", tags, [-8, 20_000], [], 100_000, 20.0),
        most_tags=2,
    )

    first, second = portrait.top()

    assert (first.tag, second.tag) == ("rare", "plain")
    assert not first.tgi.known
    assert first.tgi.low > 5_000


def test_a_base_of_other_tags_is_refused() -> None:
    with pytest.raises(InternalError, match="tag by tag"):
        Portrait(
            segment=totals("s", tags_of(1), [1], [1, 1], 1, 1.0),
            base=totals("b", tags_of(2), [1, 1], [1, 1], 1, 1.0),
            most_tags=1,
        )


def test_a_portrait_without_tags() -> None:
    tags = Tags(ids=(), names=(), dimensions=(), dimension_of=np.asarray([], dtype=np.int64))
    portrait = Portrait(
        segment=totals("s", tags, [], [], 100, 5.0), base=totals("b", tags, [], [], 1_000, 5.0), most_tags=1
    )

    assert portrait.top() == portrait.rows() == []
    assert portrait.size.value == 100
