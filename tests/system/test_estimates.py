"""Real processes: a definition is explained, its size is estimated through a kill, and then it becomes a segment."""

import os
import signal
import time
from pathlib import Path

import pytest

from demo.processes import CommandError
from demo.stage import Stage
from miyun.contract.draft import DEFAULT_BUDGET
from miyun.contract.model import Grant, Rung
from tests.system.plain import CAST, CONTRACT, set_up

GRANTS = [
    Grant(owner=CAST.platform, subject="tags.odd", rung=rung, recipient=CAST.merchant) for rung in (Rung.USE, Rung.SIZE)
]
DEFINITION = "members.odd and not tags.odd"
PATIENCE_SECONDS = 60


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_from_explanation_to_segment(tmp_path: Path) -> None:
    explain, estimate = (("segment", word, CONTRACT, DEFINITION) for word in ("explain", "estimate"))
    with Stage(tmp_path / "stage", CAST) as stage:
        set_up(stage, range(3_000), range(1_000, 4_000), grants=GRANTS)
        shop, analyst = stage.merchant, stage.hire_analyst("lab")
        with stage.platform.start("agent", "run"):
            shop.run("fuse", CONTRACT)
        plan = shop.run(*explain)
        told_people = shop.text(*explain)
        with pytest.raises(CommandError, match="no column"):
            shop.run("segment", "explain", CONTRACT, "members.od and not tags.odd")

        with shop.start(*estimate) as interrupted:
            _wait_for_an_estimate(stage)
            os.kill(interrupted.pid, signal.SIGKILL)
        stage.start(stage.platform, "agent", "run")
        quoted = shop.run(*estimate, "--quote")
        estimated = shop.run(*estimate)
        again = shop.run(*estimate)
        listed = shop.run("segment", "list", CONTRACT)
        hidden = shop.run("segment", "list", CONTRACT, "--hidden")
        after = shop.run(*explain)
        shop.run("segment", "create", CONTRACT, "odd-ones", DEFINITION, "--wait")
        cost = shop.run("size", CONTRACT, "odd-ones", "--quote")
        band = shop.run("size", CONTRACT, "odd-ones")
        shop.text("agent", "run", "--once")
        ledger = shop.run("budget", CONTRACT)
        shop.run("contract", "delegate", CONTRACT, "--analyst", "lab", "--compared")
        analysed = analyst.run("size", CONTRACT, "odd-ones")
        for command in (explain, estimate):
            with pytest.raises(CommandError) as refused:
                analyst.run(*command)
            assert refused.value.status
        assert shop.run("audit", "verify", CONTRACT)

    assert [(leg["party"], leg["predicate"], leg["asked"]) for leg in plan["legs"]] == [
        (CAST.merchant, "members.odd", False),
        (CAST.platform, "tags.odd", False),
    ]
    assert plan["told"] is None
    assert {need["clause"] != "" for need in plan["needs"] if need["rung"] in {"use", "size"}} == {True}
    assert "“tags.odd”" in told_people
    assert [share["rho_micro"] for share in quoted] == [share["rho_micro"] for share in plan["owners"]]
    assert (again["at_least"], again["below"], again["at"], again["rho_micro"]) == (
        estimated["at_least"],
        estimated["below"],
        estimated["at"],
        0,
    )
    assert listed == []
    assert [segment["state"] for segment in hidden] == ["invalidated"]
    assert [(share["legs_asked"], share["legs_new"], share["rho_micro"]) for share in after["owners"]] == [
        (1, 0, 0)
    ] * 2
    assert cost["rho_micro"] == 0
    for answer in (band, analysed, after["told"]):
        assert (answer["at_least"], answer["below"]) == (estimated["at_least"], estimated["below"])
    assert ledger["spent_micro"] == DEFAULT_BUDGET.match_report_rho_micro + DEFAULT_BUDGET.size_rho_micro


def _wait_for_an_estimate(stage: Stage) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not stage.merchant.run("segment", "list", CONTRACT, "--hidden", "--state", "evaluating"):
        assert time.monotonic() < deadline, "no estimate is begun"
        time.sleep(0.1)
