"""A party's part in a fusion, with a zone in memory: results, restarts, hostile zones."""

from collections.abc import Callable
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from pyroaring import BitMap

from miyun.contract.statements import Revocation
from miyun.errors import (
    CapExceededError,
    ContractError,
    MalformedError,
    MiyunError,
    NotPermittedError,
    ReplayError,
    SignatureError,
)
from miyun.party.fusion_states import FusionState
from miyun.party.guard import Guard
from miyun.party.progress import Phase, Progress, ignore
from miyun.party.tasks.fuse import end_fusion, fuse
from miyun.party.tasks.leg import leg
from miyun.party.tasks.outcome import Outcome
from miyun.psi.statements import Announcement, PointsChunk
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import agent_pb2, fusion_pb2, segment_pb2
from tests.party.segments import segment_request
from tests.party.world import MERCHANT, NOW, PLATFORM, Killed, World

PARTIES = (MERCHANT, PLATFORM)


def step(world: World, name: str, task: Any, on_event: Callable[[Any], None] = ignore) -> Outcome:
    session = world.session(name)
    return fuse(session, Guard(session).fuse(task), Event(), on_event)


def run(world: World, task: Any) -> None:
    """Both agents by turns until both are done."""
    done: set[str] = set()
    for _ in range(20):
        for name in PARTIES:
            if name not in done and step(world, name, task) is Outcome.DONE:
                done.add(name)
    assert done == set(PARTIES)


def test_both_types_match_the_same_people(world: World) -> None:
    run(world, world.begin())
    assert world.zone.machine.complete
    assert (world.zone.joined("phone"), world.zone.joined("email")) == (7, 7)


def test_everything_that_the_exchange_needed_is_erased(world: World) -> None:
    run(world, world.begin())
    for name in PARTIES:
        session = world.session(name)
        assert not [name for name in session.home.vault.names() if name.startswith("blinding/")]
        assert session.evaluations.unacknowledged("spring", "fuse-1") == ()
        with session.rosters.open("spring", 1) as roster, pytest.raises(MiyunError, match="forgotten"):
            roster.chunk("phone", 0)


def test_scalars_are_in_the_vault_only_while_it_runs_and_one_for_each_type(world: World) -> None:
    task = world.begin()
    assert step(world, MERCHANT, task) is Outcome.IDLE
    held = [name for name in world.merchant.vault.names() if name.startswith("blinding/")]
    assert sorted(held) == [f"blinding/spring/{PLATFORM}/1/email", f"blinding/spring/{PLATFORM}/1/phone"]
    assert len({world.merchant.vault.get(name) for name in held}) == 2


def test_progress_is_told_in_points(world: World) -> None:
    task, told = world.begin(), []
    step(world, PLATFORM, task)
    step(world, MERCHANT, task, told.append)
    step(world, PLATFORM, task)
    step(world, MERCHANT, task, told.append)
    exchanged = [event for event in told if isinstance(event, Progress) and event.phase is Phase.EXCHANGE]
    assert {event.total for event in exchanged} == {40}
    assert [event.done for event in exchanged] == sorted(event.done for event in exchanged)
    assert max(event.done for event in told if isinstance(event, Progress)) == 40


@pytest.mark.parametrize(
    ("victim", "method", "moment"),
    [
        (MERCHANT, "Announce", "before"),
        (MERCHANT, "Announce", "after"),
        (MERCHANT, "PutPoints", "before"),
        (MERCHANT, "PutPoints", "after"),
        (PLATFORM, "PutTokens", "before"),
        (PLATFORM, "PutTokens", "after"),
        (MERCHANT, "GetPoints", "after"),
    ],
)
def test_a_process_that_dies_goes_on_where_it_was(world: World, victim: str, method: str, moment: str) -> None:
    task, deaths = world.begin(), []

    def die(caller: str, called: str, message: Any) -> None:
        if (caller, called) == (victim, method) and not deaths:
            deaths.append(caller)
            raise Killed

    setattr(world.zone, moment, die)
    done: set[str] = set()
    for _ in range(20):
        for name in PARTIES:
            if name in done:
                continue
            try:
                if step(world, name, task) is Outcome.DONE:
                    done.add(name)
            except Killed:
                world.restart(name)
    assert deaths
    assert done == set(PARTIES)
    assert (world.zone.joined("phone"), world.zone.joined("email")) == (7, 7)
    other = MERCHANT if victim == PLATFORM else PLATFORM
    assert world.session(victim).evaluations.counts("spring", other) == {"phone": 10, "email": 10}
    sent = world.zone.sent(victim, "PutPoints")
    assert len(set(sent)) == 2, "a chunk is sent again byte for byte, or not at all"
    assert len(sent) == (3 if method == "PutPoints" else 2)


def test_an_acknowledged_chunk_is_not_sent_again(world: World) -> None:
    task = world.begin()
    step(world, PLATFORM, task)
    step(world, MERCHANT, task)
    world.restart(MERCHANT)
    before = len(world.zone.sent(MERCHANT, "PutPoints"))
    run(world, task)
    assert before == len(world.zone.sent(MERCHANT, "PutPoints")) == 2


