"""Audiences of the answer store come by activation and go with their segment, their contract and whoever objects."""

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from miyun.answers.ids import AnswerId
from miyun.answers.store import AnswerStore, Origin
from miyun.contract.model import Channel, Domain, Universe
from miyun.destinations import registry
from miyun.errors import NotPermittedError
from miyun.party.following import follow_segments, forget_audiences
from miyun.party.guard import DeliverWork
from miyun.party.objections import Objections, leave_objecting_out
from miyun.party.tasks.deliver import deliver
from miyun.party.tasks.outcome import Outcome
from miyun.segments.listing import Segment, SegmentState
from miyun.transport.codec import to_wire
from miyun.wire.v1 import segment_pb2
from tests.party.test_deliver import Sealer, as_fused, fused, handles_of, request_of  # noqa: F401
from tests.party.world import DAY, MERCHANT, NOW, World, row, write_members

TABLE = '[destinations.member-messages]\nkind = "answers"\nbatch_rows = 2\n'
NAMES = ("everybody", "payers", "sleepers")


@pytest.fixture
def store(fused: World) -> AnswerStore:  # noqa: F811
    return AnswerStore(fused.merchant)


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The kind as this tree declares it, whatever is installed."""
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "entry-points"
    ]
    entries = tuple(EntryPoint(name, value, registry.GROUP) for name, value in declared[registry.GROUP].items())
    monkeypatch.setattr(registry, "_entries", lambda: entries)
    registry.load_kind.cache_clear()
    yield
    registry.load_kind.cache_clear()


def put(store: AnswerStore, name: str, contract: str = "spring") -> None:
    origin = Origin(contract=contract, segment=name, version=1, job=f"activate-{name}", third_party="")
    with store.building(name) as builder:
        store.put(name, builder, now=NOW, expires=NOW + 20 * DAY, origin=origin)


def segment(name: str, **changes: Any) -> Segment:
    plain = Segment(
        name=name,
        code="",
        definition="matched",
        universe=Universe.MATCHED,
        owner=MERCHANT,
        state=SegmentState.READY,
        version=1,
        epoch=1,
        channels=("member-messages",),
        hidden=False,
        processable=True,
        expires=NOW + 30 * DAY,
        created=NOW - DAY,
    )
    return replace(plain, **changes)


def follow(world: World, *segments: Segment) -> list[tuple[str, ...]]:
    """The zone lists these, two at a time; gives the names that it was asked for."""
    asked: list[tuple[str, ...]] = []

    def listed(message: Any) -> Any:
        if not message.after:
            asked.append(tuple(message.filter.names))
        page = [one for one in segments if one.name > message.after][:2]
        return segment_pb2.ListSegmentsResponse(segments=[to_wire(one, segment_pb2.Segment) for one in page])

    session = world.session(MERCHANT)
    session.stub = lambda service: SimpleNamespace(ListSegments=listed)  # type: ignore[method-assign]
    follow_segments(session, world.contract)
    return asked


def ends(store: AnswerStore) -> dict[str, timedelta]:
    return {one.name: one.expires - NOW for one in store.listed().audiences}


def test_what_ends_at_the_zone_ends_here(fused: World, store: AnswerStore) -> None:  # noqa: F811
    for name in NAMES:
        put(store, name)
    put(store, "autumn-payers", "autumn")
    with store.building("by-hand") as builder:
        store.put("by-hand", builder, now=NOW, expires=NOW + 20 * DAY)
    others = {"autumn-payers": 20 * DAY, "by-hand": 20 * DAY}
    fused.clock.now = NOW + timedelta(hours=1)
    assert follow(fused, *map(segment, NAMES)) == [NAMES]
    assert ends(store) == others | dict.fromkeys(NAMES, 20 * DAY), "nothing lasts longer than it did"
    follow(fused, segment("everybody", expires=NOW + 5 * DAY), segment("payers"), segment("sleepers"))
    assert ends(store)["everybody"] == 5 * DAY
    follow(fused, segment("everybody", state=SegmentState.INVALIDATED), segment("payers"), segment("sleepers"))
    assert ends(store) == others | {"payers": 20 * DAY, "sleepers": 20 * DAY}
    follow(fused, segment("payers", created=fused.clock.now), segment("sleepers"))
    assert ends(store) == others | {"sleepers": 20 * DAY}, "a new segment by an old name is another"
    follow(fused)
    assert ends(store) == others
    assert follow(fused) == [], "nobody is asked where nothing is held"


def test_a_contract_that_is_over_leaves_nothing(fused: World, store: AnswerStore) -> None:  # noqa: F811
    put(store, "payers")
    put(store, "autumn-payers", "autumn")
    forget_audiences(fused.session(MERCHANT), "spring")
    assert ends(store) == {"autumn-payers": 20 * DAY}


def delivered(world: World, job: str, *members: str) -> None:
    sealer = Sealer(world, handles_of(world, *members), job=job)
    request = replace(request_of(world), job=job)
    deliver(world.session(MERCHANT), DeliverWork(contract=world.contract, request=request), Event())
    assert len(sealer.deliveries) == 1


def users(world: World) -> set[str]:
    store = AnswerStore(world.merchant)
    held = store.open().audiences["everybody"].set
    return {f"m{n}" for n in range(10) if store.key.digest(AnswerId("user", f"m{n}")) in held}


@pytest.mark.usefixtures("kind")
def test_an_activation_becomes_an_audience_without_opt_outs(fused: World) -> None:  # noqa: F811
    rows = [row(number, opted_out="true" if number == 5 else "false") for number in range(10)]
    write_members(fused.merchant.path, rows, extra=TABLE)
    fused.restart(MERCHANT)
    delivered(fused, "activate-1", "m1", "m2", "m3", "m5")
    assert users(fused) == {"m1", "m2", "m3"}
    [listed] = AnswerStore(fused.merchant).listed().audiences
    assert listed.origin == Origin(contract="spring", segment="everybody", version=1, job="activate-1", third_party="")
    assert listed.expires == NOW + 20 * DAY
    delivered(fused, "activate-2", "m2", "m9")
    assert users(fused) == {"m2", "m9"}


@pytest.mark.usefixtures("kind")
def test_what_a_segment_is_not_meant_for_any_more_ends(fused: World) -> None:  # noqa: F811
    write_members(fused.merchant.path, [row(number) for number in range(10)], extra=TABLE)
    fused.restart(MERCHANT)
    delivered(fused, "activate-1", "m1")
    fused.clock.now = NOW + timedelta(hours=1)
    follow(fused, segment("everybody", channels=("member-messages", "search-ads")))
    assert users(fused) == {"m1"}
    follow(fused, segment("everybody", channels=("search-ads",)))
    assert AnswerStore(fused.merchant).listed().audiences == ()


LISTS = '[suppression.lists.complaints]\nfile = "complaints.csv"\n'
DEVICES = 'fields = { openid = { column = "email" } }\n'


def answered(world: World, kind: str, *values: str) -> list[str]:
    """Those that are in the audience of everybody."""
    store = AnswerStore(world.merchant)
    held = store.open().audiences["everybody"].set
    return [value for value in values if store.key.digest(AnswerId(kind, value)) in held]


@pytest.mark.usefixtures("kind")
def test_who_objects_is_gone_without_another_activation(fused: World) -> None:  # noqa: F811
    listed = fused.merchant.path / "complaints.csv"
    listed.write_text("id,phone\n", encoding="utf-8")
    rows = [row(number) for number in range(10)]
    write_members(fused.merchant.path, rows, extra=LISTS + TABLE + DEVICES)
    fused.restart(MERCHANT)
    everybody = [f"m{number}" for number in range(10)]
    delivered(fused, "activate-1", *everybody)
    assert leave_objecting_out(fused.session(MERCHANT), "spring") == {"everybody": 0}
    before = AnswerStore(fused.merchant).listed().audiences[0]

    listed.write_text(f"id,phone\nm2,\n,{rows[3]['phone']}\nm7,\nstranger,\n", encoding="utf-8")
    gone = [one for one in rows if one["id"] != "m7"]
    write_members(
        fused.merchant.path,
        [{**one, "opted_out": str(one["id"] == "m5").lower()} for one in gone],
        extra=LISTS + TABLE + DEVICES,
    )
    assert leave_objecting_out(fused.session(MERCHANT), "spring") == {"everybody": 7}

    left = {"m2", "m3", "m5", "m7"}
    assert answered(fused, "user", *everybody) == [member for member in everybody if member not in left]
    addresses = [one["email"] for one in rows]
    assert answered(fused, "openid", *addresses) == [
        one["email"] for one in rows if one["id"] not in left or one["id"] == "m7"
    ], "the devices of who is not in the table are not known any more"
    [after] = AnswerStore(fused.merchant).listed().audiences
    assert (after.origin, after.built, after.expires) == (before.origin, before.built, before.expires)


@pytest.mark.usefixtures("kind")
def test_the_agent_looks_who_objects_within_the_hour(fused: World) -> None:  # noqa: F811
    write_members(fused.merchant.path, [row(number) for number in range(10)], extra=TABLE)
    fused.restart(MERCHANT)
    delivered(fused, "activate-1", "m1", "m2")
    session, told = fused.session(MERCHANT), list[Any]()
    assert Objections(session).due() == ()

    fused.clock.now = NOW + timedelta(hours=1)
    objections = Objections(session, told.append)
    assert objections.due() == ("spring",)
    assert objections.due() == (), "it doesn't look at every turn"
    (fused.merchant.path / "members.csv").rename(fused.merchant.path / "away.csv")
    assert objections.run("spring") is Outcome.DONE
    assert users(fused) == {"m1", "m2"}
    assert "may still be" in told[0].message

    write_members(fused.merchant.path, [row(n, opted_out=str(n == 1).lower()) for n in range(10)], extra=TABLE)
    again = Objections(session)
    assert again.due() == ("spring",)
    again.run("spring")
    assert users(fused) == {"m2"}
    assert Objections(session).due() == ()


@pytest.mark.usefixtures("kind")
def test_sets_of_others_are_left_alone(fused: World, store: AnswerStore) -> None:  # noqa: F811
    put(store, "autumn-payers", "autumn")
    with store.building("by-hand") as builder:
        builder.add([store.key.digest(AnswerId("user", "m1"))])
        store.put("by-hand", builder, now=NOW, expires=NOW + 20 * DAY)
    before = store.listed()
    write_members(fused.merchant.path, [row(n, opted_out="true") for n in range(10)], extra=TABLE)
    assert leave_objecting_out(fused.session(MERCHANT), "spring") == {}
    assert store.listed() == before


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("named", ["", "tencent"])
def test_who_asks_must_be_named_by_the_contract(make_world: Callable[..., World], named: str) -> None:
    channel = Channel(name="member-messages", domain=Domain.PRIVATE, recipient=MERCHANT, third_party=named)
    world = as_fused(make_world(channels=(channel,)))
    write_members(world.merchant.path, [row(n) for n in range(10)], extra=TABLE + 'third_party = "tencent"\n')
    world.restart(MERCHANT)
    if named:
        delivered(world, "activate-1", "m1")
        assert users(world) == {"m1"}
    else:
        with pytest.raises(NotPermittedError, match="discloses to tencent"):
            delivered(world, "activate-1", "m1")
        assert AnswerStore(world.merchant).listed().audiences == ()
