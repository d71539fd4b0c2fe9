"""What becomes of a task that can't be done: refused with a signed reason, or tried again."""

from threading import Event
from typing import Any

import pytest

from miyun.errors import ContractError, InternalError, MiyunError, SignatureError, StateError, TransportError
from miyun.keys.signing import VerifyKey
from miyun.party.fusion_states import FusionState
from miyun.party.progress import TaskFinished, TaskRefused, Warned
from miyun.party.tasks.outcome import Outcome
from miyun.party.tasks.runner import TaskRunner
from miyun.segments.statements import Refusal
from miyun.transport.codec import from_wire
from miyun.wire.v1 import agent_pb2
from tests.party.world import MERCHANT, PLATFORM, World


def start(world: World, task: agent_pb2.FuseTask, told: list[Any] | None = None, *, at: str = MERCHANT) -> Outcome:
    runner = TaskRunner(world.session(at), Event(), (told if told is not None else []).append)
    return runner.run(agent_pb2.Task(job=task.request.job, fuse=task))


def test_a_forbidden_task_is_refused_with_a_signed_reason(world: World) -> None:
    task, told = world.begin(), []
    task.signature = bytes(64)
    signatures = []
    world.zone.before = lambda caller, method, message: signatures.append(message.signature)
    assert start(world, task, told) is Outcome.DONE
    refusal = from_wire(world.zone.refusals[0], Refusal)
    assert (refusal.code, refusal.party, refusal.job) == ("signature", MERCHANT, "fuse-1")
    VerifyKey(world.contract.party(MERCHANT).signing_key).verify(refusal, signatures[0])
    refused = [event for event in told if isinstance(event, TaskRefused)]
    assert [event.clause for event in refused] == ["parties[0].signing_key"]


def test_what_is_wrong_with_own_data_stays_at_home(world: World) -> None:
    (world.merchant.path / "members.csv").write_text("secret-column\n1\n")
    told: list[Any] = []
    assert start(world, world.begin(), told) is Outcome.DONE
    refusal = world.zone.refusals[0]
    assert refusal.code in {"source", "config"}
    assert "members.csv" not in refusal.reason
    assert "column" not in refusal.reason
    refused = [event for event in told if isinstance(event, TaskRefused)]
    assert len(refused[0].reason) > 10


def test_a_lost_connection_is_no_refusal(world: World) -> None:
    def fail(caller: str, method: str, message: Any) -> None:
        raise TransportError("gone", hint="Wait.")

    task, told = world.begin(), []
    world.zone.before = fail
    assert start(world, task, told) is Outcome.IDLE
    assert [type(event) for event in told if not hasattr(event, "phase")][-1] is Warned
    assert world.zone.refusals == []
    world.zone.before = lambda caller, method, message: None
    start(world, task, told)
    assert start(world, task, told, at=PLATFORM) is Outcome.MOVED
    assert start(world, task, told) is Outcome.DONE
    assert any(isinstance(event, TaskFinished) for event in told)


def test_a_zone_that_fails_is_asked_again(world: World) -> None:
    def fail(caller: str, method: str, message: Any) -> None:
        raise InternalError("the zone failed")

    task = world.begin()
    world.zone.before = fail
    assert start(world, task) is Outcome.IDLE


def test_a_defect_is_refused_without_particulars(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("m17, 13800000017")

    monkeypatch.setattr("miyun.party.tasks.runner.fuse", fail)
    told: list[Any] = []
    assert start(world, world.begin(), told) is Outcome.DONE
    assert world.zone.refusals[0].code == "internal"
    assert "138" not in f"{world.zone.refusals[0].reason} {told} {caplog.text}"
    assert "RuntimeError at test_runner.py:" in caplog.text


def test_a_refused_fusion_leaves_no_scalar(world: World) -> None:
    task = world.begin()
    start(world, task)
    world.zone.change = lambda caller, method, answer: (
        type(answer)() if method == "GetAnnouncement" and not answer.HasField("statement") else answer
    )
    world.zone.announcements[PLATFORM] = world.zone.announcements[MERCHANT]
    assert start(world, task) is Outcome.DONE
    assert world.zone.refusals[0].code == "malformed"
    fusion = world.session(MERCHANT).fusions.get("spring", "fuse-1")
    assert fusion is not None
    assert fusion.state is FusionState.ABANDONED
    assert not [name for name in world.merchant.vault.names() if name.startswith("blinding/")]


def test_a_job_that_has_failed_meanwhile_is_given_up(world: World) -> None:
    """The counterparty refused: the zone takes nothing more, and lists the task no more."""
    start(world, world.begin())

    def over(caller: str, method: str, message: Any) -> None:
        raise StateError("the fusion of epoch 1 is over")

    world.zone.before = over
    session = world.session(MERCHANT)
    runner = TaskRunner(session, Event(), lambda event: None)
    assert runner.resume(session.fusions.exchanging()[0]) is Outcome.DONE
    assert session.fusions.exchanging() == ()


def test_a_fusion_that_the_zone_has_complete_is_finished_after_a_restart(world: World) -> None:
    """The last acknowledgement was lost, so the zone asks no more; this party finishes by itself."""
    task = world.begin()
    deaths: list[str] = []

    def lose(caller: str, method: str, message: Any) -> None:
        last = method == "PutTokens" and len(world.zone.sent(MERCHANT, "PutTokens")) == 2
        if caller == MERCHANT and last and not deaths:
            deaths.append(method)
            raise TransportError("gone")

    world.zone.after = lose
    start(world, task)
    start(world, task, at=PLATFORM)
    start(world, task)
    start(world, task, at=PLATFORM)
    assert deaths == ["PutTokens"]
    assert world.zone.machine is not None
    assert world.zone.machine.complete
    session = world.restart(MERCHANT)
    assert session.fusions.newest_epoch("spring") == 0
    runner = TaskRunner(session, Event(), lambda event: None)
    assert runner.resume(session.fusions.exchanging()[0]) is Outcome.DONE
    assert session.fusions.newest_epoch("spring") == 1
    assert session.evaluations.counts("spring", PLATFORM) == {"phone": 10, "email": 10}


@pytest.mark.parametrize(
    ("error", "outcome"), [(ContractError("revoked"), Outcome.DONE), (SignatureError("no"), Outcome.IDLE)]
)
def test_a_zone_that_takes_no_refusal_does_not_stop_the_agent(
    world: World, error: MiyunError, outcome: Outcome
) -> None:
    """The counterparty may revoke the contract while a task runs: then the zone takes neither work nor refusal."""
    task = world.begin()
    start(world, task)

    def fail(caller: str, method: str, message: Any) -> None:
        raise error

    world.zone.before = fail
    assert start(world, task) is outcome
