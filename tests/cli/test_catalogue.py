"""Tags are looked up in the owner's catalogue and in one that another party gave, without any key."""

from pathlib import Path

import pytest

from miyun.members.catalogue_file import read_catalogue
from tests.cli.conftest import Miyun

CATALOGUE = """\
id,name,parent,type,options,range,sensitive
gender,性别,,option,男|女,,
interest,Interests,,group,,,
tea,Green Tea,interest,flag,,,
coffee,Coffee,interest,flag,,,
age,Age,,number,,0.5..120,
health,Health,,group,,,yes
asthma,Asthma,health,flag,,,
"""
MEMBERS = """\
[members]
source = "csv"
path = "members.csv"
id = "id"
[members.identifiers.phone]
column = "phone"
profile = "e164-cn"
"""
OWN_TAGS = '[tags]\nsource = "csv"\npath = "tags.csv"\nid = "id"\ntag = "tag"\ncatalogue = "own.csv"\n'


@pytest.fixture
def home(tmp_path: Path, miyun: Miyun, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.setenv("MIYUN_HOME", str(folder))
    (folder / "app.csv").write_text(CATALOGUE, encoding="utf-8")
    (folder / "own.csv").write_text("id\nregular\n", encoding="utf-8")
    (folder / "party.toml").write_text(MEMBERS + '[catalogues]\napp = "app.csv"\n')
    return folder


def test_a_search_finds_tags_of_the_other_party(home: Path, miyun: Miyun) -> None:
    outcome = miyun("catalogue", "search", "ＴＥＡ")
    assert outcome.status == 0, outcome.err
    assert "tea" in outcome.out
    assert "Interests/Green Tea" in outcome.out
    [entry] = miyun("catalogue", "search", "green interests", "--of", "app", "--json").document
    assert entry == {
        "id": "tea",
        "name": "Green Tea",
        "path": "Interests/Green Tea",
        "type": "flag",
        "sensitive": False,
        "depth": 0,
        "counted": 1,
        "low": None,
        "high": None,
    }
    assert "No tag has all these words." in miyun("catalogue", "search", "wine").out


def test_a_tree_shows_one_level_or_more_in_the_owners_order(home: Path, miyun: Miyun) -> None:
    tree = miyun("catalogue", "tree", "--json").document
    assert [(entry["id"], entry["counted"]) for entry in tree] == [
        ("gender", 2),
        ("interest", 2),
        ("age", 1),
        ("health", 1),
    ]
    assert (tree[2]["low"], tree[2]["high"]) == ("0.5", "120")
    whole = miyun("catalogue", "tree", "--depth", "2", "--json").document
    assert [(entry["id"], entry["depth"]) for entry in whole][:3] == [("gender", 0), ("gender=男", 1), ("gender=女", 1)]
    below = miyun("catalogue", "tree", "interest", "--json").document
    assert [entry["id"] for entry in below] == ["interest", "tea", "coffee"]
    cut = miyun("catalogue", "tree", "--depth", "2", "--limit", "2")
    assert "  男" in cut.out
    assert "7 more" in cut.err


def test_a_tag_and_the_catalogue_are_shown(home: Path, miyun: Miyun) -> None:
    shown = miyun("catalogue", "show", "Health/Asthma").out
    assert "sensitive" in shown
    assert "yes" in shown
    whole = miyun("catalogue", "show", "--json").document
    assert whole["sha256"] == read_catalogue(home / "app.csv").digest().hex()
    assert (whole["nodes"], whole["counted"], whole["dimensions"]) == (9, 6, 3)
    assert "0.5..120" in miyun("catalogue", "show", "age").out
    assert "search" in miyun("catalogue", "show", "nothing", "--json").error["hint"]


def test_whose_catalogue_is_meant(home: Path, miyun: Miyun) -> None:
    config = home / "party.toml"
    assert miyun("catalogue", "show", "--catalogue", str(home / "own.csv"), "--json").document["nodes"] == 1
    config.write_text(config.read_text() + OWN_TAGS)
    assert miyun("catalogue", "show", "--json").document["nodes"] == 1
    assert miyun("catalogue", "show", "--of", "app", "--json").document["nodes"] == 9
    config.write_text(MEMBERS + '[catalogues]\napp = "app.csv"\nother = "own.csv"\n')
    assert miyun("catalogue", "show", "--json").error["hint"] == "Say whose with --of."


@pytest.mark.parametrize(
    ("config", "arguments", "hint"),
    [
        (MEMBERS, (), "catalogue fetch"),
        (None, (), "--catalogue"),
        (MEMBERS, ("--of", "app"), "catalogue fetch"),
        (MEMBERS + '[catalogues]\napp = "gone.csv"\n', (), "file of a catalogue"),
        (MEMBERS, ("--of", "app", "--catalogue", "app.csv"), "one of them"),
    ],
)
def test_without_a_catalogue_it_is_said_what_to_do(
    config: str | None, arguments: tuple[str, ...], hint: str, home: Path, miyun: Miyun
) -> None:
    if config is None:
        (home / "party.toml").unlink()
    else:
        (home / "party.toml").write_text(config)
    outcome = miyun("catalogue", "search", "tea", *arguments, "--json")
    assert outcome.status == 2
    assert hint in outcome.error["hint"]
