"""Real processes: a table changes, and the next activation is what a join of the tables says; through kills as well."""

import os
import signal
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from demo.deliveries import read_ids
from demo.processes import CommandError
from demo.stage import Actor, Stage
from tests.system.plain import CAST, CONTRACT, ask_zone, set_up, wait_for, write_table

MEMBERS, USERS = range(1_500), range(750, 2_250)
LATER = range(1_500, 1_560)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_changed_table_reaches_the_next_activation_by_hand_and_by_schedule(tmp_path: Path) -> None:
    with Stage(tmp_path / "stage", CAST) as stage:
        set_up(stage, MEMBERS, USERS, choices=("--deltas", "50"))
        settings = stage.merchant.home / "party.toml"
        settings.write_text(settings.read_text("utf-8") + f"\n[refresh.{CONTRACT}]\nevery_days = 7\n", "utf-8")
        agent = stage.start(stage.merchant, "agent", "run")
        stage.start(stage.platform, "agent", "run")
        stage.merchant.run("fuse", CONTRACT)
        stage.merchant.run("segment", "create", CONTRACT, "odd", "members.odd", "--wait")
        assert _delivered(stage) == _expected(range(1_500), set())

        _write(stage, range(1_500), {1_001, 1_003})
        would = stage.merchant.run("fuse", CONTRACT, "--refresh", "--dry-run")["plan"]
        assert (would["kind"], would["answers"]) == ("data", 1)
        assert stage.merchant.run("fuse", CONTRACT, "--refresh")["job"] is None
        assert _delivered(stage) == _expected(range(1_500), {1_001, 1_003})
        assert stage.merchant.run("fuse", CONTRACT, "--refresh")["plan"]["kind"] == "nothing"

        _write(stage, [*range(100, 1_500), *LATER], {1_001, 1_005})
        _make_due(stage.merchant)
        wait_for(lambda: bool(_schedule(stage)["job"]))
        os.kill(agent.pid, signal.SIGKILL)
        assert _schedule(stage)["did"] == "delta"
        stage.start(stage.merchant, "agent", "run")
        wait_for(lambda: not _schedule(stage)["job"])

        done = _schedule(stage)
        assert (done["did"], done["attempts"], done["problem"]) == ("delta", 0, "")
        assert _delivered(stage) == _expected([*range(100, 1_500), *LATER], {1_001, 1_005})
        history = stage.merchant.run("segment", "history", CONTRACT, "odd")
        assert [entry["record"]["cause"] for entry in history] == ["changed", "refreshed", "created"]
        assert stage.merchant.run("fuse", CONTRACT, "--refresh")["plan"]["kind"] == "nothing"

        _write(stage, range(100, 900), set())
        _make_due(stage.merchant)
        wait_for(lambda: bool(_schedule(stage)["problem"]))
        assert "660 are gone" in _schedule(stage)["problem"]
        assert ask_zone(stage, "SELECT max(epoch) FROM fusions") == 1
        with pytest.raises(CommandError, match="unconfirmed"):
            stage.merchant.run("fuse", CONTRACT, "--refresh")
        assert stage.merchant.run("fuse", CONTRACT, "--refresh", "--dry-run")["plan"]["kind"] == "epoch"
        done = stage.merchant.run("fuse", CONTRACT, "--refresh", "--yes")
        assert (done["plan"]["kind"], done["job"]["subject"]) == ("epoch", "2")
        assert (_schedule(stage)["problem"], _schedule(stage)["why"]) == ("", "refreshed since")
        assert stage.merchant.run("audit", "verify", CONTRACT)


def _expected(members: Iterable[int], even: set[int]) -> set[str]:
    return {f"m{person}" for person in members if person in USERS and person % 2 and person not in even}


def _write(stage: Stage, members: Iterable[int], even: set[int]) -> None:
    """The merchant's table, in which these people are odd no more."""
    made, table = stage.folder / "made.csv", stage.folder / f"{stage.merchant.name}.csv"
    write_table(made, "m", members)
    lines = made.read_text(encoding="utf-8").splitlines()
    changed = [_even(line) if line.split(",")[0] in {f"m{person}" for person in even} else line for line in lines]
    made.write_text("\n".join(changed) + "\n", encoding="utf-8")
    made.replace(table)


def _even(line: str) -> str:
    cells = line.split(",")
    return ",".join([*cells[:3], "0", *cells[4:]])


def _make_due(actor: Actor) -> None:
    """As if its day had come."""
    with sqlite3.connect(actor.home / "party.sqlite", timeout=30) as connection:
        connection.execute("UPDATE schedules SET due = ?", (time.time() - 20 * 86_400,))


def _schedule(stage: Stage) -> dict[str, Any]:
    (schedule,) = stage.merchant.run("schedule", "list")
    return dict(schedule)


def _delivered(stage: Stage) -> set[str]:
    wait_for(lambda: ask_zone(stage, "SELECT count(*) FROM segments WHERE state != 'ready'") == 0)
    terms = ("--to", "shop", "--channel", "member-messages", "--wait")
    return set(read_ids(Path(stage.merchant.run("activate", CONTRACT, "odd", *terms)["file"])))
