"""Changes of an epoch at the zone: what is matched after them, what fails, and what is renewed."""

import hashlib
import random
from dataclasses import replace

import pytest
from pyroaring import BitMap

from miyun.audit.statements import Receipt
from miyun.contract.model import Contract
from miyun.errors import (
    ContractError,
    MalformedError,
    MiyunError,
    NotFoundError,
    ReplayError,
    SignatureError,
    StateError,
)
from miyun.psi.rematch import NONE
from miyun.psi.statements import PointsChunk
from miyun.segments.statements import LegUpload
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import fusion_pb2, segment_pb2
from miyun.zone.operations.selections import held_selection
from miyun.zone.store.bulk import PAIRS, get_live, get_pairs, rows_of
from tests.zone.changing import Bindings, Changing, Points, begin, drawn
from tests.zone.matching import exchange
from tests.zone.members import MERCHANT, PLATFORM, TYPES, World

BUCKET = 2


def rows(count: int, first: int) -> list[dict[str, str]]:
    return [{type_: f"{type_}-{number}" for type_ in TYPES} for number in range(first, first + count)]


def started(world: World, id_: str) -> Changing:
    contract = world.agree(id_, delta_bucket=BUCKET)
    for party in world.parties:
        party.lease(contract, 1, contract.budget.lease_rho_micro)
    return begin(world, contract, rows(30, 0), rows(30, 15))


def live_pairs(changing: Changing) -> set[tuple[int, int]]:
    contract = changing.contract.id
    with changing.world.zone._core.reading() as connection:
        left, right = (side.tolist() for side in get_pairs(connection, contract, 1))
        live = get_live(connection, contract, 1, PAIRS)
    indices = range(len(left)) if live is None else live
    return {(left[index], right[index]) for index in indices}


def live_rows(changing: Changing, side: int) -> BitMap | None:
    with changing.world.zone._core.reading() as connection:
        return get_live(connection, changing.contract.id, 1, rows_of(side))


def plain(changing: Changing, requester: str) -> tuple[int, Points, Bindings]:
    """The least change that there is: new rows, and rows that go."""
    party = changing.parties[requester]
    first, at = party.handles, changing.sequence * BUCKET
    points = {type_: [(f"{type_}-new-{first + i}", first + i) for i in range(BUCKET)] for type_ in TYPES}
    return BUCKET, points, {type_: {at + i: NONE for i in range(BUCKET)} for type_ in TYPES}


@pytest.mark.parametrize("seed", range(3))
def test_any_sequence_of_changes_matches_as_a_fusion_of_what_is_live(world: World, seed: int) -> None:
    changing = started(world, f"random-changes-{seed}")
    chance = random.Random(seed)
    assert live_pairs(changing) == changing.model()

    for _ in range(6):
        requester = chance.choice((MERCHANT, PLATFORM))
        assert changing.change(requester, *drawn(changing, requester, chance, BUCKET)) == "done"

        assert live_pairs(changing) == changing.model()
        for side, party in enumerate(changing.parties.values()):
            bound = {handle for type_ in TYPES for handle in party.bound[type_].values()} - {NONE}
            live = live_rows(changing, side)
            assert live is None or set(live) == bound


def test_a_row_that_comes_back_takes_its_old_place(world: World) -> None:
    changing = started(world, "comes-back")
    party = changing.parties[MERCHANT]
    positions = {type_: party.values[type_].index(f"{type_}-20") for type_ in TYPES}
    handle = party.bound["phone"][positions["phone"]]
    before = live_pairs(changing)
    bucket, points, _ = plain(changing, MERCHANT)
    other = {type_: party.values[type_].index(f"{type_}-0") for type_ in TYPES}
    gone = {type_: {positions[type_]: NONE, other[type_]: NONE} for type_ in TYPES}
    assert changing.change(MERCHANT, bucket, points, gone) == "done"
    assert handle not in {pair[0] for pair in live_pairs(changing)}

    elsewhere = party.bound["phone"][other["phone"]]
    assert elsewhere == NONE
    back = {type_: {positions[type_]: handle, other[type_]: NONE} for type_ in TYPES}
    bucket, points, _ = plain(changing, MERCHANT)
    assert changing.change(MERCHANT, bucket, points, back) == "done"

    assert live_pairs(changing) == before


