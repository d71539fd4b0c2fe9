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
"""

import math
from fractions import Fraction

from miyun.errors import InternalError


def match_report_l2(types: int) -> float:
    """Δ₂ of the vector of matches per type: √k, since each of k counts differs by at most 1. Rounded up."""
    _check(types)
    root = math.sqrt(types)
    return root if Fraction(root) ** 2 >= types else math.nextafter(root, math.inf)


def size(types: int) -> int:
    """Δ of the number of matched pairs in any segment: ⌈k/2⌉.

    Whether a pair is in the segment may depend on both its rows in any way, so all pairs that exist in one world only
    may be in it and none of the others.
    """
    _check(types)
    return (types + 1) // 2


def _check(types: int) -> None:
    if types < 1:
        raise InternalError("a fusion joins at least one identifier type")
