"""A definition that stands on its own: the segments that it names, written out."""

from collections.abc import Mapping

from miyun.errors import ExpressionError
from miyun.segments.expression import (
    And,
    Expression,
    Not,
    Or,
    SegmentRef,
    conjunction,
    disjunction,
    negation,
)
from miyun.segments.parser import EXPRESSION_CHARACTERS, parse
from miyun.segments.planning import leaves


def expand(expression: Expression, definitions: Mapping[str, Expression]) -> Expression:
    """The expression with definitions in place of names; ``definitions`` themselves name no segment.

    Raises:
        ExpressionError: written out it is too long, or nested too deeply, to be read again.
    """
    names = [leaf.name for leaf in leaves(expression) if isinstance(leaf, SegmentRef)]
    if not names:
        return expression
    try:
        if sum(len(definitions[name].text()) for name in names) <= EXPRESSION_CHARACTERS:
            return parse(_replaced(expression, definitions).text())
    except ExpressionError:
        pass
    raise ExpressionError(
        "with the segments that it names written out, the definition is too long or too deeply nested",
        hint="Make it of fewer or simpler segments.",
    )


def _replaced(expression: Expression, definitions: Mapping[str, Expression]) -> Expression:
    match expression:
        case SegmentRef():
            return definitions[expression.name]
        case And():
            return conjunction(_replaced(operand, definitions) for operand in expression.operands)
        case Or():
            return disjunction(_replaced(operand, definitions) for operand in expression.operands)
        case Not():
            return negation(_replaced(expression.operand, definitions))
        case _:
            return expression
