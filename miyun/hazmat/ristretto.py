"""Batches of ristretto255 elements (RFC 9496): bytes in, bytes out.

The group has prime order and one canonical encoding per element, so there is no cofactor to clear, no small subgroup
into which a peer could push a product to read bits of a scalar, and equal elements have equal bytes. The only element
that a scalar can't hide is the identity: it is refused.

``Backend`` is the seam. Every backend gives the same bytes for the same input.
"""

from functools import cache
from typing import Protocol

from miyun.errors import MalformedError
from miyun.hazmat.scalars import SecretScalar
from miyun.kernels import kernels

POINT_BYTES = 32
UNIFORM_BYTES = 64
TOKEN_BYTES = 16


class Backend(Protocol):
    """What Miyun needs of the group. Batches are concatenations; results keep their order."""

    name: str

    def hash_to_group(self, values: bytes, offsets: bytes, dst: bytes) -> bytes:
        """hash_to_ristretto255 of RFC 9380 (suite ristretto255_XMD:SHA-512_R255MAP_RO_) of n messages.

        ``values`` are the messages one after another; ``offsets`` are n + 1 unsigned 32-bit little-endian positions,
        from 0 to ``len(values)``; ``dst`` is the domain separation tag. Gives n × 32 bytes.

        Raises:
            InternalError: the offsets do not fit the values.
        """
        ...

    def map_to_group(self, uniform: bytes) -> bytes:
        """The one-way map of RFC 9496, 4.3.4: n × 64 uniform bytes to n × 32."""
        ...

    def multiply(self, points: bytes, scalar: SecretScalar) -> bytes:
        """Every point times the scalar, n × 32 bytes to n × 32.

        Raises:
            MalformedError: a point is the identity or not canonically encoded; the message names the first position.
        """
        ...

    def blind(self, values: bytes, offsets: bytes, dst: bytes, scalar: SecretScalar) -> bytes:
        """``multiply(hash_to_group(values, offsets, dst), scalar)``.

        Raises:
            InternalError: the offsets do not fit the values.
        """
        ...

    def derive_tokens(self, points: bytes, key: bytes) -> bytes:
        """Keyed BLAKE2b (RFC 7693) of every point, 16 bytes each.

        BLAKE2b is a pseudorandom function in keyed mode by design, in one pass where HMAC needs two; its output
        length is part of its parameters. 128 bits keep accidental equality below 2⁻⁷⁶ for 50 million rows a side.

        Raises:
            InternalError: the points are no multiple of 32 bytes, or the key is not of 1 to 64 bytes.
        """
        ...


@cache
def backend() -> Backend:
    """The native backend where the kernels run, else the portable one.

    Raises:
        ConfigError: as :func:`miyun.kernels.kernels`.
    """
    if kernels().native:
        from miyun.hazmat.native import NativeBackend

        return NativeBackend()
    from miyun.hazmat.portable import PortableBackend

    return PortableBackend()


def refused_point(position: int) -> MalformedError:
    """What every backend raises of the first point that it refuses."""
    return MalformedError(
        f"the point at position {position} is the identity or not canonically encoded",
        hint="Ask the sender to check its installation: no correct one sends such a point.",
    )