@pytest.mark.parametrize(
    "fault",
    ["token-twice", "handle-twice", "unknown-position", "unknown-handle"],
)
def test_a_change_that_can_not_be_bound_leaves_the_epoch_as_it_was(world: World, fault: str) -> None:
    changing = started(world, f"bad-{fault}")
    before = live_pairs(changing)
    handles, points, bindings = plain(changing, MERCHANT)
    points, bindings = dict(points), {type_: dict(part) for type_, part in bindings.items()}
    party = changing.parties[MERCHANT]
    match fault:
        case "token-twice":
            points["email"] = [("email-3", party.handles), ("email-fresh", party.handles + 1)]
        case "handle-twice":
            kept = party.bound["phone"][10]
            points["phone"] = [("phone-x", kept), ("phone-y", party.handles)]
        case "unknown-position":
            bindings["phone"] = {1: NONE, 30: NONE}
        case "unknown-handle":
            bindings["phone"] = {1: NONE, 2: party.handles + handles}

    assert changing.change(MERCHANT, handles, points, bindings) == "failed"

    assert live_pairs(changing) == before
    assert live_rows(changing, 0) is None
    assert changing.change(MERCHANT, *plain(changing, MERCHANT)) == "done"
    assert live_pairs(changing) == changing.model()


def test_what_is_no_next_change_is_refused(world: World) -> None:
    changing = started(world, "not-next")
    for changes in ({"sequence": 2}, {"epoch": 2, "sequence": 1}, {"epoch": 2, "sequence": 2}):
        request = replace(changing.request(MERCHANT), **changes)  # type: ignore[arg-type]
        with pytest.raises(StateError):
            changing.begin(request)
    contract: Contract = world.agree("no-deltas")
    fixed = Changing(world, contract, changing.parties)
    with pytest.raises(ContractError) as refused:
        fixed.begin(fixed.request(MERCHANT))
    assert refused.value.clause == "delta_bucket"


def test_numbers_that_are_not_padded_and_rows_of_the_other_party_are_refused(world: World) -> None:
    changing = started(world, "unpadded")
    request = changing.request(MERCHANT)
    changing.begin(request)
    handles, points, bindings = plain(changing, MERCHANT)
    for unpadded in (1, 0):
        own, _ = changing.sides(request, unpadded, points)
        with pytest.raises(MalformedError, match="not padded"):
            own.announce()
    own, other = changing.sides(request, handles, points)
    _, strange = changing.sides(request, handles, points)
    strange.rows = [{}, {}]
    with pytest.raises(MalformedError, match="did not ask"):
        strange.announce()
    with pytest.raises(MalformedError, match="not padded"):
        changing.put(own, request, {**bindings, "email": {1: NONE}})
    changing.put(own, request, bindings)
    changing.put(own, request, bindings)
    with pytest.raises(ReplayError, match="differs"):
        changing.put(own, request, {**bindings, "email": {5: NONE, 6: NONE}})
    exchange(own, other)
    assert world.finished(changing.contract, request.job).state == "done"


def test_what_comes_at_once_is_taken_as_a_whole_or_not_at_all(world: World) -> None:
    changing = started(world, "at-once")
    request = changing.request(MERCHANT)
    changing.begin(request)
    handles, points, bindings = plain(changing, MERCHANT)
    own, other = changing.sides(request, handles, points)
    chunks = [own.put_points_message(type_, 0) for type_ in TYPES]
    asked = fusion_pb2.GetAnnouncementRequest(contract=changing.contract.id, job=request.job, party=MERCHANT)
    entries = len(world.merchant.entries(changing.contract).entries)
    unsigned, moved = (own.put_points_message("email", 0) for _ in range(2))
    unsigned.points_signature = bytes(64)
    moved.handles.index = 1
    for bad in (unsigned, moved, other.put_points_message("phone", 0)):
        with pytest.raises(MiyunError):
            changing.put(own, request, bindings, [chunks[0], bad])
    assert len(world.merchant.entries(changing.contract).entries) == entries

    answers = [changing.put(own, request, bindings, chunks) for _ in range(2)]

    digests = [
        [from_wire(receipt.statement, Receipt).statement_digest for receipt in answer.receipts] for answer in answers
    ]
    assert digests[0] == digests[1]
    assert digests[0][2:] == [own.points(type_, 0).digest() for type_ in TYPES]
    brought = other.member.fusions.GetAnnouncement(asked).points
    assert [from_wire(one.points, PointsChunk) for one in brought] == [own.points(type_, 0) for type_ in TYPES]
    assert [one.sealed for one in brought] == [own.sealed(type_, 0) for type_ in TYPES]
    assert not own.member.fusions.GetAnnouncement(asked).points
    other.fetch_and_put_tokens(own, TYPES[0], 0)
    assert len(other.member.fusions.GetAnnouncement(asked).points) == len(TYPES) - 1
    assert world.merchant.job(changing.contract, request.job).waiting_for == (PLATFORM,)
    for type_ in TYPES[1:]:
        other.fetch_and_put_tokens(own, type_, 0)
    other.announce()
    assert world.finished(changing.contract, request.job).state == "done"


