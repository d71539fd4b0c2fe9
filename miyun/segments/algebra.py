"""Evaluating a plan's formula over the matched pairs, from legs over handles. The zone does this."""

from collections.abc import Mapping
from functools import reduce

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from miyun.bitmaps import to_bitmap, to_mask
from miyun.segments.expression import And, Expression, Matched, Not, Or, SegmentRef
from miyun.segments.planning import Leg

Handles = npt.NDArray[np.uint32]


def evaluate(
    formula: Expression,
    count: int,
    pairs: Mapping[str, Handles],
    legs: Mapping[Leg, BitMap],
    segments: Mapping[str, BitMap],
) -> BitMap:
    """The indices of the pairs, of which there are ``count``, that satisfy ``formula``.

    ``pairs[namespace][i]`` is the handle of pair ``i`` on that owner's side; ``legs`` are sets of such handles,
    ``segments`` sets of pair indices. KeyError where a leg, its namespace or a segment of the formula is not given.
    """

    def pairs_of(part: Expression) -> BitMap:
        match part:
            case Matched():
                return BitMap(range(count))
            case SegmentRef():
                return segments[part.name]
            case Leg():
                return _pairs_in(pairs[part.namespace], legs[part])
            case Not():
                return BitMap(range(count)) - pairs_of(part.operand)
            case And():
                return reduce(BitMap.__and__, map(pairs_of, part.operands))
            case Or():
                return reduce(BitMap.__or__, map(pairs_of, part.operands))
        raise AssertionError(type(part))

    return BitMap(pairs_of(formula))


def _pairs_in(handles: Handles, leg: BitMap) -> BitMap:
    selected = to_mask(leg, int(handles.max(initial=0)) + 1)
    return to_bitmap(np.flatnonzero(selected[handles]).astype(np.uint32))
