"""What an expression needs: legs from the owners, segments from the zone, grants from the contract."""

from dataclasses import dataclass

from miyun.contract.model import MATCHED, PartyKind, Universe
from miyun.errors import ExpressionError
from miyun.segments.expression import (
    And,
    Best,
    Comparison,
    Expression,
    Flag,
    Known,
    Matched,
    Membership,
    Not,
    Or,
    SegmentRef,
    conjunction,
    disjunction,
    negation,
)
from miyun.segments.near import Near

OF_A_COLUMN = Flag | Known | Comparison | Membership | Near
"""The nodes that name a column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg(Expression):
    """The rows of ``namespace`` that satisfy ``predicate``, which names that owner's columns only."""

    namespace: str
    predicate: Expression

    def text(self) -> str:
        return f"leg {self.namespace}: ({self.predicate.text()})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``formula`` combines ``legs``, ``segments`` and all that is matched by ``and``, ``or``, ``not``, over
    ``universe``.

    ``subjects`` are the things that need a grant: ``matched``, unless no match decides anything in it, each column as
    ``members.spend`` or, by distance, ``members.home.location``, and `LOOKALIKE`. ``best`` are the parts that say who
    scores best.
    """

    universe: Universe

    legs: tuple[Leg, ...]
    formula: Expression
    subjects: frozenset[str]
    segments: frozenset[str]
    best: frozenset[Best]


def plan(expression: Expression, universe: Universe = Universe.MATCHED) -> Plan:
    """Split the expression into as few legs as its shape allows, so that the zone sees as few bits as possible.

    ``not`` is moved inwards past whatever mixes owners; then in each ``and`` and ``or``, everything that one owner
    can decide alone becomes one leg. A leg never begins with ``not``: the complement of a leg is the same leg.

    Raises:
        ExpressionError: among the platform's rows, it names a merchant's column without ``within matched``.
    """
    _require_within_matched(expression, universe)
    formula = _formula(_inwards(expression))
    legs = frozenset(part for part in leaves(formula) if isinstance(part, Leg))
    conditions = leaves(expression)
    subjects = frozenset(filter(None, map(_subject, conditions)))
    of_match = universe is Universe.MATCHED or any(isinstance(leaf, Matched) for leaf in conditions)
    return Plan(
        universe=universe,
        legs=tuple(sorted(legs, key=Leg.text)),
        formula=formula,
        subjects=subjects | {MATCHED} if of_match else subjects,
        segments=frozenset(leaf.name for leaf in conditions if isinstance(leaf, SegmentRef)),
        best=scored(expression),
    )


def _require_within_matched(expression: Expression, universe: Universe) -> None:
    """Whatever is said of a merchant's columns stands beside ``matched``, so that it is said of matched rows."""
    if universe is Universe.MATCHED:
        return
    for leaf in leaves_beyond_match(expression):
        if isinstance(leaf, OF_A_COLUMN) and leaf.column.namespace != PartyKind.PLATFORM.namespace:
            raise ExpressionError(
                f"{leaf.column.text()} is known of matched rows only, and the universe {universe} has others too",
                position=leaf.column.position,
                hint=f"Make a matched segment of it and name that, or add “within {MATCHED}” at the end.",
            )


def scored(expression: Expression) -> frozenset[Best]:
    """The parts that say who scores best."""
    return frozenset(leaf for leaf in leaves(expression) if isinstance(leaf, Best))


def _inwards(expression: Expression) -> Expression:
    if _sole_owner(expression) is not None:
        return expression
    match expression:
        case And():
            return conjunction(_inwards(operand) for operand in expression.operands)
        case Or():
            return disjunction(_inwards(operand) for operand in expression.operands)
        case Not(operand=And() as inner):
            return disjunction(_inwards(negation(operand)) for operand in inner.operands)
        case Not(operand=Or() as inner):
            return conjunction(_inwards(negation(operand)) for operand in inner.operands)
    return expression


def _formula(expression: Expression) -> Expression:
    owner = _sole_owner(expression)
    if isinstance(expression, Not):
        return negation(_formula(expression.operand))
    if owner is not None:
        return Leg(namespace=owner, predicate=expression)
    if isinstance(expression, And):
        return conjunction(_formula(part) for part in _by_owner(expression))
    if isinstance(expression, Or):
        return disjunction(_formula(part) for part in _by_owner(expression))
    return expression


def _by_owner(expression: And | Or) -> list[Expression]:
    """The operands, those of one sole owner joined into one."""
    joined: dict[str, list[Expression]] = {}
    others: list[Expression] = []
    for operand in expression.operands:
        owner = _sole_owner(operand)
        (others if owner is None else joined.setdefault(owner, [])).append(operand)
    join = conjunction if isinstance(expression, And) else disjunction
    return [join(operands) for operands in joined.values()] + others


def _sole_owner(expression: Expression) -> str | None:
    owners = set(map(_owner, leaves(expression)))
    return owners.pop() if len(owners) == 1 else None


def _owner(leaf: Expression) -> str | None:
    """The namespace of the owner who decides it."""
    match leaf:
        case Flag() | Known() | Comparison() | Membership() | Near():
            return leaf.column.namespace
        case Best():
            return leaf.NAMESPACE
    return None


def _subject(leaf: Expression) -> str | None:
    """What needs a grant for it."""
    match leaf:
        case Flag() | Known() | Comparison() | Membership():
            return leaf.column.subject
        case Near():
            return leaf.subject
        case Best():
            return leaf.SUBJECT
    return None


def leaves(expression: Expression) -> list[Expression]:
    """Its conditions and segments, without ``and``, ``or`` and ``not``."""
    match expression:
        case And() | Or():
            return [leaf for operand in expression.operands for leaf in leaves(operand)]
        case Not():
            return leaves(expression.operand)
        case Leg() | Matched() | SegmentRef() | Best() | Flag() | Known() | Comparison() | Membership() | Near():
            return [expression]
    raise AssertionError(type(expression))


def leaves_beyond_match(expression: Expression) -> list[Expression]:
    """Its leaves but for those in an ``and`` with ``matched``, which decide nothing about a row without a match."""
    match expression:
        case And() if Matched() in expression.operands:
            return []
        case And() | Or():
            return [leaf for operand in expression.operands for leaf in leaves_beyond_match(operand)]
        case Not():
            return leaves_beyond_match(expression.operand)
        case _:
            return [expression]
