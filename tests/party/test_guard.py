"""The guard refuses whatever the contract doesn't hold, and says which clause stands against it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from miyun.contract.model import MATCHED, Contract, Grant, Rung, Universe
from miyun.contract.statements import Revocation
from miyun.errors import (
    ContractError,
    ExpressionError,
    InputError,
    MiyunError,
    NotPermittedError,
    ReplayError,
    SignatureError,
    WaitingError,
)
from miyun.party.fusion_states import FusionState
from miyun.party.generations import PendingRefresh
from miyun.party.guard import Guard, LegWork
from miyun.psi.intersection_sum.statements import IntersectionRequest
from miyun.psi.statements import Announcement, FuseRequest
from miyun.segments.statements import ActivationRequest, DataRefresh, SegmentRequest
from miyun.transport.codec import to_wire
from miyun.wire.v1 import activation_pb2, agent_pb2, fusion_pb2, segment_pb2
from tests.party.intersection_world import intersect_task, intersection_request
from tests.party.segments import SPENDERS, segment_request
from tests.party.world import DAY, MERCHANT, NOW, PLATFORM, World


def fused(world: World, epoch: int = 1, *, finished: bool = True) -> None:
    """As if both had fused."""
    for name in (MERCHANT, PLATFORM):
        announcement = Announcement(
            contract="spring", job=f"fuse-{epoch}", epoch=epoch, party=name, handles=10, counts=()
        )
        states = world.session(name).fusions
        states.begin(announcement, b"", 0)
        if finished:
            states.end("spring", f"fuse-{epoch}", FusionState.FINISHED)


def activation_request(world: World, **changes: Any) -> ActivationRequest:
    request = ActivationRequest(
        contract="spring",
        contract_digest=world.contract.digest(),
        job="activate-1",
        segment="spenders",
        version=1,
        definition=SPENDERS,
        universe=Universe.MATCHED,
        recipient=PLATFORM,
        channel="platform-ads",
        requester=MERCHANT,
        idempotency_key="once",
        at=NOW,
    )
    return replace(request, **changes)


def signed(world: World, request: Any, by: str) -> bytes:
    return world.home(by).signing_key.sign(request)


def fuse_task(world: World, request: FuseRequest, signature: bytes) -> agent_pb2.Task:
    task = agent_pb2.FuseTask(request=to_wire(request, fusion_pb2.FuseRequest), signature=signature)
    return agent_pb2.Task(job=request.job, fuse=task)


def leg_task(
    world: World,
    request: SegmentRequest,
    *,
    by: str = MERCHANT,
    predicate: str = SPENDERS,
    epoch: int = 1,
    first: int = 0,
    handles: int = 10,
    generation: int = 0,
) -> agent_pb2.Task:
    task = agent_pb2.LegTask(
        request=to_wire(request, segment_pb2.SegmentRequest),
        signature=signed(world, request, by),
        epoch=epoch,
        predicate=predicate,
        first=first,
        handles=handles,
        generation=generation,
    )
    return agent_pb2.Task(job=request.job, leg=task)


def suppress_task(world: World, request: ActivationRequest, *, by: str = MERCHANT) -> agent_pb2.Task:
    task = agent_pb2.SuppressTask(
        request=to_wire(request, activation_pb2.ActivationRequest),
        signature=signed(world, request, by),
        epoch=1,
        handles=10,
    )
    return agent_pb2.Task(job=request.job, suppress=task)


def deliver_task(world: World, request: ActivationRequest, *, by: str = MERCHANT) -> agent_pb2.Task:
    task = agent_pb2.DeliverTask(
        request=to_wire(request, activation_pb2.ActivationRequest), signature=signed(world, request, by)
    )
    return agent_pb2.Task(job=request.job, deliver=task)


def refusal(world: World, task: agent_pb2.Task, kind: type[MiyunError], *, at: str = MERCHANT) -> MiyunError:
    with pytest.raises(kind) as refused:
        Guard(world.session(at)).admit(task)
    assert refused.value.hint
    return refused.value


Make = Callable[[World], agent_pb2.Task]

EVERY_KIND: dict[str, Make] = {
    "fuse": lambda world: fuse_task(world, *world.fuse_request()),
    "leg": lambda world: leg_task(world, segment_request(world)),
    "suppress": lambda world: suppress_task(world, activation_request(world)),
    "deliver": lambda world: deliver_task(
        world, activation_request(world, recipient=MERCHANT, channel="member-messages")
    ),
    "intersect": lambda world: intersect_task(world, intersection_request(world, holder=PLATFORM, columns=())),
}


@pytest.fixture(params=EVERY_KIND)
def make_task(request: pytest.FixtureRequest) -> Make:
    make: Make = EVERY_KIND[request.param]
    return make


@pytest.fixture
def ready(world: World) -> World:
    """A world in which each of the tasks is in order."""
    fused(world)
    request = segment_request(world)
    world.zone.segments["spenders"] = request
    world.session(MERCHANT).requests.keep(request, b"", subject="spenders")
    return world


def test_a_task_in_order_is_admitted(ready: World, make_task: Make) -> None:
    work = Guard(ready.session(MERCHANT)).admit(make_task(ready))
    assert work.contract == ready.contract


def generation_under_way(world: World) -> DataRefresh:
    """As if the merchant had said that its data is of generation 1, and the zone had not confirmed it."""
    statement = DataRefresh(
        contract=world.contract.id,
        contract_digest=world.contract.digest(),
        epoch=1,
        generation=1,
        party=MERCHANT,
        at=NOW,
    )
    world.session(MERCHANT).generations.begin(PendingRefresh(statement=statement, signature=b""))
    return statement


def test_predicates_are_answered_in_the_newest_generation_only(ready: World) -> None:
    session = ready.session(MERCHANT)
    guard, request = Guard(session), segment_request(ready)
    refusal(ready, leg_task(ready, request, generation=1), ReplayError)
    statement = generation_under_way(ready)
    assert guard.admit(leg_task(ready, request))
    with pytest.raises(WaitingError):
        guard.admit(leg_task(ready, request, generation=1))

    session.generations.confirm(statement)

    assert guard.admit(leg_task(ready, request, generation=1))
    with pytest.raises(WaitingError):
        guard.admit(leg_task(ready, request))
    refusal(ready, leg_task(ready, request, generation=2), ReplayError)


def test_a_generation_that_begins_between_two_looks_is_admitted(ready: World, monkeypatch: pytest.MonkeyPatch) -> None:
    session = ready.session(MERCHANT)
    statement = generation_under_way(ready)

    def then_confirmed(look: Callable[..., Any]) -> Callable[..., Any]:
        def looked(*arguments: Any) -> Any:
            seen = look(*arguments)
            session.generations.confirm(statement)
            return seen

        return looked

    for look in ("current", "pending"):
        monkeypatch.setattr(session.generations, look, then_confirmed(getattr(session.generations, look)))

    assert Guard(session).admit(leg_task(ready, segment_request(ready), generation=1))


def test_an_epoch_that_ends_between_two_looks_is_admitted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fused(world, finished=False)
    states = world.session(MERCHANT).fusions
    under_way = states.under_way

    def then_finished(contract: str, epoch: int) -> bool:
        seen = under_way(contract, epoch)
        states.end("spring", "fuse-1", FusionState.FINISHED)
        return seen

    monkeypatch.setattr(states, "under_way", then_finished)

    assert Guard(world.session(MERCHANT)).admit(leg_task(world, segment_request(world)))


def test_the_same_task_again_is_admitted(ready: World, make_task: Make) -> None:
    guard = Guard(ready.session(MERCHANT))
    assert guard.admit(make_task(ready)) == guard.admit(make_task(ready))


def body(task: agent_pb2.Task) -> Any:
    return getattr(task, task.WhichOneof("work"))


@pytest.mark.parametrize("signer", ["nobody", "zone", PLATFORM])
def test_unsigned_and_foreign_signed_requests(ready: World, make_task: Make, signer: str) -> None:
    task = make_task(ready)
    if signer == "nobody":
        body(task).signature = b""
    else:
        records = {"fuse": FuseRequest, "leg": SegmentRequest, "intersect": IntersectionRequest}
        from miyun.transport.codec import from_wire

        request = from_wire(body(task).request, records.get(task.WhichOneof("work") or "", ActivationRequest))
        key = ready.zone.key if signer == "zone" else ready.platform.signing_key
        body(task).signature = key.sign(request)
    assert refusal(ready, task, SignatureError).clause == "parties[0].signing_key"


def test_a_request_in_the_zones_own_name(ready: World, make_task: Make) -> None:
    task = make_task(ready)
    request = body(task).request
    if hasattr(request, "requester"):
        request.requester = ready.contract.zone.name
    else:
        request.owner = ready.contract.zone.name
    assert refusal(ready, task, NotPermittedError).clause == "parties"


def test_another_document_of_the_same_name(ready: World, make_task: Make) -> None:
    task = make_task(ready)
    body(task).request.contract_digest = bytes(32)
    assert refusal(ready, task, ContractError).clause == "id"


def test_a_contract_that_this_party_did_not_sign(ready: World, make_task: Make) -> None:
    task = make_task(ready)
    body(task).request.contract = "autumn"
    assert refusal(ready, task, ContractError).clause == "id"


def test_an_expired_contract(ready: World, make_task: Make) -> None:
    task = make_task(ready)
    ready.clock.now = ready.contract.expires
    assert refusal(ready, task, ContractError).clause == "expires"


def test_a_contract_that_has_not_started(ready: World, make_task: Make) -> None:
    task = make_task(ready)
    ready.clock.now = ready.contract.starts - DAY
    assert refusal(ready, task, ContractError).clause == "starts"


@pytest.mark.parametrize(("party", "clause"), [(MERCHANT, "parties[0]"), (PLATFORM, "parties[1]")])
def test_a_contract_that_a_party_revoked(ready: World, make_task: Make, party: str, clause: str) -> None:
    task = make_task(ready)
    revocation = Revocation(
        contract="spring", contract_digest=ready.contract.digest(), party=party, reason="over", at=NOW
    )
    ready.session(MERCHANT).accepted.revoke(revocation, b"")
    assert refusal(ready, task, ContractError).clause == clause


def test_a_contract_that_the_zone_calls_revoked_without_proof(ready: World, make_task: Make) -> None:
    task = make_task(ready)
    ready.session(MERCHANT).accepted.doubt("spring", True)
    assert refusal(ready, task, ContractError).clause == "id"


def test_a_contract_that_the_counterparty_has_not_signed(make_world: Callable[..., World]) -> None:
    world = make_world()
    contract = replace(world.contract, id="autumn")
    session = world.session(MERCHANT)
    session.accepted.accept(contract, MERCHANT, world.merchant.signing_key.sign(contract))
    request, _ = world.fuse_request(contract="autumn", contract_digest=contract.digest())
    task = fuse_task(world, request, world.merchant.signing_key.sign(request))
    assert refusal(world, task, ContractError).clause == "parties[1]"


def test_a_job_stands_for_one_request(ready: World, make_task: Make) -> None:
    guard = Guard(ready.session(MERCHANT))
    task = make_task(ready)
    guard.admit(task)
    records = {"fuse": FuseRequest, "leg": SegmentRequest, "intersect": IntersectionRequest}
    from miyun.transport.codec import from_wire

    request = from_wire(body(task).request, records.get(task.WhichOneof("work") or "", ActivationRequest))
    later = replace(request, at=NOW - DAY)
    body(task).request.at = "2026-11-21T12:00:00Z"
    body(task).signature = ready.merchant.signing_key.sign(later)
    refusal(ready, task, ReplayError)


def without(contract: Contract, *, owner: str, subject: str, rung: Rung, recipient: str) -> Contract:
    """The contract without one grant, under another name."""
    kept = tuple(
        grant
        for grant in contract.grants
        if (grant.owner, grant.subject, grant.rung, grant.recipient) != (owner, subject, rung, recipient)
    )
    assert len(kept) == len(contract.grants) - 1
    return replace(contract, id="autumn", grants=kept)


def test_a_segment_over_a_column_without_a_grant(ready: World) -> None:
    contract = without(ready.contract, owner=MERCHANT, subject="members.spend", rung=Rung.USE, recipient=PLATFORM)
    ready.accept(contract)
    request = segment_request(
        ready, contract="autumn", contract_digest=contract.digest(), owner=PLATFORM, job="segment-2"
    )
    error = refusal(ready, leg_task(ready, request, by=PLATFORM), NotPermittedError)
    assert error.clause == "grants"
    assert "members.spend" in error.message


@pytest.mark.parametrize(
    ("subjects", "metres", "clause"),
    [
        (["members.home", "members.work.location"], 500, "grants"),
        (["members.home.location"], 499, "location_radius_min"),
        (["members.home.location"], 500, None),
    ],
)
def test_where_people_are_takes_a_grant_of_its_own_and_the_least_radius(
    ready: World, subjects: list[str], metres: int, clause: str | None
) -> None:
    """Whatever the zone lets through: one leg of a signed definition is enough."""
    grants = [
        Grant(owner=MERCHANT, subject=subject, rung=rung, recipient=PLATFORM) for subject in subjects for rung in Rung
    ]
    contract = replace(ready.contract, id="autumn", grants=(*ready.contract.grants, *grants))
    ready.accept(contract)
    predicate = f"members.home within '{metres}m' of ((30, 120))"
    request = segment_request(
        ready,
        contract="autumn",
        contract_digest=contract.digest(),
        owner=PLATFORM,
        job="segment-2",
        definition=f"{predicate} or tags.tea",
    )
    states = ready.session(MERCHANT).fusions
    announcement = Announcement(contract="autumn", job="fuse-1", epoch=1, party=MERCHANT, handles=10, counts=())
    states.begin(announcement, b"", 0)
    states.end("autumn", "fuse-1", FusionState.FINISHED)
    task = leg_task(ready, request, by=PLATFORM, predicate=predicate)
    if clause is None:
        assert Guard(ready.session(MERCHANT)).admit(task)
    else:
        assert refusal(ready, task, NotPermittedError).clause == clause


def test_an_activation_without_a_grant(ready: World) -> None:
    contract = without(ready.contract, owner=MERCHANT, subject=MATCHED, rung=Rung.ACTIVATE, recipient=PLATFORM)
    ready.accept(contract)
    request = activation_request(ready, contract="autumn", contract_digest=contract.digest(), definition="matched")
    assert refusal(ready, suppress_task(ready, request), NotPermittedError).clause == "grants"


def test_the_activation_of_a_column_without_a_grant_whatever_the_zone_says(ready: World) -> None:
    contract = without(ready.contract, owner=MERCHANT, subject="members.spend", rung=Rung.ACTIVATE, recipient=PLATFORM)
    ready.accept(contract)
    terms = {"contract": "autumn", "contract_digest": contract.digest()}
    ready.zone.segments["others"] = segment_request(ready, name="others", definition="matched", **terms)
    request = activation_request(ready, segment="others", definition="not members.spend > 100", **terms)
    error = refusal(ready, suppress_task(ready, request), NotPermittedError)
    assert (error.clause, "members.spend" in error.message) == ("grants", True)


def test_an_activation_to_a_third_party_without_a_grant_to_disclose(ready: World) -> None:
    """Refused at whoever's rows are asked about, and at whoever would send them."""
    named = tuple(replace(channel, third_party="google") for channel in ready.contract.channels)
    refused = replace(ready.contract, id="autumn", channels=named)
    grant = Grant(owner=PLATFORM, subject=MATCHED, rung=Rung.DISCLOSE, recipient=MERCHANT)
    granted = replace(refused, id="winter", grants=(*refused.grants, grant))
    for contract in (refused, granted):
        ready.accept(contract)

    def request(contract: Contract) -> ActivationRequest:
        return activation_request(
            ready,
            contract=contract.id,
            contract_digest=contract.digest(),
            definition="matched",
            recipient=MERCHANT,
            channel="member-messages",
            job=f"activate-{contract.id}",
        )

    for task, at in ((suppress_task, PLATFORM), (deliver_task, MERCHANT)):
        error = refusal(ready, task(ready, request(refused)), NotPermittedError, at=at)
        assert (error.clause, "google" in error.message) == ("grants", True)
    assert Guard(ready.session(MERCHANT)).admit(deliver_task(ready, request(granted)))


