"""A fusion driven message by message: what it finds, what it refuses, and that history holds."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from miyun.audit.chain import verify_chain
from miyun.audit.statements import AuditEntry, Receipt
from miyun.contract.model import Contract
from miyun.errors import (
    CapExceededError,
    ConfigError,
    MalformedError,
    MiyunError,
    NotFoundError,
    NotPermittedError,
    ReplayError,
    SignatureError,
    StateError,
)
from miyun.psi import join_chunks
from miyun.psi.statements import Announcement, FusionReport
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import agent_pb2, fusion_pb2
from miyun.zone.operations import exchange as exchanging
from miyun.zone.operations import joining
from miyun.zone.store.bulk import get_pairs
from miyun.zone.store.fusions import list_points
from tests.zone.matching import Row, Side, exchange, model_pairs, people, request_fusion
from tests.zone.members import AMPLE, MERCHANT, PLATFORM, TYPES, World, running

LEFT: list[Row] = people(1, 60) + people(7, 20, others=20)
RIGHT: list[Row] = people(1, 80)


def sides(world: World, contract: Contract, epoch: int = 1, job: str = "") -> tuple[Side, Side]:
    request = request_fusion(world.merchant, contract, epoch, job)
    return (
        Side(world.merchant, contract, request, LEFT, seed=epoch),
        Side(world.platform, contract, request, RIGHT, seed=epoch),
    )


def lease_all(world: World, contract: Contract) -> None:
    for party in world.parties:
        party.lease(contract, 1, contract.budget.lease_rho_micro)


def pairs_of_rows(world: World, left: Side, right: Side) -> set[tuple[int, int]]:
    with world.zone._core.reading() as connection:
        found = get_pairs(connection, left.contract.id, left.request.epoch)
    row_of_left = {handle: row for row, handle in enumerate(left.handles)}
    row_of_right = {handle: row for row, handle in enumerate(right.handles)}
    return {(row_of_left[one], row_of_right[other]) for one, other in zip(*map(np.ndarray.tolist, found), strict=True)}


def report(world: World, contract: Contract, epoch: int = 0) -> FusionReport:
    answer = world.merchant.fusions.GetReport(fusion_pb2.GetReportRequest(contract=contract.id, epoch=epoch))
    found = from_wire(answer.statement, FusionReport)
    world.merchant.home.zone_link().verify_key().verify(found, answer.signature)
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def either_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = "sqlite:///zone.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with running(tmp_path, database=url) as world:
        yield world


@pytest.mark.parametrize("in_files", [False, True])
def test_the_match_is_the_plaintext_model_on_either_database(
    either_world: World, monkeypatch: pytest.MonkeyPatch, in_files: bool
) -> None:
    world = either_world
    if in_files:
        monkeypatch.setattr(join_chunks, "_ROW_BYTES", world.zone._core.join_room.memory_bytes)
    contract = world.agree("spring")
    lease_all(world, contract)
    left, right = sides(world, contract)

    exchange(left, right)
    job = world.finished(contract, left.request.job)

    expected = model_pairs(LEFT, RIGHT, TYPES)
    assert len(expected) > 10
    assert set(expected.values()) == set(TYPES)
    assert job.state == "done"
    assert pairs_of_rows(world, left, right) == set(expected)
    by_type = {entry.type: entry.matched for entry in report(world, contract).matches}
    assert by_type == {type_: list(expected.values()).count(type_) for type_ in TYPES}


def test_a_join_without_room_waits_for_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    contract = world.agree("no-room")
    lease_all(world, contract)
    left, right = sides(world, contract)
    asked = threading.Event()

    def full(*_: object) -> None:
        asked.set()
        raise ConfigError("the disk is full", hint="Free some room.")

    with monkeypatch.context() as patch:
        patch.setattr(joining, "join_chunks", full)
        exchange(left, right)
        assert asked.wait(20)
        assert world.merchant.job(contract, left.request.job).state == "running"
    world.zone._worker.wake([contract.id])

    assert world.finished(contract, left.request.job).state == "done"
    assert pairs_of_rows(world, left, right) == set(model_pairs(LEFT, RIGHT, TYPES))


def test_a_second_epoch_matches_anew_and_erases_the_first(world: World) -> None:
    contract = world.agree("two-epochs")
    lease_all(world, contract)
    first = sides(world, contract)
    exchange(*first)
    world.finished(contract, first[0].request.job)

    second = sides(world, contract, epoch=2)
    exchange(*second)
    world.finished(contract, second[0].request.job)

    assert pairs_of_rows(world, *second) == set(model_pairs(LEFT, RIGHT, TYPES))
    assert pairs_of_rows(world, *first) == set()
    with world.zone._core.reading() as connection:
        assert list_points(connection, contract.id, "fuse-1") == []
    events = [entry.event for entry in world.merchant.entries(contract).entries]
    assert events.count("epoch-erased") == 1
    assert [report(world, contract, epoch).epoch for epoch in (1, 2, 0)] == [1, 2, 2]


def test_tasks_say_who_has_work(world: World) -> None:
    contract = world.agree("tasks")
    lease_all(world, contract)
    left, right = sides(world, contract)

    assert [task.WhichOneof("work") for task in world.platform.tasks()] == ["fuse"]
    assert world.merchant.job(contract, left.request.job).waiting_for == (MERCHANT, PLATFORM)
    exchange(left, right)

    assert world.platform.tasks() == []
    assert world.merchant.tasks() == []
    assert world.stranger.tasks() == []


def test_a_task_wakes_a_parked_agent(world: World) -> None:
    contract = world.agree("parked")
    parked = world.platform.agent.NextTasks.future(agent_pb2.NextTasksRequest(wait_seconds=20))

    request_fusion(world.merchant, contract)

    assert [task.fuse.request.contract for task in parked.result().tasks] == [contract.id]
    world.merchant.revoke(contract)


def test_retransmissions_get_a_receipt_and_change_nothing(world: World) -> None:
    contract = world.agree("retransmitted")
    lease_all(world, contract)
    left, right = sides(world, contract)
    exchange(left, right)
    world.finished(contract, left.request.job)
    entries = len(world.merchant.entries(contract).entries)

    receipt = left.member.fusions.PutPoints(left.put_points_message("phone", 0))
    right.member.fusions.PutTokens(right.put_tokens_message(left, "phone", 0))
    left.announce()
    request_fusion(world.merchant, contract)

    assert from_wire(receipt.statement, Receipt).statement_digest == left.points("phone", 0).digest()
    assert len(world.merchant.entries(contract).entries) == entries


def refused_points(
    world: World, contract: Contract, change: Callable[[Side, fusion_pb2.PutPointsRequest], None]
) -> type[MiyunError]:
    """What the zone says to a chunk that was changed; nothing of it may be kept."""
    left, right = sides(world, contract)
    left.announce()
    right.announce()
    message = left.put_points_message("phone", 0)
    change(left, message)
    with pytest.raises(MiyunError) as refusal:
        left.member.fusions.PutPoints(message)
    left.put_points("phone", 0)
    world.merchant.revoke(contract)
    return refusal.type


def sign_points_again(side: Side, message: fusion_pb2.PutPointsRequest, **changes: object) -> None:
    points = replace(side.points("phone", 0), **changes)  # type: ignore[arg-type]
    message.points.CopyFrom(to_wire(points, fusion_pb2.PointsChunk))
    message.points_signature = side.member.sign(points)


def oversize(side: Side, message: fusion_pb2.PutPointsRequest) -> None:
    message.sealed += bytes(100)


def unsigned(side: Side, message: fusion_pb2.PutPointsRequest) -> None:
    message.points_signature = b""


def foreign_signed(side: Side, message: fusion_pb2.PutPointsRequest) -> None:
    message.handles_signature = message.points_signature


def other_bytes(side: Side, message: fusion_pb2.PutPointsRequest) -> None:
    message.sealed = bytes(len(message.sealed))


def out_of_order(side: Side, message: fusion_pb2.PutPointsRequest) -> None:
    sign_points_again(side, message, index=1)


def other_epoch(side: Side, message: fusion_pb2.PutPointsRequest) -> None:
    sign_points_again(side, message, epoch=2)


def handle_outside(side: Side, message: fusion_pb2.PutPointsRequest) -> None:
    message.handle_values = b"\xff" * len(message.handle_values)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (oversize, MalformedError),
        (unsigned, SignatureError),
        (foreign_signed, SignatureError),
        (other_bytes, MalformedError),
        (out_of_order, MalformedError),
        (other_epoch, ReplayError),
        (handle_outside, MalformedError),
    ],
)
def test_a_bad_chunk_is_refused_and_the_good_one_still_taken(
    world: World, change: Callable[[Side, fusion_pb2.PutPointsRequest], None], error: type[MiyunError]
) -> None:
    contract = world.agree(f"bad-{change.__name__.replace('_', '-')}")

    assert refused_points(world, contract, change) is error


def test_chunks_are_bound_to_their_sender(world: World) -> None:
    contract = world.agree("bound")
    left, right = sides(world, contract)
    left.announce()
    right.announce()

    with pytest.raises(SignatureError):
        right.member.fusions.PutPoints(left.put_points_message("phone", 0))
    with pytest.raises(NotFoundError):
        world.stranger.fusions.PutPoints(left.put_points_message("phone", 0))
    world.merchant.revoke(contract)


def test_tokens_for_other_points_are_refused(world: World) -> None:
    contract = world.agree("other-points")
    left, right = sides(world, contract)
    left.announce()
    right.announce()
    message = right.put_tokens_message(left, "phone", 0)

    with pytest.raises(ReplayError, match="not sent yet"):
        right.member.fusions.PutTokens(message)
    left.put_points("phone", 0)
    message.tokens = bytes(len(message.tokens))
    with pytest.raises(MalformedError):
        right.member.fusions.PutTokens(message)
    world.merchant.revoke(contract)


def test_a_second_answer_to_the_same_place_is_refused(world: World) -> None:
    contract = world.agree("second-answer")
    left, right = sides(world, contract)
    left.announce()
    right.announce()
    left.put_points("phone", 0)
    changed = left.announcement()
    changed = replace(changed, handles=changed.handles + 0, counts=tuple(reversed(changed.counts)))

    with pytest.raises((ReplayError, MalformedError)):
        left.member.fusions.Announce(
            fusion_pb2.AnnounceRequest(
                statement=to_wire(changed, fusion_pb2.Announcement), signature=left.member.sign(changed)
            )
        )
    world.merchant.revoke(contract)


def test_more_points_than_the_cap_are_refused_by_its_clause(world: World) -> None:
    contract = world.agree("capped", cap=10)
    left, _ = sides(world, contract)

    with pytest.raises(CapExceededError) as refusal:
        left.announce()

    assert refusal.value.clause == "identifiers[0].evaluation_cap"
    world.merchant.revoke(contract)


def test_one_fusion_at_a_time_and_epochs_in_order(world: World) -> None:
    contract = world.agree("in-order")
    with pytest.raises(StateError, match="next epoch is 1"):
        request_fusion(world.merchant, contract, epoch=2)
    request_fusion(world.merchant, contract)

    with pytest.raises(StateError, match="fuse-1"):
        request_fusion(world.platform, contract, job="fuse-other")
    with pytest.raises(StateError, match="another request"):
        request_fusion(world.platform, contract)
    world.merchant.revoke(contract)


def test_a_refusal_fails_the_job_with_its_reason_and_frees_the_next_epoch(world: World) -> None:
    from miyun.segments.statements import Refusal

    contract = world.agree("refused")
    left, right = sides(world, contract)
    left.announce()
    refusal = Refusal(
        contract=contract.id,
        job=left.request.job,
        party=PLATFORM,
        code="cap-exceeded",
        reason="enough",
        at=left.request.at,
    )
    message = agent_pb2.RefuseTaskRequest(
        statement=to_wire(refusal, agent_pb2.Refusal), signature=right.member.sign(refusal)
    )

    right.member.agent.RefuseTask(message)

    job = world.finished(contract, left.request.job)
    assert (job.state, job.error_code, job.error) == ("failed", "cap-exceeded", f"{PLATFORM} refused: enough")
    with pytest.raises(StateError):
        left.announce()
    progress = world.merchant.fusions.GetProgress(fusion_pb2.GetProgressRequest(contract=contract.id))
    assert progress.newest_epoch == 1
    request_fusion(world.merchant, contract, epoch=2)
    world.merchant.revoke(contract)


def test_tokens_that_repeat_fail_the_job(world: World) -> None:
    contract = world.agree("repeating")
    request = request_fusion(world.merchant, contract)
    same: list[Row] = [{"phone": "phone-1"}, {"phone": "phone-1"}]
    left = Side(world.merchant, contract, request, same)
    right = Side(world.platform, contract, request, RIGHT)

    exchange(left, right)

    job = world.finished(contract, request.job)
    assert (job.state, job.error_code) == ("failed", "malformed")


def test_an_empty_side_gives_an_empty_match(world: World) -> None:
    contract = world.agree("empty")
    lease_all(world, contract)
    request = request_fusion(world.merchant, contract)
    left = Side(world.merchant, contract, request, [])
    right = Side(world.platform, contract, request, RIGHT)

    exchange(left, right)

    assert world.finished(contract, request.job).state == "done"
    assert [entry.matched for entry in report(world, contract).matches] == [0, 0]


def test_the_report_waits_for_both_leases(world: World) -> None:
    contract = world.agree("waits")
    left, right = sides(world, contract)
    world.merchant.lease(contract, 1, AMPLE.lease_rho_micro)
    exchange(left, right)
    listener = world.zone._core.bell.listen(MERCHANT)
    while (job := world.merchant.job(contract, left.request.job)).waiting_for != (PLATFORM,):
        assert listener.wait(20)

    assert job.state == "running"
    with pytest.raises(NotFoundError):
        report(world, contract)
    world.platform.lease(contract, 1, AMPLE.lease_rho_micro)

    assert world.finished(contract, left.request.job).state == "done"
    assert [world.merchant.charges(contract).spent_micro, world.platform.charges(contract).spent_micro] == [
        AMPLE.match_report_rho_micro
    ] * 2


def test_a_used_up_budget_leaves_the_match_without_a_report(world: World) -> None:
    poor = replace(AMPLE, rho_micro=AMPLE.match_report_rho_micro, lease_rho_micro=AMPLE.match_report_rho_micro)
    contract = world.agree("poor", budget=poor)
    lease_all(world, contract)
    first = sides(world, contract)
    exchange(*first)
    world.finished(contract, first[0].request.job)
    second = sides(world, contract, epoch=2)
    exchange(*second)

    job = world.finished(contract, second[0].request.job)

    assert (job.state, job.error_code) == ("failed", "budget-exceeded")
    assert report(world, contract).epoch == 1
    assert pairs_of_rows(world, *second) == set(model_pairs(LEFT, RIGHT, TYPES))


def test_strangers_learn_nothing_of_a_fusion(world: World) -> None:
    contract = world.agree("closed")
    left, _ = sides(world, contract)

    with pytest.raises(NotFoundError):
        world.stranger.job(contract, left.request.job)
    with pytest.raises(NotFoundError):
        world.stranger.fusions.GetProgress(fusion_pb2.GetProgressRequest(contract=contract.id, job=left.request.job))
    with pytest.raises(NotPermittedError):
        world.analyst.fusions.GetReport(fusion_pb2.GetReportRequest(contract=contract.id))
    world.merchant.revoke(contract)


def test_the_counterpart_s_announcement_is_passed_on_as_signed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanging, "HOLD_SECONDS", 0.1)
    contract = world.agree("passed-on")
    left, _right = sides(world, contract)
    asked = fusion_pb2.GetAnnouncementRequest(contract=contract.id, job=left.request.job, party=MERCHANT)
    assert not world.platform.fusions.GetAnnouncement(asked).HasField("statement")

    left.announce()

    answer = world.platform.fusions.GetAnnouncement(asked)
    announced = from_wire(answer.statement, Announcement)
    assert announced == left.announcement()
    left.member.home.signing_key.verify_key.verify(announced, answer.signature)
    world.merchant.revoke(contract)


def test_history_holds_every_statement_that_was_receipted(world: World) -> None:
    contract = world.agree("held")
    lease_all(world, contract)
    left, right = sides(world, contract)
    exchange(left, right)
    world.finished(contract, left.request.job)

    entries = [from_wire(entry, AuditEntry) for entry in world.merchant.entries(contract).entries]

    verify_chain(entries)
    held = {entry.facts.get("statement") for entry in entries}
    assert left.points("email", 0).digest().hex() in held
    assert left.announcement().digest().hex() in held
    exact = len(model_pairs(LEFT, RIGHT, TYPES))
    assert str(exact) not in {value for entry in entries for value in entry.facts.values()}
