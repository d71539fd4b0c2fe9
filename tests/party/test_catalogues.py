"""What a grant on a tag reaches, and what a question means in a catalogue."""

from dataclasses import replace
from pathlib import Path

import pytest

from miyun.errors import InputError, NotPermittedError
from miyun.members.catalogue import Catalogue
from miyun.members.catalogue_file import read_catalogue
from miyun.party.catalogues import asked_tags, permit_attribute, permit_tags
from tests.aggregates.world import CONTRACT
from tests.party.insight_world import CATALOGUE, grants
from tests.party.world import MERCHANT


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    path = tmp_path / "catalogue.csv"
    path.write_text(CATALOGUE, encoding="utf-8")
    return read_catalogue(path)


@pytest.mark.parametrize(
    ("granted", "asked", "missing"),
    [
        ("tags", "gender interest", ""),
        ("tags", "health", "asthma"),
        ("tags tags.health", "interest health vip", ""),
        ("tags.asthma", "health", ""),
        ("tags.asthma", "health tea", "tea"),
        ("tags.interest", "interest", ""),
        ("tags.interest", "tea gender", "gender=男"),
        ("tags.tea", "interest", "coffee"),
        ("tags.gender=男", "gender=男", ""),
        ("tags.gender=男", "gender", "gender=女"),
        ("members.tea", "tea", "tea"),
        ("", "vip", "vip"),
    ],
)
def test_a_grant_holds_for_all_below_but_what_is_sensitive(
    catalogue: Catalogue, granted: str, asked: str, missing: str
) -> None:
    contract = replace(CONTRACT, grants=grants(*granted.split()))
    places = asked_tags(catalogue, (), asked.split())
    if not missing:
        permit_tags(contract, MERCHANT, catalogue, places)
        return
    with pytest.raises(NotPermittedError, match=rf"of tags\.{missing}( |$)") as stopped:
        permit_tags(contract, MERCHANT, catalogue, places)
    assert stopped.value.clause == "grants"


def test_the_whole_catalogue_by_one_grant_and_one_on_what_is_sensitive(catalogue: Catalogue) -> None:
    places = asked_tags(catalogue, (), [""])
    assert len(places) == 7
    permit_tags(replace(CONTRACT, grants=grants("tags", "tags.health")), MERCHANT, catalogue, places)


def test_an_attribute_needs_a_grant_of_its_own() -> None:
    permit_attribute(replace(CONTRACT, grants=grants("tags.spend")), MERCHANT, "spend")
    with pytest.raises(NotPermittedError, match=r"tags\.spend"):
        permit_attribute(replace(CONTRACT, grants=grants("tags")), MERCHANT, "spend")


def test_tags_and_branches_are_one_set(catalogue: Catalogue) -> None:
    places = asked_tags(catalogue, ["兴趣/茶饮", "tea"], ["interest", "gender=女"])
    assert [catalogue.id_of(place) for place in places.tolist()] == ["gender=女", "tea", "coffee"]
    with pytest.raises(InputError, match="interest"):
        asked_tags(catalogue, ["interest"], [])
