"""Real processes are killed in the middle of a delta; what comes out is what would have come out."""

import os
import signal
from pathlib import Path

import pytest

from demo.deliveries import read_ids
from demo.stage import Actor, Stage
from tests.system.plain import CAST, CONTRACT, ask_zone, set_up, wait_for, write_table

MEMBERS, USERS = range(3_000), range(1_500, 4_500)
COMING, GOING = range(3_000, 3_400), range(2_000, 2_250)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killing_any_process_in_a_delta_loses_nothing_and_binds_nothing_twice(tmp_path: Path) -> None:
    with Stage(tmp_path / "stage", CAST) as stage:
        set_up(stage, MEMBERS, USERS, choices=("--deltas", "100"))
        merchant_agent = stage.start(stage.merchant, "agent", "run")
        platform_agent = stage.start(stage.platform, "agent", "run")
        stage.merchant.run("fuse", CONTRACT)
        stage.merchant.run("segment", "create", CONTRACT, "everyone", "matched", "--wait")
        os.kill(platform_agent.pid, signal.SIGKILL)

        job = _change(stage, stage.merchant, "m", COMING, GOING)
        wait_for(lambda: _count(stage, "rebinds") == 1)
        os.kill(merchant_agent.pid, signal.SIGKILL)
        os.kill(stage.daemons[stage.zone.name].pid, signal.SIGKILL)
        stage.open_zone()
        stage.start(stage.merchant, "agent", "run")
        platform_agent = stage.start(stage.platform, "agent", "run")
        wait_for(lambda: _points(stage, job) >= 1)
        os.kill(platform_agent.pid, signal.SIGKILL)
        stage.start(stage.platform, "agent", "run")
        wait_for(lambda: _state(stage, job) != "running")
        assert _state(stage, job) == "done"
        live = {*MEMBERS, *COMING} - {*GOING}
        assert _delivered(stage) == {f"m{person}" for person in live & {*USERS}}

        back = _change(stage, stage.platform, "u", range(100), range(3_000, 3_050))
        wait_for(lambda: _state(stage, back) != "running")
        assert _state(stage, back) == "done"
        users = {*USERS, *range(100)} - {*range(3_000, 3_050)}
        assert _delivered(stage) == {f"m{person}" for person in live & users}
        assert stage.merchant.run("audit", "verify", CONTRACT)
        assert stage.platform.run("audit", "verify", CONTRACT)


def _change(stage: Stage, actor: Actor, prefix: str, coming: range, going: range) -> str:
    """Begin a delta, and put its rows into the table as well."""
    add, remove = (stage.folder / f"{actor.name}-{part}.csv" for part in ("add", "remove"))
    write_table(add, prefix, coming)
    remove.write_text("id\n" + "".join(f"{prefix}{person}\n" for person in going), encoding="utf-8")
    table = stage.folder / f"{actor.name}.csv"
    rows = add.read_text(encoding="utf-8").partition("\n")[2]
    table.write_text(table.read_text(encoding="utf-8") + rows, encoding="utf-8")
    answer = actor.run("fuse", CONTRACT, "--add", str(add), "--remove", str(remove), "--no-wait")
    return str(answer["id"])


def _delivered(stage: Stage) -> set[str]:
    terms = ("--to", "shop", "--channel", "member-messages", "--wait")
    wait_for(lambda: ask_zone(stage, "SELECT count(*) FROM segments WHERE state != 'ready'") == 0)
    return set(read_ids(Path(stage.merchant.run("activate", CONTRACT, "everyone", *terms)["file"])))


def _state(stage: Stage, job: str) -> str:
    state = str(ask_zone(stage, "SELECT state FROM jobs WHERE id = ?", job))
    return "running" if state == "waiting-for-party" else state


def _points(stage: Stage, job: str) -> int:
    return int(ask_zone(stage, "SELECT count(*) FROM points_chunks WHERE job = ?", job))


def _count(stage: Stage, table: str) -> int:
    return int(ask_zone(stage, f"SELECT count(*) FROM {table}"))
