"""Segment expressions: immutable nodes in one normal form, with one canonical text.

The functions :func:`conjunction`, :func:`disjunction`, :func:`negation`, :func:`comparison`, :func:`membership` and
:func:`best` (and so the operators ``&``, ``|``, ``~`` and the parser) build only the normal form: ``and`` and ``or``
flattened, without repeated operands, operands in the order of their texts; no double negation; values of ``in`` sorted
and distinct, one value written with ``=``; ``= true`` as the bare column; numbers without needless digits; weeks as
days, years as months. Two definitions with the same text are one definition, and sizes are cached by it. Definitions
that are equal only by a further theorem (``not (a and b)`` and ``not a or not b``) stay different, which costs budget
and no privacy.

Logic is two-valued: every comparison with a missing value is false, and ``not`` is the complement.
"""

import abc
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from miyun.contract.model import LOOKALIKE, MATCHED, PartyKind
from miyun.errors import ExpressionError
from miyun.segments.values import Age, ListValue, Value, check_text, normal_number, parse_day, value_text

KEYWORDS = frozenset(
    ("after", "and", "before", "false", "in", "is", "known", MATCHED, "missing", "not", "of", "or", "true", "within")
)
NAMESPACES = tuple(kind.namespace for kind in PartyKind)
BEST = "best"
"""What :class:`Best` is called."""
_PLAIN_NAME = re.compile(r"[^\W\d][\w-]*")


class Operator(StrEnum):
    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="

    @property
    def orders(self) -> bool:
        """Whether it compares by order and not by equality."""
        return self not in {Operator.EQUAL, Operator.NOT_EQUAL}


class Expression(abc.ABC):
    """A set of pairs: combined with ``&``, ``|`` and ``~``."""

    __slots__ = ()
    BINDING: ClassVar[int] = 4
    """How tightly the text binds: ``or`` 1, ``and`` 2, ``not`` 3, all else 4."""

    @abc.abstractmethod
    def text(self) -> str:
        """The canonical text; ``parse(expression.text()) == expression``."""

    def __and__(self, other: object) -> "Expression":
        return conjunction((self, other)) if isinstance(other, Expression) else NotImplemented

    def __or__(self, other: object) -> "Expression":
        return disjunction((self, other)) if isinstance(other, Expression) else NotImplemented

    def __invert__(self) -> "Expression":
        return negation(self)

    def __bool__(self) -> bool:
        raise TypeError("combine expressions with &, | and ~, not with 'and', 'or', 'not'")

    def __str__(self) -> str:
        return self.text()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of one owner. ``position`` is its place in the text it was read from."""

    namespace: str
    name: str
    position: int = field(default=0, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.namespace not in NAMESPACES:
            raise ExpressionError(
                f"no columns are called '{self.namespace}.…'",
                position=self.position,
                hint=f"Write {' or '.join(f'{namespace}.…' for namespace in NAMESPACES)}.",
            )
        _check_name(self.name, self.position)

    def text(self) -> str:
        return f"{self.namespace}.{_name_text(self.name)}"

    @property
    def subject(self) -> str:
        """What a grant calls it: ``members.spend``."""
        return f"{self.namespace}.{self.name}"


@dataclass(frozen=True, slots=True)
class Matched(Expression):
    """All matched pairs."""

    def text(self) -> str:
        return MATCHED


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRef(Expression):
    """Another segment of the same contract, in its newest version."""

    name: str
    position: int = field(default=0, compare=False, repr=False)

    def __post_init__(self) -> None:
        _check_name(self.name, self.position)

    def text(self) -> str:
        return _name_text(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(Expression):
    """A boolean column that is true."""

    column: Column

    def text(self) -> str:
        return self.column.text()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known(Expression):
    """A column that has a value."""

    column: Column

    def text(self) -> str:
        return f"{self.column.text()} is known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Expression):
    """A column against a value; false where the column has none. Built by :func:`comparison`.

    Equality takes a number, a text (a day as its text) or false; order takes a number, a day or an age. An age
    stands for the day that lies so long before the day of evaluation.
    """

    column: Column
    operator: Operator
    value: Value
    position: int = field(default=0, compare=False, repr=False)

    def text(self) -> str:
        operator: str = self.operator
        if isinstance(self.value, Age):
            operator = "before" if self.operator is Operator.LESS else "after"
        return f"{self.column.text()} {operator} {value_text(self.value)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership(Expression):
    """A column that equals one of several numbers, or one of several texts. Built by :func:`membership`."""

    column: Column
    values: tuple[ListValue, ...]
    position: int = field(default=0, compare=False, repr=False)

    def text(self) -> str:
        return f"{self.column.text()} in ({', '.join(value_text(value) for value in self.values)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Best(Expression):
    """The platform's ``count`` users that score best by a lookalike of this contract. Built by :func:`best`."""

    NAMESPACE: ClassVar[str] = PartyKind.PLATFORM.namespace
    SUBJECT: ClassVar[str] = LOOKALIKE
    count: int
    lookalike: str
    position: int = field(default=0, compare=False, repr=False)

    def text(self) -> str:
        return f"{self.NAMESPACE}.{BEST}({self.count}, {value_text(self.lookalike)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Not(Expression):
    """The complement. Built by :func:`negation`."""

    BINDING: ClassVar[int] = 3
    operand: Expression

    def text(self) -> str:
        if isinstance(self.operand, Known):
            return f"{self.operand.column.text()} is missing"
        return f"not {_bound_text(self.operand, self.BINDING)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class And(Expression):
    """All of the operands. Built by :func:`conjunction`."""

    BINDING: ClassVar[int] = 2
    operands: tuple[Expression, ...]

    def text(self) -> str:
        return " and ".join(_bound_text(operand, self.BINDING) for operand in self.operands)