def test_a_request_that_was_finished_is_confirmed_and_not_done_again(world: World) -> None:
    task = world.begin()
    run(world, task)
    calls = len(world.zone.calls)
    assert step(world, MERCHANT, task) is Outcome.DONE
    assert [method for _, method, _ in world.zone.calls[calls:]] == ["GetProgress"]


def test_a_zone_that_lost_a_finished_fusion_is_told_so(world: World) -> None:
    task = world.begin()
    run(world, task)
    world.zone.chunks.clear()
    with pytest.raises(MiyunError, match="lost chunks"):
        step(world, MERCHANT, task)


def test_the_next_epoch_has_other_points_and_scalars(world: World) -> None:
    run(world, world.begin())
    first = {from_wire(chunk.points, PointsChunk).sealed_digest for chunk in world.zone.chunks.values()}
    tokens = set(world.zone.tokens.values())
    run(world, world.begin(job="fuse-2", epoch=2))
    assert (world.zone.joined("phone"), world.zone.joined("email")) == (7, 7)
    assert not first & {from_wire(chunk.points, PointsChunk).sealed_digest for chunk in world.zone.chunks.values()}
    assert not tokens & set(world.zone.tokens.values())
    assert world.session(MERCHANT).evaluations.counts("spring", PLATFORM) == {"phone": 20, "email": 20}


def test_a_newer_request_gives_up_the_one_under_way(world: World) -> None:
    step(world, MERCHANT, world.begin())
    run(world, world.begin(job="fuse-2"))
    assert (world.zone.joined("phone"), world.zone.joined("email")) == (7, 7)


def test_the_lifetime_cap_stops_a_second_epoch_before_anything_is_evaluated(make_world: Any) -> None:
    world = make_world(phone_cap=15)
    run(world, world.begin())
    task = world.begin(job="fuse-2", epoch=2)
    step(world, PLATFORM, task)
    with pytest.raises(CapExceededError) as refused:
        step(world, MERCHANT, task)
    assert refused.value.clause == "identifiers[0].evaluation_cap"
    assert world.session(MERCHANT).evaluations.counts("spring", PLATFORM) == {"phone": 10, "email": 10}


def announce_as_platform(world: World, sign: Callable[[Announcement], bytes]) -> Any:
    """The zone makes up the platform's announcement, one point of each type."""
    own, _ = world.zone.announcements[MERCHANT]
    made_up = replace(own, party=PLATFORM)
    return fusion_pb2.GetAnnouncementResponse(
        statement=to_wire(made_up, fusion_pb2.Announcement), signature=sign(made_up)
    )


def test_the_zone_can_not_announce_for_the_counterparty(world: World) -> None:
    task = world.begin()

    def pose(caller: str, method: str, answer: Any) -> Any:
        return announce_as_platform(world, world.zone.key.sign) if method == "GetAnnouncement" else answer

    world.zone.change = pose
    with pytest.raises(SignatureError):
        step(world, MERCHANT, task)
    assert not world.zone.sent(MERCHANT, "PutPoints")


def test_the_zone_can_not_have_points_of_its_own_evaluated(world: World) -> None:
    """It takes the platform's genuine announcement, and puts its own guesses in the place of the platform's points."""
    task = world.begin()
    step(world, PLATFORM, task)

    def pose(caller: str, method: str, answer: Any) -> Any:
        if (caller, method) != (MERCHANT, "GetPoints"):
            return answer
        own = world.zone.chunks[MERCHANT, "phone", 0]
        guess = replace(from_wire(own.points, PointsChunk), sender=PLATFORM, receiver=MERCHANT)
        return fusion_pb2.GetPointsResponse(
            points=to_wire(guess, fusion_pb2.PointsChunk),
            points_signature=world.zone.key.sign(guess),
            sealed=own.sealed,
        )

    world.zone.change = pose
    with pytest.raises(SignatureError):
        step(world, MERCHANT, task)
    assert world.session(MERCHANT).evaluations.counts("spring", PLATFORM) == {}
    assert not world.zone.sent(MERCHANT, "PutTokens")


def test_a_chunk_that_is_reflected_is_refused(world: World) -> None:
    task = world.begin()
    step(world, PLATFORM, task)

    def reflect(caller: str, method: str, answer: Any) -> Any:
        if (caller, method) != (MERCHANT, "GetPoints"):
            return answer
        own = world.zone.chunks[MERCHANT, "phone", 0]
        return fusion_pb2.GetPointsResponse(points=own.points, points_signature=own.points_signature, sealed=own.sealed)

    world.zone.change = reflect
    with pytest.raises(MalformedError):
        step(world, MERCHANT, task)
    assert world.session(MERCHANT).evaluations.counts("spring", PLATFORM) == {}


