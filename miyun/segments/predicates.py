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
        case And() | Or():
            combine = BitMap.__and__ if isinstance(predicate, And) else BitMap.__or__
            return reduce(combine, (rows_of(part, rows, where=where, best=best) for part in _parts(predicate)))
    raise AssertionError(f"{type(predicate).__name__} is no predicate over rows")


def plain_parts(predicate: Expression) -> list[Expression]:
    """The parts that `rows_of` asks ``where`` about."""
    if not scored(predicate):
        return [predicate]
    match predicate:
        case Not():
            return plain_parts(predicate.operand)
        case And() | Or():
            return [plain for part in _parts(predicate) for plain in plain_parts(part)]
    return []


def _parts(predicate: And | Or) -> list[Expression]:
    """The operands, those without scores joined into one."""
    join = conjunction if isinstance(predicate, And) else disjunction
    by_score = [operand for operand in predicate.operands if scored(operand)]
    plain = [operand for operand in predicate.operands if not scored(operand)]
    return [*by_score, *([join(plain)] if plain else [])]