@dataclass(frozen=True, slots=True, kw_only=True)
class Or(Expression):
    """Any of the operands. Built by :func:`disjunction`."""

    BINDING: ClassVar[int] = 1
    operands: tuple[Expression, ...]

    def text(self) -> str:
        return " or ".join(_bound_text(operand, self.BINDING) for operand in self.operands)


def conjunction(operands: Iterable[Expression]) -> Expression:
    """``and`` of at least one operand, in normal form."""
    flat = (part for operand in operands for part in (operand.operands if isinstance(operand, And) else (operand,)))
    distinct = _in_order(flat)
    return distinct[0] if len(distinct) == 1 else And(operands=distinct)


def disjunction(operands: Iterable[Expression]) -> Expression:
    """``or`` of at least one operand, in normal form."""
    flat = (part for operand in operands for part in (operand.operands if isinstance(operand, Or) else (operand,)))
    distinct = _in_order(flat)
    return distinct[0] if len(distinct) == 1 else Or(operands=distinct)


def negation(operand: Expression) -> Expression:
    """``not``, in normal form."""
    return operand.operand if isinstance(operand, Not) else Not(operand=operand)


def comparison(column: Column, operator: Operator, value: Value | int | float, position: int = 0) -> Expression:
    """A comparison in normal form.

    Raises:
        ExpressionError: the operator doesn't go with the value.
    """
    if isinstance(value, bool):
        if operator.orders:
            raise ExpressionError("true and false have no order", position=position, hint="Use = or !=.")
        if value is (operator is Operator.EQUAL):
            return Flag(column=column)
        return Comparison(column=column, operator=Operator.EQUAL, value=False, position=position)
    if isinstance(value, Age) and operator not in {Operator.LESS, Operator.GREATER}:
        raise ExpressionError("a time span goes with before or after", position=position, hint="Write before '30d'.")
    if isinstance(value, str):
        check_text(value, position)
        if operator.orders:
            value = _day(value, position)
    elif isinstance(value, date) and not operator.orders:
        value = value.isoformat()
    elif isinstance(value, int | float | Decimal):
        value = normal_number(value, position)
    return Comparison(column=column, operator=operator, value=value, position=position)


def membership(column: Column, values: Iterable[Value | int | float], position: int = 0) -> Expression:
    """``in``, in normal form.

    Raises:
        ExpressionError: no value, or values that are neither all numbers nor all texts.
    """
    numbers: set[Decimal] = set()
    texts: set[str] = set()
    for value in values:
        match value:
            case bool() | Age():
                raise ExpressionError(
                    "a list holds numbers or texts", position=position, hint="Compare with = or before, joined by or."
                )
            case date():
                texts.add(value.isoformat())
            case str():
                texts.add(check_text(value, position))
            case _:
                numbers.add(normal_number(value, position))
    if not numbers and not texts:
        raise ExpressionError("an empty list", position=position, hint="Name at least one value, as in ('gold').")
    if numbers and texts:
        raise ExpressionError(
            "a list mixes numbers and texts", position=position, hint="Put all values in quotes, or none."
        )
    ordered: tuple[ListValue, ...] = tuple(sorted(numbers)) or tuple(sorted(texts))
    if len(ordered) == 1:
        return comparison(column, Operator.EQUAL, ordered[0], position)
    return Membership(column=column, values=ordered, position=position)


def best(count: Value | int | float, lookalike: Value, position: int = 0) -> Expression:
    """The best ``count`` users by a lookalike, in normal form.

    Raises:
        ExpressionError: no whole number above 0, or no name.
    """
    number = None if isinstance(count, bool | str | date | Age) else normal_number(count, position)
    if number is None or number < 1 or number % 1 or not isinstance(lookalike, str) or not lookalike.strip():
        raise ExpressionError(
            f"{Best.NAMESPACE}.{BEST} takes a whole number of users, and a lookalike's name",
            position=position,
            hint=f"Write {Best.NAMESPACE}.{BEST}(100000, 'tea-lovers').",
        )
    return Best(count=int(number), lookalike=check_text(lookalike, position), position=position)


def _in_order(operands: Iterable[Expression]) -> tuple[Expression, ...]:
    by_text: dict[str, Expression] = {}
    for operand in operands:
        by_text.setdefault(operand.text(), operand)
    return tuple(by_text[text] for text in sorted(by_text))


def _bound_text(operand: Expression, binding: int) -> str:
    return operand.text() if binding < operand.BINDING else f"({operand.text()})"


def _day(text: str, position: int) -> date:
    day = parse_day(text)
    if day is None:
        raise ExpressionError(
            f"'{text}' is not a day, and texts have no order",
            position=position,
            hint="Write a day as '2026-01-31', a time span as before '30d', a number without quotes.",
        )
    return day


def _check_name(name: str, position: int) -> None:
    if not name.strip():
        raise ExpressionError("an empty name", position=position, hint="Write the name of a column or a segment.")
    check_text(name, position)


def _name_text(name: str) -> str:
    if _PLAIN_NAME.fullmatch(name) and name.lower() not in KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'
