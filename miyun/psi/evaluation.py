"""The receiver's side of a chunk: multiply the other party's points and derive the tokens for the zone.

A token is a keyed hash of m·p·H(x). The zone holds neither scalar: to compute a token for some x it would have to
solve Diffie-Hellman (CDH in the random oracle model), so whether two tokens of one fusion are equal is all it sees.

The zone together with P holds p, every m·H(x) with its row handle, and tokens. To test a guess y it needs m·H(y), and
only M's evaluation gives that, hashed, for one guess per point (one-more Diffie-Hellman). Collusion is thus ordinary
matching by an oblivious pseudorandom function with a counted number of answers: the contract's evaluation cap, which
the agent's ``SeenPoints`` keeps. A row whose identifier was never submitted stays an anonymous handle. The same holds
with the roles exchanged.
"""

from typing import Protocol

import numpy as np

from miyun.errors import ReplayError
from miyun.hazmat.ristretto import POINT_BYTES, backend
from miyun.hazmat.scalars import SecretScalar
from miyun.psi.context import FusionContext


class SeenPoints(Protocol):
    """The agent's durable memory of what it evaluated for one counterparty, type and epoch.

    It belongs to one chunk: before the tokens leave the agent, the points that it claimed must be counted and
    remembered on disk.
    """

    def claim(self, points: bytes) -> None:
        """Take the points of the chunk, 32 bytes each.

        Raises:
            CapExceededError: with these the contract's evaluation cap would be passed.
            ReplayError: another chunk of the epoch had one of these points.
        """
        ...


def evaluate(context: FusionContext, points: bytes, scalar: SecretScalar, seen: SeenPoints) -> bytes:
    """The tokens of the points, 16 bytes each, in order.

    ``seen`` claims the points before the first is multiplied.

    Raises:
        MalformedError: a point is the identity or not canonically encoded.
        ReplayError: a point comes twice in the chunk, or came before in the epoch.
        CapExceededError: the contract's evaluation cap.
    """
    _refuse_repeats(points)
    seen.claim(points)
    return backend().derive_tokens(backend().multiply(points, scalar), context.token_key())


def _refuse_repeats(points: bytes) -> None:
    beginnings = np.sort(np.frombuffer(points, "<u8", len(points) // 8)[:: POINT_BYTES // 8])
    if not np.any(beginnings[1:] == beginnings[:-1]):
        return
    places: dict[bytes, int] = {}
    for start in range(0, len(points), POINT_BYTES):
        place = start // POINT_BYTES
        first = places.setdefault(points[start : start + POINT_BYTES], place)
        if first != place:
            raise ReplayError(
                f"the point at position {place} repeats the one at position {first}",
                hint="Ask the sender to check its installation: no correct one sends a point twice.",
            )
