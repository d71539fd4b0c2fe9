"""How the totals of a question lie in plaintexts.

A running total is a ciphertext whose plaintext has ``inner`` signed slots; there are ``outer`` of them. An encrypted
selection has a slot for each segment and a running total for each total of the question, encrypted values the other way
round. What is released has as many running totals in a plaintext as fit, one above the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from miyun.aggregates.question import Question
from miyun.aggregates.statements import Circuit
from miyun.errors import InputError, InternalError
from miyun.paillier.slots import SlotLayout, noise_tail


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateLayout:
    """Where everything of one question under a key of ``key_bits`` over ``handles`` row handles lies."""

    circuit: Circuit
    key_bits: int
    handles: int
    slot_bits: int
    inner: int
    outer: int

    @classmethod
    def of(cls, question: Question, *, key_bits: int, handles: int) -> Self:
        """The layout whose slots hold every total, its noise and its sign, but with probability 2⁻⁶⁴.

        Raises:
            InputError: one ciphertext has no room for the segments, or for the columns.
        """
        totals = question.totals * question.segments
        reach = max(part.largest * handles + noise_tail(part.scale, totals) for part in question.parts)
        sizes = (question.segments, question.totals)
        inner, outer = sizes if question.circuit is Circuit.SELECTION else sizes[::-1]
        layout = cls(
            circuit=question.circuit,
            key_bits=key_bits,
            handles=handles,
            slot_bits=reach.bit_length() + 1,
            inner=inner,
            outer=outer,
        )
        if layout.inner_bits > key_bits - 2:
            raise InputError(
                f"{inner} totals of {layout.slot_bits} bits don't fit one ciphertext",
                hint="Ask about fewer segments or columns at a time, spend more of the budget, or use a longer key.",
            )
        return layout

    @property
    def inner_bits(self) -> int:
        """What one running total takes."""
        return self.inner * self.slot_bits

    @property
    def stride(self) -> SlotLayout:
        """A released plaintext, as slots of whole running totals."""
        return SlotLayout(key_bits=self.key_bits, bits=self.inner_bits, slots=(self.key_bits - 2) // self.inner_bits)

    @property
    def slots(self) -> SlotLayout:
        """A released plaintext, as slots of single totals."""
        return SlotLayout(key_bits=self.key_bits, bits=self.slot_bits, slots=self.stride.slots * self.inner)

    @property
    def ciphertexts(self) -> int:
        """How many ciphertexts are released."""
        return self.stride.ciphertexts(self.outer)

    def pack(self, totals: Sequence[Sequence[int]]) -> list[int]:
        """The plaintexts of numbers that are given by total and, for each, by segment.

        Raises:
            InternalError: other totals or segments than the layout has, or one out of its slot.
        """
        rows = totals if self.circuit is Circuit.SELECTION else list(zip(*totals, strict=True))
        if len(rows) != self.outer or any(len(row) != self.inner for row in rows):
            raise InternalError("totals for another layout")
        flat = [value for row in rows for value in row]
        size = self.slots.slots
        return [self.slots.pack(flat[start : start + size]) for start in range(0, len(flat), size)]

    def unpack(self, plaintexts: Sequence[int]) -> list[Sequence[int]]:
        """By segment, its totals.

        Raises:
            MalformedError: more or fewer plaintexts, or one holds more than its slots.
        """
        flat = self.slots.unpack(plaintexts, self.inner * self.outer)
        if self.circuit is Circuit.SELECTION:
            return [flat[segment :: self.inner] for segment in range(self.inner)]
        return [flat[start : start + self.inner] for start in range(0, len(flat), self.inner)]
