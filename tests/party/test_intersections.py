"""An intersection at both parties: what is brought, deaths anywhere, the cap, charges, and a zone or peer that cheats.

Named invariants:
    same-answer   whoever dies wherever, the sums and the size are those of a join in the clear
    once          a place has one content, whoever asks for it again; points count once; noise is drawn once
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from miyun.contract.draft import DEFAULT_BUDGET
from miyun.errors import NotPermittedError, TransportError
from miyun.keys.sealing import SealingPublicKey
from miyun.party.guard import Guard
from miyun.party.intersection_states import IntersectionState
from miyun.party.leases import Leases
from miyun.party.progress import ignore
from miyun.party.tasks.intersect import end_intersection
from miyun.party.tasks.outcome import Outcome
from miyun.party.upkeep import Upkeep
from miyun.psi.intersection_sum import schedule
from miyun.psi.intersection_sum.context import IntersectionContext
from miyun.psi.intersection_sum.statements import IntersectionChunk, IntersectionOpening, IntersectionRequest
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import two_party_pb2 as wire
from tests.party.insight_world import MUCH
from tests.party.intersection_world import (
    BOTH_WAYS,
    Agents,
    IntersectionZone,
    intersect_task,
    intersection_request,
    with_keys,
    zone_of,
)
from tests.party.world import MERCHANT, PLATFORM, Killed, World, row, write_members

SETTINGS = "[privacy]\ntotal_rho_micro = 1000000000000000\n"
SHARED = range(3, 10)
"""Members 0 to 9 and users 3 to 12."""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "CHUNK_ROWS", 7)


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make(make_world)


def make(make_world: Callable[..., World], **choices: Any) -> World:
    budget = replace(DEFAULT_BUDGET, rho_micro=100 * MUCH, lease_rho_micro=50 * MUCH)
    world = with_keys(make_world(zone=IntersectionZone, grants=BOTH_WAYS, bucket=4, budget=budget, **choices))
    write_members(world.merchant.path, [row(number) for number in range(10)], extra=SETTINGS)
    write_members(world.platform.path, [row(number, id=f"u{number}") for number in range(3, 13)], extra=SETTINGS)
    return world


def begin(world: World, **changes: Any) -> Agents:
    request = intersection_request(world, **changes)
    lease(world)
    zone_of(world).charge_both_for(request)
    return Agents(world, intersect_task(world, request))


def test_a_restored_database_draws_nothing_again(world: World) -> None:
    agents = begin(world)
    database = world.platform.path / "party.sqlite"
    agents.play(until=lambda: ("rows", 0) in zone_of(world).letters)
    world.session(PLATFORM).close()
    before = database.read_bytes()
    agents.restart(PLATFORM)
    agents.play()
    check(agents, list(SHARED))

    world.session(PLATFORM).close()
    for file in world.platform.path.glob("party.sqlite-*"):
        file.unlink()
    database.write_bytes(before)
    agents.restart(PLATFORM)
    agents.go_on(PLATFORM)
    assert (zone_of(world).refusals[0].party, zone_of(world).refusals[0].code) == (PLATFORM, "state")


def lease(world: World) -> None:
    for name in (MERCHANT, PLATFORM):
        Leases(world.session(name), world.contract, ignore).settle()


def check(agents: Agents, people: list[int]) -> None:
    """The two of `same-answer`; SPEND clips at 6."""
    assert zone_of(agents.world).refusals == []
    (total,) = agents.learned(MERCHANT).totals
    assert (total.total, total.known) == (sum(min(n, 6) for n in people), len(people))
    size = agents.learned(PLATFORM).size
    assert size is not None
    assert size.size == len(people)


def counted(world: World, name: str, type_: str = "phone") -> int:
    other = world.contract.counterparty(name).name
    return world.session(name).evaluations.counts("spring", other).get(type_, 0)


def test_sums_and_size_are_those_of_a_join_in_the_clear(world: World) -> None:
    agents = begin(world)
    agents.play()
    check(agents, list(SHARED))
    assert counted(world, MERCHANT) == counted(world, PLATFORM) == 14  # 10 rows, padded to 12, and 2 dummies
    assert {end.party for end in zone_of(world).ends} == {MERCHANT, PLATFORM}
    for name in (MERCHANT, PLATFORM):
        session = world.session(name)
        assert not [secret for secret in session.home.vault.names() if secret.startswith("intersection/")]
        assert list((session.home.path / "intersections").iterdir()) == []


def test_how_many_points_are_sent_does_not_depend_on_the_predicate(world: World) -> None:
    agents = begin(world, matcher_rows="", holder_rows="members.spend > 6", type="email")
    agents.play()
    check(agents, [7, 8, 9])
    assert {message.statement.rows for message in zone_of(world).openings.values()} == {14}


def test_a_party_with_no_row_left_brings_padding(world: World) -> None:
    agents = begin(world, holder_rows="members.spend > 99")
    agents.play()
    check(agents, [])


def test_rows_without_consent_or_with_a_shared_value_are_not_brought(make_world: Callable[..., World]) -> None:
    world = make(make_world)
    rows = [row(number) for number in range(10)]
    rows[4]["phone"] = rows[3]["phone"]
    rows[5]["phone"] = ""
    write_members(world.merchant.path, rows, extra=SETTINGS)
    agents = begin(world)
    agents.play()
    check(agents, [3, 6, 7, 8, 9])


class Reaper:
    """Kills the caller at each call that it sees for the first time."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str, bytes]] = set()

    def __call__(self, caller: str, method: str, message: Any) -> None:
        call = caller, method, message.SerializeToString(deterministic=True)
        if method not in {"ListCharges", "PutLease"} and call not in self.seen:
            self.seen.add(call)
            raise Killed


