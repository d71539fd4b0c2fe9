"""One canonical text per definition, and errors that point at the place."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.contract.schema import ColumnType
from miyun.errors import ExpressionError
from miyun.segments.checking import check_types
from miyun.segments.expression import Column, Expression, Operator, SegmentRef, comparison, membership
from miyun.segments.grammar import EXPRESSION_CHARACTERS, NESTED_PARENTHESES
from miyun.segments.parser import parse
from miyun.segments.values import Age, AgeUnit, parse_age
from tests.segments.strategies import SCHEMAS, expressions

X = Column(namespace="members", name="x")


@settings(max_examples=300)
@given(expression=expressions())
def test_reading_the_text_gives_the_expression_back(expression: Expression) -> None:
    assert parse(expression.text()) == expression
    assert parse(expression.text()).text() == expression.text()


@settings(max_examples=100)
@given(left=expressions(), right=expressions())
def test_order_and_grouping_make_no_difference(left: Expression, right: Expression) -> None:
    assert left & right == right & left
    assert (left | right) | left == left | (right | right)
    assert ~~left == left
    assert (left & right).text() == parse(f"((({right})) AND\n\t({left}))").text()


@settings(max_examples=200)
@given(name=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12))
def test_every_name_and_every_text_can_be_written(name: str) -> None:
    if name.strip():
        assert parse(SegmentRef(name=name).text()) == SegmentRef(name=name)
        column = Column(namespace="tags", name=name)
        expression = comparison(column, Operator.NOT_EQUAL, name)
        assert parse(expression.text()) == expression


def refusal(text: str) -> ExpressionError | None:
    try:
        parse(text)
    except ExpressionError as error:
        return error
    return None


@settings(max_examples=200)
@given(text=st.text(max_size=40) | st.text("members.x <>=!'\"()and ort,0159", max_size=40))
def test_any_other_text_is_refused_with_a_place_inside_it(text: str) -> None:
    error = refusal(text)
    if error is not None:
        assert 0 <= error.position <= len(text)
        assert error.message
        assert error.hint


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("members.x>1000.00", "members.x > 1000"),
        ("members.x = +007.50", "members.x = 7.5"),
        ("members.x = -0", "members.x = 0"),
        ("members.x = TRUE", "members.x"),
        ("members.x != true", "members.x = false"),
        ("not members.x != false", "not members.x"),
        ("members.x in ('b', 'a', 'b')", "members.x in ('a', 'b')"),
        ("members.x in (10, 9.0, 9)", "members.x in (9, 10)"),
        ("members.x in ('a')", "members.x = 'a'"),
        ("not members.x is missing", "members.x is known"),
        ("not (members.x is known)", "members.x is missing"),
        ("members.x before '2w'", "members.x before '14d'"),
        ("members.x after '1y'", "members.x after '12m'"),
        ("members.x before '2026-01-31'", "members.x < '2026-01-31'"),
        ('members."x"', "members.x"),
        ("tags.best( +100000.0 , 'a''b')", "tags.best(100000, 'a''b')"),
        ('members."and" and "x y"', '"x y" and members."and"'),
        ("b or a and not c", "a and not c or b"),
        ("b and a within matched", "a and b and matched"),
        ("(a or b) within matched", "(a or b) and matched"),
        ("((a))", "a"),
        ("tags.x within'0.5 km'of((3,4))", "tags.x within '500m' of ((3, 4))"),
        ("tags.x WITHIN '2公里' OF ( ( +3.0, -4.10 ) , (3,-4.1))", "tags.x within '2000m' of ((3, -4.1))"),
        ("tags.x within '1m' of ((5, 1), (-0.000001, 7.123456789))", "tags.x within '1m' of ((0, 7.12346), (5, 1))"),
        ("tags.x within '1m' of ((90, 1), (90, 2), (1, 180), (1, -180))", "tags.x within '1m' of ((1, -180), (90, 0))"),
        ("tags.x within '9m' of ((3, 4)) within matched", "matched and tags.x within '9m' of ((3, 4))"),
        ("tags.x within matched", "matched and tags.x"),
        ('tags."of" = 1', 'tags."of" = 1'),
        ("a and (b and (c and a))", "a and b and c"),
    ],
)
def test_canonical_text(written: str, canonical: str) -> None:
    assert parse(written).text() == canonical


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a or b and c", "a or (b and c)"),
        ("not a and b", "(not a) and b"),
        ("not a or b", "(not a) or b"),
        ("a and b or c and d", "(a and b) or (c and d)"),
        ("not members.x > 1 and a", "(not (members.x > 1)) and a"),
        ("a or b within matched", "(a or b) and matched"),
    ],
)
def test_not_binds_before_and_and_before_or(text: str, meaning: str) -> None:
    assert parse(text) == parse(meaning)


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 0, "ends too early"),
        ("members.x > ", 11, "ends too early"),
        ("members.x >", 11, "ends too early"),
        ("(a or b", 7, "ends too early"),
        ("a or or b", 5, "'or' can't stand here"),
        ("members.x > 1e3", 12, "means nothing"),
        ("members.x > 'abc'", 12, "is not a day"),
        ("members.x >= '2026-02-30'", 13, "is not a day"),
        ("members.x before 'soon'", 17, "neither a time span nor a day"),
        ("members.x before '101y'", 17, "more than a century"),
        ("members.x > true", 12, "no order"),
        ("members.x in (1, 'a')", 14, "mixes"),
        ("members.x in (true)", 14, "numbers or texts"),
        ("members.x not in ('a')", 10, "'not' can't stand here"),
        ("a and member.x", 6, "no columns"),
        ("members.x = 'a", 12, "never closed"),
        ("members.x（1）", 9, "full-width"),
        ("members.x = 1; drop", 13, "means nothing"),
        ("members.x = 1234567890123456", 12, "more than 15 digits"),
        ("members.x = 'a\nb'", 12, "control character"),
        ('a and ""', 6, "empty name"),
        ("members.in = 1", 8, "'in' can't stand here"),
        ("(" * (NESTED_PARENTHESES + 1) + "a", NESTED_PARENTHESES, "parentheses"),
        ("a or tags.worst(1, 'tea')", 5, r"no tags\.worst"),
        ("members.best(1, 'tea')", 0, r"no members\.best"),
        ("a or tags.best('tea', 1)", 5, "whole number of users"),
        ("tags.best(1.5, 'tea')", 0, "whole number of users"),
        ("tags.best(0, 'tea')", 0, "whole number of users"),
        ("tags.best(true, 'tea')", 0, "whole number of users"),
        ("tags.best(1, ' ')", 0, "whole number of users"),
        ("tags.best(1, 'tea', 2)", 18, "',' can't stand here"),
        ("tags.best(1", 11, "ends too early"),
        ("tags.best()", 10, "'\\)' can't stand here"),
        ("tags.x within 500m of ((3, 4))", 14, "stands in quotes"),
        ("tags.x within 500 of ((3, 4))", 14, "'500' can't stand here"),
        ("tags.x within '500m' ((3, 4))", 21, "can't stand here"),
        ("tags.x within '500m' of (3, 4)", 24, "can't stand here"),
        ("tags.x within '500m' of ((3, 4), (5))", 24, "can't stand here"),
        ("tags.x within '500m' of ()", 24, "can't stand here"),
        ("tags.x within '500m' of", 23, "ends too early"),
        ("tags.x within '500m' of ((120.16, 30.25))", 14, "no place on the earth"),
        ("tags.x within '500m' of ((3, 180.1))", 14, "no place on the earth"),
        ("tags.x within '0m' of ((3, 4))", 14, "no distance"),
        ("tags.x within '1.5m' of ((3, 4))", 14, "no distance"),
        ("tags.x within '1001km' of ((3, 4))", 14, "no distance"),
        ("tags.x within '30d' of ((3, 4))", 14, "no distance"),
        ("tags.x within '9m' of points('shops')", 22, "no points 'shops'"),
        ("tags.x within '9m' of shops('x')", 22, r"no shops\("),
        ("tags.x in ((3, 4))", 10, "can't stand here"),
        ("tags.x within '9m' of (" + ", ".join(["(3, 4)"] * 6_500) + ")", EXPRESSION_CHARACTERS, "lists of points"),
        ("tags.x within '9m' of ((3, 4)) or " + "a or " * 2_000 + "a", EXPRESSION_CHARACTERS, "characters"),
        ("not " * 2_400 + "a", 4 * NESTED_PARENTHESES, "parentheses or 'not'"),
        ("a or " * EXPRESSION_CHARACTERS, EXPRESSION_CHARACTERS, "characters"),
    ],
)
def test_an_error_points_at_the_place(text: str, position: int, message: str) -> None:
    with pytest.raises(ExpressionError, match=message) as caught:
        parse(text)
    assert caught.value.position == position
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("vip and members.spent > 1", 8, "no column members.spent"),
        ("members.spend", 0, "number column"),
        ("members.spend = 'a'", 16, "number column"),
        ("members.tier = 1", 15, "text column"),
        ("members.tier > 5", 15, "text column"),
        ("members.tier before '3d'", 20, "text column"),
        ("members.\"last seen\" = 'gold'", 22, "date column"),
        ("members.\"last seen\" in ('2026-01-01', 'x')", 24, "date column"),
        ("members.opted_out = 1", 20, "boolean column"),
        ("members.spend = false", 16, "number column"),
    ],
)
def test_types_are_checked_at_the_place(text: str, position: int, message: str) -> None:
    with pytest.raises(ExpressionError, match=message) as caught:
        check_types(parse(text), SCHEMAS)
    assert caught.value.position == position


def test_unknown_columns_come_with_suggestions_and_other_owners_are_left_alone() -> None:
    with pytest.raises(ExpressionError) as caught:
        check_types(parse("members.spent > 1"), {"members": {"spend": ColumnType.NUMBER}})
    assert "members.spend" in caught.value.hint
    assert "members.spend " not in caught.value.message
    check_types(parse("tags.anything = 1"), {"members": {}})


def test_months_end_with_the_shorter_month() -> None:
    assert Age(amount=1, unit=AgeUnit.MONTH).before(date(2026, 3, 31)) == date(2026, 2, 28)
    assert Age(amount=25, unit=AgeUnit.MONTH).before(date(2026, 1, 15)) == date(2023, 12, 15)
    assert parse_age("4w") == Age(amount=28, unit=AgeUnit.DAY)
    assert parse_age("4 weeks") is None


def test_python_values_are_checked_too() -> None:
    assert comparison(X, Operator.EQUAL, date(2026, 1, 31)).text() == "members.x = '2026-01-31'"
    assert membership(X, [date(2026, 1, 31), "a"]).text() == "members.x in ('2026-01-31', 'a')"
    for bad in (float("nan"), float("inf"), 1e300, 1e-300):
        with pytest.raises(ExpressionError):
            comparison(X, Operator.LESS, bad)
    with pytest.raises(ExpressionError, match="empty list"):
        membership(X, [])
    with pytest.raises(TypeError, match="combine expressions"):
        bool(SegmentRef(name="a"))
