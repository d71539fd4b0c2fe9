"""Conditions by distance: points in one order, whole in the text that is signed, and never nearer than agreed."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.contract.schema import ColumnType
from miyun.errors import ExpressionError
from miyun.segments.checking import check_types
from miyun.segments.expression import Column
from miyun.segments.grammar import EXPRESSION_CHARACTERS, POINTS_CHARACTERS
from miyun.segments.near import MOST_POINTS, Near, near
from miyun.segments.parser import parse

HOME = Column(namespace="tags", name="home")
SCHEMAS = {"tags": {"home": ColumnType.LOCATION, "city": ColumnType.TEXT}}
DEGREES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@settings(max_examples=200)
@given(points=st.lists(DEGREES, min_size=1, max_size=20), order=st.randoms())
def test_one_text_whatever_the_order_and_within_a_metre(points: list[tuple[float, float]], order: object) -> None:
    built = near(HOME, "500m", points)
    order.shuffle(points)  # type: ignore[attr-defined]
    assert near(HOME, 500, [*points, points[0]]) == built == parse(built.text())
    assert isinstance(built, Near)
    for latitude, longitude in points:
        assert any(
            abs(point.degrees[0] - latitude) <= 0.000005 + 1e-12
            and (abs(latitude) > 89.99999 or abs((point.degrees[1] - longitude + 180) % 360 - 180) <= 0.000005 + 1e-12)
            for point in built.points
        )


def test_as_many_points_as_there_may_be_are_read_back() -> None:
    points = [(Decimal(-8_999_999 + n) / 100_000, Decimal(-17_999_999 + n) / 100_000) for n in range(MOST_POINTS)]
    built = near(HOME, "1000km", points)
    assert len(built.text()) <= POINTS_CHARACTERS + EXPRESSION_CHARACTERS
    assert parse(built.text()) == built
    for wrong in ([], [*points, (1, 1)]):
        with pytest.raises(ExpressionError, match="from 1 to 2,000"):
            near(HOME, "1km", wrong)


def test_named_points_that_are_too_many_together_are_refused_before_they_are_signed() -> None:
    shops = {"shops": [(Decimal(-8_999_999 + n) / 100_000, -179.12345) for n in range(MOST_POINTS)]}
    text = "tags.home within '500m' of points('shops')"
    assert parse(text, shops) == parse(f"{text} or {text}", shops)
    with pytest.raises(ExpressionError, match="lists of points"):
        parse(f"{text} or tags.work within '500m' of points('shops')", shops)


@pytest.mark.parametrize("degrees", [("x", 1), ("nan", 1), (1, "inf"), (1, "1e999999"), (None, 1), (91, 1), (1, -181)])
def test_what_is_no_place_is_refused(degrees: tuple[object, object]) -> None:
    with pytest.raises(ExpressionError, match="no place on the earth"):
        near(HOME, "1km", [degrees])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tags.city within '1km' of ((1, 2))", "is a text column"),
        ("tags.home = '1,2'", "is a location column"),
        ("tags.home > 3", "is a location column"),
        ("tags.home in ('a', 'b')", "is a location column"),
        ("not tags.home", "is a location column"),
        ("tags.hom within '1km' of ((1, 2))", "no column"),
    ],
)
def test_distances_are_of_locations_and_locations_of_distances(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        check_types(parse(text), SCHEMAS)
    check_types(parse("tags.home within '1km' of ((1, 2)) and tags.home is known"), SCHEMAS)
