"""Homes and worlds are made once, with a light Argon2; each test has copies of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from miyun.party.session import Session
from tests.party.templates import Prepare, Templates, as_it_is
from tests.party.world import MERCHANT, PLATFORM, World, make_home

MakeWorld = Callable[..., World]


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("homes")
    for name, kind in ((MERCHANT, "merchant"), (PLATFORM, "platform")):
        Session(make_home(folder / name, name, kind)).close()
    return folder


@pytest.fixture(scope="session")
def templates(homes: Path, tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(homes, tmp_path_factory.mktemp("worlds"))


@pytest.fixture
def make_world(templates: Templates, tmp_path: Path) -> Iterator[MakeWorld]:
    """Two parties with ten members each, of which 3 to 9 are the same people, and an accepted contract.

    ``prepare``, a function of a world, does what all worlds of a kind have behind them.
    """
    made: list[World] = []

    def make(prepare: Prepare = as_it_is, **choices: Any) -> World:
        world = templates.copy(tmp_path, prepare, choices)
        made.append(world)
        return world

    yield make
    for world in made:
        for session in world.sessions.values():
            session.close()


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()
