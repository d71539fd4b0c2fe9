"""Weights between two parties and a zone in memory: what each stores, sends and accepts, and deaths in between."""

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap

from miyun.aggregates.lookalikes import LookalikeRelease, weights_info
from miyun.aggregates.statements import SegmentVersion
from miyun.contract.draft import DEFAULT_BUDGET
from miyun.contract.model import MATCHED, Grant, Rung, Universe
from miyun.errors import (
    ContractError,
    InputError,
    MiyunError,
    NotFoundError,
    NotPermittedError,
    ReplayError,
    SignatureError,
    StateError,
    WaitingError,
)
from miyun.insight.lookalike import Scoring, Weights
from miyun.keys.sealing import SealingPublicKey
from miyun.party import lookalikes
from miyun.party.guard import Guard, SendWork
from miyun.party.lookalike_store import ReleasedLookalike
from miyun.party.progress import ignore
from miyun.party.scoring import require_received, scored_rows
from miyun.party.tasks.lookalike import send
from miyun.party.tasks.outcome import Outcome
from miyun.segments.parser import parse
from miyun.segments.statements import LegUpload, SegmentRequest
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import agent_pb2, segment_pb2
from tests.party.insight_world import MUCH, pairs_of_tags, ready, run_task, write_tags
from tests.party.lookalike_world import (
    GRANTS,
    SPENDERS,
    LookalikeZone,
    client,
    lookalike_task,
    lookalike_zone,
    release,
    resigned,
)
from tests.party.segments import define
from tests.party.world import MERCHANT, NOW, PLATFORM, Killed, World

BUDGET = replace(DEFAULT_BUDGET, rho_micro=100 * MUCH, lease_rho_micro=5 * MUCH)
SEED = {4, 6, 8}
TAGS = ("tea", "coffee")

Make = Any


def fused_with_spenders(world: World) -> None:
    ready(world, segments={"spenders": SEED})
    define(world, "spenders", SPENDERS)


@pytest.fixture
def make(make_world: Make) -> Make:
    def made(granted: tuple[Grant, ...] = GRANTS, **choices: Any) -> World:
        world: World = make_world(fused_with_spenders, budget=BUDGET, zone=LookalikeZone, grants=granted, **choices)
        return world

    return made


@pytest.fixture
def world(make: Make) -> World:
    made: World = make()
    return made


