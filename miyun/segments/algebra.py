"""Evaluating a plan's formula over the matched pairs, from legs over handles. The zone does this."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from miyun.segments.expression import And, Expression, Matched, Not, Or, SegmentRef
from miyun.segments.planning import Leg

Handles = npt.NDArray[np.uint32]


def evaluate(
    formula: Expression,
    pairs: Mapping[str, Handles],
    legs: Mapping[Leg, BitMap],
    segments: Mapping[str, BitMap],
) -> BitMap:
    """The indices of the pairs that satisfy ``formula``.

    ``pairs[namespace][i]`` is the handle of pair ``i`` on that owner's side; ``legs`` are sets of such handles,
    ``segments`` sets of pair indices. KeyError where a leg, a segment or a namespace of the formula is not given.
    """
    raise NotImplementedError
