"""The backend that runs everywhere, and the reference. As in ``miyun.paillier.portable``, time depends on operands."""

import math
import secrets

from miyun.errors import InternalError
from miyun.paillier.arithmetic import power
from miyun.paillier.backend import refused_ciphertext


class _Half:
    """One prime p of n = p q."""

    def __init__(self, p: int, q: int) -> None:
        self.p = p
        self.square = p * p
        self._scale = pow(-q, -1, p)

    def draw(self) -> int:
        """xᵖ mod p² of a uniform x in Z*ₚ, which is rⁿ mod p² of a uniform r, as r ↦ rᑫ is a bijection there."""
        return power(1 + secrets.randbelow(self.p - 1), self.p, self.square)

    def decrypt(self, ciphertext: int) -> int:
        """The plaintext mod p: with c^(p − 1) = 1 + k p it is k / ((p − 1) q) mod p."""
        k = power(ciphertext % self.square, self.p - 1, self.square) // self.p
        return k * self._scale % self.p


class PortablePrivate:
    """See :class:`miyun.paillier.private.backend.PrivateKernel`."""

    name = "portable"

    def __init__(self, p: bytes, q: bytes) -> None:
        left, right = int.from_bytes(p, "little"), int.from_bytes(q, "little")
        self._halves = _Half(left, right), _Half(right, left)
        self._n = left * right
        self._width = 4 * len(p)

    def make_randomness(self, count: int) -> bytes:
        p, q = self._halves
        powers = (_combine(p.draw(), q.draw(), p.square, q.square) for _ in range(count))
        return b"".join(number.to_bytes(self._width, "little") for number in powers)

    def decrypt(self, ciphertexts: bytes) -> bytes:
        if len(ciphertexts) % self._width:
            raise InternalError(f"a batch of {len(ciphertexts)} bytes is no multiple of {self._width}")
        starts = range(0, len(ciphertexts), self._width)
        numbers = [int.from_bytes(ciphertexts[start : start + self._width], "little") for start in starts]
        for position, number in enumerate(numbers):
            if not number < self._n**2 or math.gcd(number, self._n) != 1:
                raise refused_ciphertext(position)
        p, q = self._halves
        values = (_combine(p.decrypt(number), q.decrypt(number), p.p, q.p) for number in numbers)
        return b"".join(value.to_bytes(self._width // 2, "little") for value in values)


def _combine(left: int, right: int, p: int, q: int) -> int:
    """The number below p q that is ``left`` mod p and ``right`` mod q."""
    return left + p * ((right - left) * pow(p, -1, q) % q)
