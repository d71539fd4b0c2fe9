"""The whole demo, small: it ends well, and leaves what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_demo_ends_with_every_result_equal(tmp_path: Path) -> None:
    out = tmp_path / "demo-out"
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--rows", "2000", "--seed", "11", "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((out / "results.json").read_text("utf-8"))
    assert results["differences"] == []
    assert results["scan"]["found"] == 0
    assert len(results["refused"]) == 4
    assert {tag["tag"] for tag in results["portrait"]["tags"]} >= {"tea", "camping", "city=上海"}
    assert [row["group"] for row in results["sums"]["rows"]][:2] == ["matched", "tier-plain"]
    assert results["lookalike"]["delivered"] > 150
    assert results["ledger"]["spent_micro"] == sum(charge["rho_micro"] for charge in results["charges"])
    assert [one["recipient"] for one in results["activations"]] == ["teahouse", "lifeapp"]
    assert "Every result equals the plaintext join." in (out / "report.html").read_text("utf-8")
    assert {path.name for path in (out / "logs").iterdir()} >= {"fusion-zone.log", "teahouse.log", "lifeapp.log"}
