"""Worlds that are made once in a process: of each kind one, that tests copy."""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from miyun.keys.home import Home
from miyun.keys.signing import SigningKey
from miyun.keys.vault import KeyFile
from tests.party.world import MERCHANT, PLATFORM, Clock, FakeZone, World, make_contract, row, write_members

Prepare = Callable[[World], None]


def as_it_is(world: World) -> None:
    """Nothing was done in this world."""


class Templates:
    def __init__(self, homes: Path, folder: Path) -> None:
        self._homes = homes
        self._folder = folder
        self._zones: dict[tuple[Any, ...], tuple[Path, FakeZone]] = {}

    def copy(self, folder: Path, prepare: Prepare, choices: dict[str, Any]) -> World:
        """A world of its own in ``folder``: homes, databases and what the zone holds."""
        kind = (prepare, *sorted(choices.items()))
        if kind not in self._zones:
            self._zones[kind] = self._make(self._folder / str(len(self._zones)), prepare, dict(choices))
        template, zone = self._zones[kind]
        shared = {id(one): one for one in (zone.contract, zone.key)}
        return World(*self._copied(template, folder), copy.deepcopy(zone, shared), Clock())

    def _make(self, folder: Path, prepare: Prepare, choices: dict[str, Any]) -> tuple[Path, FakeZone]:
        merchant, platform = self._copied(self._homes, folder)
        write_members(merchant.path, [row(number) for number in range(10)])
        write_members(platform.path, [row(number, id=f"u{number}") for number in range(3, 13)])
        key = SigningKey.generate()
        zone: type[FakeZone] = choices.pop("zone", FakeZone)
        world = World(merchant, platform, zone(make_contract(merchant, platform, key, **choices), key), Clock())
        world.accept()
        prepare(world)
        for session in world.sessions.values():
            session.close()
        return folder, world.zone

    def _copied(self, source: Path, folder: Path) -> tuple[Home, Home]:
        for name in (MERCHANT, PLATFORM):
            shutil.copytree(source / name, folder / name)
        merchant, platform = (
            Home.open(folder / name, KeyFile(self._homes / f"{name}.key")) for name in (MERCHANT, PLATFORM)
        )
        return merchant, platform
