"""Audiences from the command line."""

from miyun.contract.model import Universe
from miyun.party.audiences import PublishedAudience
from miyun.words import Words
from tests.cli import samples
from tests.cli.conftest import Miyun, Standin


def audience(name: str = "tea-lovers", lacking: str = "") -> PublishedAudience:
    return PublishedAudience(
        segment=samples.segment(name),
        title=Words(en="Tea drinkers", zh="爱喝茶的人"),
        description=Words(en="", zh=""),
        category="drinks",
        lacking=lacking,
    )


def test_an_audience_is_published_with_its_words(party: Standin, miyun: Miyun) -> None:
    party.answers.update({"audiences.publish": None, "audiences.get": audience()})
    words = ("--title", "Tea drinkers", "--title-zh", "爱喝茶的人", "--category", "drinks")
    outcome = miyun("audience", "publish", "spring", "tea-lovers", *words)
    assert "tea-lovers within matched" in outcome.out
    assert party.calls[0][1:] == (
        ("spring", "tea-lovers"),
        {
            "title": Words(en="Tea drinkers", zh="爱喝茶的人"),
            "description": Words(en="", zh=""),
            "category": "drinks",
        },
    )
    assert miyun("audience", "publish", "spring", "tea-lovers", "--title", "Tea").status == 2


def test_an_audience_is_withdrawn(party: Standin, miyun: Miyun) -> None:
    party.answers.update({"audiences.withdraw": None, "segments.get": samples.segment()})
    assert "Withdrew tea-lovers" in miyun("audience", "withdraw", "spring", "tea-lovers").out


def test_audiences_are_searched_page_by_page(party: Standin, miyun: Miyun) -> None:
    pages = {"": (audience("a"), audience("b")), "b": (audience("c", "no grant of use"),), "c": ()}
    party.answers["audiences.list"] = lambda contract, words, category, limit, after: pages[after]
    document = miyun("audience", "list", "spring", "tea", "--category", "drinks", "--json").document
    assert [one["segment"]["name"] for one in document] == ["a", "b", "c"]
    assert party.calls[0][1:] == (("spring", "tea"), {"category": "drinks", "limit": 100, "after": ""})
    shown = miyun("audience", "list", "spring", "--lang", "zh").out
    assert "爱喝茶的人" in shown
    assert len(miyun("audience", "list", "spring", "--limit", "1", "--json").document) == 1


def test_what_is_lacking_is_shown(party: Standin, miyun: Miyun) -> None:
    party.answers["audiences.get"] = audience(lacking="the app grants shop no use of tags.tea")
    assert "no use of tags.tea" in miyun("audience", "show", "spring", "tea-lovers").out
    assert miyun("audience", "show", "spring", "tea-lovers", "--json").document["segment"]["universe"] == (
        Universe.MATCHED.value
    )