@pytest.mark.parametrize("moment", ["before", "after"])
def test_processes_that_die_at_every_call_go_on(world: World, moment: str) -> None:
    agents, reaper = begin(world), Reaper()
    setattr(world.zone, moment, reaper)
    deaths = 0
    while any(agents.state(name) is not IntersectionState.FINISHED for name in (MERCHANT, PLATFORM)):
        for name in (MERCHANT, PLATFORM):
            if agents.state(name) is IntersectionState.FINISHED:
                continue
            try:
                agents.go_on(name)
            except Killed:
                deaths += 1
                agents.restart(name)
        assert deaths < 200
    assert zone_of(world).refusals == []
    check(agents, list(SHARED))
    assert counted(world, MERCHANT) == counted(world, PLATFORM) == 14
    assert deaths > 15


def test_noise_is_drawn_once_and_a_total_that_was_made_is_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from miyun.psi.intersection_sum.matcher import Matcher

    draws: list[None] = []
    release = Matcher._release
    monkeypatch.setattr(Matcher, "_release", lambda self: (draws.append(None), release(self))[1])
    agents = begin(world)

    def die(caller: str, method: str, message: Any) -> None:
        if method == "PutChunk" and message.statement.step == "totals":
            raise Killed

    world.zone.before = die
    with pytest.raises(Killed):
        agents.play()
    agents.restart(PLATFORM)
    world.zone.before = lambda caller, method, message: None
    agents.play()
    check(agents, list(SHARED))
    assert len(draws) == 1


def test_a_lost_connection_loses_nothing(world: World) -> None:
    agents, reaper = begin(world), Reaper()

    def lose(caller: str, method: str, message: Any) -> None:
        try:
            reaper(caller, method, message)
        except Killed:
            raise TransportError("gone", hint="Wait.") from None

    world.zone.after = lose
    agents.play(200)
    check(agents, list(SHARED))
    assert counted(world, PLATFORM) == 14


def test_what_was_brought_is_not_read_again(world: World) -> None:
    agents = begin(world)
    agents.play(until=lambda: bool(zone_of(world).letters))
    write_members(world.merchant.path, [row(1)], extra=SETTINGS)
    agents.restart(MERCHANT)
    agents.play()
    check(agents, list(SHARED))


def test_the_zone_that_forgot_an_end_is_told_again(world: World) -> None:
    agents = begin(world)
    agents.play()
    assert agents.go_on(MERCHANT) is Outcome.DONE
    assert [end.party for end in zone_of(world).ends].count(MERCHANT) == 2
    check(agents, list(SHARED))


