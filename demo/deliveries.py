"""Reads what agents delivered."""

import csv
from pathlib import Path


def read_ids(path: Path) -> list[str]:
    """The ids of a delivered file, in its order."""
    with path.open(encoding="utf-8", newline="") as file:
        return [row[0] for row in csv.reader(file)][1:]
