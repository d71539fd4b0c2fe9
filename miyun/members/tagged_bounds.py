"""How much of one person counts: a choice that is secret, and the same whatever is asked and whenever.

Each pair of a member and a tag has a rank, BLAKE2b under a key of the owner's. Of more pairs than may count, those of
the lowest ranks do: a tag that comes or goes moves at most one other, and the same question has the same answer.
"""

import hashlib
from collections.abc import Callable, Sequence
from enum import Enum

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.uint32]

_RANK_BYTES = 8


class Chosen(Enum):
    """What is chosen among: their ranks are unrelated."""

    TAGS = b"tags"
    DIMENSIONS = b"dimensions"


class Ranks:
    """The ranks of what members carry. ``key`` has 16 to 64 bytes."""

    def __init__(self, key: bytes, chosen: Chosen) -> None:
        self._keyed = hashlib.blake2b(key=key, digest_size=_RANK_BYTES, person=chosen.value)

    def of(self, members: Sequence[str], ids: Sequence[str]) -> npt.NDArray[np.uint64]:
        """One rank for each member and id beside each other; cheapest where a member's follow each other."""
        ranks = bytearray()
        last: str | None = None
        begun = self._keyed
        for member, id_ in zip(members, ids, strict=True):
            if member != last:
                encoded = member.encode()
                begun = self._keyed.copy()
                begun.update(len(encoded).to_bytes(4, "big") + encoded)
                last = member
            hasher = begun.copy()
            hasher.update(id_.encode())
            ranks += hasher.digest()
        return np.frombuffer(ranks, "<u8")


def at_most(
    limit: int, handles: Numbers, rank: Callable[[npt.NDArray[np.intp]], npt.NDArray[np.uint64]], first: Mask
) -> Mask:
    """Which entries count, at most ``limit`` of a handle: those of ``first``, then those of the lowest rank.

    ``handles`` ascend; none has more than ``limit`` of ``first``. ``rank`` is asked only for places that it decides on.
    """
    kept = np.ones(len(handles), np.bool_)
    if not len(handles):
        return kept
    starts = np.flatnonzero(np.diff(handles, prepend=handles[:1] + 1))
    counts = np.diff(starts, append=len(handles))
    open_places = limit - np.add.reduceat(first.astype(np.intp), starts)
    rest = np.repeat(counts > limit, counts) & ~first
    ranked = np.flatnonzero(rest & np.repeat(open_places > 0, counts))
    kept[rest] = False
    if len(ranked):
        order = ranked[np.lexsort((rank(ranked), handles[ranked]))]
        heads = np.flatnonzero(np.diff(handles[order], prepend=handles[order[:1]] + 1))
        nth = np.arange(len(order)) - np.repeat(heads, np.diff(heads, append=len(order)))
        kept[order[nth < np.repeat(open_places, counts)[order]]] = True
    return kept
