"""The receiver's side of a chunk: multiply the other party's points and derive the tokens for the zone.

A token is a keyed hash of m·p·H(x). The zone holds neither scalar: without m and p a token is an image of a
Diffie-Hellman value that it can't compute for any x (CDH in the random oracle model), so equality within the fusion
is all that tokens show. Together with one party the zone has that party's scalar and the tokens: it can compute
p⁻¹-free guesses only for identifiers whose point the other party agreed to multiply. Collusion is thus an ordinary
oblivious pseudorandom function with a counted number of answers, and no more: that number is the contract's
evaluation cap, and the ``SeenPoints`` that the agent passes in keeps it.
"""

from typing import Protocol

from miyun.errors import ReplayError
from miyun.hazmat.ristretto import POINT_BYTES, backend
from miyun.hazmat.scalars import SecretScalar
from miyun.psi.context import FusionContext


class SeenPoints(Protocol):
    """The agent's durable memory of what it evaluated for one counterparty, type and epoch."""

    def claim(self, points: bytes) -> None:
        """Count and remember the points of one chunk, durably, before anything derived from them leaves.

        Raises:
            CapExceededError: with these the contract's evaluation cap would be passed.
            ReplayError: another chunk of the epoch had one of these points.
        """
        ...


def evaluate(context: FusionContext, points: bytes, scalar: SecretScalar, seen: SeenPoints) -> bytes:
    """The tokens of the points, 16 bytes each, in order.

    ``seen`` has claimed the points when this returns. Nothing of the result exists before.

    Raises:
        MalformedError: a point is the identity or not canonically encoded.
        ReplayError: a point comes twice in the chunk, or came before in the epoch.
        CapExceededError: the contract's evaluation cap.
    """
    _refuse_repeats(points)
    seen.claim(points)
    return backend().derive_tokens(backend().multiply(points, scalar), context.token_key())


def _refuse_repeats(points: bytes) -> None:
    places: dict[bytes, int] = {}
    for start in range(0, len(points), POINT_BYTES):
        place = start // POINT_BYTES
        first = places.setdefault(points[start : start + POINT_BYTES], place)
        if first != place:
            raise ReplayError(
                f"the point at position {place} repeats the one at position {first}",
                hint="Ask the sender to check its installation: no correct one sends a point twice.",
            )
