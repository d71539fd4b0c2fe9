"""Refreshes and their schedules from the command line."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from miyun.errors import UnconfirmedError
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
    doubt="",
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
    assert party.calls[0][2]["wait"] is True
    assert miyun("fuse", "spring", "--refresh", "--no-wait", "--json").document["plan"]["answers"] == 2


LOSS = replace(PLAN, kind=RefreshKind.EPOCH, gone=700, doubt="of 919 members 700 are gone")


def ask_first(party: Standin, *plans: RefreshPlan) -> list[RefreshPlan]:
    """Let refreshes find these plans, one after the other; gives those that are carried out."""
    found, done = list(plans), list[RefreshPlan]()

    def refresh(contract: str, on_event: Any, *, wait: bool, agree: Any) -> Refresh:
        plan = found.pop(0)
        if not agree(plan):
            raise UnconfirmedError(f"nothing was done: {plan.words}")
        done.append(plan)
        return Refresh(plan=plan, job=None)

    party.answers["refresh"] = refresh
    return done


@pytest.mark.parametrize("plan", [LOSS, replace(PLAN, kind=RefreshKind.EPOCH), replace(PLAN, doubt="many are gone")])
def test_what_is_grave_is_shown_and_waits_for_a_yes(
    party: Standin, miyun: Miyun, monkeypatch: pytest.MonkeyPatch, plan: RefreshPlan
) -> None:
    done = ask_first(party, plan, plan, plan)
    refused = miyun("fuse", "spring", "--refresh", "--json")
    assert (refused.status, refused.error["code"], done) == (6, "unconfirmed", [])
    assert "--yes" in refused.error["hint"]

    monkeypatch.setattr("miyun_cli.invocation.Invocation.ask", lambda *_: True)
    agreed = miyun("fuse", "spring", "--refresh")
    assert (agreed.status, done) == (0, [plan])
    assert f"{plan.gone}" in agreed.err


def test_a_machine_says_yes_beforehand(party: Standin, miyun: Miyun) -> None:
    done = ask_first(party, LOSS)
    assert miyun("fuse", "spring", "--refresh", "--yes", "--json").document["plan"]["doubt"] == LOSS.doubt
    assert done == [LOSS]


def test_a_yes_is_for_what_was_shown_and_for_nothing_graver(
    party: Standin, miyun: Miyun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("miyun_cli.invocation.Invocation.ask", lambda *_: True)
    done = ask_first(party, LOSS, replace(LOSS, gone=701))
    assert (miyun("fuse", "spring", "--refresh").status, done) == (6, [])
    less = replace(LOSS, gone=690)
    done = ask_first(party, LOSS, less)
    assert (miyun("fuse", "spring", "--refresh").status, done) == (0, [less])


def test_a_first_epoch_and_a_small_change_ask_nobody(party: Standin, miyun: Miyun) -> None:
    first = replace(PLAN, kind=RefreshKind.EPOCH, epoch=0)
    done = ask_first(party, first, PLAN)
    assert [miyun("fuse", "spring", "--refresh").status for _ in range(2)] == [0, 0]
    assert done == [first, PLAN]


def test_a_refresh_takes_no_file(party: Standin, miyun: Miyun) -> None:
    failure = miyun("fuse", "spring", "--refresh", "--add", "rows.csv", "--json")
    assert failure.status == 2
    assert "from a file" in failure.error["message"]
    assert party.calls == []


def test_schedules_are_listed_with_what_failed(party: Standin, miyun: Miyun) -> None:
    fresh = Schedule(contract="spring", every_days=7, due=AT)
    ran = replace(fresh, contract="summer", began=AT, ended=AT, did=RefreshKind.NOTHING, why="as it was")
    away = replace(ran, contract="winter").failed(AT, "the table is away", "Bring it back.")
    held = replace(ran, contract="later").held(AT, "many are gone", "Look at the source.")
    party.answers["schedules.list"] = (fresh, ran, away, replace(ran, contract="autumn", job="fuse-7"), held)
    shown = miyun("schedule", "list").out
    stopped = "stopped: many are gone. Look at the source."
    for words in ("not run yet", "as it was", "the table is away", "waits for fuse-7", "7 days", stopped):
        assert words in shown
    document = miyun("schedule", "list", "--json").document
    assert document[2]["attempts"] == 1
    assert datetime.fromisoformat(document[2]["retry_at"]) == AT + timedelta(minutes=5)
    party.answers["schedules.list"] = ()
    assert "every_days" in miyun("schedule", "list").out