def test_the_lifetime_cap_stops_the_next_one_before_a_point_is_multiplied(make_world: Callable[..., World]) -> None:
    world = make(make_world, phone_cap=27)
    agents = begin(world)
    agents.play()
    again = begin(world, job="intersect-2")
    zone_of(world).openings.clear()
    zone_of(world).letters.clear()
    again.play()
    (refusal, *_) = zone_of(world).refusals
    assert refusal.code == "cap-exceeded"
    assert zone_of(world).letters == {}
    assert counted(world, MERCHANT) == counted(world, PLATFORM) == 14


def test_the_cap_of_the_contract_holds_for_one_opening(make_world: Callable[..., World]) -> None:
    world = make(make_world, phone_cap=13)
    begin(world).play()
    assert zone_of(world).refusals[0].code == "cap-exceeded"
    assert zone_of(world).openings == {}


def test_nothing_is_brought_before_it_is_charged(world: World) -> None:
    request = intersection_request(world)
    agents = Agents(world, intersect_task(world, request))
    lease(world)
    for name in (MERCHANT, PLATFORM):
        assert agents.go_on(name) is Outcome.IDLE
        assert agents.state(name) is None
    assert zone_of(world).openings == {}
    zone_of(world).charge_owner(MERCHANT, request, request.size_rho_micro)
    zone_of(world).charge_owner(PLATFORM, request, request.totals_rho_micro - 1)
    assert agents.go_on(MERCHANT) is Outcome.IDLE
    assert agents.state(MERCHANT) is IntersectionState.EXCHANGING
    assert agents.go_on(PLATFORM) is Outcome.DONE
    assert zone_of(world).refusals[0].code == "state"


def test_own_data_that_can_t_be_used_is_a_refusal_without_details(world: World) -> None:
    agents = begin(world, columns=(replace(intersection_request(world).columns[0], name="wealth"),))
    agents.play()
    (refusal,) = zone_of(world).refusals
    assert (refusal.code, refusal.party) == ("config", MERCHANT)
    assert "wealth" not in refusal.reason
    assert agents.state(MERCHANT) is None
    assert not [name for name in world.merchant.vault.names() if name.startswith("intersection/")]


def test_a_contract_that_ends_takes_what_was_brought_along(world: World) -> None:
    agents = begin(world)
    agents.play(until=lambda: bool(zone_of(world).letters))
    world.zone.revoke(world.platform)
    for name in (MERCHANT, PLATFORM):
        Upkeep(world.session(name), agents.told.append).run()
        assert agents.state(name) is IntersectionState.ABANDONED
        assert list((world.home(name).path / "intersections").iterdir()) == []
        assert not [secret for secret in world.home(name).vault.names() if secret.startswith("intersection/")]


def relayed(world: World, place: tuple[str, int], change: Callable[[Any], Any]) -> None:
    """A zone that hands on what ``change`` makes of the chunk at a place."""

    def altered(caller: str, method: str, answer: Any) -> Any:
        there = method == "GetChunk" and answer.HasField("statement")
        return change(answer) if there and (answer.statement.step, answer.statement.index) == place else answer

    world.zone.change = altered


def flipped(answer: Any) -> Any:
    return wire.GetChunkResponse(
        statement=answer.statement,
        signature=answer.signature,
        sealed=answer.sealed[:-1] + bytes([answer.sealed[-1] ^ 1]),
    )


def other_index(answer: Any) -> Any:
    statement = wire.IntersectionChunk()
    statement.CopyFrom(answer.statement)
    statement.index += 1
    return wire.GetChunkResponse(statement=statement, signature=answer.signature, sealed=answer.sealed)


def in_its_own_name(answer: Any) -> Any:
    statement = wire.IntersectionChunk()
    statement.CopyFrom(answer.statement)
    statement.sender, statement.receiver = statement.receiver, statement.sender
    return wire.GetChunkResponse(statement=statement, signature=answer.signature, sealed=answer.sealed)


@pytest.mark.parametrize("change", [flipped, other_index, in_its_own_name])
@pytest.mark.parametrize("step", ["points", "answers", "rows", "totals"])
def test_a_chunk_that_was_changed_on_the_way_is_refused(world: World, step: str, change: Callable[[Any], Any]) -> None:
    agents = begin(world)
    relayed(world, (step, 0), change)
    agents.play()
    (refusal,) = zone_of(world).refusals
    receiver = MERCHANT if step in {"points", "totals"} else PLATFORM
    assert (refusal.party, refusal.code) == (receiver, "malformed" if change is not other_index else "signature")
    assert counted(world, receiver) == (0 if step == "points" else counted(world, receiver))
    assert agents.state(receiver) is IntersectionState.ABANDONED


