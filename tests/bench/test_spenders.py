"""What people spend at either side, and the segments that are made of it, against the files."""

import csv
from itertools import islice
from pathlib import Path

from bench.spenders import Spenders

ROWS = 401


def rows(path: Path) -> dict[str, tuple[str, int]]:
    with path.open(newline="") as file:
        return {row["phone"]: (row["id"], int(row["spend"])) for row in csv.DictReader(file)}


def test_who_is_expected_follows_from_the_files(tmp_path: Path) -> None:
    laid = Spenders.lay(tmp_path, ROWS)
    members, users = rows(laid.merchant), rows(laid.platform)
    shared = members.keys() & users.keys()
    assert (len(members), len(users), len(shared)) == (ROWS, ROWS, ROWS // 2)
    definitions = list(islice(laid.definitions(), 3))
    assert len({definition for definition, _ in definitions}) == 3
    for definition, (ours, theirs) in definitions:
        bound = int(definition.rpartition(" ")[2])
        assert definition == f"members.spend >= {bound} and tags.spend < {bound}"
        chosen = [phone for phone in shared if members[phone][1] >= bound > users[phone][1]]
        assert 0 < len(chosen) < len(shared)
        assert ours.tolist() == sorted(members[phone][0].encode() for phone in chosen)
        assert theirs.tolist() == sorted(users[phone][0].encode() for phone in chosen)