def test_rebinds_of_another_party_or_of_a_fusion_are_refused(world: World) -> None:
    changing = started(world, "strange-rebinds")
    request = changing.request(MERCHANT)
    changing.begin(request)
    handles, points, bindings = plain(changing, MERCHANT)
    own, other = changing.sides(request, handles, points)
    with pytest.raises(MalformedError, match="asked for no delta"):
        changing.put(other, replace(request, requester=PLATFORM), bindings)
    of_fusion = fusion_pb2.PutDeltaRequest(
        announcement=own.announcement_message(), rebinds=changing.rebinds(replace(request, job="fuse-1"), bindings)
    )
    with pytest.raises(ReplayError):
        world.merchant.fusions.PutDelta(of_fusion)
    with pytest.raises(SignatureError):
        world.platform.fusions.PutDelta(of_fusion)
    with pytest.raises(NotFoundError):
        world.stranger.fusions.PutDelta(of_fusion)


def test_segments_are_renewed_and_only_new_rows_are_asked_for(world: World) -> None:
    changing = started(world, "renewed")
    contract = changing.contract
    job = world.merchant.create_segment(contract, "rich", "members.spend > 100").job.id
    before = changing.parties[MERCHANT].handles
    put_leg(changing, job, 0, before, BitMap(range(before)))
    assert world.finished(contract, job).state == "done"

    assert changing.change(MERCHANT, *plain(changing, MERCHANT)) == "done"

    (task,) = [task for task in world.merchant.tasks() if task.job == job]
    assert (task.leg.first, task.leg.handles) == (before, before + BUCKET)
    with pytest.raises(MalformedError, match="not asked for"):
        put_leg(changing, job, before, before + BUCKET, BitMap([before - 1]))
    put_leg(changing, job, before, before + BUCKET, BitMap([before]))
    assert world.finished(contract, job).state == "done"
    segment = world.merchant.segment(contract, "rich")
    assert (segment.version, segment.state, segment.epoch) == (2, "ready", 1)
    versions = world.merchant.segments.ListVersions(
        segment_pb2.ListVersionsRequest(contract=contract.id, segment="rich")
    ).versions
    assert [(entry.record.number, entry.record.cause) for entry in versions] == [(2, "changed"), (1, "created")]
    reached = {pair for pair in live_pairs(changing) if pair[0] <= before}
    assert size(changing, job) == len(reached)

    assert changing.change(PLATFORM, *plain(changing, PLATFORM)) == "done"

    assert world.finished(contract, job).state == "done"
    assert world.merchant.segment(contract, "rich").version == 3
    assert size(changing, job) == len({pair for pair in changing.model() if pair[0] <= before})


def size(changing: Changing, job: str) -> int:
    with changing.world.zone._core.reading() as connection:
        selection = held_selection(connection, changing.contract, job, 1)
    assert selection is not None
    return len(selection.numbers)


def put_leg(changing: Changing, job: str, first: int, handles: int, chosen: BitMap) -> None:
    bits = chosen.serialize()
    statement = LegUpload(
        contract=changing.contract.id,
        job=job,
        epoch=1,
        generation=0,
        party=MERCHANT,
        predicate="members.spend > 100",
        first=first,
        handles=handles,
        bits_digest=hashlib.sha256(bits).digest(),
    )
    member = changing.world.merchant
    member.segments.PutLeg(
        segment_pb2.PutLegRequest(
            statement=to_wire(statement, segment_pb2.LegUpload), signature=member.sign(statement), bits=bits
        )
    )