TEA = "tags.tea"


def over_users(world: World, **changes: Any) -> SegmentRequest:
    fields = {"name": "curated", "definition": TEA, "universe": Universe.PLATFORM, "owner": PLATFORM, **changes}
    return segment_request(world, **fields)


def test_a_segment_over_the_platforms_rows(ready: World) -> None:
    guard = Guard(ready.session(PLATFORM))
    work = guard.admit(leg_task(ready, over_users(ready), by=PLATFORM, predicate=TEA))
    assert isinstance(work, LegWork)
    assert work.predicate.text() == TEA

    ready.zone.segments["curated"] = over_users(ready)
    mixed = over_users(ready, name="others", definition="curated and not spenders", job="segment-2")
    refusal(ready, leg_task(ready, mixed, by=PLATFORM, predicate=TEA), NotPermittedError, at=PLATFORM)
    new = over_users(ready, name="others", definition="not spenders and tags.pets", job="segment-3")
    assert guard.admit(leg_task(ready, new, by=PLATFORM, predicate="tags.pets"))


@pytest.mark.parametrize("subject", [MATCHED, "members.spend"])
def test_what_the_match_decides_among_the_platforms_rows_needs_its_grants(ready: World, subject: str) -> None:
    """However it comes in: a merchant's segment under `not` carries its own subjects, and the match."""
    contract = without(ready.contract, owner=MERCHANT, subject=subject, rung=Rung.USE, recipient=PLATFORM)
    ready.accept(contract)
    terms = {"contract": "autumn", "contract_digest": contract.digest(), "job": "segment-2"}
    request = over_users(ready, definition=f"not spenders and {TEA}", **terms)
    error = refusal(ready, leg_task(ready, request, by=PLATFORM, predicate=TEA), NotPermittedError, at=PLATFORM)
    assert (error.clause, subject in error.message) == ("grants", True)


