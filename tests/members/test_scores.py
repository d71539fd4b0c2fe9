"""Scores of rows, against plain sums."""

import random

import numpy as np
import pytest

from miyun.errors import SourceError
from tests.members.test_tagged import World

USERS = [f"u{number}" for number in range(40)]
TAGS = ("tea", "coffee", "cola", "vip")
WEIGHTS = {"tea": 700, "coffee": -300, "vip": 5}


def pairs() -> list[tuple[str, str, str]]:
    chance = random.Random(3)
    return [(user, tag, "") for user in USERS for tag in TAGS if chance.random() < 0.5]


def scored(world: World, weights: dict[str, int] | None = None) -> dict[str, int]:
    """By member id; padding has no score."""
    places = {world.catalogue.place_of(tag): weight for tag, weight in (weights or WEIGHTS).items()}
    handles, scores = world.roster.scores(world.config.tags, world.catalogue, places)
    assert handles.tolist() == sorted(handles.tolist()) == world.roster.live().tolist()
    return dict(zip([world.ids[handle] for handle in handles.tolist()], scores.tolist(), strict=True))


def test_a_score_is_the_sum_of_the_weights_of_the_tags(tmp_path, write_table) -> None:
    world = World(write_table, tmp_path, USERS, pairs(), bucket=16)
    expected = {user: sum(WEIGHTS.get(tag, 0) for of, tag, _ in pairs() if of == user) for user in USERS}

    assert world.roster.universe > len(USERS)
    assert scored(world) == expected
    assert len(set(expected.values())) > 4


def test_a_pair_counts_once_and_strangers_nowhere(tmp_path, write_table) -> None:
    twice = [*pairs(), *pairs(), ("stranger", "tea", ""), ("u1", "tea", "no"), ("u2", "wine", "")]
    world = World(write_table, tmp_path, USERS, twice)
    assert scored(world) == scored(World(write_table, tmp_path, USERS, pairs()))


def test_options_and_numbers_weigh_as_well(tmp_path, write_table) -> None:
    world = World(write_table, tmp_path, USERS, [("u1", "gender", "女"), ("u1", "age", "30"), ("u2", "gender", "男")])
    found = scored(world, {"gender=女": 11, "age": 100})
    assert {user: score for user, score in found.items() if score} == {"u1": 111}


def test_rows_of_a_delta_are_scored_and_those_removed_are_not(tmp_path, write_table) -> None:
    world = World(write_table, tmp_path, USERS, [*pairs(), ("new", "tea", "")])
    gone = world.roster.live()[0]
    universe = world.roster.universe
    world.roster.change(2, [(int(gone), None), (universe, "new")], [(universe + 1, universe)])
    world.ids[universe] = "new"

    found = scored(world)
    assert world.ids[int(gone)] not in found
    assert found["new"] == 700
    assert len(found) == len(USERS)


def test_without_weights_everybody_scores_nothing(tmp_path, write_table) -> None:
    world = World(write_table, tmp_path, USERS, pairs())
    handles, scores = world.roster.scores(world.config.tags, world.catalogue, {})
    assert (len(handles), np.unique(scores).tolist()) == (40, [0])


def test_a_source_that_is_gone_is_told(tmp_path, write_table) -> None:
    world = World(write_table, tmp_path, USERS, pairs())
    (tmp_path / "tags.csv").unlink()
    with pytest.raises(SourceError):
        scored(world)
