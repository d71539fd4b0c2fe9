"""Refreshes and their schedules from the command line."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from miyun.party.refresh_plans import RefreshKind, RefreshPlan
from miyun.party.refreshes import Refresh
from miyun.party.schedules import Schedule
from tests.cli import samples
from tests.cli.conftest import Miyun, Standin

AT = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
PLAN = RefreshPlan(
    contract="spring",
    kind=RefreshKind.DELTA,
    why="members changed",
    epoch=3,
    came=12,
    changed=3,
    gone=4,
    stayed=900,
    answers=2,
    generation=5,
)


def test_a_dry_run_says_what_it_would_do_and_does_nothing(party: Standin, miyun: Miyun) -> None:
    party.answers["refreshes.plan"] = PLAN
    outcome = miyun("fuse", "spring", "--refresh", "--dry-run")
    assert "a delta: members changed" in outcome.out
    assert [call[0] for call in party.calls] == ["refreshes.plan"]
    document = miyun("fuse", "spring", "--dry-run", "--json").document
    assert (document["plan"]["kind"], document["plan"]["gone"], document["job"]) == ("delta", 4, None)


def test_a_refresh_shows_its_job(party: Standin, miyun: Miyun) -> None:
    party.answers["refresh"] = Refresh(plan=PLAN, job=samples.job("fuse", subject="3.1"))
    assert samples.job().id in miyun("fuse", "spring", "--refresh").out
    assert party.calls[0][2] == {"wait": True}
    assert miyun("fuse", "spring", "--refresh", "--no-wait", "--json").document["plan"]["answers"] == 2


def test_a_refresh_takes_no_file(party: Standin, miyun: Miyun) -> None:
    failure = miyun("fuse", "spring", "--refresh", "--add", "rows.csv", "--json")
    assert failure.status == 2
    assert "from a file" in failure.error["message"]
    assert party.calls == []


def test_schedules_are_listed_with_what_failed(party: Standin, miyun: Miyun) -> None:
    fresh = Schedule(contract="spring", every_days=7, due=AT)
    ran = replace(fresh, contract="summer", began=AT, ended=AT, did=RefreshKind.NOTHING, why="as it was")
    away = replace(ran, contract="winter").failed(AT, "the table is away", "Bring it back.")
    party.answers["schedules.list"] = (fresh, ran, away, replace(ran, contract="autumn", job="fuse-7"))
    shown = miyun("schedule", "list").out
    for words in ("not run yet", "as it was", "the table is away", "waits for fuse-7", "7 days"):
        assert words in shown
    document = miyun("schedule", "list", "--json").document
    assert document[2]["attempts"] == 1
    assert datetime.fromisoformat(document[2]["retry_at"]) == AT + timedelta(minutes=5)
    party.answers["schedules.list"] = ()
    assert "every_days" in miyun("schedule", "list").out