@pytest.mark.parametrize("definition", ["members.spend > 100", "tags.tea and not members.spend > 100"])
def test_a_merchants_column_among_the_platforms_rows_without_the_match(ready: World, definition: str) -> None:
    request = over_users(ready, owner=MERCHANT, definition=definition)
    refusal(ready, leg_task(ready, request), ExpressionError)
    disclosed = activation_request(ready, definition=definition, universe=Universe.PLATFORM)
    refusal(ready, suppress_task(ready, disclosed), ExpressionError)


def test_an_activation_of_the_platforms_rows_takes_the_grants_of_who_is_taken_away(ready: World) -> None:
    definition = "not (matched and members.spend > 100) and tags.tea"
    request = activation_request(ready, definition=definition, universe=Universe.PLATFORM)
    assert Guard(ready.session(MERCHANT)).admit(suppress_task(ready, request))

    for subject, disclosed in (("members.spend", definition), (MATCHED, TEA)):
        contract = without(ready.contract, owner=MERCHANT, subject=subject, rung=Rung.ACTIVATE, recipient=PLATFORM)
        contract = replace(contract, id=f"autumn-{len(subject)}")
        ready.accept(contract)
        refused = activation_request(
            ready,
            contract=contract.id,
            contract_digest=contract.digest(),
            definition=disclosed,
            universe=Universe.PLATFORM,
        )
        error = refusal(ready, suppress_task(ready, refused), NotPermittedError)
        assert (error.clause, subject in error.message) == ("grants", True)


