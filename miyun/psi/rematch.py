"""The match after a change, from what changed: as `miyun.psi.join.join` would give it for all live tokens.

Within one type a token and a handle occur once on each side, so a handle has at most one candidate of each type: the
handle that the equal token is bound to on the other side. A candidate of a type is taken where no candidate of an
earlier type is taken at either end. So what is taken can differ from before only at handles that are bound otherwise
than before, at the other ends of what was taken there, and at ends of candidates that are taken now and were not, or
the other way round. These are followed type by type. A handle costs a few look-ups for each type, and each type adds
at most three handles for each one before it: what did not change is never read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint32]

NONE = 0xFFFF_FFFF
"""Stands for no handle, no position and no type."""

Taken = tuple[int, int]
"""The index of a type, and the handle on the other side."""


class Side(Protocol):
    """One side as it is now, but for ``mates``, which says what was taken before. `NONE` where there is nothing."""

    def partners(self, type_index: int, handles: Numbers, other: "Side") -> Numbers:
        """The candidate of each handle: where the token that is bound to it is bound to on the ``other`` side."""
        ...

    def mates(self, handles: Numbers) -> tuple[Numbers, Numbers]:
        """The type and the other handle of what was taken at each handle."""
        ...


@dataclass(frozen=True, slots=True)
class Gained:
    """A pair that is matched now."""

    left: int
    right: int
    type_index: int


@dataclass(frozen=True, slots=True)
class Rematch:
    """Pairs that are matched no more, as left and right handle, and pairs that are matched now; each in order.

    A pair that is matched on another type than before is both lost and gained.
    """

    lost: tuple[tuple[int, int], ...]
    gained: tuple[Gained, ...]


def rematch(types: int, left: Side, right: Side, changed: tuple[Iterable[int], Iterable[int]]) -> Rematch:
    """What changes in the match where the bindings of the ``changed`` handles of the left and right side did."""
    affected = _Affected((left, right))
    for place, handles in enumerate(changed):
        affected.admit(place, handles)
    for type_index in range(types):
        affected.take(type_index, affected.candidates(type_index))
    return affected.result()


class _Affected:
    """Handles at which something may differ: what was taken there, and what is taken now as far as types are done."""

    def __init__(self, sides: tuple[Side, Side]) -> None:
        self._sides = sides
        self._before: tuple[dict[int, Taken | None], dict[int, Taken | None]] = ({}, {})
        self._now: tuple[dict[int, Taken | None], dict[int, Taken | None]] = ({}, {})

    def admit(self, place: int, handles: Iterable[int]) -> None:
        """Take in handles of a side, and the other ends of what was taken at them."""
        fresh = [handle for handle in dict.fromkeys(handles) if handle not in self._now[place]]
        while fresh:
            mates = self._mates(place, fresh)
            self._before[place].update(mates)
            self._now[place].update(dict.fromkeys(fresh))
            place = 1 - place
            fresh = [taken[1] for taken in mates.values() if taken is not None and taken[1] not in self._now[place]]

    def candidates(self, type_index: int) -> list[tuple[int, int]]:
        """Candidates of a type at affected handles that no earlier type has blocked, as left and right handle."""
        found: dict[tuple[int, int], None] = {}
        for place in range(2):
            free = [handle for handle, taken in self._now[place].items() if taken is None]
            if not free:
                continue
            numbers = np.array(free, np.uint32)
            partners = self._sides[place].partners(type_index, numbers, self._sides[1 - place]).tolist()
            ends = [(handle, partner) for handle, partner in zip(free, partners, strict=True) if partner != NONE]
            blocked = self._blocked(1 - place, type_index, [partner for _, partner in ends])
            for handle, partner in ends:
                if partner not in blocked:
                    found[(partner, handle) if place else (handle, partner)] = None
        return list(found)

    def take(self, type_index: int, pairs: Sequence[tuple[int, int]]) -> None:
        for place in range(2):
            self.admit(place, [pair[place] for pair in pairs])
        for left, right in pairs:
            self._now[0][left] = type_index, right
            self._now[1][right] = type_index, left

    def result(self) -> Rematch:
        before, now = self._before[0], self._now[0]
        changed = sorted(handle for handle in now if before[handle] != now[handle])
        lost = tuple((handle, taken[1]) for handle in changed if (taken := before[handle]) is not None)
        gained = tuple(Gained(handle, taken[1], taken[0]) for handle in changed if (taken := now[handle]) is not None)
        return Rematch(lost=lost, gained=gained)

    def _blocked(self, place: int, type_index: int, handles: Sequence[int]) -> set[int]:
        """Those of the handles at which a candidate of an earlier type is taken."""
        now = self._now[place]
        unaffected = self._mates(place, [handle for handle in handles if handle not in now])
        blocked = {handle for handle, taken in unaffected.items() if taken is not None and taken[0] < type_index}
        return blocked | {handle for handle in handles if now.get(handle) is not None}

    def _mates(self, place: int, handles: Sequence[int]) -> dict[int, Taken | None]:
        if not handles:
            return {}
        types, mates = self._sides[place].mates(np.array(handles, np.uint32))
        return {
            handle: None if mate == NONE else (type_index, mate)
            for handle, type_index, mate in zip(handles, types.tolist(), mates.tolist(), strict=True)
        }
