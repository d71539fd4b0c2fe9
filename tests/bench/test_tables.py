"""The tables that are matched, and the comparison with the plain join."""

import csv
from pathlib import Path

import pytest

from bench.failures import WrongResultError
from bench.tables import Tables, compare_ids, lay_tables


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return lay_tables(tmp_path, 101)


def write(path: Path, ids: list[str]) -> Path:
    path.write_text("\n".join(["id,phone", *(f"{one},1" for one in ids)]) + "\n")
    return path


def test_the_truth_is_the_join_of_the_two_files(tables: Tables) -> None:
    sides = []
    for path in (tables.merchant, tables.platform):
        with path.open(newline="") as file:
            sides.append({row["phone"]: row["id"] for row in csv.DictReader(file)})
    merchant, platform = sides
    common = merchant.keys() & platform.keys()
    assert (len(merchant), len(platform), len(common)) == (101, 101, 50)
    assert tables.merchant_ids.tolist() == sorted(merchant[phone].encode() for phone in common)
    assert tables.platform_ids.tolist() == sorted(platform[phone].encode() for phone in common)


def test_the_right_ids_pass_in_any_order(tables: Tables, tmp_path: Path) -> None:
    ids = [one.decode() for one in tables.merchant_ids][::-1]
    compare_ids(tables.merchant_ids, write(tmp_path / "out.csv", ids))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda ids: ids[1:], "1 are missing, 0 are false"),
        (lambda ids: [*ids, "m99999"], "0 are missing, 1 are false"),
        (lambda ids: ["m99999", *ids[1:]], "1 are missing, 1 are false"),
        (lambda ids: [*ids, ids[0]], "0 are missing, 0 are false"),
        (lambda _: [], "can't be read"),
    ],
)
def test_any_other_ids_are_a_wrong_result(tables: Tables, tmp_path: Path, change, words: str) -> None:
    ids = change([one.decode() for one in tables.merchant_ids])
    with pytest.raises(WrongResultError, match=words):
        compare_ids(tables.merchant_ids, write(tmp_path / "out.csv", ids))


def test_a_missing_or_empty_file_is_a_wrong_result(tables: Tables, tmp_path: Path) -> None:
    with pytest.raises(WrongResultError, match="there is no"):
        compare_ids(tables.merchant_ids, tmp_path / "none.csv")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(WrongResultError):
        compare_ids(tables.merchant_ids, tmp_path / "empty.csv")