def test_an_activation_of_the_platforms_rows_to_the_merchant(ready: World) -> None:
    request = activation_request(
        ready, definition=TEA, universe=Universe.PLATFORM, recipient=MERCHANT, channel="member-messages"
    )
    for make in (suppress_task, deliver_task):
        assert refusal(ready, make(ready, request), NotPermittedError).clause == "channels[0].recipient"


@pytest.mark.parametrize("definition", ["spenders", "not spenders and tags.tea", "members.spend  >  100"])
def test_an_activation_says_in_full_what_it_discloses(ready: World, definition: str) -> None:
    for request, make in (
        (activation_request(ready, definition=definition), suppress_task),
        (activation_request(ready, definition=definition, recipient=MERCHANT, channel="member-messages"), deliver_task),
    ):
        assert "in full" in refusal(ready, make(ready, request), ContractError).message


def test_a_segment_of_a_segment_over_own_columns_that_nobody_signed(ready: World) -> None:
    ready.zone.segments["spenders"] = segment_request(ready, definition="members.spend > 1")
    request = segment_request(ready, name="others", definition="not spenders and members.opted_out", job="segment-2")
    task = leg_task(ready, request, predicate="members.opted_out")
    assert "nobody signed" in refusal(ready, task, ContractError).message


def test_a_channel_of_the_other_party(ready: World) -> None:
    request = activation_request(ready, channel="member-messages")
    error = refusal(ready, suppress_task(ready, request), NotPermittedError)
    assert error.clause == "channels[0].recipient"


