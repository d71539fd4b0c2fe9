"""A table that changes, against a plain account of who is in it."""

import csv
from pathlib import Path

from bench.changing import CHANGED, Changing

ROWS = 5_000


def rows(path: Path) -> dict[str, str]:
    with path.open(newline="") as file:
        return {row["id"]: row["phone"] for row in csv.DictReader(file)}


def test_who_is_in_both_tables_follows_from_the_files(tmp_path: Path) -> None:
    changing = Changing.lay(tmp_path, ROWS).with_own_table(tmp_path / "own.csv")
    members, users = rows(changing.tables.merchant), rows(changing.tables.platform)
    add, remove = tmp_path / "add.csv", tmp_path / "remove.csv"
    for _ in range(3):
        changing = changing.changed(add, remove)
        came, went = rows(add), remove.read_text().split()[1:]
        assert len(came) + len(set(went)) == CHANGED
        assert not came.keys() & members.keys()
        assert set(went) <= members.keys()
        matched = {id_ for id_, phone in members.items() if phone in users.values()}
        assert 0 < len(matched & set(went)) < len(went)
        members = {id_: phone for id_, phone in (members | came).items() if id_ not in went}
        phones = {phone: id_ for id_, phone in users.items()}
        expected = {id_: phones[phone] for id_, phone in members.items() if phone in phones}
        ours, theirs = changing.matched()
        assert ours.tolist() == sorted(id_.encode() for id_ in expected)
        assert theirs.tolist() == sorted(id_.encode() for id_ in expected.values())
        assert came.items() <= rows(changing.tables.merchant).items()


def test_the_laid_table_stays_as_it_is(tmp_path: Path) -> None:
    laid = Changing.lay(tmp_path, ROWS)
    before = rows(laid.tables.merchant)
    laid.with_own_table(tmp_path / "own.csv").changed(tmp_path / "add.csv", tmp_path / "remove.csv")
    assert rows(laid.tables.merchant) == before
