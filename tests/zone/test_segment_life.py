"""Codes, changes, filters and the history of segments."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from miyun.contract.model import Rung, Universe
from miyun.errors import (
    InputError,
    MalformedError,
    MiyunError,
    NotFoundError,
    NotPermittedError,
    SignatureError,
    StateError,
)
from miyun.names import job_id
from miyun.privacy.statements import SizeBand
from miyun.segments.statements import Refusal
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import agent_pb2, segment_pb2
from tests.zone.members import DAY, MERCHANT, NOW, PLATFORM, Member, World
from tests.zone.test_segments import Fused, agree, fuse, in_force
from tests.zone.test_sizes import TIGHT


@pytest.fixture(scope="module")
def shared(shared_world: World) -> Fused:
    return fuse(shared_world, agree(shared_world, "lives"))


@pytest.fixture
def fused(shared: Fused, world: World) -> Fused:
    assert shared.world is world
    return shared


def job_of(fused: Fused, code: str, owner: str = MERCHANT) -> str:
    return job_id(fused.contract.id, owner, "segment", code)


def coded(fused: Fused, name: str, code: str, member: Member | None = None, **other: Any) -> str:
    member = member or fused.world.merchant
    job = other.pop("job", job_of(fused, code, member.name))
    return member.create_segment(fused.contract, name, "matched", code=code, job=job, **other).job.id


def listed(fused: Fused, member: Member | None = None, **wanted: Any) -> list[str]:
    page = {key: wanted.pop(key) for key in ("limit", "after") if key in wanted}
    request = segment_pb2.ListSegmentsRequest(
        contract=fused.contract.id, filter=segment_pb2.SegmentFilter(**wanted), **page
    )
    answer = (member or fused.world.merchant).segments.ListSegments(request)
    return [segment.name for segment in answer.segments]


def history(fused: Fused, segment: str, member: Member | None = None, **page: int) -> list[segment_pb2.VersionEntry]:
    request = segment_pb2.ListVersionsRequest(contract=fused.contract.id, segment=segment, **page)
    return list((member or fused.world.merchant).segments.ListVersions(request).versions)


def test_a_code_stands_for_one_segment_of_its_owner_for_ever(fused: Fused) -> None:
    first = coded(fused, "vips", "CRM/17")
    assert fused.world.finished(fused.contract, first).state == "done"

    assert coded(fused, "vips", "CRM/17") == first
    assert coded(fused, "vips", "CRM/17", at=NOW + DAY) == first
    for other in ({"name": "others"}, {"channels": ()}, {"hidden": True}, {"expires": NOW + DAY}):
        with pytest.raises(StateError):
            coded(fused, **{"name": "vips", "code": "CRM/17", **other})
    assert coded(fused, "theirs", "CRM/17", fused.world.platform) != first

    fused.world.merchant.change_segment(fused.contract, "vips", "invalidate")
    assert coded(fused, "vips", "CRM/17") == first
    assert fused.world.merchant.segment(fused.contract, "vips").state == "invalidated"


def test_a_segment_keeps_its_name_while_it_is_activated(fused: Fused) -> None:
    fused.create("named", "matched", channels=("member-messages",))
    fused.ready("named")
    merchant = fused.world.merchant
    job = merchant.request_activation(fused.contract, "named", MERCHANT, "member-messages").job.id
    with pytest.raises(StateError, match=job):
        merchant.change_segment(fused.contract, "named", "rename", "renamed")

    fused.suppress(job, [], [])
    fused.wait_sealed(job)
    with pytest.raises(StateError, match=job):
        merchant.change_segment(fused.contract, "named", "rename", "renamed")

    fused.deliver(merchant, job)
    assert merchant.change_segment(fused.contract, "named", "rename", "renamed").segment.name == "renamed"


def refuse(fused: Fused, member: Member, job: str) -> None:
    refusal = Refusal(contract=fused.contract.id, job=job, party=member.name, code="input", reason="no", at=NOW)
    member.agent.RefuseTask(
        agent_pb2.RefuseTaskRequest(statement=to_wire(refusal, agent_pb2.Refusal), signature=member.sign(refusal))
    )


def test_a_party_refuses_only_what_it_is_asked(fused: Fused) -> None:
    merchant, platform = fused.world.parties
    own = merchant.create_segment(fused.contract, "own", "members.opted_in", channels=("member-messages",)).job.id
    with pytest.raises(StateError, match="asks nothing of"):
        refuse(fused, platform, own)
    fused.answer_legs()
    fused.ready("own")

    job = merchant.request_activation(fused.contract, "own", MERCHANT, "member-messages").job.id
    fused.suppress(job, [], [])
    fused.wait_sealed(job)
    with pytest.raises(StateError, match="asks nothing of"):
        refuse(fused, platform, job)
    refuse(fused, merchant, job)
    assert merchant.job(fused.contract, job).state == "failed"


@pytest.mark.parametrize("code", ["two words", "-7", "人群", "x" * 65, "a\nb"])
def test_what_is_no_code(fused: Fused, code: str) -> None:
    with pytest.raises(InputError, match="code"):
        coded(fused, "odd-code", code)


def test_a_code_under_another_job_is_refused(fused: Fused) -> None:
    with pytest.raises(MalformedError, match="code"):
        coded(fused, "sneaky", "CRM/18", job="segment-elsewhere")
    with pytest.raises(MalformedError, match="code"):
        coded(fused, "sneaky", "CRM/18", job=job_of(fused, "CRM/18", PLATFORM))


def test_channels_become_fewer_only(fused: Fused) -> None:
    fused.create("narrowed", "matched")
    fused.ready("narrowed")
    change = fused.world.merchant.change_segment

    changed = change(fused.contract, "narrowed", "narrow", channels=("member-messages",)).segment

    assert list(changed.channels) == ["member-messages"]
    with pytest.raises(NotPermittedError) as refused:
        fused.world.merchant.request_activation(fused.contract, "narrowed", PLATFORM, "platform-ads")
    assert refused.value.clause == "channels"
    for channels in (("platform-ads",), ("member-messages", "platform-ads"), ("loudspeaker",)):
        with pytest.raises(InputError, match="not made for"):
            change(fused.contract, "narrowed", "narrow", channels=channels)
    with pytest.raises(MalformedError, match="twice"):
        change(fused.contract, "narrowed", "narrow", channels=("member-messages", "member-messages"))
    assert list(change(fused.contract, "narrowed", "narrow", channels=()).segment.channels) == []


def test_an_end_comes_sooner_only_and_not_before_what_is_made_of_it(fused: Fused) -> None:
    fused.create("base-of-two", "matched", expires=NOW + 9 * DAY)
    fused.create("upper", "base-of-two and matched", expires=NOW + 5 * DAY)
    change = fused.world.merchant.change_segment

    for expires in (NOW, NOW - DAY, NOW + 10 * DAY, None):
        with pytest.raises(InputError, match="sooner"):
            change(fused.contract, "base-of-two", "expire", expires=expires)
    with pytest.raises(StateError, match="upper"):
        change(fused.contract, "base-of-two", "expire", expires=NOW + 4 * DAY)
    change(fused.contract, "upper", "expire", expires=NOW + 2 * DAY)
    change(fused.contract, "base-of-two", "expire", expires=NOW + 4 * DAY)

    fused.world.clock.now = NOW + 3 * DAY
    states = {name: fused.world.merchant.segment(fused.contract, name).state for name in ("upper", "base-of-two")}
    assert states == {"upper": "expired", "base-of-two": states["base-of-two"]}
    assert listed(fused, prefix="upper", state="expired") == ["upper"]
    assert listed(fused, prefix="base-of-two", state="expired") == []
    with pytest.raises(StateError, match="expired"):
        change(fused.contract, "upper", "hide", at=NOW + 3 * DAY)


def test_nothing_is_made_of_a_closed_segment(fused: Fused) -> None:
    fused.create("shut", "matched", processable=False)
    platform = fused.world.platform
    for member in fused.world.parties:
        with pytest.raises(StateError, match="closed"):
            member.create_segment(fused.contract, "on-top", "shut and matched", job=f"segment-on-top-{member.name}")

    fused.world.merchant.change_segment(fused.contract, "shut", "open")
    platform.create_segment(fused.contract, "on-top", "shut and matched")
    fused.world.merchant.change_segment(fused.contract, "shut", "close")

    fused.ready("on-top")
    assert not platform.segment(fused.contract, "shut").processable


def test_hidden_segments_are_listed_where_they_are_asked_for(fused: Fused) -> None:
    coded(fused, "quiet", "Q1", hidden=True)
    platform = fused.world.platform
    assert [listed(fused, member, prefix="quiet") for member in fused.world.parties] == [[], []]
    for wanted in ({"hidden": True, "prefix": "quiet"}, {"names": ["quiet"]}, {"codes": ["Q1"]}):
        assert listed(fused, platform, **wanted) == ["quiet"]
    assert platform.segment(fused.contract, "quiet").hidden

    fused.world.merchant.change_segment(fused.contract, "quiet", "show")
    assert listed(fused, platform, prefix="quiet") == ["quiet"]


def test_lists_are_filtered_and_paged(fused: Fused) -> None:
    for name in ("page-a", "page-b", "page-c"):
        fused.create(name, "matched")
    fused.create("page-d", "tags.tea", fused.world.platform, universe=Universe.PLATFORM)
    fused.world.merchant.change_segment(fused.contract, "page-b", "invalidate")

    assert listed(fused, prefix="page-", limit=2) == ["page-a", "page-b"]
    assert listed(fused, prefix="page-", limit=2, after="page-b") == ["page-c", "page-d"]
    assert listed(fused, prefix="page-", state="invalidated") == ["page-b"]
    assert listed(fused, prefix="page-", owner=PLATFORM) == ["page-d"]
    assert listed(fused, prefix="page-", universe="matched") == ["page-a", "page-b", "page-c"]
    assert listed(fused, names=["page-c", "page-a", "nothing"]) == ["page-a", "page-c"]
    assert listed(fused, prefix="page%") == listed(fused, prefix="page_") == []
    with pytest.raises(MalformedError):
        listed(fused, state="sleeping")
    with pytest.raises(InputError, match="at once"):
        listed(fused, names=["page-a"] * 201)
    with pytest.raises(NotFoundError):
        listed(fused, fused.world.stranger)


def test_a_name_that_was_used_again_is_listed_as_its_live_segment(fused: Fused) -> None:
    fused.create("twice", "matched", job="segment-twice-1")
    fused.world.merchant.change_segment(fused.contract, "twice", "invalidate")
    assert listed(fused, names=["twice"], state="invalidated") == ["twice"]
    fused.create("twice", "matched", job="segment-twice-2")
    assert listed(fused, names=["twice"], state="invalidated") == []
    assert listed(fused, names=["twice"]) == ["twice"]


def test_forged_and_muddled_changes_are_refused(fused: Fused) -> None:
    fused.create("guarded", "matched")
    fused.ready("guarded")
    merchant, platform = fused.world.parties
    before = merchant.segment(fused.contract, "guarded")
    with pytest.raises(NotPermittedError):
        platform.change_segment(fused.contract, "guarded", "hide")
    muddled: list[dict[str, Any]] = [
        {"change": "hide", "channels": ("member-messages",)},
        {"change": "narrow", "expires": NOW + DAY},
        {"change": "expire", "expires": NOW + DAY, "new_name": "other"},
    ]
    for wrong in muddled:
        with pytest.raises(MalformedError, match="one thing"):
            merchant.change_segment(fused.contract, "guarded", **wrong)
    for forged in ("close", "own"):
        message = merchant.change_message(fused.contract, "guarded", "hide")
        message.statement.change = forged
        with pytest.raises((SignatureError, MalformedError)):
            merchant.segments.ChangeSegment(message)
    assert merchant.segment(fused.contract, "guarded") == before


def test_a_change_that_is_sent_again_changes_nothing_more(fused: Fused) -> None:
    fused.create("repeated", "matched")
    fused.ready("repeated")
    merchant = fused.world.merchant
    hide = merchant.change_message(fused.contract, "repeated", "hide")
    assert merchant.segments.ChangeSegment(hide).segment == merchant.segments.ChangeSegment(hide).segment


def test_history_tells_versions_and_sizes_that_were_told_and_charges_nothing(world: World) -> None:
    fused = fuse(world, agree(world, "histories", budget=replace(TIGHT, lease_rho_micro=4_000)))
    fused.create("ever", "matched")
    fused.ready("ever")
    told = world.merchant.size(fused.contract, "ever")
    spent = world.platform.charges(fused.contract).spent_micro
    world.clock.now = NOW + timedelta(hours=5)
    again = fuse(world, fused.contract, epoch=2)
    again.ready("ever")
    leased = world.platform.charges(fused.contract).spent_micro

    newest, oldest = history(again, "ever", world.platform)

    assert (newest.record.number, newest.record.epoch, newest.record.cause) == (2, 2, "fused")
    assert newest.record.begun == newest.record.evaluated == "2026-11-22T17:00:00Z"
    assert not newest.HasField("size")
    assert (oldest.record.number, oldest.record.epoch, oldest.record.cause) == (1, 1, "created")
    assert from_wire(oldest.size, SizeBand) == told
    world.platform.home.zone_link().verify_key().verify(told, oldest.size_signature)
    assert spent < leased == world.platform.charges(fused.contract).spent_micro
    assert [entry.record.number for entry in history(again, "ever", limit=1)] == [2]
    assert [entry.record.number for entry in history(again, "ever", limit=1, before=2)] == [1]
    with pytest.raises(NotFoundError):
        history(again, "ever", world.stranger)


def test_history_tells_no_size_to_whom_none_is_granted(world: World) -> None:
    contract = world.draft("discreet")
    grants = tuple(grant for grant in contract.grants if (grant.rung, grant.recipient) != (Rung.SIZE, PLATFORM))
    fused = fuse(world, in_force(world, replace(contract, grants=grants)))
    fused.create("counted", "matched")
    fused.ready("counted")
    world.merchant.size(fused.contract, "counted")

    assert history(fused, "counted", world.merchant)[0].HasField("size")
    assert not history(fused, "counted", world.platform)[0].HasField("size")


def test_a_version_that_is_not_evaluated_yet(fused: Fused) -> None:
    fused.create("awaited", "tags.tea")
    (entry,) = history(fused, "awaited")
    assert not entry.record.HasField("evaluated")
    with pytest.raises(MiyunError):
        history(fused, "nothing-of-this-name")
