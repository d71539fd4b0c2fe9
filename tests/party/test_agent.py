"""The loop: polls, back-off, single runs, stopping, one agent a home."""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from miyun.errors import ConfigError, MalformedError, MiyunError, NotPermittedError, StateError, TransportError
from miyun.party.agent import AGENT_LOCK, Agent
from miyun.party.progress import TaskFinished, TaskRefused, ZoneLost
from miyun.party.signals import stopped_by_signals
from miyun.party.tasks.outcome import Outcome
from miyun.party.tasks.runner import TaskRunner
from miyun.wire.v1 import agent_pb2
from tests.party.world import MERCHANT, PLATFORM, World

Answer = Callable[[int], list[agent_pb2.Task]]


class FakePoll:
    """Answers each poll by its number; then, as the zone would, waits for the agent to stop."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.polls: list[int] = []

    def __enter__(self) -> "FakePoll":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def next_tasks(self, wait_seconds: int) -> agent_pb2.NextTasksResponse:
        self.polls.append(wait_seconds)
        return agent_pb2.NextTasksResponse(tasks=self.answer(len(self.polls)))


@pytest.fixture
def polling(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], FakePoll]:
    def use(answer: Answer) -> FakePoll:
        poll = FakePoll(answer)
        monkeypatch.setattr("miyun.party.agent.Poll", lambda home, stop: poll)
        monkeypatch.setattr("miyun.party.agent.BUSY_PAUSE_SECONDS", 0.01)
        monkeypatch.setattr("miyun.party.agent.SHORTEST_REST_SECONDS", 0.005)
        monkeypatch.setattr("miyun.party.agent.FIRST_BACK_OFF_SECONDS", 0.01)
        return poll

    return use


def fuse_task(world: World) -> agent_pb2.Task:
    return agent_pb2.Task(job="fuse-1", fuse=world.begin())


def patience(world: World, seconds: float) -> None:
    config = world.merchant.path / "party.toml"
    config.write_text(config.read_text() + f"[agent]\npatience_seconds = {seconds}\n")


def test_a_single_run_does_what_is_open_and_returns(world: World, polling: Any) -> None:
    task, told = fuse_task(world), []
    task.fuse.signature = bytes(64)
    poll = polling(lambda number: [] if world.zone.refusals else [task])
    Agent(world.session(MERCHANT)).run(once=True, on_event=told.append)
    assert [type(event) for event in told] == [TaskRefused]
    assert poll.polls[-1] == 2, "one last look for tasks that its own work brought about"
    assert world.zone.leases, "leases are seen to whenever it polls"


def test_an_agent_without_the_kernels_that_it_is_told_to_use_takes_no_task(
    world: World, polling: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise ConfigError("the native kernels are asked for")

    monkeypatch.setattr("miyun.party.agent.kernels", refuse)
    task = fuse_task(world)
    poll = polling(lambda number: [task])
    with pytest.raises(ConfigError):
        Agent(world.session(MERCHANT)).run(once=True)
    assert poll.polls == []


def test_a_single_run_gives_up_on_an_absent_party(world: World, polling: Any) -> None:
    patience(world, 0.3)
    task = fuse_task(world)
    polling(lambda number: [task])
    Agent(world.session(MERCHANT)).run(once=True)
    assert MERCHANT in world.zone.announcements
    assert world.zone.refusals == []


def test_a_fusion_goes_on_when_the_other_party_comes(world: World, polling: Any) -> None:
    task, told = fuse_task(world), []
    finished = threading.Event()

    def other_party(event: Any) -> None:
        told.append(event)
        if isinstance(event, TaskFinished):
            finished.set()

    polling(lambda number: [] if finished.is_set() else [task])
    agents = [Agent(world.session(PLATFORM)), Agent(world.session(MERCHANT))]
    beside = threading.Thread(target=agents[0].run, kwargs={"once": True})
    beside.start()
    agents[1].run(once=True, on_event=other_party)
    beside.join(60)
    assert world.zone.machine is not None
    assert world.zone.machine.complete


def test_a_lost_zone_is_waited_out(world: World, polling: Any) -> None:
    told: list[Any] = []

    def answer(number: int) -> list[agent_pb2.Task]:
        if number < 4:
            raise TransportError("gone")
        return []

    polling(answer)
    Agent(world.session(MERCHANT)).run(once=True, on_event=told.append)
    assert [type(event) for event in told] == [ZoneLost] * 3
    waits = [event.retry_seconds for event in told]
    assert waits == sorted(set(waits))


@pytest.mark.parametrize("error", [MalformedError("strange"), NotPermittedError("no"), StateError("not now")])
def test_whatever_a_zone_answers_does_not_end_the_agent(world: World, polling: Any, error: MiyunError) -> None:
    told: list[Any] = []

    def answer(number: int) -> list[agent_pb2.Task]:
        if number == 1:
            raise error
        return []

    poll = polling(answer)
    Agent(world.session(MERCHANT)).run(once=True, on_event=told.append)
    assert [event.reason for event in told] == [error.message]
    assert len(poll.polls) > 1


def test_a_task_with_a_defect_does_not_end_the_agent(
    world: World, polling: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def run(_: TaskRunner, task: agent_pb2.Task) -> Outcome:
        done.append(task.job)
        if len(done) == 1:
            raise RuntimeError
        return Outcome.DONE

    monkeypatch.setattr(TaskRunner, "run", run)
    task = fuse_task(world)
    polling(lambda number: [] if len(done) > 1 else [task])
    Agent(world.session(MERCHANT)).run(once=True)
    assert done == [task.job] * 2


def test_a_zone_can_not_put_an_agent_to_sleep(world: World, polling: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    poll = polling(lambda number: [])
    monkeypatch.setattr("miyun.party.agent.LONGEST_BACK_OFF_SECONDS", 0.01)
    monkeypatch.setattr(
        poll, "next_tasks", lambda wait_seconds: agent_pb2.NextTasksResponse(retry_after_milliseconds=1 << 31)
    )
    Agent(world.session(MERCHANT)).run(once=True)


def test_a_single_run_does_not_wait_for_a_zone_for_ever(world: World, polling: Any) -> None:
    patience(world, 0.05)

    def answer(number: int) -> list[agent_pb2.Task]:
        raise TransportError("gone")

    polling(answer)
    with pytest.raises(TransportError):
        Agent(world.session(MERCHANT)).run(once=True)


def test_one_agent_a_home(world: World, polling: Any) -> None:
    polling(lambda number: [])
    with world.merchant.lock(AGENT_LOCK), pytest.raises(StateError):
        Agent(world.session(MERCHANT)).run(once=True)


def test_a_daemon_takes_over_from_a_command(world: World, polling: Any) -> None:
    stop = threading.Event()

    def answer(number: int) -> list[agent_pb2.Task]:
        stop.set()
        return []

    poll = polling(answer)
    daemon = threading.Thread(target=Agent(world.session(MERCHANT)).run, kwargs={"stop": stop})
    with world.merchant.lock(AGENT_LOCK):
        daemon.start()
        daemon.join(0.3)
        assert (daemon.is_alive(), poll.polls) == (True, [])
    daemon.join(30)
    assert (daemon.is_alive(), len(poll.polls)) == (False, 1)


def test_a_daemon_that_waits_for_a_command_can_be_stopped(world: World, polling: Any) -> None:
    stop = threading.Event()
    poll = polling(lambda number: [])
    stop.set()
    with world.merchant.lock(AGENT_LOCK):
        Agent(world.session(MERCHANT)).run(stop=stop)
    assert poll.polls == []


def test_it_stops_when_told(world: World, polling: Any) -> None:
    stop = threading.Event()

    def answer(number: int) -> list[agent_pb2.Task]:
        if number == 3:
            stop.set()
            raise TransportError("the agent is stopping")
        return []

    poll = polling(answer)
    Agent(world.session(MERCHANT)).run(stop=stop)
    assert poll.polls == [20, 20, 20]


def test_a_revoked_contract_is_not_acted_on_after_the_next_poll(world: World, polling: Any) -> None:
    world.zone.revoke(world.platform)
    polling(lambda number: [])
    Agent(world.session(MERCHANT)).run(once=True)
    assert world.zone.leases == []
    with pytest.raises(Exception, match="revoked"):
        world.session(MERCHANT).accepted.active("spring", world.clock())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_it(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stopped_by_signals() as stop:
        os.kill(os.getpid(), number)
        assert stop.wait(5)
    assert signal.getsignal(number) is before