@pytest.fixture
def draws(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The charges that own noise was drawn for."""
    drawn: list[int] = []
    real = lookalikes.with_own_noise

    def counted(totals: Any, *, rho_micro: int, sensitivity: float) -> Any:
        drawn.append(rho_micro)
        return real(totals, rho_micro=rho_micro, sensitivity=sensitivity)

    monkeypatch.setattr(lookalikes, "with_own_noise", counted)
    return drawn


def held(world: World, name: str = "kind") -> ReleasedLookalike:
    found = world.session(MERCHANT).lookalikes.released("spring", name)
    assert found is not None
    return found


def test_weights_reach_the_platform_as_they_were_drawn(world: World, draws: list[int]) -> None:
    told = release(world)

    received = require_received(world.session(PLATFORM), "spring", "kind")
    scoring = Scoring.from_bytes(TAGS, held(world).scoring)
    assert received.weights == scoring.weights.heavy()
    assert received.edges == scoring.edges
    assert dict(told.weights) == {
        f"兴趣/{'茶饮' if tag == 'tea' else '咖啡'}": w for tag, w in received.weights.items()
    }
    assert draws == [MUCH, MUCH]
    [charge] = [charge for charge, _ in lookalike_zone(world).charged[MERCHANT] if charge.purpose == "lookalike"]
    assert (charge.release, charge.rho_micro) == (held(world).statement.digest().hex(), MUCH)


def test_the_zone_sees_no_weight(world: World) -> None:
    release(world)
    plain = held(world).scoring
    sent = [message for method in ("ReleaseLookalike", "PutWeights") for message in world.zone.sent(MERCHANT, method)]
    assert len(sent) == 2
    for message in sent:
        assert plain not in message
        assert hashlib.sha256(plain).digest() not in message


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("party", "method"),
    [
        (MERCHANT, "ReleaseLookalike"),
        (MERCHANT, "PutWeights"),
        (PLATFORM, "GetWeights"),
        (PLATFORM, "PutReceived"),
    ],
)
def test_whoever_dies_goes_on_with_the_same_bytes(
    world: World, draws: list[int], when: str, party: str, method: str
) -> None:
    zone, died = lookalike_zone(world), []

    def die(caller: str, called: str, message: Any) -> None:
        if (caller, called) == (party, method) and not died:
            died.append(method)
            raise Killed

    setattr(zone, when, die)
    with pytest.raises(Killed):
        release(world)
    before = held(world)
    for name in (MERCHANT, PLATFORM):
        world.restart(name)
    release(world)

    assert died == [method]
    assert held(world) == before
    assert draws == [MUCH, MUCH]
    for sender, sent in ((MERCHANT, "ReleaseLookalike"), (MERCHANT, "PutWeights"), (PLATFORM, "PutReceived")):
        assert len(set(zone.sent(sender, sent))) == 1
    assert len([charge for charge, _ in zone.charged[MERCHANT] if charge.purpose == "lookalike"]) == 1


def test_a_name_stands_for_one_release(world: World, draws: list[int]) -> None:
    release(world)
    for other in ({"rho_micro": MUCH // 2}, {"seed": MATCHED, "base": "spenders"}, {"seed": "spenders@2"}):
        with pytest.raises(StateError, match="stays that"):
            release(world, **other)
    assert release(world, seed="spenders@1").name == "kind"
    assert draws == [MUCH, MUCH]


def test_nothing_is_drawn_without_the_grants(make: Make, draws: list[int]) -> None:
    world = make(tuple(grant for grant in GRANTS if grant.subject != "members.spend"))
    with pytest.raises(NotPermittedError) as refused:
        release(world)
    assert refused.value.clause == "grants"
    assert draws == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"rho_micro": 0}, InputError),
        ({"rho_micro": 6 * MUCH}, InputError),
        ({"seed": MATCHED}, InputError),
        ({"branches": ["health"]}, NotPermittedError),
        ({"branches": []}, InputError),
    ],
)
def test_nothing_is_drawn_for_what_can_t_be(
    world: World, draws: list[int], changes: dict[str, Any], error: type[MiyunError]
) -> None:
    with pytest.raises(error):
        release(world, **changes)
    assert draws == []
    assert world.session(MERCHANT).lookalikes.released("spring", "kind") is None


def test_a_restored_database_draws_no_second_noise(world: World, draws: list[int]) -> None:
    database = world.merchant.path / "party.sqlite"
    release(world, "first")
    world.sessions.pop(MERCHANT).close()
    backup = database.read_bytes()
    release(world, "second")
    world.sessions.pop(MERCHANT).close()
    database.write_bytes(backup)
    for name in ("second", "third"):
        with pytest.raises(StateError, match="restored"):
            release(world, name)
    assert len(draws) == 4


def drawn_only(world: World, **choices: Any) -> tuple[LookalikeRelease, bytes]:
    """A release that the zone has charged, whose weights were not sent."""

    def die(caller: str, method: str, message: Any) -> None:
        if method == "PutWeights":
            raise Killed

    world.zone.before = die
    with pytest.raises(Killed):
        release(world, **choices)
    world.zone.before = lambda *_: None
    [signed] = lookalike_zone(world).releases.values()
    return signed


def test_weights_are_paid_for_before_they_leave(world: World) -> None:
    zone = lookalike_zone(world)
    statement, signature = drawn_only(world)
    session = world.session(MERCHANT)
    work = Guard(session).lookalike(lookalike_task(statement, signature).lookalike)
    assert isinstance(work, SendWork)
    unpaid = replace(work, released=replace(work.released, statement=replace(statement, at=NOW.replace(year=2027))))
    with pytest.raises(WaitingError, match="not charged"):
        send(session, unpaid, ignore)
    dearer = replace(statement, rho_micro=MUCH // 2)
    zone.charge_owner(MERCHANT, dearer.digest().hex(), "lookalike", MUCH)
    with pytest.raises(StateError, match="another amount"):
        send(session, replace(work, released=replace(work.released, statement=dearer)), ignore)
    assert zone.sealed == {}
    assert send(session, work, ignore) is Outcome.DONE
    assert zone.sealed == {statement.job: held(world).sealed}


def test_only_own_releases_are_sent(world: World) -> None:
    statement, _ = drawn_only(world)
    for changes in ({"name": "other"}, {"rho_micro": 1}, {"sealed_digest": bytes(32)}):
        with pytest.raises(ReplayError, match="knows nothing"):
            Guard(world.session(MERCHANT)).lookalike(resigned(world, statement, **changes).lookalike)


def admit(world: World, task: agent_pb2.Task) -> None:
    Guard(world.session(PLATFORM)).lookalike(task.lookalike)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"contract": "summer"}, MiyunError),
        ({"contract_digest": bytes(32)}, ContractError),
        ({"party": PLATFORM}, NotPermittedError),
        ({"party": "stranger"}, NotPermittedError),
        ({"job": "../job"}, InputError),
        ({"name": "No name"}, InputError),
        ({"question": bytes(32)}, ContractError),
        ({"seed": SegmentVersion(name="spenders", version=9)}, ContractError),
        ({"base": SegmentVersion(name="spenders", version=1)}, None),
    ],
)
def test_the_platform_admits_what_it_answered(
    world: World, changes: dict[str, Any], error: type[MiyunError] | None
) -> None:
    statement, signature = drawn_only(world)
    admit(world, lookalike_task(statement, signature))
    if error is not None:
        with pytest.raises(error):
            admit(world, resigned(world, statement, **changes))


def test_weights_that_the_merchant_did_not_sign_are_refused(world: World) -> None:
    statement, signature = drawn_only(world)
    for forged in (signature[::-1], world.platform.signing_key.sign(statement), world.zone.key.sign(statement), b""):
        with pytest.raises(SignatureError):
            admit(world, lookalike_task(statement, forged))


def test_a_catalogue_that_changed_since_is_refused(world: World) -> None:
    statement, signature = drawn_only(world)
    path = world.platform.path / "catalogue.csv"
    path.write_text(path.read_text("utf-8") + "water,水,interest,flag,,,\n", encoding="utf-8")
    with pytest.raises(ContractError, match="another catalogue"):
        admit(world, lookalike_task(statement, signature))
    run_task(world, PLATFORM, lookalike_task(statement, signature))
    assert "another catalogue" in lookalike_zone(world).refused[statement.job]


def test_a_name_can_t_be_given_other_weights(world: World) -> None:
    release(world)
    statement = held(world).statement
    admit(world, lookalike_task(statement, held(world).signature))
    with pytest.raises(ReplayError, match="stood for other weights"):
        admit(world, resigned(world, statement, job="lookalike-again", sealed_digest=bytes(32)))


def sealed_as(world: World, data: bytes, statement: LookalikeRelease, **context: str) -> bytes:
    info = {"contract": "spring", "job": statement.job, "name": statement.name, "party": MERCHANT} | context
    key = SealingPublicKey(world.contract.party(PLATFORM).sealing_key)
    return key.seal(data, weights_info(recipient=PLATFORM, question=statement.question, **info))  # type: ignore[arg-type]


def scoring(*thousandths: int) -> bytes:
    weights = Weights(tags=tuple(map(str, thousandths)), thousandths=np.array(thousandths))
    return Scoring(weights=weights, edges=(1_005, 1_000, 10, 5, 0, 0, 0, 0, 0)).to_bytes()


HUGE = (9_999).to_bytes(2, "little") * 2 + bytes(36)


@pytest.mark.parametrize(
    ("data", "context"),
    [
        (b"", {}),
        (scoring(1), {}),
        (scoring(1, 2, 3), {}),
        (HUGE, {}),
        (scoring(1, 2)[:-4] + (1).to_bytes(4, "little"), {}),
        (scoring(1, 2), {"name": "other"}),
        (scoring(1, 2), {"contract": "summer"}),
        (scoring(1, 2), {"job": "lookalike-2"}),
        (scoring(1, 2), {"party": PLATFORM}),
    ],
)
def test_bytes_that_are_no_such_weights_are_refused(world: World, data: bytes, context: dict[str, str]) -> None:
    statement, _ = drawn_only(world)
    sealed = sealed_as(world, data, statement, **context)
    lookalike_zone(world).sealed[statement.job] = sealed
    task = resigned(world, statement, sealed_digest=hashlib.sha256(sealed).digest())
    run_task(world, PLATFORM, task)
    assert statement.job in lookalike_zone(world).refused
    with pytest.raises(NotFoundError):
        require_received(world.session(PLATFORM), "spring", "kind")


def test_bytes_that_were_not_signed_are_refused(world: World) -> None:
    statement, signature = drawn_only(world)
    lookalike_zone(world).sealed[statement.job] = sealed_as(world, scoring(1, 2), statement)
    run_task(world, PLATFORM, lookalike_task(statement, signature))
    assert "not the ones that were signed" in lookalike_zone(world).refused[statement.job]


def give(world: World, *thousandths: int) -> None:
    """Weights of tea and coffee of the merchant's choice, received."""
    statement, _ = drawn_only(world)
    sealed = sealed_as(world, scoring(*thousandths), statement)
    zone = lookalike_zone(world)
    zone.sealed[statement.job] = sealed
    assert run_task(world, PLATFORM, resigned(world, statement, sealed_digest=hashlib.sha256(sealed).digest()))
    assert statement.job in zone.received


def users_of(world: World, bits: BitMap) -> set[int]:
    with world.session(PLATFORM).rosters.open("spring", 1) as roster:
        return {int(user.removeprefix("u")) for batch in roster.member_ids(bits) for user in batch}


def carriers(tag: str) -> set[int]:
    return {int(user[1:]) for user, of, _ in pairs_of_tags() if of == tag}


def evaluate(world: World, definition: str, universe: Universe = Universe.MATCHED) -> BitMap:
    """What the platform's agent answers for its only leg."""
    name = f"asked-{len(world.zone.segments)}"
    define(world, name, definition, universe)
    request: SegmentRequest = world.zone.segments[name]
    task = agent_pb2.LegTask(
        request=to_wire(request, segment_pb2.SegmentRequest),
        signature=world.merchant.signing_key.sign(request),
        epoch=1,
        predicate=parse(definition).text(),
        handles=world.zone.handles[PLATFORM],
    )
    run_task(world, PLATFORM, agent_pb2.Task(job=request.job, leg=task))
    assert from_wire(world.zone.legs[-1].statement, LegUpload).predicate == task.predicate
    return BitMap.deserialize(world.zone.legs[-1].bits)


@pytest.mark.parametrize("bucket", [1, 16])
def test_the_best_users_are_those_with_the_heaviest_tags(make: Make, bucket: int) -> None:
    world = make(bucket=bucket)
    give(world, 1_000, 10)
    tea, coffee = carriers("tea"), carriers("coffee")

    assert users_of(world, evaluate(world, "tags.best(5, 'kind')")) == tea
    both = tea & coffee
    assert users_of(world, evaluate(world, f"tags.best({len(both)}, 'kind')")) == both
    everybody = evaluate(world, "tags.best(1000, 'kind')", Universe.PLATFORM)
    assert users_of(world, everybody) == set(range(3, 13))
    with world.session(PLATFORM).rosters.open("spring", 1) as roster:
        assert len(everybody) == roster.universe
        assert roster.with_copies(everybody) == everybody
        best = evaluate(world, "tags.best(5, 'kind')", Universe.PLATFORM)
        assert best == roster.with_copies(best & BitMap(roster.live()))


def test_scores_beside_columns_are_one_leg(world: World) -> None:
    give(world, 1_000, 10)
    chosen = evaluate(world, "tags.best(5, 'kind') and tags.spend > 2")
    assert users_of(world, chosen) == {user for user in carriers("tea") if user % 7 > 2}
    other = evaluate(world, "tags.spend > 2 and not tags.best(5, 'kind')")
    assert users_of(world, other) == {user for user in set(range(3, 13)) - carriers("tea") if user % 7 > 2}


def test_a_row_has_one_score_an_epoch(world: World) -> None:
    give(world, 1_000, 10)
    first = users_of(world, evaluate(world, "tags.best(5, 'kind')"))
    write_tags(world.platform.path, [("u3", "tea", "")])
    world.restart(PLATFORM)
    assert users_of(world, evaluate(world, "tags.best(4, 'kind')")) < first


def test_tags_that_are_gone_weigh_nothing(world: World) -> None:
    give(world, 1_000, 10)
    path = world.platform.path / "catalogue.csv"
    path.write_text(path.read_text("utf-8").replace("tea,茶饮,interest,flag,,,\n", ""), encoding="utf-8")
    assert users_of(world, evaluate(world, "tags.best(4, 'kind')")) == carriers("coffee")


def test_weights_of_nothing_leave_it_to_the_handles(world: World) -> None:
    give(world, 0, 0)
    assert len(users_of(world, evaluate(world, "tags.best(4, 'kind')"))) == 4


def test_nobody_scores_by_what_was_not_given(world: World) -> None:
    with pytest.raises(IndexError):
        evaluate(world, "tags.best(5, 'nobody')")
    assert "no lookalike nobody" in world.zone.refusals[-1].reason


def test_parts_by_score_add_up_to_everybody(make: Make) -> None:
    world = make(bucket=16)
    give(world, 1_000, 10)
    session = world.session(PLATFORM)
    rows = scored_rows(session, world.contract, 1, require_received(session, "spring", "kind"))
    for size in (3, 1_000):
        counted = list(rows.chunks(size))
        assert sum(len(chunk.handles) for chunk in counted) == 10
        assert [chunk.low for chunk in counted] == list(range(0, counted[-1].high, size))
        for chunk, beside in zip(counted, rows.dimension_chunks(size), strict=True):
            assert len(chunk.offsets) == 11
            assert np.diff(beside.offsets.astype(int)).tolist() == [len(chunk.handles)] * 2
    assert [chunk.low for chunk in rows.chunks(3, first=2)] == [chunk.low for chunk in list(rows.chunks(3))[2:]]


def test_how_well_the_score_tells_is_counted_by_the_platform(world: World) -> None:
    give(world, 1_000, 10)
    found = client(world).report("spring", "kind", rho_micro=MUCH)

    received = require_received(world.session(PLATFORM), "spring", "kind")
    score = {user: sum(received.weights.get(tag, 0) for tag in TAGS if user in carriers(tag)) for user in range(3, 13)}
    for counted, people in ((found.seed, SEED), (found.base, range(3, 10))):
        parts = [sum(score[user] < edge for edge in received.edges) for user in people]
        assert list(counted) == [parts.count(part) for part in range(10)]


def test_a_report_needs_grants_of_what_is_weighed(make: Make) -> None:
    world = make(tuple(grant for grant in GRANTS if grant.subject != "tags") + only_tea())
    with pytest.raises(NotPermittedError):
        release(world)
    release(world, branches=[], tags=["tea"])
    client(world).report("spring", "kind", rho_micro=MUCH)
    path = world.platform.path / "catalogue.csv"
    path.write_text(
        path.read_text("utf-8").replace("tea,茶饮,interest,flag,,,", "tea,茶饮,interest,flag,,,yes"), "utf-8"
    )
    assert client(world).report("spring", "kind", rho_micro=MUCH)
    with pytest.raises(NotFoundError):
        client(world).report("spring", "nobody", rho_micro=MUCH)


def only_tea() -> tuple[Grant, ...]:
    return (Grant(owner=PLATFORM, subject="tags.tea", rung=Rung.INSIGHT, recipient=MERCHANT),)


def test_totals_of_who_scores_best_are_refused(world: World) -> None:
    release(world)
    define(world, "audience", "tags.best(5, 'kind') within matched")
    world.zone.selected[PLATFORM, "audience"] = world.zone.selected[PLATFORM, MATCHED]
    with pytest.raises(InputError, match="only the size is told"):
        release(world, "again", seed="audience")
