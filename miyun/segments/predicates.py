"""The rows of one owner that satisfy a predicate of its own: by conditions on columns, and by scores."""

from collections.abc import Callable
from functools import reduce

from pyroaring import BitMap

from miyun.segments.expression import And, Best, Expression, Not, Or, conjunction, disjunction
from miyun.segments.planning import scored


def rows_of(
    predicate: Expression,
    rows: int,
    *,
    where: Callable[[Expression], BitMap],
    best: Callable[[Best], BitMap],
) -> BitMap:
    """Of the handles 0 … ``rows`` - 1 those that satisfy ``predicate``, which names columns and scores only.

    ``where`` is asked for as few and as large parts without scores as there are.
    """
    if not scored(predicate):
        return where(predicate)
    match predicate:
        case Best():
            return best(predicate)
        case Not():
            return BitMap(range(rows)) - rows_of(predicate.operand, rows, where=where, best=best)
        case And():
            join, combine = conjunction, BitMap.__and__
        case Or():
            join, combine = disjunction, BitMap.__or__
        case _:
            raise AssertionError(f"{type(predicate).__name__} is no predicate over rows")
    by_score = [operand for operand in predicate.operands if scored(operand)]
    plain = [operand for operand in predicate.operands if not scored(operand)]
    parts = [*by_score, *([join(plain)] if plain else [])]
    return reduce(combine, (rows_of(part, rows, where=where, best=best) for part in parts))
