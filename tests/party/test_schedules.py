"""Schedules under a clock that tests turn: runs that were missed, that fail, and that a process dies in."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from miyun.contract.jobs import JobState
from miyun.errors import NotFoundError, SourceError, TransportError, UnconfirmedError, WaitingError
from miyun.party.progress import OnEvent, Phase, Progress, Warned
from miyun.party.refresh_plans import RefreshKind, RefreshPlan
from miyun.party.refreshes import Refresh
from miyun.party.schedules import FIRST_RETRY, LONGEST_RETRY, Schedule
from miyun.party.scheduling import Scheduler, SchedulesClient
from miyun.party.session import Session
from miyun.party.tasks.outcome import Outcome
from miyun.transport.codec import to_wire
from miyun.wire.v1 import job_pb2
from tests.cli.samples import job as sample_job
from tests.party.conftest import MakeWorld
from tests.party.world import MERCHANT, NOW

DAY = timedelta(days=1)


@dataclass
class Turned:
    """A merchant whose contract is refreshed every 7 days, with runs that only say that they ran."""

    session: Session
    monkeypatch: pytest.MonkeyPatch
    now: datetime = NOW
    runs: list[datetime] = field(default_factory=list)
    answers: list[Refresh | BaseException] = field(default_factory=list)
    jobs: dict[str, Any] = field(default_factory=dict)
    told: list[Any] = field(default_factory=list)
    stop: Event = field(default_factory=Event)

    def begin(self, contract: str, on_event: OnEvent) -> Refresh:
        self.runs.append(self.now)
        on_event(Progress(contract=contract, job="refresh", phase=Phase.PREPARE, done=1, total=2))
        answer = self.answers.pop(0) if self.answers else refreshed()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def GetJob(self, request: job_pb2.GetJobRequest) -> job_pb2.Job:
        if request.job not in self.jobs:
            raise NotFoundError("no such job")
        return to_wire(self.jobs[request.job], job_pb2.Job)

    def scheduler(self) -> Scheduler:
        """As a process that starts has it."""
        scheduler = Scheduler(self.session, self.stop, self.told.append)
        self.monkeypatch.setattr(scheduler._refreshes, "begin", self.begin)
        return scheduler

    def held(self) -> Schedule:
        (schedule,) = SchedulesClient(self.session).list()
        return schedule


def refreshed(kind: RefreshKind = RefreshKind.NOTHING, job: str = "") -> Refresh:
    plan = RefreshPlan(
        contract="spring",
        kind=kind,
        why="as it was",
        epoch=1,
        came=0,
        changed=0,
        gone=0,
        stayed=1,
        answers=0,
        generation=0,
        doubt="",
    )
    return Refresh(plan=plan, job=replace(sample_job(), id=job) if job else None)


@pytest.fixture
def turned(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> Turned:
    world = make_world()
    path: Path = world.merchant.path / "party.toml"
    schedule = f"\n[refresh.{world.contract.id}]\nevery_days = 7\n"
    path.write_text(path.read_text(encoding="utf-8") + schedule, encoding="utf-8")
    session = world.session(MERCHANT)
    made = Turned(session, monkeypatch)
    monkeypatch.setattr(session, "now", lambda: made.now)
    monkeypatch.setattr(session, "stub", lambda _: made)
    return made


def run_what_is_due(scheduler: Scheduler) -> int:
    due = scheduler.due()
    for contract in due:
        scheduler.run(contract)
    return len(due)


def test_a_run_is_due_a_period_after_the_schedule_was_first_seen(turned: Turned) -> None:
    scheduler = turned.scheduler()
    assert run_what_is_due(scheduler) == 0
    turned.now = NOW + 7 * DAY - timedelta(seconds=1)
    assert run_what_is_due(scheduler) == 0
    turned.now = NOW + 7 * DAY
    assert run_what_is_due(scheduler) == 1
    assert run_what_is_due(scheduler) == 0
    assert (turned.held().due, turned.held().did) == (NOW + 14 * DAY, RefreshKind.NOTHING)


def test_missed_runs_are_caught_up_once_and_the_grid_stays(turned: Turned) -> None:
    turned.scheduler().due()
    turned.now = NOW + 26 * DAY + timedelta(hours=5)

    restarted = turned.scheduler()
    assert [run_what_is_due(restarted) for _ in range(4)] == [1, 0, 0, 0]

    assert turned.held().due == NOW + 28 * DAY
    assert turned.scheduler().due() == ()


def test_a_run_that_fails_is_tried_again_later_each_time(turned: Turned) -> None:
    scheduler = turned.scheduler()
    scheduler.due()
    turned.now = NOW + 7 * DAY
    turned.answers = [SourceError("the table is away", hint="Bring it back.")] * 9
    waits = []
    for attempt in range(9):
        assert run_what_is_due(scheduler) == 1
        held = turned.held()
        assert held.retry_at is not None
        waits.append(held.retry_at - turned.now)
        assert (held.attempts, held.problem) == (attempt + 1, "the table is away")
        assert turned.scheduler().due() == ()
        turned.now = held.retry_at
    assert waits[:3] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY]
    assert waits[-1] == LONGEST_RETRY
    assert isinstance(turned.told[1], Warned)

    assert run_what_is_due(scheduler) == 1

    held = turned.held()
    assert (held.attempts, held.problem, held.retry_at) == (0, "", None)
    assert held.due > turned.now


def test_a_run_that_a_person_should_look_at_waits_for_its_next_day(turned: Turned) -> None:
    scheduler = turned.scheduler()
    scheduler.due()
    turned.now = NOW + 7 * DAY
    turned.answers = [UnconfirmedError("many are gone", hint="Look at the source.")] * 2
    assert run_what_is_due(scheduler) == 1

    held = turned.held()
    assert (held.problem, held.hint, held.attempts) == ("many are gone", "Look at the source.", 0)
    assert (held.due, held.retry_at, held.did) == (NOW + 14 * DAY, None, None)
    assert any(isinstance(told, Warned) and "many are gone" in told.message for told in turned.told)
    turned.now = NOW + 14 * DAY - timedelta(seconds=1)
    assert run_what_is_due(turned.scheduler()) == 0

    turned.now = NOW + 14 * DAY
    assert [run_what_is_due(scheduler) for _ in range(3)] == [1, 0, 0]
    assert len(turned.runs) == 2


def test_a_refresh_by_hand_clears_what_was_in_the_way(turned: Turned) -> None:
    scheduler = turned.scheduler()
    scheduler.due()
    turned.session.schedules.clear("spring")
    assert (turned.held().why, turned.held().began) == ("", None)
    turned.now = NOW + 7 * DAY
    turned.answers = [UnconfirmedError("many are gone")]
    run_what_is_due(scheduler)

    turned.session.schedules.clear("spring")

    assert (turned.held().problem, turned.held().due) == ("", NOW + 14 * DAY)


@pytest.mark.parametrize("error", [WaitingError("a fusion is under way"), TransportError("no zone")])
def test_what_passes_by_itself_is_no_failure(turned: Turned, error: Exception) -> None:
    scheduler = turned.scheduler()
    scheduler.due()
    turned.now = NOW + 7 * DAY
    turned.answers = [error]
    assert scheduler.run("spring") is Outcome.IDLE
    assert run_what_is_due(scheduler) == 0
    turned.now += timedelta(minutes=1)
    assert run_what_is_due(scheduler) == 1
    assert (turned.held().attempts, len(turned.runs)) == (0, 2)


def test_an_agent_that_is_to_stop_leaves_its_run_for_later(turned: Turned) -> None:
    scheduler = turned.scheduler()
    scheduler.due()
    turned.now = NOW + 7 * DAY
    turned.stop.set()
    assert scheduler.run("spring") is Outcome.IDLE
    assert (turned.held().attempts, turned.held().did) == (0, None)


def test_a_process_that_dies_in_a_run_begins_it_again(turned: Turned) -> None:
    scheduler = turned.scheduler()
    scheduler.due()
    turned.now = NOW + 7 * DAY
    turned.answers = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        scheduler.run("spring")
    assert (turned.held().began, turned.held().ended) == (turned.now, None)

    assert run_what_is_due(turned.scheduler()) == 1

    assert turned.held().ended == turned.now


@pytest.mark.parametrize(("state", "attempts"), [(JobState.DONE, 0), (JobState.FAILED, 1), (None, 1)])
def test_a_run_ends_with_its_job(turned: Turned, state: JobState | None, attempts: int) -> None:
    scheduler = turned.scheduler()
    scheduler.due()
    turned.now = NOW + 7 * DAY
    turned.answers = [refreshed(RefreshKind.DELTA, "fuse-9")]
    turned.jobs["fuse-9"] = replace(sample_job(), id="fuse-9", state=JobState.RUNNING)
    run_what_is_due(scheduler)
    scheduler.follow()
    assert (turned.held().job, scheduler.due()) == ("fuse-9", ())

    restarted = turned.scheduler()
    if state is None:
        del turned.jobs["fuse-9"]
    else:
        turned.jobs["fuse-9"] = replace(sample_job(), id="fuse-9", state=state, error="cap")
    restarted.follow()

    held = turned.held()
    assert (held.job, held.attempts, held.did) == ("", attempts, RefreshKind.DELTA)
    assert (held.due > turned.now) is (attempts == 0)


def test_another_period_counts_from_when_it_is_seen(turned: Turned) -> None:
    turned.scheduler().due()
    turned.now = NOW + 6 * DAY
    assert turned.session.schedules.seen("spring", 30, turned.now).due == NOW + 36 * DAY
