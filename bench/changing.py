"""A table of members that changes, step by step, and who of it is in the other table."""

from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfile
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from bench.tables import SEED, Tables, Texts, ids_of, lay_tables, write_people
from demo.people import Population

CHANGED: Final = 1_000
"""Members in a step; half of them come, half of them go."""

People = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changing:
    """The tables of a fusion, whose merchant's people are the first ``rows``, and how many changed so far.

    ``shared`` are the people of both tables, ``ours`` those of the merchant's alone.
    """

    tables: Tables
    shared: People
    ours: People
    step: int = 0

    @classmethod
    def lay(cls, folder: Path, rows: int) -> Self:
        """Tables of so many rows, half of which are in common."""
        tables = lay_tables(folder, rows)
        first = rows - rows // 2
        return cls(
            tables=tables,
            shared=np.arange(first, rows, dtype=np.uint64),
            ours=np.arange(first, dtype=np.uint64),
        )

    def with_own_table(self, copy: Path) -> Self:
        """The same with a copy of the merchant's table, which takes in those who come."""
        copyfile(self.tables.merchant, copy)
        return replace(self, tables=replace(self.tables, merchant=copy))

    def changed(self, add: Path, remove: Path) -> Self:
        """Write a step to two files: of those who come and of those who go a half each is in the platform's table.

        Those who come are in the merchant's table from then on: who isn't there is reached no more.
        """
        rows = self.tables.rows
        each = min(CHANGED, rows) // 4
        came = np.arange(self.step * each, (self.step + 1) * each, dtype=np.uint64)
        theirs, nobodys = came + np.uint64(rows), came + np.uint64(2 * rows)
        coming = np.concatenate([theirs, nobodys])
        write_people(add, "m", coming, Population(SEED).phones(coming))
        with self.tables.merchant.open("ab") as table:
            table.write(add.read_bytes().partition(b"\n")[2])
        shuffle = np.random.default_rng([SEED, self.step])
        shared, ours = (shuffle.permutation(people) for people in (self.shared, self.ours))
        going = np.concatenate([shared[:each], ours[:each]])
        remove.write_text("\n".join(["id", *(f"m{person}" for person in going.tolist()), ""]), encoding="utf-8")
        return replace(
            self,
            shared=np.concatenate([shared[each:], theirs]),
            ours=np.concatenate([ours[each:], nobodys]),
            step=self.step + 1,
        )

    def matched(self) -> tuple[Texts, Texts]:
        """The ids on either side of who is in both tables now."""
        return ids_of(self.shared)
