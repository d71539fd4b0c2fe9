"""Secret scalars: integers modulo the order of ristretto255, never zero.

A scalar is worth the list that it blinds: whoever holds it and the points can test guesses of identifiers for ever.
"""

import ctypes
import secrets
from typing import NoReturn, Self

from miyun.errors import KeyAccessError
from miyun.hazmat.sodium import sodium

SCALAR_BYTES = 32
ORDER = 2**252 + 27742317777372353535851937790883648493
"""ℓ, the order of the group (RFC 9496, 4)."""


class SecretScalar:
    """A scalar k with 0 < k < ℓ. Its repr is redacted; it refuses to be pickled or copied."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        if len(value) != SCALAR_BYTES or not 0 < int.from_bytes(value, "little") < ORDER:
            raise KeyAccessError(
                "a blinding scalar is damaged",
                hint="Restore the home from a backup, or fuse again in a new epoch.",
            )
        self._value = bytes(value)

    @classmethod
    def random(cls) -> Self:
        """A uniform one, from the operating system's generator."""
        return cls((1 + secrets.randbelow(ORDER - 1)).to_bytes(SCALAR_BYTES, "little"))

    @classmethod
    def from_bytes(cls, value: bytes) -> Self:
        """Read 32 bytes, little-endian.

        Raises:
            KeyAccessError: not 32 bytes, not below ℓ, or zero.
        """
        return cls(value)

    def to_bytes(self) -> bytes:
        """32 bytes, little-endian, for a vault and for nothing else."""
        return self._value

    def inverse(self) -> Self:
        """The scalar that undoes this one: k⁻¹ mod ℓ."""
        result = ctypes.create_string_buffer(SCALAR_BYTES)
        value = ctypes.create_string_buffer(self._value, SCALAR_BYTES)
        sodium().invert(ctypes.addressof(result), ctypes.addressof(value))
        return type(self)(result.raw)

    def __repr__(self) -> str:
        return "SecretScalar(redacted)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret scalar is neither pickled nor copied")
