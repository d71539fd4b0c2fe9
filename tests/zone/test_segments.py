"""Segments, activations and their algebra over a fused pair of tables."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import pytest
from pyroaring import BitMap

from miyun.contract.model import MATCHED, Channel, Contract, Domain, Grant, Rung, Universe
from miyun.errors import (
    ContractError,
    ExpressionError,
    MalformedError,
    NotFoundError,
    NotPermittedError,
    ReplayError,
    StateError,
)
from miyun.segments.sealing_info import audience_info
from miyun.segments.statements import Delivery, SealedAudience
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import activation_pb2, segment_pb2
from tests.zone.matching import Side, exchange, model_pairs, people, request_fusion
from tests.zone.members import DAY, MERCHANT, NOW, PLATFORM, TYPES, Member, World

LEFT = people(1, 80)
RIGHT = people(1, 90)
PAIRS = model_pairs(LEFT, RIGHT, TYPES)
RICH = [number for number in range(len(LEFT)) if number % 3 == 0]
EAGER = [number for number in range(len(LEFT)) if number % 2 == 0]
TEA = [number for number in range(len(RIGHT)) if number % 5 < 3]
TAG_GRANTS = tuple(
    Grant(owner=PLATFORM, subject="tags.tea", rung=rung, recipient=MERCHANT)
    for rung in (Rung.SIZE, Rung.USE, Rung.ACTIVATE)
)


@dataclass
class Fused:
    """A contract whose first epoch is joined."""

    world: World
    contract: Contract
    left: Side
    right: Side

    def create(self, name: str, definition: str, member: Member | None = None, **other: object) -> None:
        (member or self.world.merchant).create_segment(self.contract, name, definition, **other)

    def answer_legs(self) -> None:
        """Both agents give the bits that they are asked for."""
        chosen = {
            "members.spend > 100": RICH,
            "members.opted_in": EAGER,
            "tags.tea": TEA,
            "members.secret > 3": RICH,
            "members.opted_in and members.spend > 100": [row for row in RICH if row in EAGER],
        }
        for side in (self.left, self.right):
            for task in side.member.tasks():
                if task.WhichOneof("work") == "leg" and task.leg.request.contract == self.contract.id:
                    side.put_leg(task.job, task.leg.predicate, chosen[task.leg.predicate])

    def suppress(self, job: str, left: list[int], right: list[int]) -> None:
        self.left.put_leg(job, "suppression", left)
        self.right.put_leg(job, "suppression", right)

    def audience(self, member: Member, job: str) -> SealedAudience:
        answer = self._page(member, job)
        audience = from_wire(answer.statement, SealedAudience)
        member.home.zone_link().verify_key().verify(audience, answer.signature)
        return audience

    def sealed(self, member: Member, job: str) -> bytes:
        return self._page(member, job).sealed

    def opened(self, member: Member, job: str, other: Mapping[str, Any] = MappingProxyType({})) -> BitMap:
        audience = self.audience(member, job)
        names = ("contract", "job", "segment", "version", "epoch", "recipient")
        fields = {name: getattr(audience, name) for name in names}
        sealed = self.sealed(member, job)
        assert hashlib.sha256(sealed).digest() == audience.sealed_digest
        return BitMap.deserialize(member.open_sealed(sealed, audience_info(**{**fields, **other})))

    def activated(self, segment: str, recipient: str, left: list[int], right: list[int]) -> set[int]:
        """The rows that reach ``recipient``, when these rows opted out."""
        channel = "member-messages" if recipient == MERCHANT else "platform-ads"
        key = f"{segment}-{recipient}-{len(left)}-{len(right)}"
        job = self.world.merchant.request_activation(self.contract, segment, recipient, channel, key=key).job.id
        self.suppress(job, left, right)
        self.wait_sealed(job)
        side = self.left if recipient == MERCHANT else self.right
        return side.rows_of(self.opened(side.member, job))

    def wait_sealed(self, job: str) -> None:
        listener = self.world.zone._core.bell.listen(MERCHANT)
        while self.world.merchant.job(self.contract, job).done < 3:
            assert listener.wait(20)

    def deliver(self, member: Member, job: str) -> Delivery:
        statement = Delivery(
            contract=self.contract.id,
            job=job,
            recipient=member.name,
            audience_digest=self.audience(member, job).digest(),
            at=NOW,
        )
        self.put_delivery(member, statement)
        return statement

    def put_delivery(self, member: Member, statement: Delivery) -> None:
        member.activations.PutDelivery(
            activation_pb2.PutDeliveryRequest(
                statement=to_wire(statement, activation_pb2.Delivery), signature=member.sign(statement)
            )
        )

    def ready(self, name: str) -> None:
        job = self.world.finished(self.contract, f"segment-{name}")
        assert job.state == "done", job

    def _page(self, member: Member, job: str) -> activation_pb2.GetAudienceResponse:
        return member.activations.GetAudience(
            activation_pb2.GetAudienceRequest(contract=self.contract.id, job=job, page=0)
        )


def fuse(world: World, contract: Contract, epoch: int = 1) -> Fused:
    request = request_fusion(world.merchant, contract, epoch)
    left = Side(world.merchant, contract, request, LEFT, seed=epoch)
    right = Side(world.platform, contract, request, RIGHT, seed=epoch)
    exchange(left, right)
    world.finished(contract, request.job)
    return Fused(world, contract, left, right)


def in_force(world: World, contract: Contract) -> Contract:
    """The contract, signed by all, with leases."""
    world.merchant.propose(contract)
    for party in world.parties:
        party.sign_contract(contract)
    world.merchant.activate_contract(contract)
    for party in world.parties:
        party.lease(contract, 1, contract.budget.lease_rho_micro)
    return contract


def agree(world: World, id_: str, **choices: object) -> Contract:
    """An active contract that also grants the platform's tag to the merchant, and the match to google; with leases."""
    contract = world.draft(id_, **choices)
    channel = Channel(name="search-ads", domain=Domain.PUBLIC, recipient=MERCHANT, third_party="google")
    disclosed = Grant(owner=PLATFORM, subject=MATCHED, rung=Rung.DISCLOSE, recipient=MERCHANT)
    contract = replace(
        contract,
        grants=(*contract.grants, *TAG_GRANTS, disclosed),
        channels=(*contract.channels, channel),
    )
    return in_force(world, contract)


