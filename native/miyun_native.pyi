"""Batch kernels of Miyun. Batches are concatenations; results keep their order; the interpreter's lock is released."""

from typing import Final, Literal

__version__: Final[str]

KERNEL: Final[Literal["avx512ifma", "dalek"]]
"""What computes the group. ``MIYUN_NATIVE_KERNEL=dalek``, set before the import, keeps to the portable one."""

class BatchError(ValueError):
    """Lengths, offsets, a scalar, a key or a tag that the caller should not have passed."""

class PointRefused(ValueError):
    """A point is the identity or not canonically encoded."""

    position: int
    """The first such."""

class TokenRepeated(ValueError):
    """A column has a token twice."""

    side: Literal["left", "right"]
    position: int
    """The first row whose token an earlier one has."""

def set_threads(count: int) -> None:
    """Use so many threads; 0, as at the start, for one per available processor. See ``MIYUN_NATIVE_THREADS``."""

def hash_to_group(values: bytes, offsets: bytes, dst: bytes) -> bytes:
    """hash_to_ristretto255 of RFC 9380. Raises BatchError."""

def map_to_group(uniform: bytes) -> bytes:
    """The one-way map of RFC 9496, 4.3.4: n × 64 bytes to n × 32. Raises BatchError."""

def multiply(points: bytes, scalar: bytes) -> bytes:
    """Every point times the scalar, 32 bytes, little-endian, from 1 to ℓ − 1. Raises PointRefused, BatchError."""

def blind(values: bytes, offsets: bytes, dst: bytes, scalar: bytes) -> bytes:
    """``multiply(hash_to_group(values, offsets, dst), scalar)``, faster. Raises BatchError."""

def derive_tokens(points: bytes, key: bytes) -> bytes:
    """Keyed BLAKE2b of every point, 16 bytes each. Raises BatchError."""

def join_tokens(
    left_tokens: bytes, left_handles: bytes, right_tokens: bytes, right_handles: bytes
) -> tuple[bytes, bytes]:
    """The handles of equal 16-byte tokens, left and right, by ascending left handle; 32 bits each, little-endian.

    Raises TokenRepeated, BatchError.
    """

def permutation(count: int) -> bytes:
    """A secret uniform permutation of 0 … count − 1, 32 bits each, little-endian."""
