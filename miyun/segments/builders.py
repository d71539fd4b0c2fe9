"""Writing expressions in Python: ``(members.spend_90d > 1000) & ~members.opted_out``."""

from collections.abc import Iterable
from typing import Final

from miyun.contract.model import PartyKind
from miyun.segments.expression import (
    Column,
    Expression,
    Flag,
    Known,
    Matched,
    Operator,
    SegmentRef,
    best,
    comparison,
    membership,
    negation,
)
from miyun.segments.near import Degrees, near
from miyun.segments.values import Age, Value, parse_age

Literal = Value | int | float


class ColumnBuilder:
    """A column on its way to a condition. Alone, under ``&``, ``|`` and ``~``, it is a boolean column that is true."""

    __slots__ = ("_column",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, column: Column) -> None:
        self._column = column

    def __eq__(self, value: Literal) -> Expression:  # type: ignore[override]
        return comparison(self._column, Operator.EQUAL, value)

    def __ne__(self, value: Literal) -> Expression:  # type: ignore[override]
        return comparison(self._column, Operator.NOT_EQUAL, value)

    def __lt__(self, value: Literal) -> Expression:
        return comparison(self._column, Operator.LESS, value)

    def __le__(self, value: Literal) -> Expression:
        return comparison(self._column, Operator.LESS_OR_EQUAL, value)

    def __gt__(self, value: Literal) -> Expression:
        return comparison(self._column, Operator.GREATER, value)

    def __ge__(self, value: Literal) -> Expression:
        return comparison(self._column, Operator.GREATER_OR_EQUAL, value)

    def is_in(self, *values: Literal) -> Expression:
        """The column equals one of the values."""
        return membership(self._column, values)

    def before(self, moment: Value) -> Expression:
        """A day before ``moment``: a day, or a time span back from the day of evaluation, as ``"30d"``."""
        return comparison(self._column, Operator.LESS, _moment(moment))

    def after(self, moment: Value) -> Expression:
        """A day after ``moment``: a day, or a time span back from the day of evaluation, as ``"30d"``."""
        return comparison(self._column, Operator.GREATER, _moment(moment))

    def within(self, distance: str | Degrees, of: Iterable[tuple[Degrees, Degrees]]) -> Expression:
        """A place within a distance, in metres or as ``"1.5km"``, of points (latitude, longitude) of WGS-84."""
        return near(self._column, distance, of)

    def is_known(self) -> Expression:
        return Known(column=self._column)

    def is_missing(self) -> Expression:
        return negation(Known(column=self._column))

    def is_true(self) -> Expression:
        return Flag(column=self._column)

    def __and__(self, other: "Expression | ColumnBuilder") -> Expression:
        return self.is_true() & _expression(other)

    def __rand__(self, other: Expression) -> Expression:
        return other & self.is_true()

    def __or__(self, other: "Expression | ColumnBuilder") -> Expression:
        return self.is_true() | _expression(other)

    def __ror__(self, other: Expression) -> Expression:
        return other | self.is_true()

    def __invert__(self) -> Expression:
        return ~self.is_true()

    def __bool__(self) -> bool:
        raise TypeError("combine columns with &, | and ~, not with 'and', 'or', 'not'")


class Columns:
    """One owner's columns: ``members.spend_90d``, or ``members["last seen"]``."""

    __slots__ = ("_namespace",)

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace

    def __getattr__(self, name: str) -> ColumnBuilder:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> ColumnBuilder:
        return ColumnBuilder(Column(namespace=self._namespace, name=name))


class PlatformColumns(Columns):
    """The platform's columns; a column that is called as a method here is ``tags["best"]``."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(PartyKind.PLATFORM.namespace)

    def best(self, count: int, lookalike: str) -> Expression:
        """The platform's ``count`` users that score best by a lookalike."""
        return best(count, lookalike)


def segment(name: str) -> Expression:
    """Another segment of the same contract."""
    return SegmentRef(name=name)


members: Final = Columns(PartyKind.MERCHANT.namespace)
tags: Final = PlatformColumns()
matched: Final = Matched()


def _expression(operand: Expression | ColumnBuilder) -> Expression:
    return operand.is_true() if isinstance(operand, ColumnBuilder) else operand


def _moment(moment: Value) -> Value:
    age: Age | None = parse_age(moment) if isinstance(moment, str) else None
    return age or moment
