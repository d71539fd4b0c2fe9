"""Two sides of an intersection-sum, and what it comes to in the clear."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.tables import write_people
from demo.people import Population

SEED: Final = 23
LARGEST: Final = 1_000
"""Of a number, in steps."""

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The phones of the matcher, and of the holder with a number for each; the size of what is in both, and its sum."""

    matcher: Integers
    holder: Integers
    numbers: Integers
    matched: int
    total: int


def deal_sides(rows: int) -> Sides:
    """So many rows a side, in random order, with the half of each in common."""
    population, shuffle = Population(SEED), np.random.default_rng(SEED)
    ours, theirs = (
        shuffle.permutation(np.arange(first, first + rows, dtype=np.uint64)) for first in (0, rows - rows // 2)
    )
    numbers = population.pick("number", theirs, LARGEST + 1)
    common = np.isin(theirs, ours)
    return Sides(
        matcher=population.phones(ours),
        holder=population.phones(theirs),
        numbers=numbers,
        matched=int(np.count_nonzero(common)),
        total=int(numbers[common].sum()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """The sides, and their tables."""

    sides: Sides
    members: Path
    platform: Path


def lay_sides(folder: Path, rows: int) -> Laid:
    """The merchant is the holder, the platform the matcher."""
    sides, numbers = deal_sides(rows), np.arange(rows)
    laid = Laid(sides=sides, members=folder / "members.csv", platform=folder / "users.csv")
    write_people(laid.members, "m", numbers, sides.holder, sides.numbers)
    write_people(laid.platform, "u", numbers, sides.matcher)
    return laid
