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

**Disjoint segments.** Say D segments are disjoint whatever the rows are: a pair counts in the first of them that it is
in, and in no other, which depends on the pair alone. By the lemma at most ⌈k/2⌉ pairs are lost and ⌊k/2⌋ gained. No
two lost pairs share a row, nor do gained ones, so segment d loses the sum Lᵈ of lᵈ rows and gains the sum Gᵈ of gᵈ
rows, with Σ lᵈ ≤ ⌈k/2⌉ and Σ gᵈ ≤ ⌊k/2⌋.

- *All x ≥ 0.* Lᵈ · Gᵈ ≥ 0, so that ‖Gᵈ − Lᵈ‖² ≤ ‖Gᵈ‖² + ‖Lᵈ‖² ≤ (gᵈ² + lᵈ²) c². Together at most
  (⌈k/2⌉² + ⌊k/2⌋²) c² = ⌈k²/2⌉ c², however many they are: c for one type, √2 c for two, where D segments that may share
  pairs take √D c and √(2D) c.
- *One number in [low, high].* |Gᵈ − Lᵈ| ≤ f(lᵈ, gᵈ) with f(l, g) = max(l M + g m, g M + l m). f² is convex, so that
  Σ f² is largest where all lost pairs are in one segment and all gained ones in one: in the same, f(⌈k/2⌉, ⌊k/2⌋)², or
  in two, ⌈k²/2⌉ M². The larger of these is the bound.

Each of them alone keeps the bound of a segment too, so that √D times that holds as well; the smaller is taken. Other
segments of the question are side by side with them: the squares add up.

Padding adds nothing to any total: its owner leaves it out.

**Rows of one side.** A segment may be a set of the right side's rows, matched or not, whose membership is any function
of the row and of what it is matched with. The zone can't tell padding, so that its size counts padding as well: a
padding row has no match and copies a real one. Each of n rows is copied by at most one of P padding rows, P ≤ n − 2, by
a choice that is uniform among these. Neighbours differ in one row, present or replaced by padding, as the padded number
of rows is no secret; without padding, present or absent.

- *A row of the left side.* The chain has at most ⌈k/2⌉ rows of the right side, each with +, − or nothing.
- *A row of the right side.* The chain has ⌊k/2⌋ others. The row itself becomes a padding row, of which nobody knows
  whom it copies, and whoever copied it copies another. All else can be the same: from a uniform choice of P among n
  rows, give the row's own copy, if there is one, and the row itself to different rows that nobody copies yet, at
  random; that is a uniform choice of P + 1 among n − 1. So it is ⌊k/2⌋ + 1, and with padding one more, for every
  outcome of that draw; and so for the mixture of all outcomes, as zCDP's divergence is quasi-convex.

**Who scores best.** A segment may also depend on whether a row of the right side is among the N best of them by a score
that is a function of the row alone, of equal ones the first by handle. A row of the left side changes nothing of that:
weights are fixed once they are released. If a row of the right side goes that is among the best, one other comes in,
and no other row's rank matters. So each such question changes one row more, which has one pair at most: sizes of pairs
change by 1 more for each, those of rows by 1, and with padding by the copy of that row.
"""

import math
from fractions import Fraction

from miyun.errors import InternalError


def match_report_l2(types: int) -> float:
    """Δ₂ of the vector of matches per type: √k, since each of k counts differs by at most 1. Rounded up."""
    _check(types)
    return _root_up(types)


def size(types: int, ranked: int = 0) -> int:
    """Δ of the number of matched pairs in any segment: ⌈k/2⌉, and 1 for each of ``ranked`` ways to score best.

    Whether a pair is in the segment may depend on both its rows in any way, so all pairs that exist in one world only
    may be in it and none of the others.
    """
    _check(types)
    return (types + 1) // 2 + ranked


def rows(types: int, padding: int, ranked: int = 0) -> int:
    """Δ of the number of rows of one side in a segment of such rows: ⌊k/2⌋ + 1, and with padding one more; as much
    again, but for the ⌊k/2⌋, for each of ``ranked`` ways to score best.

    ``types`` is 0 for a segment in which no match decides anything; ``padding`` is the most rows that can be padding.
    """
    return types // 2 + (1 + ranked) * (1 + (padding > 0))


def most_padding(bucket: int, types: int, least: int = 0) -> int:
    """How many row handles can be padding: b - 1 with one type, else 3 (b - 1), and ``least``.

    See :mod:`miyun.members.padding`.
    """
    _check(types)
    return least + (bucket - 1) * (1 if types == 1 else 3)


def counts_l2(types: int, segments: int, contributions: int, disjoint: int = 0) -> float:
    """Δ₂ of many counts, each over ``segments`` segments, of a row that adds 1 to at most ``contributions`` of them.

    √(S · C) times ⌈k/2⌉ for odd k, times √((k/2)² + 1) for even k; less where ``disjoint`` of the segments are so by
    construction. Rounded up.
    """
    _check(types)
    _check_aggregate(segments, contributions, disjoint)
    lost, gained = _changes(types)
    one = lost**2 if types % 2 else gained**2 + 1
    return _root_up(contributions * _side_by_side(one, lost**2 + gained**2, segments, disjoint))


def sum_l2(types: int, segments: int, low: int, high: int, disjoint: int = 0) -> float:
    """Δ₂ of the sum of one number from ``low`` to ``high`` over ``segments`` segments; see above. Rounded up.

    ``disjoint`` of them are so by construction. Of a count, which is the sum of a number from 0 to 1, it is √S · ⌈k/2⌉
    where none are.
    """
    _check(types)
    largest, smallest = max(abs(low), abs(high)), min(abs(low), abs(high))
    _check_aggregate(segments, largest, disjoint)
    opposite = smallest if low < 0 < high else 0
    lost, gained = _changes(types)
    one = lost * largest + (0 if types % 2 else opposite)
    apart = max((lost**2 + gained**2) * largest**2, (lost * largest + gained * opposite) ** 2)
    return _root_up(_side_by_side(one**2, apart, segments, disjoint))


def _changes(types: int) -> tuple[int, int]:
    """How many pairs can be lost, and how many gained, when a row goes."""
    return (types + 1) // 2, types // 2


def _side_by_side(one: int, apart: int, segments: int, disjoint: int) -> int:
    """Squares: of all segments, from that of one and from that of any number of disjoint ones."""
    return (segments - disjoint) * one + min(disjoint * one, apart)


def _root_up(square: int) -> float:
    root = math.sqrt(square)
    while Fraction(root) ** 2 < square:
        root = math.nextafter(root, math.inf)
    return root


def _check_aggregate(segments: int, largest: int, disjoint: int) -> None:
    if segments < 1 or largest < 1:
        raise InternalError("an aggregate has a segment, and something that a row can add")
    if not 0 <= disjoint <= segments:
        raise InternalError("more disjoint segments than there are segments")


def _check(types: int) -> None:
    if types < 1:
        raise InternalError("a fusion joins at least one identifier type")