def test_an_audience_for_somebody_else(ready: World) -> None:
    assert refusal(ready, deliver_task(ready, activation_request(ready)), NotPermittedError).clause == "channels"


def test_a_predicate_that_is_not_in_the_signed_definition(ready: World) -> None:
    for predicate in ("members.spend > 99", "members.opted_out", "matched"):
        task = leg_task(ready, segment_request(ready), predicate=predicate)
        assert refusal(ready, task, NotPermittedError).clause == "grants"


def test_a_predicate_of_the_other_party(ready: World) -> None:
    task = leg_task(ready, segment_request(ready))
    assert refusal(ready, task, NotPermittedError, at=PLATFORM).clause == "grants"


def test_an_expired_segment(ready: World) -> None:
    refusal(ready, leg_task(ready, segment_request(ready, expires=NOW)), ContractError)


def test_another_epoch_than_the_newest(ready: World) -> None:
    fused(ready, 2)
    refusal(ready, leg_task(ready, segment_request(ready)), ReplayError)
    refusal(ready, leg_task(ready, segment_request(ready), epoch=3), ReplayError)
    assert Guard(ready.session(MERCHANT)).admit(leg_task(ready, segment_request(ready), epoch=2))


def test_an_epoch_that_this_party_is_about_to_finish_is_waited_for(ready: World) -> None:
    fused(ready, 2, finished=False)
    refusal(ready, leg_task(ready, segment_request(ready), epoch=2), WaitingError)


def test_a_fusion_of_an_older_epoch_is_a_replay(ready: World) -> None:
    fused(ready, 2)
    request, signature = ready.fuse_request(job="old")
    refusal(ready, fuse_task(ready, request, signature), ReplayError)


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "..", "", "a" * 64])
def test_what_would_name_a_file_is_a_name(ready: World, name: str) -> None:
    """The counterparty signs whatever it likes; here these words become parts of paths."""
    for task in (
        fuse_task(ready, *ready.fuse_request(job=name)),
        leg_task(ready, segment_request(ready, job=name)),
        leg_task(ready, segment_request(ready, name=name)),
        suppress_task(ready, activation_request(ready, job=name)),
        deliver_task(ready, activation_request(ready, recipient=MERCHANT, channel="member-messages", segment=name)),
    ):
        refusal(ready, task, InputError)
