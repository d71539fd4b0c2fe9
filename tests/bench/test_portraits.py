"""The people and tags of portraits, and the comparison of noised totals with the plain counts."""

import csv

import numpy as np
import pyarrow.parquet as pq
import pytest

from bench.failures import WrongResultError
from bench.portraits import BRANCHES, FEWEST, MOST, Portraits, compare_totals, lay_portraits

USERS, TAGS, SCALE = 301, 40, 12.0


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Portraits:
    return lay_portraits(tmp_path_factory.mktemp("portraits"), USERS, TAGS)


def rows(path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_everybody_has_ten_tags_on_average_and_none_twice(ground: Portraits) -> None:
    pairs = list(zip(ground.carriers.people.tolist(), ground.carriers.tags.tolist(), strict=True))
    many = np.bincount(ground.carriers.people, minlength=USERS)
    assert len(set(pairs)) == len(pairs) == 10 * USERS
    assert FEWEST <= many.min() < many.max() <= MOST
    assert set(ground.carriers.tags.tolist()) <= set(range(TAGS))


def test_the_plain_counts_are_those_of_the_files(ground: Portraits) -> None:
    spend = {row["phone"]: int(row["spend"]) for row in rows(ground.members)}
    phones = {row["id"]: row["phone"] for row in rows(ground.platform)}
    branches = {row["id"]: row["parent"] for row in rows(ground.catalogue)}
    matched = {user for user, phone in phones.items() if phone in spend}
    spenders = {user for user in matched if spend[phones[user]] >= 500}
    table = pq.read_table(ground.pairs).to_pydict()
    pairs = list(zip(table["id"], table["tag"], strict=True))
    for people, found in ((spenders, ground.segment), (matched, ground.base)):
        inside = [(user, tag) for user, tag in pairs if user in people]
        tags = [sum(tag == f"t{number}" for _, tag in inside) for number in range(TAGS)]
        known = {(user, branches[tag]) for user, tag in inside}
        dimensions = [sum(branch == f"b{number}" for _, branch in known) for number in range(BRANCHES)]
        assert found.tolist() == [*tags, *dimensions, len(people)]
    assert 0 < len(spenders) < len(matched) < USERS


def noised(truth: np.ndarray, scale: float) -> np.ndarray:
    return truth + np.random.default_rng(1).normal(0, scale, len(truth)).round().astype(np.int64)


def test_totals_with_the_noise_that_they_are_said_to_have_pass() -> None:
    truth = np.arange(5_000)
    compare_totals(truth, noised(truth, SCALE), SCALE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda found: found[1:], "4,999 totals"),
        (lambda found: np.where(np.arange(5_000) == 70, found + 200, found), "a total is off"),
        (lambda found: found - 3, "on average"),
        (lambda found: np.arange(5_000) + (found - np.arange(5_000)) * 5 // 4, "the noise"),
        (lambda _: np.arange(5_000), "the noise"),
    ],
)
def test_any_others_are_a_wrong_result(change, words: str) -> None:
    truth = np.arange(5_000)
    with pytest.raises(WrongResultError, match=words):
        compare_totals(truth, change(noised(truth, SCALE)), SCALE)
