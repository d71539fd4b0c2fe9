"""From the holder's numbers to noised totals: what each plaintext holds, and what the holder may see of their sum.

A row's plaintext has two slots for every column: its number, and 1 if it has one. Dummies and padding are encryptions
of 0, so no total depends on them. The matcher multiplies the ciphertexts of the rows in the intersection, adds noise to
every slot, covers everything above the slots, and rerandomises.

**Noise.** A row of the matcher, present or replaced by padding, is in at most one pair. It changes the sum of a column
by at most Δ = max(|low|, |high|) and the number of its known values by at most 1. With m noised totals each gets ρ / m
and discrete Gaussian noise of σᵢ = Δᵢ √(m / 2ρ); together they are ρ-zCDP (:mod:`miyun.privacy.noise`; Bun and Steinke
2016, Lemma 1.7). A holder that is granted the exact size gets the numbers of known values as they are, outside
differential privacy, and m counts the sums alone.

**Cover.** The noise is enough for a holder that clips, which the matcher can't see. A cheating holder could encrypt 2ⁱ
for row i, far above the noise, and read from the sum which rows matched (Lu, Dong, Li, Yang: Not Just Summing, IEEE
TDSC 2024, attack the published implementation with numbers of such a structure). So the matcher adds u · 2ᴸ, where L is
the number of bits of all slots and u is uniform among R = ⌊n / 2ᴸ⌋ − 3 numbers. An honest holder's totals are below,
and come out exact.

*Theorem.* Whatever was encrypted under the proven key, and whatever the holder knows, the total that it decrypts makes
no guess about the matcher's rows more than n / R < 2ᴸ (1 + 2⁻⁶⁰) times as likely to be right. *Proof.* For a fixed sum
T mod n, T + u · 2ᴸ mod n takes R different values, each with probability 1 / R. Over the n possible values v the best
guess is right with probability Σᵥ max_T P(T) P(v | T) ≤ n · max P(T) / R. Rerandomising under a proven key leaves
nothing but the plaintext. And R > n (1 − 4 · 2ᴸ / n) / 2ᴸ with 4 · 2ᴸ / n < 2⁻⁶⁰, by the margin of 64 bits. ∎

So a run tells a cheating holder at most L bits instead of up to one for every row: two slots of 18 bits for conversions
of 100,000 rows at ρ = 0.01. To have it prove its range in zero knowledge (Miao, Patel, Raykova, Seth, Yung, Crypto
2020) would cost more than all the rest.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from miyun.errors import InputError
from miyun.paillier.slots import SlotLayout
from miyun.privacy.noise import discrete_gaussian, scale_for
from miyun.psi.intersection_sum.points import NO_ROW
from miyun.psi.intersection_sum.statements import TOTALS_PER_COLUMN, IntersectionRequest, SummedColumn

_MARGIN_BITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnValues:
    """The numbers of one column by row position, as multiples of the column's step, and which rows have one."""

    values: npt.NDArray[np.int64]
    known: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnTotal:
    """Noised: the sum of a column over the intersection, in steps, and how many values it is of.

    Either can come out negative. Scales are standard deviations; 0: exact.
    """

    column: str
    total: int
    known: int
    total_scale: float
    known_scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsPlan:
    """Where the totals of a request stand in a plaintext, and how much noise each gets. Both parties make the same."""

    columns: tuple[SummedColumn, ...]
    scales: tuple[float, ...]
    layout: SlotLayout

    @classmethod
    def of(cls, request: IntersectionRequest, *, rows: int, key_bits: int) -> Self:
        """The plan for at most ``rows`` rows of the holder, at least one column, and a key of ``key_bits``.

        Raises:
            InputError: one plaintext doesn't hold so many columns.
        """
        bounds = [max(abs(column.low), abs(column.high)) for column in request.columns]
        exact = request.holder in request.exact_for
        share = request.totals_rho_micro // (len(bounds) if exact else TOTALS_PER_COLUMN * len(bounds))
        known_scale = 0.0 if exact else scale_for(share, 1)
        scales = tuple(scale for bound in bounds for scale in (scale_for(share, bound), known_scale))
        totals = TOTALS_PER_COLUMN * len(bounds)
        sized = SlotLayout.sized(key_bits=key_bits, largest=rows * max(bounds), scale=max(scales), totals=totals)
        if totals * sized.bits + _MARGIN_BITS > key_bits:
            raise InputError(
                f"{len(bounds)} columns with so large numbers have no room in one encrypted total",
                hint="Ask for fewer columns at once, or for larger steps.",
            )
        return cls(
            columns=request.columns,
            scales=scales,
            layout=SlotLayout(key_bits=key_bits, bits=sized.bits, slots=totals),
        )

    @property
    def bits(self) -> int:
        """L: the bits of all slots together."""
        return self.layout.slots * self.layout.bits

    def encode(self, numbers: Sequence[ColumnValues], rows: npt.NDArray[np.int64]) -> list[int]:
        """The plaintext of each row position, its numbers clipped; 0 for NO_ROW."""
        plaintexts = [0] * len(rows)
        places = np.flatnonzero(rows != NO_ROW)
        for slot, (column, number) in enumerate(zip(self.columns, numbers, strict=True)):
            known = number.known[rows[places]]
            values = np.where(known, np.clip(number.values[rows[places]], column.low, column.high), 0)
            shift = TOTALS_PER_COLUMN * slot * self.layout.bits
            for place, value, flag in zip(places.tolist(), values.tolist(), known.tolist(), strict=True):
                plaintexts[place] += (value << shift) + (flag << shift + self.layout.bits)
        return plaintexts

    def cover(self, noise: Sequence[int], n: int) -> int:
        """What the matcher adds to the sum under the modulus n: the noise, and a number that hides all above it."""
        above = 1 + secrets.randbelow((n >> self.bits) - 3)
        added = self.layout.pack(noise) + (above << self.bits)
        return added - n if 2 * added > n else added

    def read(self, plaintext: int, n: int) -> tuple[ColumnTotal, ...]:
        """The totals in a decrypted sum, signed, under the modulus n."""
        least = -sum(1 << (slot + 1) * self.layout.bits - 1 for slot in range(self.layout.slots))
        covered = (plaintext % n - least) % (1 << self.bits) + least
        totals = self.layout.unpack([covered], self.layout.slots)
        return tuple(
            ColumnTotal(column=column.name, total=total, known=known, total_scale=scale, known_scale=known_scale)
            for column, total, known, scale, known_scale in zip(
                self.columns, totals[::2], totals[1::2], self.scales[::2], self.scales[1::2], strict=True
            )
        )


def draw_noise(scales: Sequence[float]) -> list[int]:
    """Discrete Gaussian noise of each standard deviation; 0 for a total that is granted exact."""
    return [discrete_gaussian([0], scale)[0] if scale else 0 for scale in scales]
