"""``--points``: files that a definition names."""

from pathlib import Path

import pytest
from miyun_cli.output import shortened

from miyun.segments.builders import tags
from tests.cli import samples
from tests.cli.conftest import Miyun, Standin

NEAR = "tags.home within '1km' of points('shops')"


@pytest.fixture
def shops(tmp_path: Path) -> Path:
    file = tmp_path / "shops.csv"
    file.write_text("shop,lat,lon\nwest,39.91334545536069,116.38404722455657\n", encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("datum", "place"),
    [([], (39.91334545536069, 116.38404722455657)), (["--datum", "gcj-02"], (39.911954, 116.377817))],
)
def test_a_segment_gets_the_points_of_its_files(
    party: Standin, miyun: Miyun, shops: Path, datum: list[str], place: tuple[float, float]
) -> None:
    party.answers["segments.create"] = samples.job()

    miyun("segment", "create", "spring", "near", NEAR, "--points", str(shops), *datum)

    [(_, _, options)] = party.calls
    assert options["points"].keys() == {"shops"}
    assert options["points"]["shops"] == (pytest.approx(place, abs=1e-9),)


def test_names_stand_for_one_file_and_files_for_places(party: Standin, miyun: Miyun, shops: Path) -> None:
    other = shops.parent / "2026"
    other.mkdir()
    twin = other / "shops.csv"
    twin.write_text("lat,lon\n0,0\n", encoding="utf-8")
    create = ("segment", "create", "spring", "near", NEAR)

    same, nowhere = miyun(*create, "--points", str(shops), "--points", str(twin)), miyun(*create, "--points", str(twin))
    assert "two files are called shops" in same.err
    assert "row 1: 0, 0" in nowhere.err
    assert 0 not in {same.status, nowhere.status}
    assert party.calls == []


def test_people_see_the_first_points_and_how_many_more() -> None:
    def text(count: int) -> str:
        return f"a and {tags.home.within('1km', [(n, -n) for n in range(1, count + 1)])} or b"

    assert shortened(text(2)) == text(2)
    assert shortened(text(3)) == text(3)
    assert shortened(text(50)) == "a and tags.home within '1000m' of ((1, -1), (2, -2), … 48 more) or b"
