"""Running totals: products of ciphertexts that grow as chunks arrive, and that a process can put down and take up."""

import struct
from typing import Self

import numpy as np
import numpy.typing as npt

from miyun.errors import InternalError, StateError
from miyun.paillier.ciphertexts import Ciphertexts
from miyun.paillier.public import PublicKey

_HEADER = struct.Struct("<QQ")


class RunningTotals:
    """``count`` totals under one key, over the rows before ``covered``. They start as ciphertexts of 0.

    Nothing in here is rerandomised: it is for the disk of whoever computes, and never for the holder of the key.
    """

    __slots__ = ("_data", "covered", "key")

    def __init__(self, key: PublicKey, count: int) -> None:
        self.key = key
        self.covered = 0
        self._data = np.zeros((count, key.ciphertext_bytes), np.uint8)
        self._data[:, 0] = 1

    def __len__(self) -> int:
        return len(self._data)

    def multiply(
        self, batch: Ciphertexts, offsets: npt.NDArray[np.uint64], indices: npt.NDArray[np.uint32], *, first: int = 0
    ) -> None:
        """Add to total ``first + i`` the sum over ``indices[offsets[i]:offsets[i + 1]]`` of the batch.

        A total goes through the same product as one factor more, so that merging costs no product of its own.
        """
        lengths = np.diff(offsets.astype(np.int64))
        (touched,) = np.nonzero(lengths)
        if not len(touched):
            return
        totals = self._data[first + touched]
        factors = Ciphertexts(batch.key, batch.data + totals.tobytes())
        own = np.arange(len(batch), len(batch) + len(touched), dtype=np.uint32)
        longer = np.zeros(len(touched) + 1, np.uint64)
        np.cumsum(lengths[touched] + 1, out=longer[1:], dtype=np.uint64)
        products = self.key.product(factors, longer, np.insert(indices, offsets[touched + 1].astype(np.int64), own))
        self._data[first + touched] = np.frombuffer(products.data, np.uint8).reshape(totals.shape)

    def part(self, start: int, stop: int) -> Ciphertexts:
        """The totals from ``start`` to before ``stop``."""
        return Ciphertexts(self.key.to_bytes(), self._data[start:stop].tobytes())

    def to_bytes(self) -> bytes:
        """What :meth:`from_bytes` goes on from."""
        return _HEADER.pack(len(self), self.covered) + self._data.tobytes()

    @classmethod
    def from_bytes(cls, raw: bytes, key: PublicKey, count: int) -> Self:
        """The totals that were put down.

        Raises:
            StateError: other ones, or damaged.
        """
        totals = cls(key, count)
        if len(raw) != _HEADER.size + totals._data.nbytes or _HEADER.unpack_from(raw)[0] != count:
            raise StateError(
                "running totals that belong to another question", hint="Compute them again from the start."
            )
        totals.covered = _HEADER.unpack_from(raw)[1]
        totals._data = np.frombuffer(raw, np.uint8, offset=_HEADER.size).reshape(totals._data.shape).copy()
        return totals

    def advance(self, low: int, high: int) -> None:
        """Cover the rows from ``low`` to before ``high``, which must be the next ones."""
        if low != self.covered or high < low:
            raise InternalError(f"rows from {low} come where those from {self.covered} were due")
        self.covered = high
