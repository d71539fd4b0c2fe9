"""Two plain tables with a known overlap, for tests that need many rows and real processes."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from demo.stage import Cast, Stage, write_party
from miyun.contract.document import parse_contract
from miyun.contract.model import Grant
from miyun.contract.writing import to_yaml

CAST = Cast(
    zone="zone",
    merchant="shop",
    platform="app",
    merchant_organisation="Shop Ltd",
    platform_organisation="App Ltd",
)
CONTRACT = "plain"
PATIENCE_SECONDS = 120


def write_table(path: Path, prefix: str, people: Iterable[int]) -> None:
    """Everybody has a phone, every third an email as well; every second is odd, every fifth is a fifth."""
    with path.open("w", encoding="utf-8") as file:
        file.write("id,phone,email,odd,fifth\n")
        for person in people:
            email = f"p{person}@example.com" if person % 3 == 0 else ""
            file.write(f"{prefix}{person},13{person:09d},{email},{person % 2},{int(person % 5 == 0)}\n")


def set_up(
    stage: Stage, members: range, users: range, *, grants: Sequence[Grant] = (), choices: Sequence[str] = ()
) -> None:
    """Homes, tables and an active contract, which grants the match and ``grants``; no agent runs yet.

    ``choices`` are further options of the draft.
    """
    stage.make_homes()
    for actor, prefix, people in ((stage.merchant, "m", members), (stage.platform, "u", users)):
        table = stage.folder / f"{actor.name}.csv"
        write_table(table, prefix, people)
        write_party(
            actor,
            {
                "members": {"source": "csv", "path": str(table), "id": "id"},
                "members.identifiers.phone": {"column": "phone", "profile": "e164-cn"},
                "members.identifiers.email": {"column": "email", "profile": "plain"},
                "members.attributes.odd": {"type": "boolean"},
                "members.attributes.fifth": {"type": "boolean"},
            },
        )
    stage.open_zone()
    stage.join()
    identifiers = ("--identifier", "phone:e164-cn:10000000", "--identifier", "email:plain:10000000")
    draft, _ = stage.draft(CONTRACT, *identifiers, "--no-consent", "--padding", "1", *choices)
    contract = parse_contract(draft.read_text(encoding="utf-8"))
    draft.write_text(to_yaml(replace(contract, grants=(*contract.grants, *grants))), encoding="utf-8")
    stage.agree(CONTRACT, draft)


def ask_zone(stage: Stage, query: str, *values: str) -> Any:
    """The first value of a query to the zone's database."""
    with sqlite3.connect(f"file:{stage.zone.home / 'zone.sqlite'}?mode=ro", uri=True) as connection:
        return connection.execute(query, values).fetchone()[0]


def wait_for(condition: Callable[[], bool]) -> None:
    """Return when it holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "nothing happens any more"
        time.sleep(0.05)