@pytest.mark.parametrize("place", ["sealed", "signature"])
def test_a_chunk_that_was_changed_on_the_way_is_refused(world: World, place: str) -> None:
    task = world.begin()
    step(world, PLATFORM, task)
    step(world, MERCHANT, task)

    def change(caller: str, method: str, answer: Any) -> Any:
        if (caller, method) == (PLATFORM, "GetPoints"):
            if place == "sealed":
                answer.sealed = answer.sealed[:-1] + bytes([answer.sealed[-1] ^ 1])
            else:
                answer.points_signature = bytes(64)
        return answer

    world.zone.change = change
    with pytest.raises((MalformedError, SignatureError)):
        step(world, PLATFORM, task)
    assert world.session(PLATFORM).evaluations.counts("spring", MERCHANT) == {}


def test_a_receipt_for_something_else_is_refused(world: World) -> None:
    task = world.begin()
    other = world.fuse_request(job="another")[0]

    def change(caller: str, method: str, answer: Any) -> Any:
        return world.zone.receipt(other, "another") if method == "Announce" else answer

    world.zone.change = change
    with pytest.raises(ReplayError):
        step(world, MERCHANT, task)


def test_a_receipt_by_another_key_is_refused(world: World) -> None:
    task = world.begin()

    def change(caller: str, method: str, answer: Any) -> Any:
        if method == "Announce":
            answer.signature = bytes(64)
        return answer

    world.zone.change = change
    with pytest.raises(SignatureError):
        step(world, MERCHANT, task)


def answer(world: World, predicate: str, *, epoch: int) -> None:
    """Give the zone the merchant's bits of a signed segment."""
    session = world.session(MERCHANT)
    job = f"segment-{len(world.zone.legs)}"
    request = segment_request(world, job=job, name=job, definition=predicate)
    task = agent_pb2.LegTask(
        request=to_wire(request, segment_pb2.SegmentRequest),
        signature=world.merchant.signing_key.sign(request),
        epoch=epoch,
        predicate=predicate,
        handles=session.fusions.handles(world.contract.id, epoch),
    )
    leg(session, Guard(session).leg(task))


def test_an_epoch_that_was_given_up_gives_the_zone_no_more_predicates(make_world: Any) -> None:
    """The zone names the newest epoch, so it can have a far one requested, and let that fail."""
    world = make_world(legs_per_epoch=1)
    run(world, world.begin())
    answer(world, "members.spend > 1", epoch=1)
    step(world, MERCHANT, world.begin(job="fuse-far", epoch=5))
    session = world.session(MERCHANT)
    end_fusion(session, world.contract, session.fusions.exchanging()[0], FusionState.ABANDONED)
    with pytest.raises(NotPermittedError, match="predicate 2"):
        answer(world, "members.spend > 2", epoch=1)


@pytest.mark.parametrize(("first", "second"), [("fuse-a", "fuse-b"), ("fuse-b", "fuse-a")])
def test_an_epoch_that_is_fused_again_has_the_handles_of_the_last_time(world: World, first: str, second: str) -> None:
    """One party can have finished when the other refuses, or the zone be restored: the epoch comes again."""
    run(world, world.begin(job=first))
    answer(world, "members.spend > 4", epoch=1)
    run(world, world.begin(job=second))
    answer(world, "members.spend > 4", epoch=1)
    session = world.session(MERCHANT)
    fusion = session.fusions.finished("spring", 1)
    assert fusion is not None
    assert fusion.job == second
    with session.rosters.open("spring", 1) as roster:
        handles = BitMap.deserialize(world.zone.legs[-1].bits)
        assert {member for batch in roster.member_ids(handles) for member in batch} == {f"m{n}" for n in range(5, 10)}


def test_what_a_build_left_when_its_process_died_is_deleted(world: World) -> None:
    session = world.session(MERCHANT)
    left = session.rosters.path("spring", 1, "fuse-dead").with_suffix(".duckdb.building")
    left.mkdir()
    (left / "staging.duckdb").write_bytes(b"13800000001")
    run(world, world.begin())
    assert not left.exists()
    session.rosters.open("spring", 1).close()


def test_a_contract_that_this_party_revokes_ends_the_fusion_under_way(world: World) -> None:
    """Whatever the zone says: a revocation works in this home, between two chunks."""
    task, session = world.begin(), world.session(MERCHANT)
    step(world, MERCHANT, task)
    step(world, PLATFORM, task)

    def revoke(caller: str, method: str, message: Any) -> None:
        if (caller, method) == (MERCHANT, "PutTokens"):
            revocation = Revocation(
                contract="spring", contract_digest=world.contract.digest(), party=MERCHANT, reason="enough", at=NOW
            )
            session.accepted.revoke(revocation, session.sign(revocation))

    world.zone.after = revoke
    with pytest.raises(ContractError, match="revoked"):
        step(world, MERCHANT, task)
    assert session.evaluations.counts("spring", PLATFORM) == {"phone": 10}
