"""Reading segment expressions. ``GRAMMAR`` is the language; what it means is in :mod:`miyun.segments.expression`."""

from decimal import Decimal
from functools import cache
from typing import cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from miyun.errors import ExpressionError
from miyun.segments.expression import (
    Column,
    Expression,
    Flag,
    Known,
    Matched,
    Operator,
    SegmentRef,
    comparison,
    conjunction,
    disjunction,
    membership,
    negation,
)
from miyun.segments.values import Age, Value, parse_age

EXPRESSION_CHARACTERS = 10_000
NESTED_PARENTHESES = 32

GRAMMAR = r"""
start: expression (WITHIN MATCHED)?

?expression: conjunction ("or" ...)*
"""


def parse(text: str) -> Expression:
    """Read an expression.

    Raises:
        ExpressionError: it can't be read; ``position`` is the place.
    """
    raise NotImplementedError