@pytest.fixture(scope="module")
def shared(shared_world: World) -> Fused:
    """One fused contract for the tests that only add segments of their own."""
    return fuse(shared_world, agree(shared_world, "shared"))


@pytest.fixture
def fused(shared: Fused, world: World) -> Iterator[Fused]:
    assert shared.world is world
    return shared


@pytest.mark.parametrize(
    ("name", "definition", "belongs"),
    [
        ("all-pairs", "matched", lambda left, right: True),
        ("rich", "members.spend > 100", lambda left, right: left in RICH),
        ("not-rich", "not members.spend > 100", lambda left, right: left not in RICH),
        ("rich-tea", "members.spend > 100 and tags.tea", lambda left, right: left in RICH and right in TEA),
        ("rich-or-tea", "members.spend > 100 or not tags.tea", lambda left, right: left in RICH or right not in TEA),
        (
            "rich-eager-tea",
            "tags.tea and members.spend > 100 and members.opted_in",
            lambda left, right: right in TEA and left in RICH and left in EAGER,
        ),
    ],
)
def test_a_segment_is_what_the_plaintext_says(fused: Fused, name: str, definition: str, belongs) -> None:  # type: ignore[no-untyped-def]
    fused.create(name, definition)
    fused.answer_legs()
    fused.ready(name)

    reached = {recipient: fused.activated(name, recipient, [], []) for recipient in (MERCHANT, PLATFORM)}

    chosen = [pair for pair in PAIRS if belongs(*pair)]
    assert chosen
    assert reached == {MERCHANT: {left for left, _ in chosen}, PLATFORM: {right for _, right in chosen}}


def test_segments_are_made_of_segments(fused: Fused) -> None:
    fused.create("base", "members.spend > 100")
    fused.create("derived", "base and not tags.tea")
    fused.answer_legs()
    fused.ready("derived")

    assert fused.activated("derived", PLATFORM, [], []) == {
        right for left, right in PAIRS if left in RICH and right not in TEA
    }
    with pytest.raises(StateError, match="part of derived"):
        fused.world.merchant.change_segment(fused.contract, "base", "invalidate")
    with pytest.raises(NotFoundError, match="no such segment"):
        fused.create("orphan", "nothing-there and members.opted_in")