def resent(world: World, request: IntersectionRequest, message: Any) -> Any:
    """What a dishonest platform seals and signs anew for a place that it has filled before."""
    header = replace(from_wire(message.statement, IntersectionChunk), sealed_digest=b"")
    key = SealingPublicKey(world.contract.party(header.receiver).sealing_key)
    points = bytes(32 * header.count)
    sealed = key.seal(points, IntersectionContext.of(request).seal_info(header))
    statement = replace(header, sealed_digest=hashlib.sha256(sealed).digest())
    return wire.PutChunkRequest(
        statement=to_wire(statement, wire.IntersectionChunk),
        signature=world.platform.signing_key.sign(statement),
        sealed=sealed,
    )


def test_a_peer_that_says_two_things_for_one_place_is_refused_after_a_restart(world: World) -> None:
    agents = begin(world)
    agents.play(until=lambda: counted(world, MERCHANT) > 0)
    zone = zone_of(world)
    zone.letters["points", 0] = resent(world, intersection_request(world), zone.letters["points", 0])
    agents.restart(MERCHANT)
    agents.go_on(MERCHANT)
    assert (zone.refusals[0].party, zone.refusals[0].code) == (MERCHANT, "replay")
    assert counted(world, MERCHANT) <= 14


def test_points_that_are_none_are_refused(world: World) -> None:
    agents = begin(world)
    zone = zone_of(world)
    agents.play(until=lambda: ("points", 0) in zone.letters)
    zone.letters["points", 0] = resent(world, intersection_request(world), zone.letters["points", 0])
    agents.go_on(MERCHANT)
    assert (zone.refusals[0].party, zone.refusals[0].code) == (MERCHANT, "replay")  # not above the one before it


def test_an_opening_of_another_request_is_refused(world: World) -> None:
    agents = begin(world)
    agents.play(until=lambda: PLATFORM in zone_of(world).openings)
    opening = from_wire(zone_of(world).openings[PLATFORM].statement, IntersectionOpening)
    other = replace(opening, request_digest=bytes(32))
    zone_of(world).openings[PLATFORM] = wire.PutOpeningRequest(
        statement=to_wire(other, wire.IntersectionOpening), signature=world.platform.signing_key.sign(other)
    )
    agents.go_on(MERCHANT)
    assert zone_of(world).refusals[0].code == "replay"


@pytest.mark.parametrize(
    "changes",
    [
        {"holder_rows": "tags.age > 3"},
        {"matcher_rows": "members.spend > 3"},
        {"matcher_rows": "tags.age > 3"},
        {"holder": "bakery"},
        {"type": "oaid"},
        {"size_rho_micro": 0},
        {"exact_for": (PLATFORM,)},
        {"totals_rho_micro": 1},
    ],
)
def test_the_guard_refuses_what_the_contract_does_not_hold(world: World, changes: dict[str, Any]) -> None:
    agents = Agents(world, intersect_task(world, intersection_request(world, **changes)))
    agents.go_on(PLATFORM)
    assert zone_of(world).refusals[0].code in {"not-permitted", "contract", "expression"}
    assert zone_of(world).openings == {}


def test_a_request_that_the_zone_made_up(world: World) -> None:
    request = intersection_request(world, requester=PLATFORM)
    task = intersect_task(world, request, by=MERCHANT)
    agents = Agents(world, task)
    agents.go_on(MERCHANT)
    assert zone_of(world).refusals[0].code == "signature"
    with pytest.raises(NotPermittedError):
        Guard(world.session(MERCHANT)).admit(intersect_task(world, replace(request, requester="bakery"), by=MERCHANT))


def test_giving_up_keeps_what_was_counted(world: World) -> None:
    agents = begin(world)
    agents.play(until=lambda: counted(world, MERCHANT) > 0)
    before = counted(world, MERCHANT)
    end_intersection(world.session(MERCHANT), "spring", "intersect-1")
    assert agents.state(MERCHANT) is IntersectionState.ABANDONED
    assert counted(world, MERCHANT) == before
    agents.restart(MERCHANT)
    agents.go_on(MERCHANT)
    assert zone_of(world).refusals[0].code == "state"
