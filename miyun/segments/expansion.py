"""A definition that stands on its own: the segments that it names, written out."""

from collections.abc import Mapping
from dataclasses import dataclass

from miyun.contract.model import Universe
from miyun.errors import ExpressionError
from miyun.segments.expression import (
    And,
    Expression,
    Matched,
    Not,
    Or,
    SegmentRef,
    conjunction,
    disjunction,
    negation,
)
from miyun.segments.grammar import EXPRESSION_CHARACTERS, POINTS_CHARACTERS
from miyun.segments.parser import parse
from miyun.segments.planning import leaves, leaves_beyond_match


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a segment is: an expression that names no segment, over a universe."""

    universe: Universe
    expression: Expression


def expand(expression: Expression, universe: Universe, meanings: Mapping[str, Meaning]) -> Meaning:
    """What an expression over a universe means, with the ``meanings`` of the segments in it in place of their names.

    Among the platform's rows a matched segment stands for the rows of its pairs, which is its expression ``within
    matched``: the same expression says of a matched row what it says of the row's pair. Among pairs, a segment of
    platform rows stands for the pairs of these rows; that has to be asked for by ``within matched``.

    Raises:
        ExpressionError: it names a segment of platform rows without ``within matched``, or written out it is too long,
            or nested too deeply, to be read again.
    """
    if universe is Universe.MATCHED:
        _require_within_matched(expression, meanings)
    names = [leaf.name for leaf in leaves(expression) if isinstance(leaf, SegmentRef)]
    if not names:
        return Meaning(universe=universe, expression=expression)
    parts = {name: _as_part(meanings[name], universe) for name in names}
    try:
        if sum(len(parts[name].text()) for name in names) <= EXPRESSION_CHARACTERS + POINTS_CHARACTERS:
            return Meaning(universe=universe, expression=parse(_replaced(expression, parts).text()))
    except ExpressionError:
        pass
    raise ExpressionError(
        "with the segments that it names written out, the definition is too long or too deeply nested",
        hint="Make it of fewer or simpler segments.",
    )


def _require_within_matched(expression: Expression, meanings: Mapping[str, Meaning]) -> None:
    for leaf in leaves_beyond_match(expression):
        if isinstance(leaf, SegmentRef) and meanings[leaf.name].universe is not Universe.MATCHED:
            raise ExpressionError(
                f"{leaf.name} is a segment of the universe {meanings[leaf.name].universe}, and here matched pairs are "
                "selected",
                position=leaf.position,
                hint=f"Add “within {Universe.MATCHED}” at the end, or give the new segment the same universe.",
            )


def _as_part(meaning: Meaning, universe: Universe) -> Expression:
    if meaning.universe is Universe.MATCHED and universe is not Universe.MATCHED:
        return conjunction((meaning.expression, Matched()))
    return meaning.expression


def _replaced(expression: Expression, parts: Mapping[str, Expression]) -> Expression:
    match expression:
        case SegmentRef():
            return parts[expression.name]
        case And():
            return conjunction(_replaced(operand, parts) for operand in expression.operands)
        case Or():
            return disjunction(_replaced(operand, parts) for operand in expression.operands)
        case Not():
            return negation(_replaced(expression.operand, parts))
        case _:
            return expression
