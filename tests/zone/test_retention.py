"""What is erased, and when."""

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import func, select

from miyun.errors import NotFoundError
from miyun.zone.schema import audience_pages, chunk_values, legs, metadata, pairs, points_chunks, segment_selections
from miyun.zone.worker import work
from tests.zone.members import DAY, NOW, PLATFORM, World
from tests.zone.test_segments import Fused, agree, fuse


def rows(world: World, table_name: str, contract: str) -> int:
    table = metadata.tables[table_name]
    with world.zone._core.reading() as connection:
        return connection.execute(
            select(func.count()).select_from(table).where(table.c.contract == contract)
        ).scalar_one()


def sealed_activation(fused: Fused, segment: str) -> str:
    fused.create(segment, "members.spend > 100")
    fused.answer_legs()
    fused.ready(segment)
    job = fused.world.merchant.request_activation(fused.contract, segment, PLATFORM, "platform-ads").job.id
    fused.suppress(job, [1, 2], [3])
    fused.wait_sealed(job)
    return job


def test_bulk_bytes_go_as_soon_as_they_are_of_no_use(world: World) -> None:
    fused = fuse(world, agree(world, "bulk"))

    assert rows(world, chunk_values.name, fused.contract.id) == 0
    assert rows(world, pairs.name, fused.contract.id) == 1


def test_opt_outs_go_once_the_audience_is_sealed(world: World) -> None:
    fused = fuse(world, agree(world, "opt-outs"))
    job = sealed_activation(fused, "rich")

    with world.zone._core.reading() as connection:
        bits = connection.execute(select(legs.c.bits).where(legs.c.job == job)).scalars().all()

    assert bits == [b"", b""]


def test_the_end_of_a_contract_erases_everything_but_history(world: World) -> None:
    fused = fuse(world, agree(world, "ending", expires=NOW + DAY))
    job = sealed_activation(fused, "rich")
    world.clock.now = NOW + DAY

    work(world.zone._core)

    for table in (pairs, points_chunks, chunk_values, legs, audience_pages):
        assert rows(world, table.name, fused.contract.id) == 0, table.name
    with world.zone._core.reading() as connection:
        kept = connection.execute(
            select(segment_selections.c.selection).where(segment_selections.c.contract == fused.contract.id)
        ).scalars()
        assert set(kept) == {None}
    ended = world.merchant.job(fused.contract, job)
    assert (ended.state, ended.error_code) == ("failed", "contract")
    assert world.merchant.segment(fused.contract, "rich").state == "expired"
    assert world.zone.audit_verify()[fused.contract.id] > 4
    before = len(world.merchant.entries(fused.contract).entries)
    work(world.zone._core)
    assert len(world.merchant.entries(fused.contract).entries) == before


def test_an_expired_segment_leaves_no_selection(world: World) -> None:
    fused = fuse(world, agree(world, "brief"))
    fused.create("brief", "matched", expires=NOW + DAY)
    fused.ready("brief")
    world.clock.now = NOW + DAY
    assert world.merchant.segment(fused.contract, "brief").state == "expired"

    work(world.zone._core)

    with world.zone._core.reading() as connection:
        kept = connection.execute(
            select(segment_selections.c.selection).where(segment_selections.c.contract == fused.contract.id)
        ).scalars()
        assert list(kept) == [None]
    fused.create("brief", "matched", job="segment-brief-2")


@pytest.mark.parametrize(("days", "kept"), [(4, True), (5, False)])
def test_an_audience_of_an_ended_epoch_is_kept_for_the_agreed_days(world: World, days: int, kept: bool) -> None:
    fused = fuse(world, agree(world, f"fetched-after-{days}", retention_days=5))
    job = sealed_activation(fused, "rich")
    fuse(world, fused.contract, epoch=2)
    world.clock.now = NOW + timedelta(days=days)

    work(world.zone._core)

    if kept:
        assert len(fused.opened(world.platform, job)) > 0
    else:
        with pytest.raises(NotFoundError):
            fused.audience(world.platform, job)
        assert world.merchant.job(fused.contract, job).state == "failed"


def test_an_audience_hands_out_the_recipient_s_handles_alone(world: World) -> None:
    fused = fuse(world, agree(world, "own-handles"))
    job = sealed_activation(fused, "rich")

    handles = np.array(list(fused.opened(world.platform, job)), np.uint32)

    assert np.all(np.diff(handles.astype(np.int64)) > 0)
    assert handles.max() < len(fused.right.rows)
