"""Sealing to a party: HPKE (RFC 9180, base mode, single shot) with the hybrid post-quantum KEM ML-KEM-768 ‖ X25519.

The key schedule uses SHAKE256, as draft-ietf-hpke-pq pairs it with this KEM. The sender is anonymous: what is
sealed is signed beside, and its context goes into ``info``.
"""

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite

from miyun.errors import MalformedError

MLKEM_BYTES = 1184
X25519_BYTES = 32
PUBLIC_KEY_BYTES = MLKEM_BYTES + X25519_BYTES
OVERHEAD_BYTES = 1088 + 32 + 16
"""How much longer the sealed form is: encapsulation and tag."""

SUITE = Suite(KEM.MLKEM768_X25519, KDF.SHAKE256, AEAD.AES_256_GCM)


class SealingPublicKey:
    """A party's public sealing key: the ML-KEM-768 encapsulation key (1,184 bytes), then X25519 (32 bytes)."""

    __slots__ = ("_key", "_raw")

    def __init__(self, raw: bytes) -> None:
        """Load a key.

        Raises:
            MalformedError: a wrong length, an encapsulation key out of range, or an X25519 point of small order.
        """
        if len(raw) != PUBLIC_KEY_BYTES:
            raise MalformedError(f"a sealing key has {PUBLIC_KEY_BYTES} bytes, not {len(raw)}")
        self._raw = raw
        try:
            self._key = MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(raw[:MLKEM_BYTES]),
                X25519PublicKey.from_public_bytes(raw[MLKEM_BYTES:]),
            )
            SUITE.encrypt(b"", self._key)
        except ValueError:
            raise MalformedError("a sealing key that is not valid") from None

    def to_bytes(self) -> bytes:
        return self._raw

    def seal(self, plaintext: bytes, info: bytes) -> bytes:
        """Encapsulation ‖ ciphertext, `OVERHEAD_BYTES` longer than ``plaintext``. ``info`` binds the context."""
        return SUITE.encrypt(plaintext, self._key, info)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SealingPublicKey) and self._raw == other._raw

    def __hash__(self) -> int:
        return hash(self._raw)
