"""Weights through the zone: charged to who makes them, passed on unopened, once; and refusals."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from miyun.aggregates.lookalikes import Lookalike, LookalikeReceived, LookalikeRelease
from miyun.aggregates.statements import SegmentVersion
from miyun.contract.jobs import Job
from miyun.contract.model import LOOKALIKE, MATCHED, Contract, Grant, Rung, Universe
from miyun.errors import (
    ContractError,
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
from miyun.insight.lookalike import scoring_bytes
from miyun.keys.sealing import OVERHEAD_BYTES
from miyun.segments.statements import Refusal
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import agent_pb2
from miyun.wire.v1 import lookalike_pb2 as wire
from miyun.wire.v1.lookalike_pb2_grpc import LookalikeServiceStub
from tests.zone.asking import (
    INSIGHT_GRANTS,
    SEGMENTS,
    TAGS,
    Owner,
    agree,
    ask,
    count,
    put_key,
    put_totals,
    question,
    reader_key,
    task_job,
)
from tests.zone.members import DAY, MERCHANT, NOW, PLATFORM, Member, World, running
from tests.zone.publishing import found, publish
from tests.zone.test_segments import Fused, fuse

SEALED = bytes(range(256)) * ((scoring_bytes(TAGS) + OVERHEAD_BYTES) // 256 + 1)
SEALED = SEALED[: scoring_bytes(TAGS) + OVERHEAD_BYTES]
RHO = 500
GRANTS = (
    *INSIGHT_GRANTS,
    Grant(owner=MERCHANT, subject="members.spend", rung=Rung.INSIGHT, recipient=PLATFORM),
    Grant(owner=PLATFORM, subject=LOOKALIKE, rung=Rung.USE, recipient=MERCHANT),
)


@dataclass
class Weighed:
    """A fused contract with a portrait of `rich` against all pairs that was answered."""

    fused: Fused
    question: bytes

    @property
    def contract(self) -> Contract:
        return self.fused.contract

    @property
    def merchant(self) -> Member:
        return self.fused.left.member

    @property
    def platform(self) -> Member:
        return self.fused.right.member

    def statement(self, name: str = "kind", **changes: Any) -> LookalikeRelease:
        release = LookalikeRelease(
            contract=self.contract.id,
            contract_digest=self.contract.digest(),
            job=f"release-{name}",
            name=name,
            party=MERCHANT,
            question=self.question,
            seed=SEGMENTS[0],
            base=SEGMENTS[1],
            rho_micro=RHO,
            sealed_digest=hashlib.sha256(SEALED).digest(),
            at=NOW,
        )
        return replace(release, **changes)

    def release(self, statement: LookalikeRelease, caller: Member | None = None, signer: Member | None = None) -> Job:
        member = caller or self.merchant
        answer = service(member).ReleaseLookalike(
            wire.ReleaseLookalikeRequest(
                statement=to_wire(statement, wire.LookalikeRelease), signature=(signer or member).sign(statement)
            )
        )
        return from_wire(answer.job, Job)

    def put(self, job: str, sealed: bytes = SEALED, caller: Member | None = None) -> None:
        message = wire.PutWeightsRequest(contract=self.contract.id, job=job, sealed=sealed)
        service(caller or self.merchant).PutWeights(message)

    def fetch(self, job: str, caller: Member | None = None) -> bytes:
        message = wire.GetWeightsRequest(contract=self.contract.id, job=job)
        return service(caller or self.platform).GetWeights(message).sealed

    def confirm(self, statement: LookalikeRelease, caller: Member | None = None, **changes: Any) -> None:
        member = caller or self.platform
        received = LookalikeReceived(
            contract=self.contract.id,
            job=statement.job,
            party=member.name,
            release_digest=statement.digest(),
            at=NOW,
        )
        received = replace(received, **changes)
        service(member).PutReceived(
            wire.PutReceivedRequest(
                statement=to_wire(received, wire.LookalikeReceived), signature=member.sign(received)
            )
        )

    def deliver(self, name: str) -> LookalikeRelease:
        """One release, all the way."""
        statement = self.statement(name)
        job = self.release(statement)
        self.put(job.id)
        self.confirm(statement)
        return statement

    def listed(self, member: Member | None = None) -> dict[str, Lookalike]:
        answer = service(member or self.merchant).ListLookalikes(wire.ListLookalikesRequest(contract=self.contract.id))
        return {found.name: from_wire(found, Lookalike) for found in answer.lookalikes}

    def asked_of(self, member: Member) -> list[str]:
        """The releases that an agent has to do something about."""
        return [
            task.lookalike.request.name
            for task in member.tasks()
            if task.WhichOneof("work") == "lookalike" and task.lookalike.request.contract == self.contract.id
        ]

    def charged(self, member: Member) -> list[tuple[str, int]]:
        charges = member.charges(self.contract).charges
        return [
            (charge.statement.release, charge.statement.rho_micro)
            for charge in charges
            if charge.statement.purpose == "lookalike"
        ]


def service(member: Member) -> LookalikeServiceStub:
    return LookalikeServiceStub(member.channel)


def weighed(world: World, id_: str, grants: tuple[Grant, ...] = GRANTS) -> Weighed:
    fused = fuse(world, agree(world, id_, grants))
    fused.create("rich", "members.spend > 100")
    fused.answer_legs()
    fused.ready("rich")
    put_key(fused.left.member, reader_key(fused))
    request = question(fused, job="portrait")
    ask(fused.left.member, request)
    owner = Owner(fused, fused.right, task_job(fused, fused.right.member, "portrait"))
    put_totals(fused.right.member, *count(owner))
    return Weighed(fused, request.question_digest())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("weighed")) as made:
        yield made


@pytest.fixture(scope="module")
def shared(world: World) -> Weighed:
    return weighed(world, "weighed")


def test_weights_are_charged_first_then_sent_then_received(shared: Weighed) -> None:
    statement = shared.statement("whole")
    job = shared.release(statement)
    assert (job.kind, job.state, job.waiting_for, job.subject) == (
        "lookalike",
        "waiting-for-party",
        (MERCHANT,),
        "whole",
    )
    assert (statement.digest().hex(), RHO) in shared.charged(shared.merchant)
    assert shared.charged(shared.platform) == []
    assert "whole" in shared.asked_of(shared.merchant)
    assert "whole" not in shared.asked_of(shared.platform)
    assert shared.listed()["whole"].state == "released"

    shared.put(job.id)
    shared.put(job.id)
    assert "whole" not in shared.asked_of(shared.merchant)
    assert "whole" in shared.asked_of(shared.platform)
    assert shared.fetch(job.id) == SEALED

    shared.confirm(statement)
    shared.confirm(statement)
    assert shared.merchant.job(shared.contract, job.id).state == "done"
    assert shared.asked_of(shared.platform) == []
    assert shared.listed(shared.platform)["whole"] == Lookalike(
        name="whole",
        party=MERCHANT,
        seed=SEGMENTS[0],
        base=SEGMENTS[1],
        rho_micro=RHO,
        state="ready",
        job=job.id,
        at=NOW,
    )
    events = [entry.event for entry in shared.merchant.entries(shared.contract).entries][-2:]
    assert events == ["lookalike-released", "lookalike-received"]


def test_what_was_received_is_erased(shared: Weighed) -> None:
    statement = shared.deliver("erased")
    with pytest.raises(StateError, match="not here"):
        shared.fetch(statement.job)
    shared.put(statement.job)
    with pytest.raises(StateError, match="not here"):
        shared.fetch(statement.job)


def test_the_same_release_is_one_job_and_charged_once(shared: Weighed) -> None:
    statement = shared.statement("once")
    first = shared.release(statement)
    before = shared.charged(shared.merchant)
    again = shared.release(replace(statement, at=NOW + DAY))

    assert again.id == first.id
    assert shared.charged(shared.merchant) == before
    with pytest.raises(StateError, match="another request"):
        shared.release(replace(statement, rho_micro=RHO + 1))
    with pytest.raises(StateError, match="already"):
        shared.release(replace(statement, job="release-of-another"))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"contract_digest": bytes(32)}, ContractError),
        ({"question": bytes(32)}, StateError),
        ({"seed": SegmentVersion(name="rich", version=2)}, StateError),
        ({"seed": SEGMENTS[1]}, StateError),
        ({"base": SegmentVersion(name="poor", version=1)}, StateError),
        ({"rho_micro": 0}, InputError),
        ({"name": "No Name"}, InputError),
        ({"job": "../job"}, InputError),
        ({"rho_micro": 10**15}, WaitingError),
        ({"party": PLATFORM}, SignatureError),
        ({"contract": "another"}, NotFoundError),
    ],
)
def test_releases_of_nothing_are_refused(shared: Weighed, changes: dict[str, Any], error: type[MiyunError]) -> None:
    before = shared.charged(shared.merchant)
    with pytest.raises(error):
        shared.release(replace(shared.statement("nothing"), **changes))
    assert shared.charged(shared.merchant) == before
    assert "nothing" not in shared.listed()


def test_a_release_is_by_the_merchant_itself(shared: Weighed) -> None:
    statement = shared.statement("forged")
    with pytest.raises(SignatureError):
        shared.release(statement, signer=shared.platform)
    with pytest.raises(SignatureError):
        shared.release(statement, caller=shared.platform)
    with pytest.raises(SignatureError):
        shared.release(replace(statement, party=PLATFORM), caller=shared.platform, signer=shared.merchant)
    with pytest.raises(StateError, match="no portrait of one's own"):
        shared.release(replace(statement, party=PLATFORM), caller=shared.platform)
    with pytest.raises(NotFoundError):
        shared.release(statement, caller=shared.fused.world.stranger)


def test_only_the_bytes_that_were_signed_are_passed_on(shared: Weighed) -> None:
    job = shared.release(shared.statement("bytes")).id
    for wrong in (b"", SEALED[:-1], SEALED + b"\0", SEALED[::-1]):
        with pytest.raises(MalformedError):
            shared.put(job, wrong)
    with pytest.raises(StateError):
        shared.fetch(job)
    for stranger, error in ((shared.platform, NotPermittedError), (shared.fused.world.stranger, NotFoundError)):
        with pytest.raises(error):
            shared.put(job, caller=stranger)
    shared.put(job)
    with pytest.raises(MalformedError):
        shared.put(job, SEALED[::-1])
    with pytest.raises(NotFoundError):
        shared.put("portrait")


def test_weights_of_more_tags_than_were_asked_about_are_refused(shared: Weighed) -> None:
    sealed = SEALED + bytes(2)
    statement = shared.statement("larger", sealed_digest=hashlib.sha256(sealed).digest())
    job = shared.release(statement).id
    with pytest.raises(MalformedError, match="other tags"):
        shared.put(job, sealed)


def test_only_the_owner_of_the_tags_fetches_and_confirms(shared: Weighed) -> None:
    statement = shared.statement("fetched")
    job = shared.release(statement).id
    shared.put(job)
    for stranger, error in ((shared.merchant, NotPermittedError), (shared.fused.world.stranger, NotFoundError)):
        with pytest.raises(error):
            shared.fetch(job, stranger)
        with pytest.raises(error):
            shared.confirm(statement, stranger)
    with pytest.raises(ReplayError):
        shared.confirm(statement, release_digest=bytes(32))
    shared.confirm(statement)
    with pytest.raises(ReplayError):
        shared.confirm(statement, at=NOW + DAY)


def test_a_refusal_ends_it_and_its_name_stays_taken(shared: Weighed) -> None:
    statement = shared.statement("refused")
    job = shared.release(statement).id
    shared.put(job)
    platform = shared.platform
    refusal = Refusal(contract=shared.contract.id, job=job, party=PLATFORM, code="contract", reason="other", at=NOW)
    platform.agent.RefuseTask(
        agent_pb2.RefuseTaskRequest(statement=to_wire(refusal, agent_pb2.Refusal), signature=platform.sign(refusal))
    )

    assert shared.listed()["refused"].state == "failed"
    for act in (lambda: shared.fetch(job), lambda: shared.put(job), lambda: shared.confirm(statement)):
        with pytest.raises(StateError):
            act()
    with pytest.raises(StateError, match="already"):
        shared.release(replace(statement, job="again"))
    with pytest.raises(StateError, match="was refused"):
        shared.fused.create("audience", "tags.best(5, 'refused')")


def test_segments_are_scored_by_what_has_arrived(shared: Weighed) -> None:
    with pytest.raises(NotFoundError, match="no lookalike"):
        shared.fused.create("audience", "tags.best(5, 'nobody')")
    statement = shared.statement("arriving")
    shared.release(statement)
    with pytest.raises(WaitingError):
        shared.fused.create("audience", "tags.best(5, 'arriving')")
    shared.put(statement.job)
    shared.confirm(statement)
    shared.fused.create("audience", "tags.best(5, 'arriving')")
    assert [
        task.leg.predicate
        for task in shared.platform.tasks()
        if task.WhichOneof("work") == "leg" and task.leg.request.contract == shared.contract.id
    ] == ["tags.best(5, 'arriving')"]


def test_what_scores_best_is_published_and_ends_like_any_segment(shared: Weighed) -> None:
    shared.deliver("likeness")
    best, over_users = "tags.best(5, 'likeness')", {"universe": Universe.PLATFORM}
    shared.fused.create("alike", best, shared.platform, **over_users, expires=NOW + 3 * DAY)
    publish(shared.platform, shared.contract, "alike")

    (audience,) = found(shared.merchant, shared.contract, "alike")

    assert (audience.segment.definition, audience.subjects) == (best, (LOOKALIKE,))
    shared.fused.create("alike-of-ours", "alike within matched", shared.merchant, expires=NOW + DAY)
    shared.platform.change_segment(shared.contract, "alike", "expire", expires=NOW + DAY)
    assert shared.merchant.segment(shared.contract, "alike").expires == "2026-11-23T12:00:00Z"


@pytest.mark.parametrize("missing", [MATCHED, "members.spend"])
def test_grants_of_the_merchants_are_needed(world: World, missing: str) -> None:
    grants = tuple(
        grant for grant in GRANTS if (grant.owner, grant.subject, grant.rung) != (MERCHANT, missing, Rung.INSIGHT)
    )
    lacking = weighed(world, f"lacking-{missing.partition('.')[2] or missing}", grants)
    with pytest.raises(NotPermittedError) as refused:
        lacking.release(lacking.statement())
    assert refused.value.clause == "grants"
    assert missing in refused.value.message
    assert lacking.charged(lacking.merchant) == []


def test_scores_need_the_platforms_grant(world: World) -> None:
    grants = tuple(grant for grant in GRANTS if grant.subject != LOOKALIKE)
    lacking = weighed(world, "lacking-use", grants)
    lacking.deliver("kind")
    with pytest.raises(NotPermittedError, match="use of tags"):
        lacking.fused.create("audience", "tags.best(5, 'kind')")


def test_the_end_of_a_contract_erases_weights(world: World) -> None:
    ended = weighed(world, "ended")
    statement = ended.statement()
    ended.release(statement)
    ended.put(statement.job)
    ended.merchant.revoke(ended.contract)
    assert world.finished(ended.contract, statement.job).state == "failed"
    with world.zone._core.reading() as connection:
        from miyun.zone.store.lookalikes import sealed_weights

        assert sealed_weights(connection, ended.contract.id, statement.job) is None


def test_a_restart_in_between_changes_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tmp_path_factory.mktemp("restarted")) as world:
        held = weighed(world, "restarted")
        statement = held.statement()
        held.release(statement)
        world.restart()
        assert held.asked_of(held.merchant) == ["kind"]
        held.put(statement.job)
        world.restart()
        assert held.fetch(statement.job) == SEALED
        held.confirm(statement)
        world.restart()
        assert held.listed()["kind"].state == "ready"
        assert held.charged(held.merchant) == [(statement.digest().hex(), RHO)]
