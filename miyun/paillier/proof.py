"""Proof that a modulus of somebody else's is one that rerandomisation hides under: gcd(n, φ(n)) = 1.

Then (m, r) ↦ (1 + n)ᵐ rⁿ is a bijection from Zₙ × Z*ₙ to the units mod n², so that c · rⁿ with a uniform r is uniform
among the ciphertexts of c's plaintext. With another n it is not, and what is left over can tell which rows went into a
total: a key's holder proves its key to all who send it ciphertexts, once for each place where the key is used.

*The proof* is that of Goldberg, Reyzin, Sagga, Baldimtsi (Efficient Noninteractive Certification of RSA Moduli and
Beyond, Asiacrypt 2019, section 3.2, after Gennaro, Micciancio, Rabin, CCS 1998): n-th roots mod n of challenges that a
hash draws.

*Complete*: if gcd(n, φ(n)) = 1, every unit mod n has exactly one n-th root, which who knows φ(n) finds.

*Sound*: let a prime q divide n and φ(n), and no prime below α divide n, so that q ≥ α. If q divides p − 1 for a prime p
that divides n, n-th powers of units mod p are q-th powers, a subgroup of index q. Else q² divides n, and n-th powers of
units mod q² lie in the subgroup of order q − 1, of index q. So at most one unit in q has an n-th root mod n, and all of
k independent challenges have one with probability at most α⁻ᵏ. α = 2¹⁶ and k = 10 give 2⁻¹⁶⁰ for each pair of a modulus
and a context that a cheater tries: with 2³² trials it stays below 2⁻¹²⁸.

*Zero-knowledge*, the hash being a random oracle: uniform roots and their powers as challenges look the same.

A prime n has the property too, and everybody could decrypt under it; it is refused by a test of Fermat's.
"""

import hashlib
import itertools
import math
from functools import cache
from typing import Final, NoReturn

from miyun.errors import MalformedError
from miyun.paillier.arithmetic import power
from miyun.paillier.ciphertexts import Ciphertexts, Rerandomised
from miyun.paillier.public import PublicKey

SMALL: Final = 1 << 16
"""α: no prime below it divides n."""

CHALLENGES: Final = 10

_LABEL: Final = b"miyun/v1/paillier-key\0"


class ProvenKey(PublicKey):
    """A key of somebody else's that ciphertexts can be sent back to. Making one verifies it."""

    __slots__ = ()

    def __init__(self, raw: bytes, proof: bytes, context: bytes) -> None:
        """Read the canonical bytes and check the proof, which its owner made for ``context``.

        Raises:
            MalformedError: no key, a key with a small factor or a prime one, or no proof of it for this context.
        """
        super().__init__(raw)
        if math.gcd(self.n, _small_primes()) != 1:
            _refuse("has a small factor")
        if power(2, self.n - 1, self.n) == 1:
            _refuse("is a prime")
        size = len(raw)
        roots = (int.from_bytes(proof[start : start + size], "little") for start in range(0, len(proof), size))
        if len(proof) != CHALLENGES * size or not all(0 < root < self.n for root in roots):
            _refuse("comes without a proof")
        expected = challenges(self, context)
        powers = b"".join(challenge.to_bytes(size, "little") for challenge in expected)
        if self._kernel.raise_to_n(proof) != powers or math.gcd(math.prod(expected), self.n) != 1:
            _refuse("is not proven for this place")

    def rerandomise(self, ciphertexts: Ciphertexts) -> Rerandomised:
        """Each times a fresh uniform rⁿ: of what it was made from, nothing but its plaintext is left."""
        batch = self._batch(self._kernel.rerandomise(self._own(ciphertexts)))
        rerandomised = object.__new__(Rerandomised)
        rerandomised._batch = batch
        return rerandomised


def challenges(key: PublicKey, context: bytes) -> list[int]:
    """Numbers below n that nobody chose, by SHAKE-256 of the key, the context and their places."""
    parts = (key.to_bytes(), context)
    start = _LABEL + b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    return [_challenge(key, start + bytes([place])) for place in range(CHALLENGES)]


def _challenge(key: PublicKey, start: bytes) -> int:
    for attempt in itertools.count():
        digest = hashlib.shake_256(start + attempt.to_bytes(4, "little")).digest(key.bits // 8)
        if (number := int.from_bytes(digest, "little")) < key.n:
            return number
    raise AssertionError


@cache
def _small_primes() -> int:
    """The product of all primes below α."""
    candidates = bytearray([1]) * SMALL
    candidates[:2] = b"\0\0"
    for number in range(math.isqrt(SMALL) + 1):
        if candidates[number]:
            candidates[number * number :: number] = bytes(len(range(number * number, SMALL, number)))
    return math.prod(itertools.compress(range(SMALL), candidates))


def _refuse(reason: str) -> NoReturn:
    raise MalformedError(
        f"a reader's Paillier key {reason}",
        hint="Don't go on with this key: ask its owner for a new one, made by Miyun.",
    )