def test_opt_outs_of_both_owners_are_taken_away(fused: Fused) -> None:
    fused.create("everybody", "matched")
    fused.ready("everybody")
    left_out, right_out = list(range(0, 40)), list(range(30, 60))

    reached = fused.activated("everybody", MERCHANT, left_out, right_out)

    assert reached == {left for left, right in PAIRS if left not in left_out and right not in right_out}
    assert reached != {left for left, _ in PAIRS}


def test_an_audience_opens_for_its_recipient_and_place_alone(fused: Fused) -> None:
    fused.create("sealed", "matched")
    fused.ready("sealed")
    world = fused.world
    job = world.merchant.request_activation(fused.contract, "sealed", PLATFORM, "platform-ads").job.id
    fused.suppress(job, [], [])
    fused.wait_sealed(job)
    sealed = fused.sealed(world.platform, job)

    assert len(fused.opened(world.platform, job)) == len(PAIRS)
    with pytest.raises(MalformedError):
        world.merchant.open_sealed(sealed, b"")
    for other in ({"version": 2}, {"job": "another"}, {"epoch": 2}, {"contract": "another"}, {"recipient": MERCHANT}):
        with pytest.raises(MalformedError):
            fused.opened(world.platform, job, other)
    with pytest.raises(NotPermittedError):
        fused.audience(world.merchant, job)


def test_delivery_ends_the_job_and_erases_the_audience(fused: Fused) -> None:
    fused.create("delivered", "matched")
    fused.ready("delivered")
    world = fused.world
    job = world.platform.request_activation(fused.contract, "delivered", PLATFORM, "platform-ads").job.id
    assert [task.WhichOneof("work") for task in world.merchant.tasks() if task.job == job] == ["suppress"]
    fused.suppress(job, [], [])
    fused.wait_sealed(job)
    assert [task.WhichOneof("work") for task in world.platform.tasks() if task.job == job] == ["deliver"]

    statement = fused.deliver(world.platform, job)

    assert world.finished(fused.contract, job).state == "done"
    with pytest.raises(NotFoundError):
        fused.audience(world.platform, job)
    fused.put_delivery(world.platform, statement)
    with pytest.raises(ReplayError):
        fused.put_delivery(world.platform, replace(statement, at=NOW + DAY))


def test_an_activation_names_exactly_what_the_segment_discloses(fused: Fused) -> None:
    fused.create("rich-ones", "members.spend > 100")
    fused.create("rich-without-tea", "rich-ones and not tags.tea")
    fused.answer_legs()
    fused.ready("rich-without-tea")
    ask = fused.world.merchant.request_activation

    for definition in ("rich-ones and not tags.tea", "matched", "members.spend > 100"):
        with pytest.raises(StateError) as refused:
            ask(fused.contract, "rich-without-tea", PLATFORM, "platform-ads", definition=definition)
        assert "members.spend > 100 and not tags.tea" in refused.value.hint

    written_out = "members.spend > 100 and not tags.tea"
    assert ask(fused.contract, "rich-without-tea", PLATFORM, "platform-ads", definition=written_out).job.id


def test_the_same_activation_again_is_the_same_job(fused: Fused) -> None:
    fused.create("once", "matched")
    fused.ready("once")
    ask = fused.world.merchant.request_activation

    first = ask(fused.contract, "once", PLATFORM, "platform-ads", key="spring-push")
    later = ask(fused.contract, "once", PLATFORM, "platform-ads", key="spring-push", at=NOW + DAY)

    assert first.job == later.job
    with pytest.raises(StateError):
        ask(fused.contract, "once", MERCHANT, "member-messages", key="spring-push")
    with pytest.raises(StateError, match="stands for job"):
        ask(fused.contract, "once", MERCHANT, "member-messages", key="spring-push", job="activate-other")


