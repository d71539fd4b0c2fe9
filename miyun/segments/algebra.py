"""Evaluating a plan's formula over its universe, from legs over row handles. The zone does this.

Of a row without a match, a leg of the other party is false. That is never asked: a plan has such legs only beside
``matched``, so that neither their value there nor how they were put together changes anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from miyun.bitmaps import to_bitmap, to_mask, to_numbers
from miyun.contract.model import PartyKind, Universe
from miyun.segments.expression import And, Expression, Matched, Not, Or, SegmentRef
from miyun.segments.planning import Leg, Plan

Handles = npt.NDArray[np.uint32]

_PLATFORM = PartyKind.PLATFORM.namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Indices of matched pairs, or row handles: numbers below the ``count`` of its universe."""

    universe: Universe
    numbers: BitMap


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One epoch's matched pairs and rows.

    ``everything(universe)`` are the pairs or rows of a universe; numbers that a delta ended are missing in it.
    ``handles(namespace)[i]`` is the handle of pair i on that owner's side.
    """

    everything: Callable[[Universe], BitMap]
    handles: Callable[[str], Handles]

    def all(self, universe: Universe) -> Selection:
        """Everything in a universe."""
        return Selection(universe=universe, numbers=self.everything(universe))

    def selected(self, namespace: str, rows: BitMap, universe: Universe) -> Selection:
        """What of a universe one owner's rows decide about: these rows themselves, or all that is matched with one."""
        if universe is Universe.PLATFORM and namespace == _PLATFORM:
            return Selection(universe=universe, numbers=rows & self.everything(universe))
        handles, matched = self.handles(namespace), self.everything(Universe.MATCHED)
        selected = to_mask(rows, int(handles.max(initial=0)) + 1)
        pairs = to_bitmap(np.flatnonzero(selected[handles]).astype(np.uint32))
        return self.carried(Selection(universe=Universe.MATCHED, numbers=pairs & matched), universe)

    def rows(self, namespace: str, selection: Selection) -> BitMap:
        """The rows of one owner that are selected, or matched with what is."""
        if selection.universe is Universe.PLATFORM and namespace == _PLATFORM:
            return selection.numbers
        pairs = self.carried(selection, Universe.MATCHED)
        return to_bitmap(self.handles(namespace)[to_numbers(pairs.numbers)])

    def carried(self, selection: Selection, universe: Universe) -> Selection:
        """The same selection: the platform's rows of the selected pairs, or the pairs of its selected rows."""
        if selection.universe is universe:
            return selection
        if universe is Universe.MATCHED:
            return self.selected(_PLATFORM, selection.numbers, universe)
        return Selection(universe=universe, numbers=self.rows(_PLATFORM, selection))


def evaluate(plan: Plan, ground: Ground, legs: Mapping[Leg, BitMap], segments: Mapping[str, Selection]) -> Selection:
    """What of the plan's universe satisfies its formula; ``legs`` are sets of their owners' handles.

    KeyError where a leg or a segment of the formula is not given.
    """
    universe = plan.universe

    def chosen(part: Expression) -> BitMap:
        match part:
            case Matched():
                return ground.carried(ground.all(Universe.MATCHED), universe).numbers
            case SegmentRef():
                return ground.carried(segments[part.name], universe).numbers
            case Leg():
                return ground.selected(part.namespace, legs[part], universe).numbers
            case Not():
                return ground.all(universe).numbers - chosen(part.operand)
            case And():
                return reduce(BitMap.__and__, map(chosen, part.operands))
            case Or():
                return reduce(BitMap.__or__, map(chosen, part.operands))
        raise AssertionError(type(part))

    return Selection(universe=universe, numbers=BitMap(chosen(plan.formula)))
