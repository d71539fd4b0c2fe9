"""Data that changes under rows that stay: what is asked anew, what is charged anew, and what is refused."""

import itertools
import threading
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection

from miyun.aggregates.statements import SegmentVersion
from miyun.contract.model import Contract
from miyun.errors import (
    ContractError,
    MiyunError,
    NotPermittedError,
    ReplayError,
    SignatureError,
    WaitingError,
)
from miyun.segments.algebra import Selection
from miyun.segments.statements import DataRefresh
from miyun.transport.codec import to_wire
from miyun.wire.v1 import segment_pb2
from miyun.zone.operations import evaluation
from miyun.zone.operations.selections import held_selection
from miyun.zone.store.bulk import get_pairs
from miyun.zone.store.segments import StoredSegment
from tests.zone.asking import overlap
from tests.zone.changing import begin
from tests.zone.matching import exchange, request_fusion
from tests.zone.members import MERCHANT, NOW, PLATFORM, TYPES, Member, World
from tests.zone.test_deltas import BUCKET, plain, rows
from tests.zone.test_segments import LEFT, PAIRS, RICH, TAG_GRANTS, TEA, Fused, agree, fuse, in_force

NUMBERS = itertools.count()
SPENDERS, TEA_TAG = "members.spend > 100", "tags.tea"
POOR = [row for row in range(len(LEFT)) if row not in RICH]


@pytest.fixture
def fused(world: World) -> Fused:
    drafted = world.draft(f"refreshed-{next(NUMBERS)}", delta_bucket=BUCKET, legs_per_epoch=4)
    return fuse(world, in_force(world, replace(drafted, grants=(*drafted.grants, *TAG_GRANTS))))


def refresh(fused: Fused, member: Member, number: int, **changes: Any) -> None:
    statement = DataRefresh(
        contract=fused.contract.id,
        contract_digest=fused.contract.digest(),
        epoch=1,
        generation=number,
        party=member.name,
        at=NOW,
    )
    send(member, replace(statement, **changes))


def send(member: Member, statement: DataRefresh) -> None:
    message = segment_pb2.RefreshDataRequest(
        statement=to_wire(statement, segment_pb2.DataRefresh), signature=member.sign(statement)
    )
    receipt = member.segments.RefreshData(message)
    assert receipt.statement.statement_digest == statement.digest()


def asked(fused: Fused, member: Member) -> dict[str, tuple[str, int, int, int]]:
    return {
        task.job: (task.leg.predicate, task.leg.generation, task.leg.first, task.leg.handles)
        for task in member.tasks()
        if task.WhichOneof("work") == "leg" and task.leg.request.contract == fused.contract.id
    }


def selected(fused: Fused, name: str) -> set[tuple[int, int]]:
    """Pairs of rows."""
    with fused.world.zone._core.reading() as connection:
        selection = held_selection(connection, fused.contract, f"segment-{name}", 1)
    assert selection is not None
    numbered = model_numbers(fused)
    return {numbered[number] for number in selection.numbers}


def model_numbers(fused: Fused) -> list[tuple[int, int]]:
    with fused.world.zone._core.reading() as connection:
        left, right = (side.tolist() for side in get_pairs(connection, fused.contract.id, 1))
    row_of_left = {handle: row for row, handle in enumerate(fused.left.handles)}
    row_of_right = {handle: row for row, handle in enumerate(fused.right.handles)}
    return [(row_of_left[one], row_of_right[other]) for one, other in zip(left, right, strict=True)]


def causes(fused: Fused, name: str) -> list[tuple[int, str]]:
    answer = fused.world.merchant.segments.ListVersions(
        segment_pb2.ListVersionsRequest(contract=fused.contract.id, segment=name)
    )
    return [(entry.record.number, entry.record.cause) for entry in answer.versions]


def test_what_derives_from_refreshed_data_is_asked_anew_of_its_owner_alone(fused: Fused) -> None:
    merchant, platform = fused.world.merchant, fused.world.platform
    fused.create("both", f"{SPENDERS} and {TEA_TAG}")
    fused.create("tea", TEA_TAG)
    fused.create("made-of-it", "both or not tea")
    fused.answer_legs()
    for name in ("both", "tea", "made-of-it"):
        fused.ready(name)
    assert selected(fused, "both") == {pair for pair in PAIRS if pair[0] in RICH and pair[1] in TEA}

    refresh(fused, merchant, 1)
    refresh(fused, merchant, 1)

    assert asked(fused, merchant) == {"segment-both": (SPENDERS, 1, 0, len(LEFT))}
    assert asked(fused, platform) == {}
    fused.left.put_leg("segment-both", SPENDERS, POOR, 1)
    for name in ("both", "made-of-it"):
        fused.ready(name)
    both = {pair for pair in PAIRS if pair[0] in POOR and pair[1] in TEA}
    assert selected(fused, "both") == both
    assert selected(fused, "made-of-it") == both | {pair for pair in PAIRS if pair[1] not in TEA}
    assert causes(fused, "both") == [(2, "refreshed"), (1, "created")]
    assert causes(fused, "made-of-it") == [(2, "refreshed"), (1, "created")]
    assert causes(fused, "tea") == [(1, "created")]
    fused.create("later", SPENDERS)
    assert asked(fused, merchant) == {"segment-later": (SPENDERS, 1, 0, len(LEFT))}


