"""Real processes: an audience goes to a webhook whose receiver fails in many ways, while the agent is killed."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from demo.processes import COMMAND
from demo.stage import Stage
from tests.destinations.receiver import SECRET, Receiver, cut_after, cut_before, says, serving
from tests.system.plain import CAST, CONTRACT, set_up

MEMBERS, USERS = range(400), range(100, 500)
REFUSED, LATER = {"m150": "no-consent"}, {"m160"}
TABLE = """
[destinations.member-messages]
kind = "webhook"
url = "{url}"
signing_secret = "messages"
id_name = "member_id"
batch_rows = 10
batches_per_second = 10
retry = {{ first_seconds = 0.2, circuit_after = 10, circuit_seconds = 1 }}
fields = {{ phone = {{ identifier = "phone" }} }}
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_kill_in_the_middle_of_sending_loses_and_doubles_nobody(tmp_path: Path) -> None:
    receiver = Receiver(now=int(time.time()), tolerance=3600, refuse=REFUSED, later=set(LATER))
    with serving(receiver), Stage(tmp_path / "stage", CAST) as stage:
        set_up(stage, MEMBERS, USERS)
        with (stage.merchant.home / "party.toml").open("a", encoding="utf-8") as config:
            config.write(TABLE.format(url=receiver.url))
        stored = subprocess.run(
            [COMMAND, "secret", "set", "messages"],
            env=stage.merchant.environment,
            input=SECRET,
            text=True,
            capture_output=True,
            check=True,
        )
        assert stage.merchant.run("destination", "check", "member-messages")
        stage.start(stage.platform, "agent", "run")
        stage.merchant.run("fuse", CONTRACT)
        stage.merchant.run("segment", "create", CONTRACT, "everyone", "matched", "--wait")
        agent = stage.start(stage.merchant, "agent", "run")
        receiver.failures = [says(500), cut_before, says(429, retry_after="1"), cut_after]
        job = stage.merchant.run(
            "activate", CONTRACT, "everyone", "--to", CAST.merchant, "--channel", "member-messages"
        )
        while len(receiver.taken) < 12:
            time.sleep(0.05)
        os.kill(agent.pid, signal.SIGKILL)
        delivery = stage.merchant.run("delivery", "wait", CONTRACT, job["id"], "--timeout", "120")
        logs = "".join(log.read_text(encoding="utf-8") for log in (tmp_path / "stage" / "logs").iterdir())

    expected = {f"m{person}" for person in MEMBERS if person in USERS}
    assert receiver.ids == sorted(expected - set(REFUSED))
    counts = (delivery["state"], delivery["queued"], delivery["accepted"], delivery["refused"])
    assert counts == ("done", len(expected), len(expected) - 1, {"no-consent": 1})
    assert Path(delivery["refused_file"]).read_text(encoding="utf-8").splitlines()[1].startswith("m150,no-consent,")
    shown = logs + stored.stdout + stored.stderr
    assert SECRET not in shown
    assert "in-the-query" not in shown
