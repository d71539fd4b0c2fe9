"""Two tables of people with what they spend at either side, and who is in both and spends so much."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from bench.tables import SEED, Texts, ids_of, write_people
from demo.people import Population

HIGHEST: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spenders:
    """CSV files with the columns ``id``, ``phone`` and ``spend``; half of the people of each are in the other.

    ``people`` are those in both, ``ours`` and ``theirs`` what each of them spends at the merchant and on the platform.
    """

    rows: int
    merchant: Path
    platform: Path
    people: NDArray[np.uint64]
    ours: NDArray[Any]
    theirs: NDArray[Any]

    @classmethod
    def lay(cls, folder: Path, rows: int) -> Self:
        """Tables of so many rows, in random order."""
        population, shuffle = Population(SEED), np.random.default_rng(SEED)
        paths = folder / "merchant.csv", folder / "platform.csv"
        first = rows - rows // 2
        for path, prefix, begin in zip(paths, ("m", "u"), (0, first), strict=True):
            people = shuffle.permutation(np.arange(begin, begin + rows, dtype=np.uint64))
            write_people(path, prefix, people, population.phones(people), _spend(population, prefix, people))
        shared = np.arange(first, rows, dtype=np.uint64)
        ours, theirs = (_spend(population, prefix, shared) for prefix in ("m", "u"))
        return cls(rows=rows, merchant=paths[0], platform=paths[1], people=shared, ours=ours, theirs=theirs)

    def definitions(self) -> Iterator[tuple[str, tuple[Texts, Texts]]]:
        """Segments with a predicate of either side that nobody was asked before, and the ids on both sides."""
        for bound in range(HIGHEST // 2, HIGHEST):
            chosen = self.people[(self.ours >= bound) & (self.theirs < bound)]
            yield f"members.spend >= {bound} and tags.spend < {bound}", ids_of(chosen)


def _spend(population: Population, prefix: str, people: NDArray[np.uint64]) -> NDArray[Any]:
    return population.pick(f"spend of {prefix}", people, HIGHEST)
