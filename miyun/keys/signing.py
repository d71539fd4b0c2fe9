"""Ed25519 signatures over statements (RFC 8032)."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from miyun.errors import MalformedError, SignatureError
from miyun.keys.secret import Secret
from miyun.records import Statement

KEY_BYTES = 32
SIGNATURE_BYTES = 64

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        _P - 1,
        int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
        int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    }
)


class VerifyKey:
    """A public key: 32 bytes that encode a curve point canonically, and none of the eight of small order.

    A key of small order accepts signatures that nobody made; a point with two encodings has two fingerprints.
    """

    __slots__ = ("_key", "_raw")

    def __init__(self, raw: bytes) -> None:
        """Load a key.

        Raises:
            MalformedError: not 32 bytes, not canonical, not on the curve, or of small order.
        """
        _check_point(raw)
        self._raw = raw
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    def to_bytes(self) -> bytes:
        return self._raw

    def verify(self, statement: Statement, signature: bytes) -> None:
        """Return if ``signature`` is this key's over the statement.

        Raises:
            SignatureError: it is not.
        """
        try:
            self._key.verify(signature, statement.signing_bytes())
        except InvalidSignature:
            raise SignatureError(
                f"the signature of this {statement.KIND} is not from the expected key, or the content was changed",
                hint="Compare the key fingerprints with the other side, by phone for instance.",
            ) from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyKey) and self._raw == other._raw

    def __hash__(self) -> int:
        return hash(self._raw)

    def __repr__(self) -> str:
        return f"VerifyKey({self._raw.hex()})"


class SigningKey(Secret):
    """A private key, as its 32-byte seed."""

    __slots__ = ("_key",)

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> "SigningKey":
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, seed: bytes) -> "SigningKey":
        if len(seed) != KEY_BYTES:
            raise MalformedError(f"a signing key has {KEY_BYTES} bytes, not {len(seed)}")
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    def to_bytes(self) -> bytes:
        """The secret seed, 32 bytes, for the vault."""
        return self._key.private_bytes_raw()

    @property
    def verify_key(self) -> VerifyKey:
        return VerifyKey(self._key.public_key().public_bytes_raw())

    def sign(self, statement: Statement) -> bytes:
        """64 bytes over ``statement.signing_bytes()``."""
        return self._key.sign(statement.signing_bytes())


def _check_point(raw: bytes) -> None:
    if len(raw) != KEY_BYTES:
        raise MalformedError(f"a verification key has {KEY_BYTES} bytes, not {len(raw)}")
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _P:
        raise MalformedError("a verification key that is not in canonical form")
    if y in _SMALL_ORDER_Y:
        raise MalformedError("a verification key of small order")
    # RFC 8032, 5.1.3: x² = (y² - 1) / (d·y² + 1) must be a square; the denominator is never 0.
    x_squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if pow(x_squared, (_P - 1) // 2, _P) != 1:
        raise MalformedError("a verification key that is no point of the curve")
