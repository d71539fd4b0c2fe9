"""Portraits and sums in the clear, on tables small enough to work out by hand."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo.insight_reference import below, count, held_against_ranking, index, read_carried, read_catalogue, spent
from demo.reference import Match, Person

CATALOGUE = """id,name,parent,type,options,sensitive
interest,Interests,,group,,
drinks,Drinks,interest,group,,
tea,Tea,drinks,flag,,
coffee,Coffee,drinks,flag,,
city,City,,option,A|B,
"""
PAIRS = [
    *[("u1", "tea", None), ("u2", "tea", "1"), ("u3", "tea", "0"), ("u3", "coffee", None)],
    *[("u1", "city", "A"), ("u2", "city", "C"), ("u4", "city", "B"), ("u4", "retired", None)],
]


def user(id_: str) -> Person:
    return Person(id_, None, None, consents=True, opted_out=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "catalogue.csv").write_text(CATALOGUE)
    columns = dict(zip(("user_id", "tag", "value"), zip(*PAIRS, strict=True), strict=True))
    pq.write_table(pa.table({name: list(cells) for name, cells in columns.items()}), tmp_path / "tags.parquet")
    return tmp_path


def test_a_portrait_by_hand(folder: Path) -> None:
    asked = read_catalogue(folder / "catalogue.csv")
    assert list(asked) == ["tea", "coffee", "city=A", "city=B"]
    assert list(below(asked, ["interest"])) == ["tea", "coffee"]
    carried = read_carried(folder / "tags.parquet", asked)
    assert carried == {"u1": {"tea", "city=A"}, "u2": {"tea"}, "u3": {"coffee"}, "u4": {"city=B"}}
    base = count(map(user, ("u1", "u2", "u3", "u4", "u5")), carried, asked)
    assert (dict(base.carried), dict(base.known), base.everybody) == (
        {"tea": 2, "coffee": 1, "city=A": 1, "city=B": 1},
        {"drinks": 3, "city": 2},
        5,
    )
    segment = count(map(user, ("u1", "u4")), carried, asked)
    assert index(asked["tea"], segment, base) == pytest.approx(100 * 1 / (2 / 3))
    assert index(asked["city=A"], segment, base) == pytest.approx(100)


def test_spending_is_clipped_and_unknown_amounts_are_left_out() -> None:
    amounts = (100.0, 9_000.0, None, -50.0)
    matches = [
        Match(Person(f"M{place}", None, None, consents=True, opted_out=False, spend_year=amount), user("u"), "phone")
        for place, amount in enumerate(amounts)
    ]
    assert spent(matches, 5_000) == (3, 5_100.0)


@pytest.mark.parametrize(
    ("delivered", "found"),
    [
        ("abc", (0, 0)),
        ("abd", (0, 0)),
        ("acd", (1, 1)),
        ("ab", (1, 0)),
        ("abcd", (0, 1)),
        ("abce", (0, 1)),
        ("abce?", (0, 2)),
    ],
)
def test_the_best_by_score_and_any_of_those_who_are_equal(delivered: str, found: tuple[int, int]) -> None:
    scores = {"a": 9, "b": 5, "c": 3, "d": 3, "e": 1}
    assert held_against_ranking(scores, 3, delivered, set()) == found


def test_who_objects_is_taken_away_after_the_best_were_chosen() -> None:
    scores = {"a": 9, "b": 5, "c": 3, "d": 3, "e": 1}
    assert held_against_ranking(scores, 3, "bc", {"a"}) == (0, 0)
    assert held_against_ranking(scores, 3, "abc", {"a"}) == (0, 1)
    assert held_against_ranking(scores, 3, "ab", {"c"}) == (0, 0)
    assert held_against_ranking(scores, 3, "abd", {"c"}) == (0, 0)
    assert held_against_ranking(scores, 3, "ab", {"e"}) == (1, 0)
