"""Intersections by the command line, as real processes: nothing is fused, and one agent is not always there."""

from pathlib import Path
from typing import Any

import pytest

from demo.processes import CommandError
from demo.stage import Stage, write_party
from tests.system.plain import CAST

CONTRACT = "tiny"
MEMBERS, USERS = range(400), range(250, 700)
SHARED = [n for n in MEMBERS if n in USERS]


def write_table(path: Path, prefix: str, people: range) -> None:
    lines = [f"{prefix}{n},13{n:09d},{n % 90}" for n in people]
    path.write_text("\n".join(["id,phone,spend", *lines]) + "\n", encoding="utf-8")


def set_up(stage: Stage, tables: Path) -> None:
    stage.make_homes()
    for actor, prefix, people in ((stage.merchant, "m", MEMBERS), (stage.platform, "u", USERS)):
        table = tables / f"{actor.name}.csv"
        write_table(table, prefix, people)
        write_party(
            actor,
            {
                "members": {"source": "csv", "path": str(table), "id": "id"},
                "members.identifiers.phone": {"column": "phone", "profile": "e164-cn"},
                "members.attributes.spend": {"type": "number"},
            },
        )
    stage.open_zone()
    stage.join()
    terms = ("--identifier", "phone:e164-cn:5000", "--insight", "matched", "--no-consent", "--padding", "1")
    draft, _ = stage.draft(CONTRACT, *terms, "--exact-size", CAST.merchant)
    stage.agree(CONTRACT, draft)


def check(result: Any, size: Any) -> None:
    """Within six standard deviations of a join in the clear."""
    (spend,), (people,) = result["sums"], size["size"]
    assert spend["number"] == "spend"
    assert abs(spend["sum"]["value"] - sum(min(n % 90, 50) for n in SHARED)) < 6 * 50 * 7.1
    assert abs(spend["people"]["value"] - len(SHARED)) < 6 * 7.1
    assert abs(people["people"]["value"] - len(SHARED)) < 6 * 22.4
    assert people["people"]["low"] < people["people"]["value"] < people["people"]["high"]


@pytest.mark.slow
def test_sums_and_size_from_the_command_line(tmp_path: Path) -> None:
    asked = ("intersect", CONTRACT, "--sum", "spend:0:50", "--rho", "20000")
    with Stage(tmp_path / "stage", CAST) as stage:
        set_up(stage, tmp_path)
        stage.start(stage.platform, "agent", "run")
        waited = stage.merchant.run(*asked, "--key", "first", "--wait")
        again = stage.merchant.run(*asked, "--key", "first")
        job = stage.merchant.run(*asked, "--key", "second")
        stage.merchant.text("agent", "run", "--once")
        read = stage.merchant.run("intersections", CONTRACT, job["id"])
        sizes = [
            stage.platform.run("intersections", CONTRACT, listed["job"])
            for listed in stage.platform.run("intersections", CONTRACT)
        ]
        exact = stage.merchant.run("intersect", CONTRACT, "--exact", CAST.merchant, "--wait")
        with pytest.raises(CommandError, match="exact-size"):
            stage.merchant.run("intersect", CONTRACT, "--exact", CAST.platform)
        budget = stage.merchant.run("budget", CONTRACT)

    assert again == waited
    assert (job["kind"], job["state"]) == ("intersect", "waiting-for-party")
    for result, size in zip((waited, read), sizes, strict=True):
        check(result, size)
    (people,) = exact["size"]
    assert people["people"]["value"] == people["people"]["low"] == people["people"]["high"] == len(SHARED)
    assert budget["spent_micro"] == 2 * 1_000  # for the sizes; the sums were charged to the other party
