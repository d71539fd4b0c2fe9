"""A question, as all who take part in it derive it from the signed request: its totals, its parts and their noise."""

from dataclasses import dataclass
from typing import Self

from miyun.aggregates.statements import Circuit, InsightRequest, NumberRange
from miyun.contract.model import Contract, Universe
from miyun.errors import InputError
from miyun.privacy.noise import scale_for
from miyun.privacy.sensitivity import counts_l2, sum_l2

MOST_SEGMENTS = 8
MOST_STEPS = 1 << 40
"""The largest size of an end of a number's range. A million rows of it still fit a slot of 64 bits."""


def require_countable(segment: str, universe: Universe, *, ranked: bool) -> None:
    """Pass for a segment of matched pairs, in which each is for its own sake.

    Totals over rows without a match are none of the reader's business. Where definitions are ``ranked``, that is by who
    scores best, a person who goes lets another in, for which the noise of totals is not sized.

    Raises:
        InputError: it is another segment.
    """
    if universe is not Universe.MATCHED:
        raise InputError(
            f"{segment} is a segment of the universe {universe}, and totals are told of matched rows only",
            hint=f"Create a matched segment of it, “{segment} within matched”, and ask about that.",
        )
    if ranked:
        raise InputError(
            f"{segment} is made of who scores best, which depends on everybody's score: of it only the size is told",
            hint="Ask about its seed, or how well the score tells: miyun lookalike report",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """So many totals under one charge. A row adds at most ``largest`` to one of them."""

    totals: int
    largest: int
    sensitivity: float
    rho_micro: int

    @property
    def scale(self) -> float:
        """The standard deviation of the noise of each total of each segment."""
        return scale_for(self.rho_micro, self.sensitivity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked about ``segments`` segments after a fusion on ``types`` identifier types.

    The last ``disjoint`` of them are parts, such as tiers or the arms of a campaign: a row counts in the first part
    that it is in, and in no other.

    Its totals come in this order: a count for each tag, for each dimension of how many rows are known in it, and of all
    rows; and for each number its sum, in steps, and how many rows have it. A question without tags has the latter only.

    Raises:
        InputError: nothing is asked, or something that can't be.
    """

    circuit: Circuit
    segments: int
    disjoint: int
    types: int
    tags: int
    dimensions: int
    per_person: int
    numbers: tuple[NumberRange, ...]
    rho_micro: int

    def __post_init__(self) -> None:
        if not 1 <= self.segments <= MOST_SEGMENTS:
            raise InputError(
                f"{self.segments} segments in one question", hint=f"Ask about 1 to {MOST_SEGMENTS} at a time."
            )
        if self.disjoint == 1 or not 0 <= self.disjoint <= self.segments:
            raise InputError(
                f"{self.disjoint} of {self.segments} segments as parts", hint="Name two parts at the least, or none."
            )
        if self.tags < 1 and not self.numbers:
            raise InputError("a question without columns", hint="Name tags, a branch of the catalogue, or numbers.")
        if self.tags and not (0 <= self.dimensions <= self.tags and 1 <= self.per_person <= self.tags):
            raise InputError(
                f"{self.tags:,} tags can't have {self.dimensions:,} dimensions, nor a row {self.per_person:,} of them",
                hint="Let a row count for at least one tag and at most for all of them.",
            )
        if not self.tags and (self.dimensions or self.per_person):
            raise InputError("dimensions without tags", hint="Leave out the dimensions and the tags of a row.")
        if len({number.name for number in self.numbers}) != len(self.numbers):
            raise InputError("a number twice in one question", hint="Ask for every column once.")
        for number in self.numbers:
            if not -MOST_STEPS <= number.low < number.high <= MOST_STEPS:
                raise InputError(
                    f"{number.name} has no range between its ends",
                    hint=f"Declare a range of at most {MOST_STEPS:,} steps on either side of 0, or a larger step.",
                )
        if self.rho_micro < self._shares:
            raise InputError(
                f"a charge of {self.rho_micro} millionths can't be divided over the question",
                hint=f"Spend at least {self._shares}.",
            )

    @classmethod
    def of(cls, contract: Contract, request: InsightRequest) -> Self:
        """The question of a request.

        Raises:
            InputError: it asks nothing, or something that can't be asked.
        """
        return cls(
            circuit=request.circuit,
            segments=len(request.segments),
            disjoint=request.disjoint,
            types=len(contract.identifiers),
            tags=request.tag_count,
            dimensions=request.dimension_count,
            per_person=request.per_person,
            numbers=request.numbers,
            rho_micro=request.rho_micro,
        )

    @property
    def counts(self) -> int:
        """How many counts the tags take: of each, of each dimension, and of all rows."""
        return self.tags + self.dimensions + 1 if self.tags else 0

    @property
    def known_dimensions(self) -> int:
        """In how many dimensions a row can count as known: by the tags that it counts for."""
        return min(self.per_person, self.dimensions)

    @property
    def totals(self) -> int:
        """How many totals each segment has."""
        return self.counts + 2 * len(self.numbers)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The totals in their order, with an even share of the charge for the tags and for each total of a number.

        Shares are rounded down: together they cost no more than ``rho_micro``.
        """
        share = self.rho_micro // self._shares
        parts = []
        if self.tags:
            added = self.per_person + self.known_dimensions + 1
            sensitivity = counts_l2(self.types, self.segments, added, self.disjoint)
            parts.append(Part(totals=self.counts, largest=1, sensitivity=sensitivity, rho_micro=share))
        for number in self.numbers:
            for low, high in ((number.low, number.high), (0, 1)):
                sensitivity = sum_l2(self.types, self.segments, low, high, self.disjoint)
                largest = max(abs(low), abs(high))
                parts.append(Part(totals=1, largest=largest, sensitivity=sensitivity, rho_micro=share))
        return tuple(parts)

    @property
    def _shares(self) -> int:
        return bool(self.tags) + 2 * len(self.numbers)
