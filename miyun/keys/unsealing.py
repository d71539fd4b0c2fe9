"""The private half of sealing. The zone never imports this."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from miyun.errors import MalformedError
from miyun.keys.home import Home
from miyun.keys.sealing import SUITE, SealingPublicKey
from miyun.keys.secret import Secret

SEED_BYTES = 64
SECRET_BYTES = SEED_BYTES + 32
VAULT_NAME = "sealing-key"


class SealingKey(Secret):
    """A party's private sealing key: the ML-KEM-768 seed (64 bytes), then X25519 (32 bytes)."""

    __slots__ = ("_mlkem", "_x25519")

    def __init__(self, mlkem: MLKEM768PrivateKey, x25519: X25519PrivateKey) -> None:
        self._mlkem = mlkem
        self._x25519 = x25519

    @classmethod
    def generate(cls) -> "SealingKey":
        return cls(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, raw: bytes) -> "SealingKey":
        if len(raw) != SECRET_BYTES:
            raise MalformedError(f"a private sealing key has {SECRET_BYTES} bytes, not {len(raw)}")
        return cls(
            MLKEM768PrivateKey.from_seed_bytes(raw[:SEED_BYTES]), X25519PrivateKey.from_private_bytes(raw[SEED_BYTES:])
        )

    def to_bytes(self) -> bytes:
        """The secret bytes, for the vault."""
        return self._mlkem.private_bytes_raw() + self._x25519.private_bytes_raw()

    @property
    def public_key(self) -> SealingPublicKey:
        return SealingPublicKey(
            self._mlkem.public_key().public_bytes_raw() + self._x25519.public_key().public_bytes_raw()
        )

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """The plaintext.

        Raises:
            MalformedError: sealed to another key, for another context, or changed on the way.
        """
        try:
            return SUITE.decrypt(sealed, MLKEM768X25519PrivateKey(self._mlkem, self._x25519), info)
        except (InvalidTag, ValueError):
            raise MalformedError("sealed data that was not meant for this key and this place") from None


def sealing_key(home: Home) -> SealingKey:
    """The private sealing key of a party's home."""
    return SealingKey.from_bytes(home.vault.get(VAULT_NAME))
