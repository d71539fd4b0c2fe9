"""An owner's bits about where its people are, under its contract's grid, against places moved by hand."""

from typing import Any

import pytest
from pyroaring import BitMap

from miyun.errors import ExpressionError
from miyun.segments.builders import members
from tests.members.plain_globe import near
from tests.party.test_fuse import answer, run
from tests.party.world import MERCHANT, World, row, write_members

SHOPS = [(30.25, 120.16), (30.2532, 120.1655)]
HOMES = {number: (30.245 + number * 0.0011, 120.155 + number * 0.0013) for number in range(10)}
LOCATION = """
[members.attributes.home]
type = "location"
column = "home"
order = "lat-lon"
datum = "wgs-84"
"""


def write_homes(world: World, homes: dict[int, str]) -> None:
    write_members(world.merchant.path, [row(number, home=homes[number]) for number in homes], extra=LOCATION)


def told(world: World) -> set[int]:
    """Of whom the zone has a bit."""
    with world.session(MERCHANT).rosters.open("spring", 1) as roster:
        handles = BitMap.deserialize(world.zone.legs[-1].bits)
        return {int(member[1:]) for batch in roster.member_ids(handles) for member in batch}


@pytest.mark.parametrize("grid", [0, 250, 500])
def test_bits_are_of_squares(make_world: Any, grid: int) -> None:
    world = make_world(location_grid=grid, location_radius_min=500)
    homes = {number: f"{latitude!r};{longitude!r}" for number, (latitude, longitude) in HOMES.items()}
    write_homes(world, homes | {3: "0;0", 4: "120.16;30.25"})
    run(world, world.begin())
    there = {number for number, place in HOMES.items() if number not in {3, 4} and near(place, SHOPS, 500, grid)}
    assert 1 < len(there) < 8

    answer(world, members.home.within(500, SHOPS).text(), epoch=1)
    assert told(world) == there
    answer(world, (~members.home.within(500, SHOPS) & (members.spend > 5)).text(), epoch=1)
    assert told(world) == {number for number in HOMES if number > 5} - there
    answer(world, "members.home is known", epoch=1)
    assert told(world) == HOMES.keys() - {3, 4}


@pytest.mark.parametrize(
    "text", ["members.home = '30.25;120.16'", "members.home > 30", "members.home and members.spend > 1"]
)
def test_a_signed_definition_reads_places_by_distance_alone(world: World, text: str) -> None:
    write_homes(world, dict.fromkeys(HOMES, "30.25;120.16"))
    run(world, world.begin())
    with pytest.raises(ExpressionError, match="is a location column"):
        answer(world, text, epoch=1)
    assert world.zone.legs == []
