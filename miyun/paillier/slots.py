"""Slots: several signed totals in one plaintext, so that one decryption opens many."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from miyun.errors import InternalError, MalformedError

FAILURE_BITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotLayout:
    """A plaintext is Σ vᵢ 2^(i · bits), of up to ``slots`` signed vᵢ from −2^(bits − 1) to 2^(bits − 1) − 1.

    A value that is out of its slot spoils its neighbour; hence the room for noise, which :meth:`sized` makes.
    """

    key_bits: int
    bits: int
    slots: int

    def __post_init__(self) -> None:
        # The sum is at most 4/3 · 2^(slots · bits − 1) in size, and n / 2 is above 2^(key_bits − 2).
        if self.bits < 2 or self.slots < 1 or self.slots * self.bits > self.key_bits - 2:
            raise InternalError(f"{self.slots} slots of {self.bits} bits have no room in {self.key_bits}")

    @classmethod
    def sized(cls, *, key_bits: int, largest: int, scale: float = 0.0, totals: int = 1) -> Self:
        """Slots for totals of a size up to ``largest`` plus discrete Gaussian noise of standard deviation ``scale``.

        With probability at least 1 − 2⁻⁶⁴ all of ``totals`` fit: |noise| ≤ t = σ √(2 ln(2 · totals · 2⁶⁴)) for each,
        by 2 exp(−t² / 2σ²), as the discrete Gaussian is subgaussian (Canonne, Kamath, Steinke 2020), and the union
        bound. One bit more is the sign.

        Raises:
            InternalError: a slot is larger than the plaintext.
        """
        reach = largest + noise_tail(scale, totals)
        bits = max(2, reach.bit_length() + 1)
        return cls(key_bits=key_bits, bits=bits, slots=(key_bits - 2) // bits)

    def ciphertexts(self, totals: int) -> int:
        """How many ciphertexts so many totals take."""
        return -(-totals // self.slots)

    def pack(self, values: Sequence[int]) -> int:
        """One plaintext of up to ``slots`` values.

        Raises:
            InternalError: too many, or one is out of its slot.
        """
        half = 1 << self.bits - 1
        if len(values) > self.slots or not all(-half <= value < half for value in values):
            raise InternalError("the values do not fit their slots")
        return sum(value << index * self.bits for index, value in enumerate(values))

    def unpack(self, packed: Iterable[int], totals: int) -> list[int]:
        """The totals of decrypted plaintexts.

        Raises:
            MalformedError: more or fewer plaintexts than that takes, or one holds more than its slots.
        """
        plaintexts = list(packed)
        if len(plaintexts) != self.ciphertexts(totals):
            raise MalformedError(f"{len(plaintexts)} ciphertexts where {self.ciphertexts(totals)} hold the totals")
        values: list[int] = []
        for plaintext in plaintexts:
            values += self._open(plaintext, min(self.slots, totals - len(values)))
        return values

    def _open(self, plaintext: int, count: int) -> list[int]:
        half = 1 << self.bits - 1
        values = []
        for _ in range(count):
            value = (plaintext + half) % (2 * half) - half
            values.append(value)
            plaintext = (plaintext - value) >> self.bits
        if plaintext:
            raise MalformedError(
                "decrypted totals do not fit their slots",
                hint="Ask the sender to check its installation: no correct one computes such totals.",
            )
        return values


def noise_tail(scale: float, totals: int) -> int:
    """The size that none of so many draws of noise exceeds, but with probability 2⁻⁶⁴; see :meth:`SlotLayout.sized`."""
    return math.ceil(scale * math.sqrt(2 * (math.log(2 * totals) + FAILURE_BITS * math.log(2))))
