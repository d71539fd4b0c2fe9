"""Intersections through a zone: against a plaintext model, refusals, order, charges, restarts, erasure."""

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from miyun.errors import (
    BudgetExceededError,
    CapExceededError,
    ContractError,
    ExpressionError,
    InputError,
    MalformedError,
    MiyunError,
    NotFoundError,
    NotPermittedError,
    ReplayError,
    SignatureError,
    StateError,
    WaitingError,
)
from miyun.keys.sealing import OVERHEAD_BYTES
from miyun.psi.intersection_sum import schedule
from miyun.psi.intersection_sum.exchange import Open, Send
from miyun.psi.intersection_sum.holder import Holder
from miyun.psi.intersection_sum.statements import IntersectionChunk, Step
from miyun.segments.statements import Refusal
from miyun.transport.codec import to_wire
from miyun.wire.v1 import agent_pb2
from miyun.wire.v1 import two_party_pb2 as wire
from miyun.zone.operations import intersections
from miyun.zone.operations.retention import drop_idle_intersections
from miyun.zone.schema import intersection_chunks, intersection_openings
from miyun.zone.worker import work
from tests.psi.intersection_world import Data, random_data
from tests.zone.intersecting import (
    RHO,
    SPEND,
    Side,
    agree,
    ask,
    get_chunk,
    get_opening,
    intersect_tasks,
    make_request,
    make_sides,
    play,
    put_chunk,
    put_end,
    put_opening,
    service,
)
from tests.zone.members import AMPLE, DAY, MERCHANT, NOW, PLATFORM, World, running


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A zone of its own: many of these jobs stay open."""
    with running(tmp_path_factory.mktemp("intersecting")) as world:
        yield world


@pytest.fixture(autouse=True)
def small_chunks_and_no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "CHUNK_ROWS", 12)
    monkeypatch.setattr(intersections, "HOLD_SECONDS", 0.0)


def make_data(seed: int = 1) -> Data:
    return random_data(random.Random(seed), 1)


def begun(world: World, id_: str, **changes: object) -> tuple[Side, Side]:
    """An intersection under a contract of its own: exact sizes, so that there are no dummies."""
    contract = agree(world, id_)
    request = make_request(contract, **{"exact_for": (PLATFORM,), "size_rho_micro": 0, **changes})
    ask(world.merchant, request)
    return make_sides(world, contract, request, make_data())


def kept(world: World, contract: str) -> int:
    with world.zone._core.reading() as connection:
        return sum(
            connection.execute(select(func.count()).select_from(table).where(table.c.contract == contract)).scalar_one()
            for table in (intersection_openings, intersection_chunks)
        )


def test_totals_and_size_are_those_of_the_plaintext(world: World) -> None:
    contract = agree(world, "intersecting")
    request = make_request(contract)
    data = make_data()
    job = ask(world.merchant, request)
    assert (job.kind, job.state, job.subject) == ("intersect", "waiting-for-party", "phone")
    assert set(job.waiting_for) == {MERCHANT, PLATFORM}
    assert [len(intersect_tasks(member, contract)) for member in world.parties] == [1, 1]

    sides = make_sides(world, contract, request, data)
    play(sides)
    halfway = world.merchant.job(contract, job.id)
    assert (halfway.state, set(halfway.waiting_for)) == ("running", {MERCHANT, PLATFORM})
    put_end(world.merchant, request)
    put_end(world.merchant, request)
    assert [len(intersect_tasks(member, contract)) for member in world.parties] == [0, 1]
    assert world.merchant.job(contract, job.id).waiting_for == (PLATFORM,)
    put_end(world.platform, request)
    put_end(world.platform, request)

    done = world.merchant.job(contract, job.id)
    assert (done.state, done.done) == ("done", halfway.total)
    holding = sides[0].machine
    assert isinstance(holding, Holder)
    assert [(total.total, total.known) for total in holding.totals()] == data.sums([SPEND])
    assert kept(world, contract.id) == 0
    events = [entry.event for entry in world.merchant.entries(contract).entries if entry.facts.get("job") == job.id]
    chunks = len(sides[0].sent) + len(sides[1].sent)
    assert events == [
        "intersection-requested",
        *["intersection-opened"] * 2,
        *["intersection-relayed"] * chunks,
        *["intersection-ended"] * 2,
    ]


def test_each_owner_is_charged_for_what_the_other_learns(world: World) -> None:
    contract = agree(world, "charged")
    request = make_request(contract)
    ask(world.merchant, request)
    ask(world.merchant, request)
    ask(world.merchant, replace(request, at=NOW + DAY))

    for member, rho_micro in ((world.platform, RHO), (world.merchant, RHO // 2)):
        (charge,) = [signed.statement for signed in member.charges(contract).charges]
        assert (charge.purpose, charge.rho_micro) == ("intersection", rho_micro)
        assert charge.release == request.digest().hex()
    exact = make_request(contract, job="exact", size_rho_micro=0, exact_for=(PLATFORM,))
    ask(world.merchant, exact)
    assert len(world.merchant.charges(contract).charges) == 1
    assert len(world.platform.charges(contract).charges) == 2
    with pytest.raises(StateError):
        ask(world.merchant, replace(request, totals_rho_micro=RHO + 1))


def test_it_waits_for_leases_and_ends_with_the_budget(world: World) -> None:
    tight = replace(AMPLE, rho_micro=4_000, size_rho_micro=1_000, match_report_rho_micro=1_000, lease_rho_micro=2_000)
    contract = agree(world, "tight", budget=tight)
    request = make_request(contract, totals_rho_micro=3_000, size_rho_micro=1_000)
    with pytest.raises(WaitingError, match=PLATFORM):
        ask(world.merchant, request)
    for party in world.parties:
        assert party.charges(contract).spent_micro == 0
    world.platform.lease(contract, 2, 2_000)
    ask(world.merchant, request)
    assert [party.charges(contract).spent_micro for party in world.parties] == [1_000, 3_000]
    with pytest.raises(BudgetExceededError, match=PLATFORM):
        ask(world.merchant, replace(request, job="dear", totals_rho_micro=1_001))


def test_requests_that_are_refused(world: World) -> None:
    contract = agree(world, "refusing", columns=("spend",))
    merchant, platform = world.merchant, world.platform
    request = make_request(contract, job="refused")
    other = agree(world, "refusing-too")

    def asks(**changes: object) -> Callable[[], object]:
        return lambda: ask(merchant, replace(request, **changes))

    refused: dict[str, tuple[Callable[[], object], type[MiyunError]]] = {
        "forged": (lambda: ask(merchant, request, signer=platform), SignatureError),
        "in another's name": (lambda: ask(platform, request), SignatureError),
        "a stranger": (lambda: ask(world.stranger, request), NotFoundError),
        "another contract's digest": (asks(contract_digest=other.digest()), ContractError),
        "no party": (asks(holder="bakery"), NotPermittedError),
        "no such type": (asks(type="oaid"), ContractError),
        "no name": (asks(job="No Name"), InputError),
        "the other's columns": (asks(holder_rows="tags.age > 3"), ExpressionError),
        "own columns as the other's": (asks(matcher_rows="members.spend > 3"), ExpressionError),
        "a segment": (asks(holder_rows="segment rich"), ExpressionError),
        "the match": (asks(holder_rows="matched"), ExpressionError),
        "not canonical": (asks(holder_rows="members.spend>3"), ExpressionError),
        "not granted": (asks(holder_rows="members.city = 'x'"), NotPermittedError),
        "cut by what may not be counted": (asks(matcher_rows="tags.age > 3"), NotPermittedError),
        "nothing to pay": (asks(totals_rho_micro=0), ContractError),
        "no noise without a grant": (asks(size_rho_micro=0), ContractError),
        "a column twice": (asks(columns=(SPEND, SPEND)), ContractError),
    }
    for name, (act, error) in refused.items():
        with pytest.raises(error) as refusal:
            act()
        assert refusal.value.hint, name
    for party in world.parties:
        assert party.charges(contract).spent_micro == 0
    with pytest.raises(NotFoundError):
        merchant.job(contract, "refused")
    assert ask(merchant, replace(request, holder_rows="members.spend > 3")).state == "waiting-for-party"


def test_openings_that_are_refused(world: World) -> None:
    holder, matcher = begun(world, "openings")
    action = holder.machine.exchange.next_action()
    assert isinstance(action, Open)
    opening = action.opening
    merchant, platform = world.merchant, world.platform
    refused: dict[str, tuple[Callable[[], object], type[MiyunError]]] = {
        "forged": (lambda: put_opening(merchant, opening, signer=platform), SignatureError),
        "in another's name": (lambda: put_opening(platform, opening), SignatureError),
        "another request's": (lambda: put_opening(merchant, replace(opening, request_digest=bytes(32))), ReplayError),
        "beyond the cap": (lambda: put_opening(merchant, replace(opening, rows=100_001)), CapExceededError),
        "without a key": (lambda: put_opening(merchant, replace(opening, modulus=b"", proof=b"")), MalformedError),
        "another job": (lambda: put_opening(merchant, replace(opening, job="nowhere")), NotFoundError),
    }
    for act, error in refused.values():
        with pytest.raises(error):
            act()
    assert kept(world, holder.contract.id) == 0
    assert not opened(holder, matcher)
    holder.step()
    put_opening(merchant, opening)
    with pytest.raises(ReplayError):
        put_opening(merchant, replace(opening, rows=opening.rows + 1))
    assert opened(holder, matcher) == opening.rows
    assert world.merchant.job(holder.contract, holder.request.job).waiting_for == (PLATFORM,)


def opened(holder: Side, matcher: Side) -> int:
    """The rows of the holder as the matcher is told them; 0: of nothing yet."""
    answer = get_opening(matcher.member, holder.contract, holder.request.job)
    return answer.statement.rows if answer.HasField("statement") else 0


def resealed(chunk: IntersectionChunk, sealed: bytes) -> tuple[IntersectionChunk, bytes]:
    return replace(chunk, sealed_digest=hashlib.sha256(sealed).digest()), sealed


def test_chunks_that_are_refused(world: World) -> None:
    holder, matcher = begun(world, "chunks")
    merchant, platform, contract, job = world.merchant, world.platform, holder.contract, holder.request.job
    play((matcher, holder), until=lambda: isinstance(matcher.machine.exchange.next_action(), Send))
    schedule_, sealed = matcher.machine.exchange.schedule, bytes(12 * 32 + OVERHEAD_BYTES)
    first, sealed = resealed(schedule_.header(Step.POINTS, 0), sealed)
    second, sealed_second = resealed(schedule_.header(Step.POINTS, 1), sealed)
    totals = resealed(schedule_.header(Step.TOTALS, 0), sealed)
    refused: dict[str, tuple[Callable[[], object], type[MiyunError]]] = {
        "forged": (lambda: put_chunk(platform, first, sealed, signer=merchant), SignatureError),
        "in another's name": (lambda: put_chunk(merchant, first, sealed), SignatureError),
        "swapped roles": (
            lambda: put_chunk(merchant, replace(first, sender=MERCHANT, receiver=PLATFORM), sealed),
            MalformedError,
        ),
        "another digest": (lambda: put_chunk(platform, first, sealed[:-1]), MalformedError),
        "too long": (lambda: put_chunk(platform, *resealed(first, sealed + b"0")), MalformedError),
        "another count": (lambda: put_chunk(platform, replace(first, count=11), sealed), MalformedError),
        "another total": (lambda: put_chunk(platform, replace(first, chunks=9), sealed), MalformedError),
        "not due": (lambda: put_chunk(platform, second, sealed_second), ReplayError),
        "another step": (lambda: put_chunk(platform, *totals), ReplayError),
        "another job": (lambda: put_chunk(platform, replace(first, job="nowhere"), sealed), NotFoundError),
        "an end": (lambda: put_end(merchant, holder.request), StateError),
    }
    for name, (act, error) in refused.items():
        with pytest.raises(error) as refusal:
            act()
        assert refusal.value.hint, name
    assert world.merchant.job(contract, job).done == 0

    put_chunk(platform, first, sealed)
    put_chunk(platform, first, sealed)
    with pytest.raises(ReplayError):
        put_chunk(platform, *resealed(first, sealed[:-1] + b"1"))
    assert world.merchant.job(contract, job).done == 1
    held = get_chunk(merchant, contract, job, "points", 0)
    assert (held.sealed, held.statement.sealed_digest) == (sealed, first.sealed_digest)
    with pytest.raises(NotPermittedError):
        get_chunk(platform, contract, job, "points", 0)
    with pytest.raises(NotFoundError):
        get_chunk(world.stranger, contract, job, "points", 0)
    with pytest.raises(MalformedError):
        get_chunk(merchant, contract, job, "steps", 0)
    assert not get_chunk(merchant, contract, job, "points", 1).HasField("statement")


def test_no_chunk_comes_before_both_have_opened(world: World) -> None:
    holder, matcher = begun(world, "too-early")
    matcher.step()
    rows = holder.machine.exchange.next_action().opening.rows
    chunk = IntersectionChunk(
        contract=holder.contract.id,
        job=holder.request.job,
        step=Step.POINTS,
        sender=PLATFORM,
        receiver=MERCHANT,
        index=0,
        chunks=1,
        count=rows,
        sealed_digest=b"",
    )
    with pytest.raises(StateError, match="open"):
        put_chunk(world.platform, *resealed(chunk, bytes(32)))
    with pytest.raises(StateError, match="open"):
        put_end(world.platform, holder.request)


def test_ends_that_are_refused(world: World) -> None:
    holder, matcher = begun(world, "ends")
    play((holder, matcher))
    with pytest.raises(ReplayError):
        put_end(world.merchant, holder.request, request_digest=bytes(32))
    with pytest.raises(SignatureError):
        put_end(world.merchant, holder.request, party=PLATFORM)
    with pytest.raises(SignatureError):
        put_end(world.merchant, holder.request, signer=world.platform)
    with pytest.raises(NotFoundError):
        put_end(world.stranger, holder.request)
    assert set(world.merchant.job(holder.contract, holder.request.job).waiting_for) == {MERCHANT, PLATFORM}


def test_a_zone_that_stops_anywhere_goes_on(world: World) -> None:
    holder, matcher = begun(world, "restarted")
    stops = 0
    while any(side.step() for side in (holder, matcher)):
        if stops < 8:
            world.restart()
            stops += 1
    world.restart()
    put_end(world.merchant, holder.request)
    world.restart()
    put_end(world.platform, holder.request)

    assert world.merchant.job(holder.contract, holder.request.job).state == "done"
    holding = holder.machine
    assert isinstance(holding, Holder)
    assert [(total.total, total.known) for total in holding.totals()] == make_data().sums([SPEND])


def test_a_refusal_ends_it_and_keeps_the_charge(world: World) -> None:
    holder, matcher = begun(world, "given-up")
    play((holder, matcher), until=lambda: bool(matcher.sent))
    contract, job = holder.contract, holder.request.job
    refusal = Refusal(contract=contract.id, job=job, party=PLATFORM, code="input", reason="no", at=NOW)
    world.platform.agent.RefuseTask(
        agent_pb2.RefuseTaskRequest(
            statement=to_wire(refusal, agent_pb2.Refusal), signature=world.platform.sign(refusal)
        )
    )

    assert world.merchant.job(contract, job).error_code == "input"
    assert kept(world, contract.id) == 0
    assert intersect_tasks(world.merchant, contract) == []
    assert world.platform.charges(contract).spent_micro == RHO
    with pytest.raises(StateError):
        get_chunk(world.merchant, contract, job, "points", 0)
    with pytest.raises(StateError):
        get_opening(world.merchant, contract, job)


@pytest.mark.parametrize("end", ["revoked", "idle"])
def test_what_nobody_goes_on_with_is_erased(world: World, end: str) -> None:
    holder, matcher = begun(world, f"left-{end}")
    play((holder, matcher), until=lambda: bool(matcher.sent))
    assert kept(world, holder.contract.id) == 3
    world.clock.now = NOW + 29 * DAY
    work(world.zone._core)
    assert kept(world, holder.contract.id) == 3

    if end == "revoked":
        world.merchant.revoke(holder.contract, at=world.clock.now)
        world.finished(holder.contract, holder.request.job)
    else:
        contract = replace(holder.contract, retention_days=29)
        with world.zone._core.changing() as change:
            drop_idle_intersections(change, contract)

    assert world.merchant.job(holder.contract, holder.request.job).error_code == "contract"
    assert kept(world, holder.contract.id) == 0


def test_an_analyst_reaches_none_of_it(world: World) -> None:
    stub = service(world.analyst)
    for method in wire.DESCRIPTOR.services_by_name["IntersectionService"].methods:
        with pytest.raises(NotPermittedError):
            getattr(stub, method.name)(getattr(wire, method.input_type.name)())
