"""The core flow on PostgreSQL: what the other tests show on SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from miyun.aggregates.statements import Circuit
from tests.zone.asking import SEGMENTS as ASKED
from tests.zone.asking import (
    Owner,
    ask,
    asked_contract,
    count,
    overlap,
    put_totals,
    put_values,
    question,
    read,
    task_job,
    values_chunk,
)
from tests.zone.members import MERCHANT, PLATFORM, World, running
from tests.zone.test_segments import EAGER, PAIRS, agree, fuse


@pytest.fixture
def postgres_world(tmp_path: Path, postgres_url: str) -> Iterator[World]:
    with running(tmp_path, database=postgres_url) as world:
        yield world


def test_fusion_segments_activation_sizes_and_restart(postgres_world: World) -> None:
    world = postgres_world
    fused = fuse(world, agree(world, "spring"))
    fused.create("eager", "members.opted_in")
    fused.answer_legs()
    fused.ready("eager")
    size = world.merchant.size(fused.contract, "eager")
    world.restart()

    reached = fused.activated("eager", PLATFORM, [], [1, 2, 3])
    job = fused.world.merchant.job(fused.contract, f"activate-eager-{PLATFORM}-0-3").id
    fused.deliver(world.platform, job)

    assert reached == {right for left, right in PAIRS if left in EAGER and right not in {1, 2, 3}}
    assert world.merchant.size(fused.contract, "eager") == size
    assert [party.charges(fused.contract).spent_micro for party in world.parties] == [
        2 * fused.contract.budget.size_rho_micro
    ] * 2
    second = fuse(world, fused.contract, epoch=2)
    second.answer_legs()
    second.ready("eager")
    assert second.activated("eager", MERCHANT, [], []) == {left for left, _ in PAIRS if left in EAGER}
    assert world.zone.audit_verify()[fused.contract.id] > 20


def test_questions_of_both_kinds_and_overlaps(postgres_world: World) -> None:
    world = postgres_world
    fused = asked_contract(world, "asked")
    ask(world.merchant, question(fused, job="counted"))
    ask(world.merchant, question(fused, Circuit.VALUES, job="summed"))
    counting = Owner(fused, fused.right, task_job(fused, world.platform, "counted"))
    summing = Owner(fused, fused.left, task_job(fused, world.merchant, "summed"))

    put_totals(world.platform, *count(counting))
    put_values(world.merchant, *values_chunk(summing, 0))

    assert world.finished(fused.contract, "summed").state == "done"
    for owner in (counting, summing):
        assert read(world.merchant, owner.job) == owner.expected(owner.selected_rows())
    assert overlap(world.merchant, fused, *ASKED) == overlap(world.merchant, fused, *ASKED)
    fuse(world, fused.contract, epoch=2)
    assert read(world.merchant, summing.job) == summing.expected(summing.selected_rows())
