"""Batches of ciphertexts, and which of them may go to the holder of the key.

Whoever holds the key, or chose its modulus with care, sees more in a ciphertext than its plaintext: the randomness is
what is left of it once the plaintext is taken away. That of a product is the product of its factors' randomness. If it
came from short exponents, which such a reader recovers, or if the reader knows some factors, a total tells which rows
went into it. A fresh uniform rⁿ leaves of a ciphertext its plaintext and nothing else. So there are two types, and what
sends to a key's holder takes :class:`Rerandomised`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from miyun.errors import InternalError


@dataclass(frozen=True, slots=True)
class Ciphertexts:
    """Ciphertexts under one key, for whoever lacks its private part. Each is known to be a unit below n²."""

    key: bytes = field(repr=False)
    """The canonical bytes of the public key."""
    data: bytes = field(repr=False)
    """One after another, little-endian, twice the width of n each."""

    def __post_init__(self) -> None:
        if len(self.data) % self.width:
            raise InternalError(f"{len(self.data)} bytes are no batch of ciphertexts of {self.width}")

    @property
    def width(self) -> int:
        """Bytes of one ciphertext."""
        return 2 * len(self.key)

    def __len__(self) -> int:
        return len(self.data) // self.width

    def part(self, start: int, stop: int) -> Self:
        """Those from ``start`` to before ``stop``."""
        return type(self)(self.key, self.data[start * self.width : stop * self.width])


def join(parts: Iterable[Ciphertexts]) -> Ciphertexts:
    """The batches of one key, at least one, as one batch."""
    batches = list(parts)
    if len({batch.key for batch in batches}) != 1:
        raise InternalError("only batches under one key can be joined")
    return Ciphertexts(batches[0].key, b"".join(batch.data for batch in batches))


class Rerandomised:
    """Ciphertexts that may go to the key's holder: each is uniform among those of its plaintext.

    Only :meth:`miyun.paillier.proof.ProvenKey.rerandomise` makes them. No arithmetic takes them, so that nothing which
    is not uniform comes in between.
    """

    __slots__ = ("_batch",)
    _batch: Ciphertexts

    def __init__(self) -> None:
        raise TypeError("ProvenKey.rerandomise makes these")

    @property
    def data(self) -> bytes:
        """As :attr:`Ciphertexts.data`, for the wire."""
        return self._batch.data

    def __len__(self) -> int:
        return len(self._batch)
