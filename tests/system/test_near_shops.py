"""Real processes: a merchant selects whom a platform knows to live near its shops, as far as it is granted."""

import random
from pathlib import Path

import numpy as np
import pytest

from demo.deliveries import read_ids
from demo.processes import CommandError
from demo.stage import Stage
from miyun.contract.model import Grant, Rung
from miyun.members.datums import gcj02_to_bd09, wgs84_to_gcj02
from miyun.segments.near import MOST_POINTS
from tests.members.plain_globe import Place, haversine, square
from tests.system.plain import CAST, CONTRACT, set_up

MEMBERS, USERS = range(300), range(200, 600)
METRES, GRID = 2_000, 250
SHOPS: list[Place] = [(30.25, 120.16), (30.2791, 120.1512), (30.2302, 120.2095)]
LISTS = Grant(owner=CAST.platform, subject="tags.home.location", rung=Rung.ACTIVATE, recipient=CAST.merchant)
FAR = [(39.8 + number / 10_000, 116.4) for number in range(MOST_POINTS - len(SHOPS))]
"""As many more as a condition may name."""
HOME = """
[members.attributes.home]
type = "location"
latitude = "纬度"
longitude = "经度"
datum = "gcj-02"
[members.attributes.work]
type = "location"
column = "单位"
order = "lon-lat"
datum = "wgs-84"
"""


def homes() -> dict[int, Place]:
    """Well inside their squares, so that no rounding of coordinates moves anybody; whose square is near lives anywhere
    in it.
    """
    chance = random.Random(1)
    places = {}
    for user in USERS:
        middle = square((chance.uniform(30.21, 30.30), chance.uniform(120.13, 120.23)), GRID)
        places[user] = (middle[0] + chance.uniform(-0.0009, 0.0009), middle[1] + chance.uniform(-0.0009, 0.0009))
    return places


def moved(change: object, place: Place) -> Place:
    latitude, longitude = change(np.array([place[0]]), np.array([place[1]]))  # type: ignore[operator]
    return float(latitude[0]), float(longitude[0])


def write_users(path: Path, places: dict[int, Place]) -> None:
    """As a platform exports them, in GB18030 and GCJ-02; every seventh home is none, or the wrong way round."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [f"{lines[0]},纬度,经度,单位"]
    for user, line in zip(USERS, lines[1:], strict=True):
        latitude, longitude = moved(wgs84_to_gcj02, places[user])
        home = f"{latitude:.7f},{longitude:.7f}"
        if user % 7 == 0:
            home = ("0,0", ",", f"{longitude:.7f},{latitude:.7f}")[user % 3]
        rows.append(f'{line},{home},"120.1,30.2"')
    path.write_bytes("\r\n".join(rows).encode("gb18030"))


def write_shops(path: Path) -> None:
    """As a merchant copies them from Baidu's map."""
    rows = ["门店,经度,纬度"]
    for number, shop in enumerate([*SHOPS, *FAR]):
        latitude, longitude = moved(gcj02_to_bd09, moved(wgs84_to_gcj02, shop))
        rows.append(f"第{number}店,{longitude:.6f},{latitude:.6f}")
    path.write_bytes("\n".join(rows).encode("gb18030"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_merchant_reaches_who_lives_near_its_shops(tmp_path: Path) -> None:
    places = homes()
    with Stage(tmp_path / "stage", CAST) as stage:
        set_up(stage, MEMBERS, USERS, grants=[LISTS], choices=("--location", "tags.home", "--column", "odd"))
        write_users(stage.folder / f"{stage.platform.name}.csv", places)
        with (stage.platform.home / "party.toml").open("a", encoding="utf-8") as config:
            config.write(HOME)
        shops = stage.folder / "门店.csv"
        write_shops(shops)
        stage.start_agents()
        stage.merchant.run("fuse", CONTRACT)

        create, points = ("segment", "create", CONTRACT), ("--points", str(shops), "--datum", "bd-09")
        text = f"members.odd and tags.home within '{METRES / 1000:g}km' of points('门店')"
        job = stage.merchant.run(*create, "near", text, *points, "--wait")
        for refused, words in (
            (f"tags.work within '{METRES}m' of points('门店')", "no use of tags.work.location"),
            ("tags.home within '499m' of points('门店')", "at least 500 m"),
            ("tags.home > 30", "is a location column"),
        ):
            with pytest.raises(CommandError, match=words):
                stage.merchant.run(*create, "refused", refused, *points)
        columns = {column["subject"]: column["type"] for column in stage.merchant.run("catalogue", "columns", CONTRACT)}
        definition = stage.merchant.run("segment", "show", CONTRACT, "near")["definition"]
        checked = stage.platform.run("members", "check")
        lists = [
            {int(id_[1:]) for id_ in read_ids(stage.activate(CONTRACT, "near", recipient, channel, channel)[1])}
            for recipient, channel in ((stage.merchant, "member-messages"), (stage.platform, "platform-ads"))
        ]
        assert stage.merchant.run("audit", "verify", CONTRACT)

    apart = {user: min(haversine(square(place, GRID), shop) for shop in SHOPS) for user, place in places.items()}
    assert all(abs(metres - METRES) > 1 for metres in apart.values())
    there = {user for user in USERS if user in MEMBERS and user % 2 and user % 7 and apart[user] <= METRES}
    assert 5 < len(there) < 45
    assert lists == [there, there]
    assert job["state"] == "done"
    assert columns["tags.home"] == columns["tags.work"] == "location"
    assert definition.startswith(f"members.odd and tags.home within '{METRES}m' of ((30.23")
    assert definition.count("), (") == MOST_POINTS - 1
    [home] = [column for column in checked["columns"] if column["name"] == "home"]
    assert set(home["rejected"]) == {"zero-coordinates", "exchanged-coordinates"}
    assert home["accepted"] == sum(user % 7 != 0 for user in USERS)
