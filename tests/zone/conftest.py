"""A zone and its members, shared by the tests of a module: each test makes a contract of its own."""

from collections.abc import Iterator

import pytest

from tests.zone.members import NOW, World, running


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    yield shared_world
    shared_world.clock.now = NOW
