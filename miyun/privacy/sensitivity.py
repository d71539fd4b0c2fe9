"""How much one row can change what is released.

The unit of protection is one row of one side, after its owner's deduplication: a row holds at most one value of each
identifier type, and a value belongs to at most one row of a side. Neighbouring worlds differ in one such row, present
or absent.

**Lemma (alternating chain).** Let k types be joined in priority order: equal values, among rows not matched yet. Remove
one row l of the left side. Then the matched pairs of the two worlds differ along one chain

    (l, r₁) lost at type t₁, (l₂, r₁) gained at t₂, (l₂, r₂) lost at t₃, (l₃, r₂) gained at t₄, …  with t₁ < t₂ < t₃ < …

*Proof.* By induction over the types, the sets of unmatched rows differ in at most one row, alternately on one side and
the other. Before the first type they differ in l. Say they differ in row x when type t is joined, free in one world
only. Values are unique on a side, so only x's value of type t can match differently: if its holder y is free, the pair
(x, y) exists in the one world only, and from then on the worlds differ in y, free in the other world only, and no
longer in x; else nothing changes. Each type adds at most one pair to the chain. The first pair exists only with l, the
second only without, and so on in turn. ∎

So each per-type count differs by at most 1, and of at most k different pairs at most ⌈k/2⌉ exist in the one world only,
⌊k/2⌋ in the other only. The same holds for a row of the right side, and the other way round for an added row.

**Aggregates.** A total of one owner is Σ δ(h) · x(h) over its rows h, where δ(h) is 1 if h is in the segment, and x(h)
what h adds. Take a segment whose membership is any function of the matched pair. x is the owner's alone, so that a row
without which the world is different changes totals by Σ ±x(h) over the rows h of that owner whose pair differs:

- *A row of the other owner goes.* The owner's rows in the chain are r₁, r₂, …, each with one pair in either world, but
  for odd k the last one, which loses its pair. That is ⌈k/2⌉ rows, each with +, − or nothing.
- *A row of the owner's own goes.* It is the chain's l, whose pair is lost, −x(l). Of l₂, l₃, … each has one pair in
  either world, +, − or nothing, but for even k the last one, which gains one, +x or nothing. For odd k that is
  ⌈k/2⌉ rows, for even k there is one more: k/2 + 1.

Where all x ≥ 0, coordinate by coordinate, and ‖x‖₂ ≤ c, at most ⌈k/2⌉ rows give at most ⌈k/2⌉ c. The k/2 + 1 rows of an
even k are p ≥ 1 with + and q ≥ 1 with −, or else fewer rows: the square of the difference of their two sums is at most
(p² + q²) c², as the sums' product is not negative, and so at most ((k/2)² + 1) c². For one number in [low, high], with
M the larger and m the smaller of |low| and |high|, or m = 0 where no two values differ in sign, the same cases give
⌈k/2⌉ M for odd k and (k/2) M + m for even k. S segments of one question put S such vectors side by side: √S times that.

A row of a universe that no match decides (segments over all the platform's rows) comes and goes alone, within the same
bound. Padding adds nothing to any total: its owner leaves it out.
"""

import math
from fractions import Fraction

from miyun.errors import InternalError


def match_report_l2(types: int) -> float:
    """Δ₂ of the vector of matches per type: √k, since each of k counts differs by at most 1. Rounded up."""
    _check(types)
    return _root_up(types)


def size(types: int) -> int:
    """Δ of the number of matched pairs in any segment: ⌈k/2⌉.

    Whether a pair is in the segment may depend on both its rows in any way, so all pairs that exist in one world only
    may be in it and none of the others.
    """
    _check(types)
    return (types + 1) // 2


def counts_l2(types: int, segments: int, contributions: int) -> float:
    """Δ₂ of many counts, each over ``segments`` segments, of a row that adds 1 to at most ``contributions`` of them.

    √(S · C) times ⌈k/2⌉ for odd k, times √((k/2)² + 1) for even k. Rounded up.
    """
    _check(types)
    _check_aggregate(segments, contributions)
    half = types // 2
    return _root_up(segments * contributions * ((half + 1) ** 2 if types % 2 else half**2 + 1))


def sum_l2(types: int, segments: int, low: int, high: int) -> float:
    """Δ₂ of the sum of one number from ``low`` to ``high`` over ``segments`` segments; see above. Rounded up.

    Of a count, which is the sum of a number from 0 to 1, it is √S · ⌈k/2⌉.
    """
    _check(types)
    largest, smallest = max(abs(low), abs(high)), min(abs(low), abs(high))
    _check_aggregate(segments, largest)
    opposite = smallest if low < 0 < high and types % 2 == 0 else 0
    return _root_up(segments * ((types + 1) // 2 * largest + opposite) ** 2)


def _root_up(square: int) -> float:
    root = math.sqrt(square)
    while Fraction(root) ** 2 < square:
        root = math.nextafter(root, math.inf)
    return root


def _check_aggregate(segments: int, largest: int) -> None:
    if segments < 1 or largest < 1:
        raise InternalError("an aggregate has a segment, and something that a row can add")


def _check(types: int) -> None:
    if types < 1:
        raise InternalError("a fusion joins at least one identifier type")
