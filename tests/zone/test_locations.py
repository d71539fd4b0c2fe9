"""Conditions by distance at the zone: its own check of grants and radius, and definitions with very many points."""

from collections.abc import Iterator

import pytest

from miyun.errors import NotPermittedError
from miyun.segments.builders import tags
from miyun.segments.near import MOST_POINTS
from miyun.wire.v1 import segment_pb2
from miyun.zone.operations import fitting
from tests.zone.members import World
from tests.zone.test_segments import Fused, fuse, in_force

SHOPS = [(30 + number / 10_000, 120.12345) for number in range(MOST_POINTS)]
HOME = tags.home.within("500m", SHOPS).text()


def located(world: World, id_: str) -> Fused:
    return fuse(world, in_force(world, world.draft(id_, locations=("tags.home", "tags.work"))))


def answer_legs(fused: Fused) -> Iterator[list[str]]:
    """The predicates that the platform is asked for, an answer of the zone at a time; each is answered."""
    while tasks := fused.world.platform.tasks():
        yield [task.leg.predicate for task in tasks]
        for task in tasks:
            fused.right.put_leg(task.job, task.leg.predicate, [])


def test_the_zone_holds_grants_and_the_least_radius_itself(world: World) -> None:
    fused = located(world, "near-shops")
    with pytest.raises(NotPermittedError, match=r"no use of tags\.home") as refused:
        fused.create("known", "tags.home is known")
    assert refused.value.clause == "grants"
    with pytest.raises(NotPermittedError, match="at least 500 m") as refused:
        fused.create("too-near", "matched and not tags.home within '499m' of ((30, 120))")
    assert refused.value.clause == "location_radius_min"
    fused.create("near", HOME)
    assert list(answer_legs(fused)) == [[HOME]]
    with pytest.raises(NotPermittedError, match=r"no use of tags\.office\.location"):
        fused.create("elsewhere", "tags.office within '1km' of ((30, 120))")


def test_long_definitions_come_in_as_many_answers_as_they_need(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fused = located(world, "many-shops")
    for number in range(5):
        fused.create(f"near-{number}", f"{HOME} or tags.work within '{500 + number}m' of ((30, 120))")
    monkeypatch.setattr(fitting, "LARGEST_ANSWER_BYTES", 3 * len(HOME))

    pages: list[list[str]] = []
    while not pages or pages[-1]:
        request = segment_pb2.ListSegmentsRequest(
            contract=fused.contract.id, limit=100, after=pages[-1][-1] if pages else ""
        )
        pages.append([segment.name for segment in world.merchant.segments.ListSegments(request).segments])
    assert pages == [["near-0", "near-1"], ["near-2", "near-3"], ["near-4"], []]

    assert [len(predicates) for predicates in answer_legs(fused)] == [1] * 5
