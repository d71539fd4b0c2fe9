"""Private keys."""

import math
from collections.abc import Iterator
from typing import Final

from miyun.errors import InternalError, KeyAccessError, MalformedError
from miyun.keys.secret import Secret
from miyun.paillier.arithmetic import power
from miyun.paillier.ciphertexts import Ciphertexts
from miyun.paillier.private.backend import private_kernel
from miyun.paillier.private.primes import admit_short_exponents, draw_primes
from miyun.paillier.proof import challenges
from miyun.paillier.public import KEY_BITS, Kind, Numbers, PublicKey

DEFAULT_BITS: Final = 3072


class PrivateKey(Secret):
    """Two primes of one length, p < q, so that gcd(n, φ(n)) = 1. A Randomness of its own public key, too."""

    kind: Final = Kind.UNIFORM
    __slots__ = ("_kernel", "_p", "_q", "public_key")

    def __init__(self, p: int, q: int) -> None:
        """The key of two primes, as other libraries name it.

        Raises:
            KeyAccessError: not two primes of half a length in :data:`~miyun.paillier.public.KEY_BITS`.
        """
        self._p, self._q = sorted((p, q))
        bits = (p * q).bit_length()
        lengths = {p.bit_length(), q.bit_length(), bits // 2}
        if bits not in KEY_BITS or len(lengths) > 1 or p == q or not all(_may_be_prime(prime) for prime in (p, q)):
            raise KeyAccessError(
                "a private Paillier key is damaged", hint="Restore it from a backup, or make a new one."
            )
        self.public_key = PublicKey.from_number(p * q)
        self._kernel = private_kernel(*self._halves())

    @classmethod
    def generate(cls, bits: int = DEFAULT_BITS) -> "PrivateKey":
        """A new key that admits short exponents. Takes about a second."""
        if bits not in KEY_BITS:
            raise InternalError(f"Paillier keys of {bits} bits are not made")
        return cls(*draw_primes(bits))

    @classmethod
    def from_bytes(cls, raw: bytes) -> "PrivateKey":
        """Read what :meth:`to_bytes` gave.

        Raises:
            KeyAccessError: damaged.
        """
        half = len(raw) // 2
        return cls(int.from_bytes(raw[:half], "little"), int.from_bytes(raw[half:], "little"))

    def to_bytes(self) -> bytes:
        """The secret bytes, for a vault: p, then q, little-endian."""
        return b"".join(self._halves())

    @property
    def admits_short_exponents(self) -> bool:
        """Whether the primes are as :mod:`miyun.paillier.fixed_base` asks. True of generated keys."""
        return admit_short_exponents(self._p, self._q)

    def encrypt(self, values: Numbers) -> Ciphertexts:
        """As :meth:`PublicKey.encrypt` with uniform randomness, in a third of the time."""
        return self.public_key.encrypt(values, self)

    def take(self, count: int) -> bytes:
        """So many uniform rⁿ mod n²."""
        return self._kernel.make_randomness(count)

    def decrypt(self, data: bytes) -> list[int]:
        """The plaintexts, signed.

        Raises:
            MalformedError: no whole number of ciphertexts, or one is not a unit below n²; names the first position.
        """
        width, n = self.public_key.ciphertext_bytes, self.public_key.n
        if len(data) % width:
            raise MalformedError(f"{len(data)} bytes are no whole number of ciphertexts of {width}")
        plain = self._kernel.decrypt(data)
        values = (int.from_bytes(plain[at : at + width // 2], "little") for at in range(0, len(plain), width // 2))
        return [value - n if 2 * value > n else value for value in values]

    def prove(self, context: bytes) -> bytes:
        """The proof that :class:`miyun.paillier.proof.ProvenKey` checks, for one place where the key is used."""
        size = len(self.public_key.to_bytes())
        return b"".join(root.to_bytes(size, "little") for root in self._roots(context))

    def _roots(self, context: bytes) -> Iterator[int]:
        """The n-th roots of the challenges, mod p and mod q and put together."""
        n, p, q = self.public_key.n, self._p, self._q
        exponents = pow(n, -1, p - 1), pow(n, -1, q - 1)
        p_inverse = pow(p, -1, q)
        for challenge in challenges(self.public_key, context):
            left, right = power(challenge % p, exponents[0], p), power(challenge % q, exponents[1], q)
            yield left + p * ((right - left) * p_inverse % q)

    def _halves(self) -> tuple[bytes, bytes]:
        size = len(self.public_key.to_bytes()) // 2
        return self._p.to_bytes(size, "little"), self._q.to_bytes(size, "little")


def _may_be_prime(number: int) -> bool:
    """Catches damage; that somebody chose a composite is not looked for in one's own key."""
    return number > 3 and math.gcd(number, 6) == 1 and power(2, number - 1, number) == 1
