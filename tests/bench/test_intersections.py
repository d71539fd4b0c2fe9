"""The two sides of an intersection-sum."""

import csv
from pathlib import Path

from bench.intersections import lay_sides


def test_half_of_the_rows_are_common_and_the_sum_is_over_them(tmp_path: Path) -> None:
    laid = lay_sides(tmp_path, 101)
    tables = []
    for path in (laid.members, laid.platform):
        with path.open(newline="") as file:
            tables.append({row["phone"]: row for row in csv.DictReader(file)})
    members, users = tables
    common = members.keys() & users.keys()
    assert len(members) == len(users) == 101
    assert laid.sides.matched == len(common) == 50
    assert laid.sides.total == sum(int(members[phone]["spend"]) for phone in common) > 0
