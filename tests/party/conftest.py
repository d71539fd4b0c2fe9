"""Homes are made once, with a light Argon2; each test has copies of its own."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from miyun.keys.home import Home
from miyun.keys.signing import SigningKey
from miyun.keys.vault import KeyFile
from miyun.party.session import Session
from tests.party.world import MERCHANT, PLATFORM, Clock, FakeZone, World, make_contract, make_home, row, write_members

MakeWorld = Callable[..., World]


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("homes")
    for name, kind in ((MERCHANT, "merchant"), (PLATFORM, "platform")):
        Session(make_home(folder / name, name, kind)).close()
    return folder


@pytest.fixture
def make_world(homes: Path, tmp_path: Path) -> Iterator[MakeWorld]:
    """Two parties with ten members each, of which 3 to 9 are the same people, and an accepted contract."""
    made: list[World] = []

    def make(**choices: Any) -> World:
        opened = {}
        for name in (MERCHANT, PLATFORM):
            shutil.copytree(homes / name, tmp_path / name)
            opened[name] = Home.open(tmp_path / name, KeyFile(homes / f"{name}.key"))
        write_members(tmp_path / MERCHANT, [row(number) for number in range(10)])
        write_members(tmp_path / PLATFORM, [row(number, id=f"u{number}") for number in range(3, 13)])
        key = SigningKey.generate()
        zone: type[FakeZone] = choices.pop("zone", FakeZone)
        contract = make_contract(opened[MERCHANT], opened[PLATFORM], key, **choices)
        world = World(opened[MERCHANT], opened[PLATFORM], zone(contract, key), Clock())
        world.accept()
        made.append(world)
        return world

    yield make
    for world in made:
        for session in world.sessions.values():
            session.close()


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()
