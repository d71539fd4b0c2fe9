"""The generated tags: sparse, bounded, with the preferences that were planted, and read alike by all."""

from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from demo.insight_reference import below, read_carried, read_catalogue
from demo.retail import Retail, blocks
from demo.tags import MOST_INTERESTS, PREFERENCES, TAG_SCHEMA, write_catalogue, write_tags
from miyun.members import catalogue_file

RETAIL = Retail(6_000, 7, date(2026, 11, 22))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tags")
    write_catalogue(folder / "catalogue.csv")
    write_tags(RETAIL, folder / "tags.parquet")
    return folder


@pytest.fixture(scope="module")
def carried(folder: Path) -> dict[str, set[str]]:
    interests = below(read_catalogue(folder / "catalogue.csv"), ["interest"])
    return read_carried(folder / "tags.parquet", interests)


def test_the_catalogue_is_read_alike_by_miyun_and_by_the_reference(folder: Path) -> None:
    own = read_catalogue(folder / "catalogue.csv")
    theirs = catalogue_file.read_catalogue(folder / "catalogue.csv")
    counted = {theirs.id_of(place): place for place in theirs.branch("").tolist()}
    assert own.keys() == counted.keys()
    for id_, tag in own.items():
        dimension = theirs.dimension_of(counted[id_])
        assert dimension is not None
        assert (theirs.id_of(dimension), theirs.path_of(dimension)) == (tag.dimension, tag.dimension_path)
    assert theirs.sensitive[counted["insomnia"]]


def test_nobody_carries_more_interests_than_are_said(carried: dict[str, set[str]]) -> None:
    sizes = Counter(map(len, carried.values()))
    assert max(sizes) == MOST_INTERESTS
    assert sizes[1] > 1_000


def test_sleeping_spenders_carry_what_was_planted_and_nothing_else(carried: dict[str, set[str]]) -> None:
    rows = np.concatenate(list(blocks(RETAIL.users)))
    asleep = RETAIL.sleeping_spenders(RETAIL.people_of_users(rows))
    ids = np.array(RETAIL.user_ids(rows))

    def share(tag: str, wanted: bool) -> float:
        users = ids[asleep == wanted].tolist()
        return sum(tag in carried.get(user, ()) for user in users) / len(users)

    for tag, times in PREFERENCES.items():
        assert share(tag, True) / share(tag, False) == pytest.approx(times, rel=0.25), tag
    for tag in ("coffee", "hiking", "juice"):
        assert share(tag, True) / share(tag, False) == pytest.approx(1, abs=0.2), tag


def test_some_pairs_mean_nothing_or_no(folder: Path, carried: dict[str, set[str]]) -> None:
    table = pq.read_table(folder / "tags.parquet")
    assert table.schema.equals(TAG_SCHEMA)
    pairs = Counter((row["tag"], row["value"]) for row in table.to_pylist())
    assert pairs["retired-17", None] > 0
    assert pairs["beauty", "0"] > 0
    assert sum("beauty" in tags for tags in carried.values()) == pairs["beauty", None]


def test_the_same_seed_writes_the_same_pairs(folder: Path, tmp_path: Path) -> None:
    write_tags(RETAIL, tmp_path / "again.parquet")
    assert pq.read_table(tmp_path / "again.parquet").equals(pq.read_table(folder / "tags.parquet"))