def test_sizes_of_other_data_are_other_releases(fused: Fused) -> None:
    merchant = fused.world.merchant
    fused.create("spenders", SPENDERS)
    fused.create("tea", TEA_TAG)
    fused.answer_legs()
    for name in ("spenders", "tea"):
        fused.ready(name)
        merchant.size(fused.contract, name)
    charges = len(merchant.charges(fused.contract).charges)

    refresh(fused, merchant, 1)
    fused.left.put_leg("segment-spenders", SPENDERS, [], 1)
    fused.ready("spenders")

    assert merchant.quote(fused.contract, "spenders")[0] > 0
    assert merchant.size(fused.contract, "spenders").below is not None
    assert merchant.quote(fused.contract, "tea")[0] == 0
    fused.create("tea-again", TEA_TAG)
    fused.answer_legs()
    fused.ready("tea-again")
    assert merchant.quote(fused.contract, "tea-again")[0] == 0
    assert len(merchant.charges(fused.contract).charges) == charges + 1
    versions = merchant.segments.ListVersions(
        segment_pb2.ListVersionsRequest(contract=fused.contract.id, segment="spenders")
    ).versions
    assert [entry.HasField("size") for entry in versions] == [True, True]


def test_overlaps_of_other_data_are_other_releases(fused: Fused) -> None:
    merchant = fused.world.merchant
    fused.create("spenders", SPENDERS)
    fused.create("tea", TEA_TAG)
    fused.answer_legs()
    for name in ("spenders", "tea"):
        fused.ready(name)
    first, tea = SegmentVersion(name="spenders", version=1), SegmentVersion(name="tea", version=1)
    overlap(merchant, fused, first, tea)
    alone = overlap(merchant, fused, tea)
    charges = len(merchant.charges(fused.contract).charges)

    refresh(fused, merchant, 1)
    fused.left.put_leg("segment-spenders", SPENDERS, [], 1)
    fused.ready("spenders")

    overlap(merchant, fused, replace(first, version=2), tea)
    assert len(merchant.charges(fused.contract).charges) == charges + 1
    assert overlap(merchant, fused, tea) == alone
    assert len(merchant.charges(fused.contract).charges) == charges + 1


def test_each_generation_of_a_predicate_counts_against_the_limit(fused: Fused) -> None:
    merchant = fused.world.merchant
    fused.create("spenders", SPENDERS)
    fused.create("eager", "members.opted_in")
    fused.answer_legs()
    for name in ("spenders", "eager"):
        fused.ready(name)
    refresh(fused, merchant, 1)
    fused.create("other-words", f"{SPENDERS} and {TEA_TAG}")

    with pytest.raises(NotPermittedError) as refusal:
        fused.create("one-more", "members.spend > 3")
    assert refusal.value.clause == "legs_per_epoch"
    with pytest.raises(NotPermittedError) as refusal:
        refresh(fused, merchant, 2)
    assert refusal.value.clause == "legs_per_epoch"


def test_bits_of_older_data_are_not_taken_once_newer_are_asked_for(fused: Fused) -> None:
    merchant = fused.world.merchant
    fused.create("spenders", SPENDERS)
    refresh(fused, merchant, 1)

    with pytest.raises(WaitingError):
        fused.left.put_leg("segment-spenders", SPENDERS, RICH)
    with pytest.raises(ReplayError):
        fused.left.put_leg("segment-spenders", SPENDERS, RICH, 2)
    fused.left.put_leg("segment-spenders", SPENDERS, POOR, 1)
    fused.ready("spenders")

    assert selected(fused, "spenders") == {pair for pair in PAIRS if pair[0] in POOR}
    assert causes(fused, "spenders") == [(1, "refreshed")]


