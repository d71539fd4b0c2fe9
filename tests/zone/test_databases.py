"""The core flow on PostgreSQL: what the other tests show on SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