def test_activations_keep_to_grants_and_channels(fused: Fused) -> None:
    fused.create("narrow", "matched", channels=("member-messages",))
    fused.ready("narrow")
    fused.create("ungranted", "members.secret > 3", fused.world.merchant)
    ask = fused.world.merchant.request_activation

    with pytest.raises(NotPermittedError) as by_segment:
        ask(fused.contract, "narrow", PLATFORM, "platform-ads")
    with pytest.raises(NotPermittedError) as by_channel:
        ask(fused.contract, "narrow", PLATFORM, "member-messages", key="other")
    with pytest.raises(NotPermittedError) as by_grant:
        ask(fused.contract, "ungranted", PLATFORM, "platform-ads")
    with pytest.raises(NotFoundError):
        fused.world.stranger.request_activation(fused.contract, "narrow", PLATFORM, "platform-ads")

    assert by_segment.value.clause == "channels"
    assert by_channel.value.clause.endswith(".recipient")
    assert by_grant.value.clause == "grants"


def test_what_a_third_party_gets_needs_a_grant_to_disclose(fused: Fused) -> None:
    fused.create("known-to-google", "matched", channels=("search-ads",))
    fused.create("tea-at-google", "tags.tea", channels=("search-ads",))
    fused.answer_legs()
    for name in ("known-to-google", "tea-at-google"):
        fused.ready(name)
    ask = fused.world.merchant.request_activation

    assert ask(fused.contract, "known-to-google", MERCHANT, "search-ads", key="known").job.id
    with pytest.raises(NotPermittedError, match="google") as refused:
        ask(fused.contract, "tea-at-google", MERCHANT, "search-ads", key="tea")
    assert (refused.value.clause, "no disclose of tags.tea" in refused.value.message) == ("grants", True)


def test_segments_keep_to_grants_names_and_dates(fused: Fused) -> None:
    merchant, platform = fused.world.parties
    fused.create("mine", "matched")

    with pytest.raises(NotPermittedError) as by_grant:
        platform.create_segment(fused.contract, "theirs", "members.secret > 3")
    with pytest.raises(StateError, match="already"):
        platform.create_segment(fused.contract, "mine", "matched", job="segment-mine-2")
    with pytest.raises(ContractError) as by_date:
        merchant.create_segment(fused.contract, "too-long", "matched", expires=fused.contract.expires + DAY)
    with pytest.raises(NotPermittedError) as by_channel:
        merchant.create_segment(fused.contract, "aloud", "matched", channels=("loudspeaker",))
    with pytest.raises(NotPermittedError) as by_owner:
        platform.change_segment(fused.contract, "mine", "invalidate")

    assert by_grant.value.clause == "grants"
    assert by_date.value.clause == "expires"
    assert by_channel.value.clause == "channels"
    assert by_owner.value.clause == "parties"


def test_a_definition_has_to_be_canonical(fused: Fused) -> None:
    from miyun.segments.statements import SegmentRequest

    request = SegmentRequest(
        contract=fused.contract.id,
        contract_digest=fused.contract.digest(),
        job="segment-shouting",
        name="shouting",
        code="",
        definition="members.spend  >  100.0",
        universe=Universe.MATCHED,
        owner=MERCHANT,
        channels=(),
        hidden=False,
        processable=True,
        expires=fused.contract.expires,
        at=NOW,
    )
    member = fused.world.merchant
    with pytest.raises(ExpressionError, match="canonical"):
        member.segments.CreateSegment(
            segment_pb2.CreateSegmentRequest(
                statement=to_wire(request, segment_pb2.SegmentRequest), signature=member.sign(request)
            )
        )


def test_predicates_are_capped_per_epoch_and_counted_once(world: World) -> None:
    contract = agree(world, "few-legs", legs_per_epoch=2)
    fused = fuse(world, contract)
    fused.create("one", "members.spend > 1")
    fused.create("again", "members.spend > 1 and tags.tea")
    fused.create("two", "members.spend > 2")

    with pytest.raises(NotPermittedError) as refusal:
        fused.create("three", "members.spend > 3")

    assert refusal.value.clause == "legs_per_epoch"


