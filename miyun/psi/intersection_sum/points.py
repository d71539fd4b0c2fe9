"""Blinded points in ascending order.

Whatever is sent as points is sorted by encoding. The encoding of a blinded point is, to who lacks the scalar, a uniform
element's, so sorted points are a set and tell nothing of the order of rows, just as shuffled ones. But there is one way
to write a set: nobody has to draw, keep and protect a permutation, a restart gives the same bytes, and a receiver sees
by the order alone that no point comes twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from miyun.errors import InternalError, ReplayError
from miyun.hazmat.ristretto import POINT_BYTES
from miyun.hazmat.scalars import SecretScalar
from miyun.psi.blinding import blind
from miyun.psi.intersection_sum.context import DummyContext, IntersectionContext
from miyun.psi.intersection_sum.dummies import DummyPool
from miyun.psi.intersection_sum.statements import IntersectionRequest

NO_ROW = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPoints:
    """A party's blinded points, ascending, and for each the position of its row, or NO_ROW: padding or a dummy.

    Secret, and kept until the exchange is finished: other padding and other dummies would be another message.
    """

    points: bytes
    rows: npt.NDArray[np.int64]


def matcher_points(request: IntersectionRequest, values: Sequence[bytes | None], scalar: SecretScalar) -> OwnPoints:
    """The matcher's: a value per row, None for padding, each value once; and all of the pool."""
    pool = DummyPool.of(request.size_rho_micro)
    return _own_points(request, values, scalar, dummies=pool.size, strangers=0)


def holder_points(request: IntersectionRequest, values: Sequence[bytes | None], scalar: SecretScalar) -> OwnPoints:
    """The holder's: a value per row, None for padding, each value once; and D of the pool, filled up."""
    pool = DummyPool.of(request.size_rho_micro)
    dummies = pool.draw()
    return _own_points(request, values, scalar, dummies=dummies, strangers=pool.size - dummies)


def _own_points(
    request: IntersectionRequest,
    values: Sequence[bytes | None],
    scalar: SecretScalar,
    *,
    dummies: int,
    strangers: int,
) -> OwnPoints:
    context = IntersectionContext.of(request)
    names = [str(index).encode() for index in range(dummies)]
    points = blind(context, [*values, *[None] * strangers], scalar)
    points += blind(DummyContext(context.request_digest), names, scalar)
    rows = np.full(len(points) // POINT_BYTES, NO_ROW, np.int64)
    rows[: len(values)] = [NO_ROW if value is None else index for index, value in enumerate(values)]
    encodings = as_encodings(points)
    order = np.argsort(encodings)
    ascending = encodings[order]
    if np.any(ascending[1:] == ascending[:-1]):
        raise InternalError("a value twice: its owner removes duplicates before")
    return OwnPoints(points=ascending.tobytes(), rows=rows[order])


def sort_points(points: bytes) -> bytes:
    """The same points, ascending."""
    return np.sort(as_encodings(points)).tobytes()


def require_ascending(points: bytes, *, after: bytes) -> None:
    """Pass where the points ascend, from above the one point ``after``, if there is one.

    Raises:
        ReplayError: a point comes twice or out of order.
    """
    encodings = as_encodings(after + points)
    falls = np.flatnonzero(encodings[1:] <= encodings[:-1])
    if falls.size:
        place = int(falls[0]) + 1 - len(after) // POINT_BYTES
        raise ReplayError(
            f"the point at position {place} is not above the one before it",
            hint="Ask the sender to check its installation: no correct one sends a point twice, or unsorted.",
        )


def as_encodings(points: bytes) -> npt.NDArray[np.bytes_]:
    """The points as an array that sorts by bytes. NumPy ignores zero bytes at the end, and all are of one length."""
    return np.frombuffer(points, f"S{POINT_BYTES}")


class PointSet:
    """Points in ascending order, for looking others up."""

    def __init__(self, points: bytes) -> None:
        self._encodings = as_encodings(points)

    def find(self, points: bytes) -> npt.NDArray[np.bool_]:
        """For each point whether it is one of these."""
        sought = as_encodings(points)
        places = np.searchsorted(self._encodings, sought)
        found = places < self._encodings.size
        found[found] = self._encodings[places[found]] == sought[found]
        return found
