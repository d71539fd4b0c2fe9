"""Real processes are killed in the middle of a fusion; what comes out is what would have come out."""

import os
import signal
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from demo.deliveries import read_ids
from demo.stage import Stage
from tests.system.plain import CAST, CONTRACT, PATIENCE_SECONDS, ask_zone, set_up, wait_for

MEMBERS, USERS = range(150_000), range(75_000, 225_000)
"""Five chunks of phones and two of emails on either side."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killing_any_process_loses_nothing_and_sends_nothing_twice(tmp_path: Path) -> None:
    with Stage(tmp_path / "stage", CAST) as stage:
        set_up(stage, MEMBERS, USERS)
        merchant_agent = stage.start(stage.merchant, "agent", "run")
        platform_agent = stage.start(stage.platform, "agent", "run")
        outcome: dict[str, Any] = {}
        fusing = threading.Thread(target=lambda: outcome.update(stage.merchant.run("fuse", CONTRACT)))
        fusing.start()

        wait_for(lambda: _received(stage) >= 1)
        os.kill(platform_agent.pid, signal.SIGKILL)
        stage.start(stage.platform, "agent", "run")
        wait_for(lambda: _received(stage) >= 3)
        os.kill(merchant_agent.pid, signal.SIGKILL)
        stage.start(stage.merchant, "agent", "run")
        wait_for(lambda: _received(stage) >= 5)
        os.kill(stage.daemons[stage.zone.name].pid, signal.SIGKILL)
        stage.open_zone()

        fusing.join(PATIENCE_SECONDS)
        assert not fusing.is_alive(), "the fusion does not end"
        if not outcome:
            outcome.update(stage.merchant.run("fuse", CONTRACT))
        stage.merchant.run("segment", "create", CONTRACT, "everyone", "matched", "--wait")
        job = stage.merchant.run(
            "activate", CONTRACT, "everyone", "--to", "shop", "--channel", "member-messages", "--wait"
        )
        delivered = read_ids(Path(job["file"]))
        assert stage.merchant.run("audit", "verify", CONTRACT)
        counts = {party.name: _evaluated(party.home) for party in (stage.merchant, stage.platform)}

    assert sorted(delivered) == sorted(f"m{person}" for person in MEMBERS if person in USERS)
    epochs = outcome["epoch"]
    per_epoch = {"phone": len(MEMBERS), "email": len(MEMBERS) // 3}
    assert counts == {party: {type_: epochs * count for type_, count in per_epoch.items()} for party in counts}
    assert epochs == 1, "a kill made the fusion fail, and another one was needed"


def _received(stage: Stage) -> int:
    """How many chunks of points the zone holds."""
    return int(ask_zone(stage, "SELECT count(*) FROM points_chunks"))


def _evaluated(home: Path) -> dict[str, int]:
    with sqlite3.connect(f"file:{home / 'party.sqlite'}?mode=ro", uri=True) as connection:
        return dict(connection.execute("SELECT type, evaluated FROM evaluation_counts").fetchall())
