"""The quarantine file when one table is read twice at once, as for the fusions of two contracts."""

import csv
from pathlib import Path

from miyun.members.quarantine import Quarantine
from miyun.members.reasons import Reason


def test_two_readings_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "quarantine" / "members.csv"
    with Quarantine(path) as first:
        first.add(1, "phone", Reason.TOO_SHORT, "138")
        with Quarantine(path) as second:
            second.add(2, "phone", Reason.TOO_SHORT, "139")
        first.add(3, "phone", Reason.TOO_SHORT, "137")
    with path.open(newline="", encoding="utf-8") as file:
        assert [row["row"] for row in csv.DictReader(file)] == ["1", "3"]
    assert [one.name for one in path.parent.iterdir()] == ["members.csv"]


def test_no_value_becomes_a_formula_in_a_spreadsheet(tmp_path: Path) -> None:
    with Quarantine(tmp_path / "members.csv") as quarantine:
        quarantine.add(1, "phone", Reason.TOO_SHORT, '=HYPERLINK("http://example.com")')
        quarantine.add(2, "phone", Reason.TOO_SHORT, "+86 138")
    with quarantine.path.open(newline="", encoding="utf-8") as file:
        assert [row["value"] for row in csv.DictReader(file)] == ['\'=HYPERLINK("http://example.com")', "+86 138"]