def test_bits_are_refused_unless_asked_for_in_order_and_in_range(fused: Fused) -> None:
    fused.create("picky", "members.spend > 100 and tags.tea")
    left, member = fused.left, fused.world.merchant
    ask = member.segments.PutLeg

    def put(bits: bytes) -> None:
        ask(left.leg_message("segment-picky", "members.spend > 100", bits))

    for bits in (b"", b"\0" * 64, b"\xff" * 100_000, BitMap([len(LEFT)]).serialize(), BitMap([1]).serialize() + b"x"):
        with pytest.raises(MalformedError):
            put(bits)
    changed = left.leg_message("segment-picky", "members.spend > 100", left.bits(RICH))
    changed.bits = left.bits(EAGER)
    with pytest.raises(MalformedError):
        ask(changed)
    with pytest.raises(ReplayError):
        ask(left.leg_message("segment-picky", "members.spend > 200", left.bits(RICH)))
    put(left.bits(RICH))
    put(left.bits(RICH))
    with pytest.raises(ReplayError):
        put(left.bits(EAGER))
    fused.answer_legs()
    fused.ready("picky")


def test_segments_are_listed_renamed_and_invalidated(fused: Fused) -> None:
    fused.create("old-name", "matched")
    fused.ready("old-name")
    merchant = fused.world.merchant

    first = merchant.change_segment(fused.contract, "old-name", "rename", "new-name")
    again = merchant.change_segment(fused.contract, "old-name", "rename", "new-name")
    assert first.segment == again.segment
    assert fused.world.platform.segment(fused.contract, "new-name").state == "ready"
    with pytest.raises(NotFoundError):
        merchant.segment(fused.contract, "old-name")

    merchant.change_segment(fused.contract, "new-name", "invalidate")

    assert merchant.segment(fused.contract, "new-name").state == "invalidated"
    with pytest.raises(StateError, match="invalidated"):
        merchant.request_activation(fused.contract, "new-name", PLATFORM, "platform-ads")
    names = []
    while page := merchant.segments.ListSegments(
        segment_pb2.ListSegmentsRequest(contract=fused.contract.id, limit=2, after=names[-1] if names else "")
    ).segments:
        names += [segment.name for segment in page]
    assert names == sorted(set(names))
    assert "new-name" in names


def test_a_new_epoch_evaluates_live_segments_as_new_versions(world: World) -> None:
    contract = agree(world, "standing")
    first = fuse(world, contract)
    first.create("tea", "tags.tea")
    first.create("derived-tea", "tea and members.opted_in")
    first.create("ended", "matched", expires=NOW + DAY)
    first.answer_legs()
    first.ready("derived-tea")
    pending = world.merchant.request_activation(contract, "tea", PLATFORM, "platform-ads").job.id
    world.clock.now = NOW + 2 * DAY

    second = fuse(world, contract, epoch=2)
    second.answer_legs()
    second.ready("derived-tea")

    segment = world.merchant.segment(contract, "derived-tea")
    assert (segment.version, segment.epoch, segment.state) == (2, 2, "ready")
    assert world.merchant.segment(contract, "ended").state == "expired"
    assert second.activated("derived-tea", MERCHANT, [], []) == {
        left for left, right in PAIRS if right in TEA and left in EAGER
    }
    overtaken = world.finished(contract, pending)
    assert (overtaken.state, overtaken.error_code) == ("failed", "state")
    with pytest.raises(StateError):
        world.merchant.request_activation(contract, "tea", PLATFORM, "platform-ads", key="old", version=1)


def test_a_refused_leg_ends_the_segment_and_frees_its_name(fused: Fused) -> None:
    from miyun.segments.statements import Refusal
    from miyun.wire.v1 import agent_pb2

    fused.create("unwanted", "members.spend > 100")
    refusal = Refusal(
        contract=fused.contract.id,
        job="segment-unwanted",
        party=MERCHANT,
        code="expression",
        reason="no such column",
        at=NOW,
    )
    member = fused.world.merchant
    member.agent.RefuseTask(
        agent_pb2.RefuseTaskRequest(statement=to_wire(refusal, agent_pb2.Refusal), signature=member.sign(refusal))
    )

    job = fused.world.finished(fused.contract, "segment-unwanted")
    assert (job.state, job.error_code) == ("failed", "expression")
    fused.create("unwanted", "matched", job="segment-unwanted-2")


def test_a_segment_needs_a_fusion(world: World) -> None:
    contract = world.agree("unfused")

    with pytest.raises(StateError, match="nothing is fused"):
        world.merchant.create_segment(contract, "early", "matched")
