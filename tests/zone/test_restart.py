"""A zone that stops in the middle, or is restored from a backup, goes on without asking again for what it has."""

import shutil
from collections.abc import Iterator

import pytest

from miyun import chunking
from miyun.errors import StateError, WaitingError
from miyun.wire.v1 import budget_pb2, fusion_pb2
from miyun.zone.operations import evaluation, joining
from miyun.zone.worker import Worker
from tests.zone.matching import Side, exchange, model_pairs, people, request_fusion
from tests.zone.members import MERCHANT, PLATFORM, TYPES, World
from tests.zone.test_fusion import pairs_of_rows
from tests.zone.test_segments import Fused, agree, fuse

LEFT = people(3, 1_700)
RIGHT = people(4, 1_500)


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A zone that never gets to its own work, as if it were killed each time before."""
    with monkeypatch.context() as patch:
        patch.setattr(Worker, "start", lambda self, core: None)
        yield patch


class Killed(BaseException):
    """The process died here."""


def test_acknowledged_chunks_are_not_asked_for_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunking, "CHUNK_POINTS", 819)
    contract = agree(world, "restarted")
    request = request_fusion(world.merchant, contract)
    left = Side(world.merchant, contract, request, LEFT)
    right = Side(world.platform, contract, request, RIGHT)
    left.announce()
    right.announce()
    plan = [(side, other, *chunk) for side, other in ((left, right), (right, left)) for chunk in side.chunks()]
    assert any(index > 0 for _, _, _, index in plan)

    for number, (side, other, type_, index) in enumerate(plan):
        side.put_points(type_, index)
        world.restart()
        assert [task.WhichOneof("work") for task in other.member.tasks()] == ["fuse"]
        other.fetch_and_put_tokens(side, type_, index)
        progress = side.member.fusions.GetProgress(fusion_pb2.GetProgressRequest(contract=contract.id, job=request.job))
        assert sum(lane.points for lane in progress.types) == number + 1
        assert sum(lane.tokens for lane in progress.types) == number + 1
        if number + 1 < len(plan):
            with pytest.raises(StateError, match="evaluated before"):
                other.fetch_and_put_tokens(side, type_, index)

    assert world.finished(contract, request.job).state == "done"
    assert pairs_of_rows(world, left, right) == set(model_pairs(LEFT, RIGHT, TYPES))


def test_a_join_that_was_not_begun_is_done_after_the_start(world: World, no_worker: pytest.MonkeyPatch) -> None:
    world.restart()
    contract = agree(world, "not-begun")
    request = request_fusion(world.merchant, contract)
    left = Side(world.merchant, contract, request, LEFT[:50])
    right = Side(world.platform, contract, request, RIGHT[:50])
    exchange(left, right)
    assert world.merchant.job(contract, request.job).state == "running"

    no_worker.undo()
    world.restart()

    assert world.finished(contract, request.job).state == "done"
    assert pairs_of_rows(world, left, right) == set(model_pairs(LEFT[:50], RIGHT[:50], TYPES))


@pytest.mark.parametrize("step", ["evaluate_anew", "record", "erase_values"])
def test_a_join_that_was_killed_leaves_nothing_half_done(
    world: World, no_worker: pytest.MonkeyPatch, step: str
) -> None:
    world.restart()
    contract = agree(world, f"killed-{step.replace('_', '-')}")
    request = request_fusion(world.merchant, contract)
    left = Side(world.merchant, contract, request, LEFT[:50])
    right = Side(world.platform, contract, request, RIGHT[:50])
    exchange(left, right)

    def die(*_args: object, **_kwargs: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joining, step, die)
        from miyun.zone.worker import work

        with pytest.raises(Killed):
            work(world.zone._core)
    assert pairs_of_rows(world, left, right) == set()
    no_worker.undo()
    world.restart()

    assert world.finished(contract, request.job).state == "done"
    assert pairs_of_rows(world, left, right) == set(model_pairs(LEFT[:50], RIGHT[:50], TYPES))


def test_an_evaluation_that_was_killed_is_done_after_the_start(world: World) -> None:
    fused = fuse(world, agree(world, "evaluation"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "start", lambda self, core: None)
        world.restart()
        fused.create("rich", "members.spend > 100")
        fused.answer_legs()
        assert world.merchant.segment(fused.contract, "rich").state == "evaluating"

    world.restart()

    fused.ready("rich")


def test_a_defect_fails_one_job_and_not_the_zone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fused = fuse(world, agree(world, "defect"))

    def fail(*_args: object, **_kwargs: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(evaluation, "_select", fail)
    fused.create("broken", "matched")
    job = world.finished(fused.contract, "segment-broken")
    assert (job.state, job.error_code) == ("failed", "internal")
    assert "ZeroDivision" not in job.error
    monkeypatch.undo()

    fused.create("sound", "matched")

    fused.ready("sound")


def restored(world: World, name: str, *, told: bool) -> tuple[Fused, dict[str, list[budget_pb2.SignedBudgetCharge]]]:
    """A zone back from a backup, after which it had released a size; and the charges that the owners hold."""
    fused = fuse(world, agree(world, name))
    fused.create("everybody", "matched")
    fused.ready("everybody")
    world.zone.close()
    database = world.folder / "meeting-place" / "zone.sqlite"
    mark = world.folder / "meeting-place" / "charges.mark"
    backup = shutil.copy(database, world.folder / "backup.sqlite")
    before = mark.read_bytes()
    world.restart()
    world.merchant.size(fused.contract, "everybody")
    held = {party.name: list(party.charges(fused.contract).charges) for party in world.parties}
    world.zone.close()
    shutil.copy(backup, database)
    if told:
        mark.write_bytes(before)
        zone = world._open_zone()
        zone.restored()
        zone.close()
    world.restart()
    return fused, held


@pytest.mark.parametrize("told", [False, True])
def test_a_restored_zone_releases_nothing_before_it_has_what_it_had_forgotten(world: World, told: bool) -> None:
    fused, held = restored(world, f"restored-{told}".lower(), told=told)
    contract = fused.contract
    assert [len(charges) for charges in held.values()] == [2, 2]

    for party in world.parties:
        with pytest.raises(WaitingError, match=party.name):
            world.merchant.size(contract, "everybody")
        assert list(party.check_in(contract, *held[party.name]).charges) == []
        with pytest.raises(WaitingError, match=party.name):
            world.merchant.size(contract, "everybody")
        request = budget_pb2.PutChargesRequest(contract=contract.id, charges=held[party.name])
        assert party.budget.PutCharges(request).taken_over == 1
        party.check_in(contract, *held[party.name])

    world.merchant.size(contract, "everybody")
    charges = list(world.merchant.charges(contract).charges)
    assert charges[:2] == held[MERCHANT]
    assert len(charges) == 3
    assert "charges-restored" in [entry.event for entry in world.merchant.entries(contract).entries]


def test_a_match_report_waits_for_the_owners_of_a_restored_zone(world: World) -> None:
    fused, held = restored(world, "restored-report", told=False)
    contract = fused.contract
    request = request_fusion(world.merchant, contract, job="fuse-2", epoch=2)
    left = Side(world.merchant, contract, request, LEFT[:50])
    right = Side(world.platform, contract, request, RIGHT[:50])
    listener = world.zone._core.bell.listen(MERCHANT)
    exchange(left, right)
    while world.merchant.job(contract, request.job).waiting_for != (MERCHANT, PLATFORM):
        assert listener.wait(20)

    for party in world.parties:
        party.budget.PutCharges(budget_pb2.PutChargesRequest(contract=contract.id, charges=held[party.name]))
        party.check_in(contract, *held[party.name])

    assert world.finished(contract, request.job).state == "done"


def test_a_zone_that_was_merely_restarted_waits_for_nobody(world: World) -> None:
    fused = fuse(world, agree(world, "merely-restarted"))
    fused.create("everybody", "matched")
    fused.ready("everybody")
    world.restart()

    world.merchant.size(fused.contract, "everybody")

    assert len(world.merchant.charges(fused.contract).charges) == 2


def test_one_process_serves_a_home(world: World) -> None:
    other = world._open_zone()

    with pytest.raises(StateError, match="another process"):
        other.start()

    other.close()


def test_what_was_answered_before_a_restart_is_answered_after_it(world: World) -> None:
    fused: Fused = fuse(world, agree(world, "kept"))
    fused.create("everybody", "matched")
    fused.ready("everybody")
    before = world.merchant.size(fused.contract, "everybody")

    world.restart()

    assert world.merchant.size(fused.contract, "everybody") == before
    assert world.zone.audit_verify()[fused.contract.id] > 4
