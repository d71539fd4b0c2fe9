"""A predicate over one owner's columns as a DuckDB condition."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from miyun.segments.expression import And, Column, Comparison, Expression, Flag, Known, Membership, Not, Or
from miyun.segments.near import Near
from miyun.segments.values import Age, Value

Parameter = str | float | date
Condition = tuple[str, list[Parameter]]


def to_sql(predicate: Expression, *, now: date) -> Condition:  # noqa: PLR0911
    """The condition, with column names quoted and every value a ``?`` parameter; it is never NULL.

    Columns are addressed by their bare names and have DuckDB's numeric types, VARCHAR, BOOLEAN and DATE. A missing
    value is NULL; NaN compares as false. ``now`` is the day from which ages count back. A condition by distance is
    answered by a boolean column of its own.
    """
    match predicate:
        case And():
            return _joined(" AND ", (to_sql(operand, now=now) for operand in predicate.operands))
        case Or():
            return _joined(" OR ", (to_sql(operand, now=now) for operand in predicate.operands))
        case Not():
            condition, parameters = to_sql(predicate.operand, now=now)
            return f"(NOT {condition})", parameters
        case Flag():
            return f"coalesce({_quoted(predicate.column.name)}, false)", []
        case Near():
            return f"coalesce({_quoted(predicate.answered_as)}, false)", []
        case Known():
            return f"({_quoted(predicate.column.name)} IS NOT NULL)", []
        case Comparison(value=False):
            return f"coalesce(NOT {_quoted(predicate.column.name)}, false)", []
        case Comparison():
            column, parameter = _sides(predicate.column, predicate.value, now)
            operator = "<>" if predicate.operator == "!=" else str(predicate.operator)
            return f"coalesce({column} {operator} ?, false)", [parameter]
        case Membership():
            sides = [_sides(predicate.column, value, now) for value in predicate.values]
            places = ", ".join("?" for _ in sides)
            return f"coalesce({sides[0][0]} IN ({places}), false)", [parameter for _, parameter in sides]
    raise AssertionError(f"{type(predicate).__name__} is no predicate over columns")


def _joined(operator: str, conditions: Iterable[Condition]) -> Condition:
    texts, parameters = zip(*conditions, strict=True)
    return f"({operator.join(texts)})", [parameter for each in parameters for parameter in each]


def _sides(column: Column, value: Value, now: date) -> tuple[str, Parameter]:
    """The column as the type that it is compared in, and the value; texts also stand for days (ISO on both sides)."""
    name = _quoted(column.name)
    match value:
        case Decimal():
            return f"nullif(CAST({name} AS DOUBLE), CAST('NaN' AS DOUBLE))", float(value)
        case Age():
            return name, value.before(now)
        case date():
            return name, value
        case str():
            return f"CAST({name} AS VARCHAR)", value
        case bool():
            raise AssertionError("true and false are compared by Flag")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
