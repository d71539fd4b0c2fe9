"""The three secrets of PAIR, each a type of its own: a salt is no key, and an advertiser's key is no publisher's."""

import secrets
from typing import ClassVar, Final, Self

from miyun.errors import KeyAccessError
from miyun.hazmat.scalars import SecretScalar
from miyun.keys.secret import Secret

SALT_BYTES: Final = 32


class Salt(Secret):
    """Ks: 32 random bytes of one publisher, the same for all its advertisers, whose clean rooms are told it.

    Without it nobody can test guesses of people against ids, whatever keys they hold.
    """

    __slots__ = ("_value",)

    DAYS: ClassVar = 30
    """How long new matches are made with one."""

    def __init__(self, value: bytes) -> None:
        if len(value) != SALT_BYTES:
            raise _damaged("salt")
        self._value = bytes(value)

    @classmethod
    def random(cls) -> Self:
        return cls(secrets.token_bytes(SALT_BYTES))

    def to_bytes(self) -> bytes:
        """32 bytes, for a vault or sealed to an advertiser, and for nothing else."""
        return self._value


class _Key(Secret):
    """A scalar of ristretto255; 32 bytes, little-endian, from 1 to ℓ - 1."""

    __slots__ = ("scalar",)

    DAYS: ClassVar = 180
    """How long new matches are made with one."""

    def __init__(self, scalar: SecretScalar) -> None:
        self.scalar = scalar

    @classmethod
    def random(cls) -> Self:
        return cls(SecretScalar.random())

    @classmethod
    def from_bytes(cls, value: bytes) -> Self:
        """Read a key.

        Raises:
            KeyAccessError: not 32 bytes, not below ℓ, or zero.
        """
        try:
            return cls(SecretScalar.from_bytes(value))
        except KeyAccessError:
            raise _damaged("key") from None

    def to_bytes(self) -> bytes:
        """32 bytes, little-endian, for a vault and for nothing else."""
        return self.scalar.to_bytes()


class PublisherKey(_Key):
    """Kp: whoever holds it and the salt can tell the publisher's ids from people's addresses."""

    __slots__ = ()


class AdvertiserKey(_Key):
    """Ka: whoever holds it and the salt can tell the advertiser's ids from people's addresses."""

    __slots__ = ()


def _damaged(what: str) -> KeyAccessError:
    return KeyAccessError(
        f"a PAIR {what} is damaged",
        hint="Restore the home from its newest backup, or make new ones: miyun pair keys rotate NAME --withdraw",
    )
