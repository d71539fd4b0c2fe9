"""Public keys: encryption, and arithmetic under encryption."""

import base64
import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from miyun.errors import InternalError, MalformedError
from miyun.paillier.backend import PublicKernel, public_kernel
from miyun.paillier.ciphertexts import Ciphertexts
from miyun.paillier.slots import SlotLayout

KEY_BITS: Final = (2048, 3072, 4096)
"""Lengths of n: 112, 128 and about 140 bits of security (NIST SP 800-57)."""

Numbers: TypeAlias = Sequence[int] | npt.NDArray[np.integer[Any]] | npt.NDArray[np.bool_]

_FINGERPRINT_BYTES = 20
_GROUP = 4
_WORD_BYTES = 8


class Kind(StrEnum):
    """How randomness is distributed."""

    UNIFORM = "uniform"
    """rⁿ of uniform r."""
    SHORT = "short"
    """Powers of one base with short exponents; see :mod:`miyun.paillier.fixed_base`."""


class Randomness(Protocol):
    """Where rⁿ comes from, each for one ciphertext."""

    @property
    def kind(self) -> Kind: ...

    @property
    def public_key(self) -> "PublicKey": ...

    def take(self, count: int) -> bytes:
        """So many rⁿ mod n², as in :attr:`Ciphertexts.data`, that nobody is given again."""
        ...


class PublicKey:
    """A modulus n. Keys of equal n are equal.

    Plaintexts are integers of a size up to (n − 1) / 2, negative ones too.
    """

    __slots__ = ("_raw", "n")

    def __init__(self, raw: bytes) -> None:
        """Read the canonical bytes: n, little-endian, in as many bytes as its length has eighths.

        Raises:
            MalformedError: no odd number of a length in :data:`KEY_BITS`.
        """
        self.n = int.from_bytes(raw, "little")
        self._raw = bytes(raw)
        if self.bits not in KEY_BITS or 8 * len(raw) != self.bits or self.n % 2 == 0:
            lengths = ", ".join(map(str, KEY_BITS))
            raise MalformedError(
                "not a Paillier key", hint=f"Use a key whose modulus is odd and has one of {lengths} bits."
            )

    @staticmethod
    def from_number(n: int) -> "PublicKey":
        """The key of the modulus n, as other libraries name keys."""
        return PublicKey(n.to_bytes((n.bit_length() + 7) // 8, "little"))

    def to_bytes(self) -> bytes:
        return self._raw

    @property
    def bits(self) -> int:
        return self.n.bit_length()

    @property
    def ciphertext_bytes(self) -> int:
        return 2 * len(self._raw)

    def fingerprint(self) -> str:
        """160 bits in base32, as 8 groups of 4, for comparing out of band."""
        digest = hashlib.sha256(b"miyun/v1/paillier-fingerprint\0" + self._raw).digest()
        letters = base64.b32encode(digest[:_FINGERPRINT_BYTES]).decode()
        return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))

    @property
    def _kernel(self) -> PublicKernel:
        return public_kernel(self._raw)

    def encrypt(self, values: Numbers, randomness: Randomness | None = None) -> Ciphertexts:
        """Every value with an rⁿ of its own, by default a uniform one drawn now."""
        if randomness is None:
            return self.encrypt_with(values, self._kernel.make_randomness(len(values)))
        if randomness.public_key != self:
            raise InternalError("the randomness belongs to another key")
        return self.encrypt_with(values, randomness.take(len(values)))

    def encrypt_with(self, values: Numbers, randomness: bytes) -> Ciphertexts:
        """The same with these rⁿ: never use one of them again, it would open what it hides."""
        plain, size = self._encode(values)
        return self._batch(self._kernel.encrypt_with(plain, size, randomness))

    def read(self, data: bytes) -> Ciphertexts:
        """A batch that another process sent.

        Raises:
            MalformedError: no whole number of ciphertexts, or one is not a unit below n²; names the first position.
        """
        if len(data) % self.ciphertext_bytes:
            raise MalformedError(f"{len(data)} bytes are no whole number of ciphertexts of {self.ciphertext_bytes}")
        self._kernel.check(data)
        return self._batch(data)

    def add(self, left: Ciphertexts, right: Ciphertexts) -> Ciphertexts:
        """Of sums by pairs."""
        return self._batch(self._kernel.add(self._own(left), self._own(right)))

    def add_values(self, ciphertexts: Ciphertexts, values: Numbers) -> Ciphertexts:
        """Of each plaintext plus the value at its place. Hides nothing: who has both batches sees the values."""
        return self.encrypt_with(values, self._own(ciphertexts))

    def product(
        self, ciphertexts: Ciphertexts, offsets: npt.NDArray[np.uint64], indices: npt.NDArray[np.uint32]
    ) -> Ciphertexts:
        """For segment i one ciphertext, of the sum over ``indices[offsets[i]:offsets[i + 1]]``; of none, 0.

        ``offsets`` ascends from 0 to ``len(indices)``.
        """
        return self._batch(
            self._kernel.product(
                self._own(ciphertexts), offsets.astype("<u8").tobytes(), indices.astype("<u4").tobytes()
            )
        )

    def power(self, ciphertexts: Ciphertexts, factors: Numbers, *, bits: int, signed: bool = False) -> Ciphertexts:
        """Of each plaintext times the factor at its place. Sizes of factors are below 2^``bits``, at most 2⁶³.

        Factors are secret; ``bits`` and ``signed`` are public and set the time.
        """
        exponents = np.asarray(factors, dtype=np.int64 if signed else np.uint64)
        return self._batch(
            self._kernel.power(self._own(ciphertexts), exponents.astype("<u8").tobytes(), bits, signed=signed)
        )

    def negate(self, ciphertexts: Ciphertexts) -> Ciphertexts:
        return self._batch(self._kernel.negate(self._own(ciphertexts)))

    def pack(self, ciphertexts: Ciphertexts, layout: SlotLayout) -> Ciphertexts:
        """Of every ``layout.slots`` plaintexts, the last ones perhaps fewer, one; see :meth:`SlotLayout.unpack`."""
        if layout.key_bits != self.bits:
            raise InternalError("the slots are laid out for another length of keys")
        return self._batch(self._kernel.pack(self._own(ciphertexts), layout.slots, layout.bits))

    def _batch(self, data: bytes) -> Ciphertexts:
        return Ciphertexts(self._raw, data)

    def _own(self, ciphertexts: Ciphertexts) -> bytes:
        if ciphertexts.key != self._raw:
            raise InternalError("ciphertexts under another key")
        return ciphertexts.data

    def _encode(self, values: Numbers) -> tuple[bytes, int]:
        """Plaintexts, and the bytes of each: few where all are small and not negative."""
        if isinstance(values, np.ndarray):
            if values.dtype.kind in "bu":
                return values.astype(values.dtype.newbyteorder("<")).tobytes(), values.dtype.itemsize
            values = values.tolist()
        if all(value >> 8 * _WORD_BYTES == 0 for value in values):
            return np.array(values, "<u8").tobytes(), _WORD_BYTES
        if any(2 * abs(value) >= self.n for value in values):
            raise InternalError("a value has no room below n / 2")
        size = len(self._raw)
        return b"".join((value % self.n).to_bytes(size, "little") for value in values), size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and other.n == self.n

    def __hash__(self) -> int:
        return hash(self._raw)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.fingerprint()}>"
