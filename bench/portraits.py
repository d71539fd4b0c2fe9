"""The people and tags that portraits are made of, the plain counts, and the comparison of an answer with them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.failures import WrongResultError
from bench.tables import numbered, write_people
from demo.people import Population

SEED: Final = 17
BRANCHES: Final = 5
"""Dimensions of the catalogue; all tags are below one of them."""
PARTS: Final = 20
"""What the tags are divided into, so many for each branch. Nobody has two tags of one part."""
FEWEST, MOST = 5, 15
"""Tags of a person: ten on average, exactly, where the people are an even number."""
HIGHEST_SPEND: Final = 1_000
DEFINITION: Final = f"members.spend >= {HIGHEST_SPEND // 2}"
BEYOND_NOISE: Final = 7.0
"""In standard deviations: noise goes so far about once in 4 · 10¹¹ totals."""

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriers:
    """Which person has which tag, a place for each pair, in no order."""

    people: Integers
    tags: Integers

    def of(self, chosen: NDArray[np.bool_]) -> "Carriers":
        """The pairs of chosen people."""
        kept = chosen[self.people]
        return Carriers(people=self.people[kept], tags=self.tags[kept])


@dataclass(frozen=True, slots=True, kw_only=True)
class Portraits:
    """The files of both sides, and what a portrait of ``DEFINITION`` against all matched people holds without noise.

    ``segment`` and ``base`` are each the counts by tag, by branch of whom anything there is known, and of all people.
    """

    users: int
    tags: int
    members: Path
    platform: Path
    pairs: Path
    catalogue: Path
    carriers: Carriers
    selected: NDArray[np.bool_]
    segment: Integers
    base: Integers


def lay_portraits(folder: Path, users: int, tags: int) -> Portraits:
    """So many users and members each, half of them the same people, ten tags each of so many, skewed as tags are."""
    people = Population(SEED)
    ours = np.arange(users // 2, users // 2 + users, dtype=np.uint64)
    spend = people.pick("spend", ours, HIGHEST_SPEND)
    spender = np.zeros(users, np.bool_)
    spender[users // 2 :] = spend[: users - users // 2] >= HIGHEST_SPEND // 2
    matched = np.arange(users) >= users // 2
    carriers = deal(users, tags)
    paths = {name: folder / name for name in ("members.csv", "users.csv", "pairs.parquet", "catalogue.csv")}
    write_people(paths["members.csv"], "m", ours, people.phones(ours), spend)
    theirs = np.arange(users, dtype=np.uint64)
    write_people(paths["users.csv"], "u", theirs, people.phones(theirs))
    _write_pairs(paths["pairs.parquet"], carriers)
    _write_catalogue(paths["catalogue.csv"], tags)
    return Portraits(
        users=users,
        tags=tags,
        members=paths["members.csv"],
        platform=paths["users.csv"],
        pairs=paths["pairs.parquet"],
        catalogue=paths["catalogue.csv"],
        carriers=carriers,
        selected=spender,
        segment=plain_counts(carriers, spender, tags),
        base=plain_counts(carriers, matched, tags),
    )


def deal(users: int, tags: int) -> Carriers:
    """Tags for everybody, in random order. In each part of the catalogue the first tag is the most frequent one."""
    random = np.random.default_rng(SEED)
    half = random.integers(FEWEST, MOST + 1, users // 2)
    many = np.concatenate([half, FEWEST + MOST - half, np.full(users % 2, (FEWEST + MOST) // 2)])
    chosen = np.argsort(random.random((users, PARTS)), axis=1) < many[:, None]
    persons, parts = np.nonzero(chosen)
    starts = _starts(tags)
    skewed = random.random(len(persons)) ** 3
    order = random.permutation(len(persons))
    found = starts[parts] + (skewed * (starts[parts + 1] - starts[parts])).astype(np.int64)
    return Carriers(people=persons[order], tags=found[order])


def plain_counts(carriers: Carriers, selected: NDArray[np.bool_], tags: int) -> Integers:
    """Of the selected people: by tag, by branch, and all."""
    kept = carriers.of(selected)
    known = np.unique(kept.people * BRANCHES + branch_of(tags)[kept.tags])
    return np.concatenate(
        [
            np.bincount(kept.tags, minlength=tags),
            np.bincount(known % BRANCHES, minlength=BRANCHES),
            [np.count_nonzero(selected)],
        ]
    )


def compare_totals(truth: Integers, found: Integers, scale: float) -> None:
    """Compare noised totals with the plain counts, one by one and all together.

    Raises:
        WrongResultError: one is off by more than noise of this standard deviation can explain, or their mean is, or
            there is more noise or less than that.
    """
    if found.shape != truth.shape:
        raise WrongResultError(f"{len(found):,} totals instead of {len(truth):,}")
    off = (found - truth) / scale
    if (worst := float(np.abs(off).max())) > BEYOND_NOISE:
        raise WrongResultError(f"a total is off by {worst:.1f} standard deviations of the noise")
    if (drift := abs(float(off.mean())) * np.sqrt(off.size)) > BEYOND_NOISE:
        raise WrongResultError(f"totals are off by {drift:.1f} standard deviations of the noise on average")
    spread = abs(float((off**2).mean()) - 1) * np.sqrt(off.size / 2)
    if off.size > 100 and spread > BEYOND_NOISE:
        raise WrongResultError("the noise of the totals is not what it is said to be")


def branch_of(tags: int) -> Integers:
    """By tag, below which branch it is."""
    return np.searchsorted(_starts(tags)[1:], np.arange(tags), side="right") % BRANCHES


def _starts(tags: int) -> Integers:
    """The first tag of each part, and the number of tags."""
    return np.arange(PARTS + 1, dtype=np.int64) * tags // PARTS


def _write_pairs(path: Path, carriers: Carriers) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({"id": numbered("u", carriers.people), "tag": numbered("t", carriers.tags)})
    parquet.write_table(table, path, row_group_size=1 << 18)


def _write_catalogue(path: Path, tags: int) -> None:
    branches = branch_of(tags).tolist()
    with path.open("w", encoding="utf-8") as file:
        file.write("id,parent,type\n")
        file.writelines(f"b{branch},,group\n" for branch in range(BRANCHES))
        file.writelines(f"t{tag},b{branch},flag\n" for tag, branch in enumerate(branches))