def test_what_waits_for_a_version_fails_when_it_is_renewed(fused: Fused) -> None:
    merchant = fused.world.merchant
    fused.create("spenders", SPENDERS)
    fused.create("everybody", "matched")
    fused.answer_legs()
    for name in ("spenders", "everybody"):
        fused.ready(name)
    lost, kept = (
        merchant.request_activation(fused.contract, name, MERCHANT, "member-messages").job.id
        for name in ("spenders", "everybody")
    )

    refresh(fused, merchant, 1)

    failed = merchant.job(fused.contract, lost)
    assert failed.state == "failed"
    assert "refreshed" in failed.error
    fused.suppress(kept, [], [])
    fused.wait_sealed(kept)


def test_data_that_is_refreshed_while_a_segment_is_evaluated_is_asked_anew(
    fused: Fused, monkeypatch: pytest.MonkeyPatch
) -> None:
    merchant, overtaken, select = fused.world.merchant, threading.Event(), evaluation._select

    def overtake(connection: Connection, contract: Contract, segment: StoredSegment) -> Selection:
        selection = select(connection, contract, segment)
        if not overtaken.is_set():
            refresh(fused, merchant, 1)
            overtaken.set()
        return selection

    monkeypatch.setattr(evaluation, "_select", overtake)
    fused.create("spenders", SPENDERS)
    fused.answer_legs()
    assert overtaken.wait(30)

    fused.left.put_leg("segment-spenders", SPENDERS, POOR, 1)
    fused.ready("spenders")

    assert selected(fused, "spenders") == {pair for pair in PAIRS if pair[0] in POOR}
    assert causes(fused, "spenders") == [(1, "refreshed")]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"party": PLATFORM}, SignatureError),
        ({"epoch": 2}, ReplayError),
        ({"generation": 0}, ReplayError),
        ({"contract_digest": bytes(32)}, ContractError),
        ({"contract": "elsewhere"}, MiyunError),
    ],
    ids=["other-party", "other-epoch", "no-newer", "other-terms", "other-contract"],
)
def test_a_refresh_that_is_not_the_owners_next_is_refused(
    fused: Fused, changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        refresh(fused, fused.world.merchant, 1, **changes)
    refresh(fused, fused.world.merchant, 1)
    with pytest.raises(ReplayError):
        refresh(fused, fused.world.merchant, 1, at=fused.contract.starts)


def test_an_epoch_that_can_not_change_keeps_what_was_said(world: World) -> None:
    fused = fuse(world, agree(world, "as-it-is"))
    with pytest.raises(NotPermittedError) as refusal:
        refresh(fused, world.merchant, 1)
    assert refusal.value.clause == "delta_bucket"


def test_no_refresh_while_a_fusion_is_under_way_and_a_new_epoch_begins_at_first(fused: Fused) -> None:
    merchant = fused.world.merchant
    fused.create("spenders", SPENDERS)
    refresh(fused, merchant, 1)
    fused.left.put_leg("segment-spenders", SPENDERS, POOR, 1)
    request = request_fusion(merchant, fused.contract, 2)
    with pytest.raises(WaitingError, match="not finished"):
        refresh(fused, merchant, 2)

    exchange(*(replace(side, request=request, seed=2) for side in (fused.left, fused.right)))

    assert fused.world.finished(fused.contract, request.job).state == "done"
    assert asked(fused, merchant) == {"segment-spenders": (SPENDERS, 0, 0, len(LEFT))}
    with pytest.raises(ReplayError):
        refresh(fused, merchant, 2)


def test_a_delta_can_bring_new_data_of_all_rows(world: World) -> None:
    contract = agree(world, "delta-refreshes", delta_bucket=BUCKET, legs_per_epoch=2)
    changing = begin(world, contract, rows(30, 0), rows(30, 15))
    fused = Fused(world, contract, *changing.sides(changing.request(MERCHANT), 0, dict.fromkeys(TYPES, ())))
    changing.sequence = 0
    fused.create("spenders", SPENDERS)
    before = changing.parties[MERCHANT].handles

    request = changing.request(MERCHANT, generation=1)
    handles, points, bindings = plain(changing, MERCHANT)
    changing.begin(request)
    own, other = changing.sides(request, handles, points)
    changing.put(own, request, bindings)
    exchange(own, other)
    assert world.finished(contract, request.job).state == "done"

    assert asked(fused, world.merchant) == {"segment-spenders": (SPENDERS, 1, 0, before + BUCKET)}
    with pytest.raises(ReplayError, match="older"):
        changing.begin(changing.request(MERCHANT, generation=0))
    changing.sequence -= 1
    with pytest.raises(NotPermittedError) as refusal:
        changing.begin(changing.request(MERCHANT, generation=2))
    assert refusal.value.clause == "legs_per_epoch"
