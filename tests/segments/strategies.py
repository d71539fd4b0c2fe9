"""Random expressions over a fixed pair of schemas, and their meaning in plain Python."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from miyun.contract.model import MATCHED, Universe
from miyun.contract.schema import ColumnType
from miyun.errors import ExpressionError
from miyun.segments.expression import (
    And,
    Best,
    Column,
    Comparison,
    Expression,
    Flag,
    Known,
    Matched,
    Membership,
    Not,
    Operator,
    Or,
    SegmentRef,
    best,
    comparison,
    conjunction,
    disjunction,
    membership,
    negation,
)
from miyun.segments.near import Near, near
from miyun.segments.planning import plan
from miyun.segments.values import Age, AgeUnit
from tests.members.plain_globe import near as is_near

TODAY = date(2026, 3, 31)
HOSTILE = "x' OR 1=1; --"
SCHEMAS = {
    "members": {
        "spend": ColumnType.NUMBER,
        "tier": ColumnType.TEXT,
        "opted_out": ColumnType.BOOLEAN,
        "last seen": ColumnType.DATE,
    },
    "tags": {"茶饮": ColumnType.BOOLEAN, 'a"b': ColumnType.TEXT, "or": ColumnType.NUMBER, "home": ColumnType.LOCATION},
}
PLACES = [(30.25, 120.16), (30.2537, 120.1643), (30.27, 120.15), (-89.99999, 3), (0, 180), (0.001, -179.9999)]
VALUES: dict[ColumnType, st.SearchStrategy[Any]] = {
    ColumnType.NUMBER: st.sampled_from([-3, 0, 0.1, 1, 99.5, 1000, 123456789012345]),
    ColumnType.TEXT: st.sampled_from(["", "gold", "银", "it's", HOSTILE, "2026-03-01", "true", "%", '"']),
    ColumnType.BOOLEAN: st.booleans(),
    ColumnType.DATE: st.integers(0, 70).map(lambda days: TODAY - timedelta(days=days)),
    ColumnType.LOCATION: st.sampled_from(PLACES),
}
AGES = st.builds(Age, amount=st.sampled_from([0, 1, 2, 30, 31, 59]), unit=st.just(AgeUnit.DAY)) | st.builds(
    Age, amount=st.integers(0, 2), unit=st.just(AgeUnit.MONTH)
)
EQUALITY = st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL])
COLUMNS = [Column(namespace=owner, name=name) for owner, schema in SCHEMAS.items() for name in schema]


def type_of(column: Column) -> ColumnType:
    return SCHEMAS[column.namespace][column.name]


@st.composite
def conditions(draw: st.DrawFn) -> Expression:
    column = draw(st.sampled_from(COLUMNS))
    type_ = type_of(column)
    values = VALUES[type_]
    if type_ is ColumnType.LOCATION:
        distances = st.sampled_from(["1m", "500m", "1.5km", "1000km"])
        points = st.lists(values, min_size=1, max_size=3)
        return draw(st.just(Known(column=column)) | st.builds(near, st.just(column), distances, points))
    shapes: list[st.SearchStrategy[Expression]] = [
        st.just(Known(column=column)),
        st.builds(comparison, st.just(column), EQUALITY, values),
    ]
    if type_ in {ColumnType.NUMBER, ColumnType.DATE}:
        shapes.append(st.builds(comparison, st.just(column), st.sampled_from(Operator), values))
    if type_ is ColumnType.DATE:
        shapes.append(st.builds(comparison, st.just(column), st.sampled_from([Operator.LESS, Operator.GREATER]), AGES))
    if type_ is ColumnType.BOOLEAN:
        shapes.append(st.just(Flag(column=column)))
    else:
        shapes.append(st.builds(membership, st.just(column), st.lists(values, min_size=1, max_size=4)))
    return draw(st.one_of(shapes))


SEGMENTS = ["vip", "not", "sleeping-90d"]
SCORED = [best(1, "tea"), best(100_000, "it's")]


def expressions(leaves: st.SearchStrategy[Expression] | None = None) -> st.SearchStrategy[Expression]:
    base = (
        conditions()
        | st.sampled_from(SCORED)
        | st.sampled_from(SEGMENTS).map(lambda name: SegmentRef(name=name))
        | st.just(Matched())
    )
    return st.recursive(
        base if leaves is None else leaves,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3).map(conjunction)
            | st.lists(inner, min_size=1, max_size=3).map(disjunction)
            | inner.map(negation)
        ),
        max_leaves=10,
    )


def over(universe: Universe, expression: Expression) -> Expression:
    """The expression, ``within matched`` where it can't be about the universe otherwise."""
    try:
        plan(expression, universe)
    except ExpressionError:
        return conjunction((expression, Matched()))
    return expression


def holds(expression: Expression, row: Mapping[str, Any]) -> bool:
    """Whether one pair or row satisfies the expression: ``row`` holds its columns by subject, segments by name, and
    whether it is matched.
    """
    match expression:
        case And():
            return all(holds(operand, row) for operand in expression.operands)
        case Or():
            return any(holds(operand, row) for operand in expression.operands)
        case Not():
            return not holds(expression.operand, row)
        case Matched():
            return bool(row[MATCHED])
        case SegmentRef():
            return bool(row[expression.name])
        case Best():
            return bool(row[expression.text()])
        case Flag():
            return row[expression.column.subject] is True
        case Known():
            return row[expression.column.subject] is not None
        case Near():
            place = row[expression.column.subject]
            return is_near(place, [point.degrees for point in expression.points], expression.metres)
        case Membership():
            return any(compare(row[expression.column.subject], Operator.EQUAL, value) for value in expression.values)
        case Comparison():
            return compare(row[expression.column.subject], expression.operator, expression.value)
    raise AssertionError(expression)


def compare(actual: Any, operator: Operator, value: Any) -> bool:
    if actual is None:
        return False
    if isinstance(value, Age):
        value = value.before(TODAY)
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, str) and isinstance(actual, date):
        value = date.fromisoformat(value)
    return {
        Operator.EQUAL: lambda: actual == value,
        Operator.NOT_EQUAL: lambda: actual != value,
        Operator.LESS: lambda: actual < value,
        Operator.LESS_OR_EQUAL: lambda: actual <= value,
        Operator.GREATER: lambda: actual > value,
        Operator.GREATER_OR_EQUAL: lambda: actual >= value,
    }[operator]()


def tables(namespace: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows by the names of columns, and of what scores best as it is written without the namespace."""
    columns = {name: st.none() | VALUES[type_] for name, type_ in SCHEMAS[namespace].items()}
    best = {part.text().removeprefix("tags."): st.booleans() for part in SCORED if namespace == "tags"}
    return st.lists(st.fixed_dictionaries(columns | best), min_size=1, max_size=5)
