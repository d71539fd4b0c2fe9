"""Turning sealed audiences into files."""

import csv
import hashlib
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from pyroaring import BitMap

from miyun.contract.model import Universe
from miyun.errors import MalformedError, MiyunError, ReplayError, SignatureError, StateError
from miyun.keys.sealing import SealingPublicKey
from miyun.members.config import load_members_config
from miyun.members.roster import Roster
from miyun.party.fusion_states import FusionState
from miyun.party.guard import DeliverWork
from miyun.party.tasks.deliver import deliver
from miyun.psi.statements import Announcement
from miyun.segments.listing import Segment, SegmentState
from miyun.segments.sealing_info import audience_info
from miyun.segments.statements import ActivationRequest, Delivery, SealedAudience
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import activation_pb2, segment_pb2
from tests.party.world import DAY, MERCHANT, NOW, World, row, write_members


def as_fused(world: World) -> World:
    """As if epoch 1 were fused: the merchant has its roster."""
    session, contract = world.session(MERCHANT), world.contract
    config = load_members_config(session.config_path)
    path = session.rosters.path("spring", 1, "fuse-1")
    Roster.build(
        path, config, identifiers=contract.identifiers, consent=contract.consent, bucket=contract.padding_bucket
    ).close()
    announcement = Announcement(contract="spring", job="fuse-1", epoch=1, party=MERCHANT, handles=10, counts=())
    session.fusions.begin(announcement, b"", 0)
    session.fusions.end("spring", "fuse-1", FusionState.FINISHED)
    return world


@pytest.fixture
def fused(world: World) -> World:
    return as_fused(world)


def request_of(world: World) -> ActivationRequest:
    return ActivationRequest(
        contract="spring",
        contract_digest=world.contract.digest(),
        job="activate-1",
        segment="everybody",
        version=1,
        definition="matched",
        universe=Universe.MATCHED,
        recipient=MERCHANT,
        channel="member-messages",
        requester=MERCHANT,
        idempotency_key="once",
        at=NOW,
    )


class Sealer:
    """The zone's part: one audience in pages, and the deliveries that it was told of."""

    def __init__(self, world: World, handles: BitMap, *, job: str = "activate-1", **changes: Any) -> None:
        self.world = world
        self.deliveries: list[Delivery] = []
        request = replace(request_of(world), job=job)
        context = {"contract": "spring", "job": request.job, "segment": request.segment, "version": 1, "epoch": 1}
        key = SealingPublicKey(world.contract.party(MERCHANT).sealing_key)
        sealed = key.seal(handles.serialize(), audience_info(recipient=MERCHANT, **context))  # type: ignore[arg-type]
        self.audience = replace(
            SealedAudience(
                **context,  # type: ignore[arg-type]
                recipient=MERCHANT,
                channel=request.channel,
                request_digest=request.digest(),
                sealed_digest=hashlib.sha256(sealed).digest(),
                at=NOW,
            ),
            **changes,
        )
        self.signature = world.zone.key.sign(self.audience)
        self.pages = [sealed[:100], sealed[100:]]
        self.segment = Segment(
            name=request.segment,
            code="",
            definition=request.definition,
            universe=request.universe,
            owner=MERCHANT,
            state=SegmentState.READY,
            version=request.version,
            epoch=1,
            channels=(request.channel,),
            hidden=False,
            processable=True,
            expires=NOW + 20 * DAY,
            created=NOW,
        )
        self.attend()

    def attend(self) -> None:
        """Answer the merchant's session, which may be a new one."""
        self.world.session(MERCHANT).stub = lambda service: SimpleNamespace(  # type: ignore[method-assign]
            GetAudience=self.get, GetSegment=lambda _: to_wire(self.segment, segment_pb2.Segment), PutDelivery=self.put
        )

    def get(self, message: Any) -> Any:
        return activation_pb2.GetAudienceResponse(
            statement=to_wire(self.audience, activation_pb2.SealedAudience),
            signature=self.signature,
            sealed=self.pages[message.page],
            pages=len(self.pages),
        )

    def put(self, message: Any) -> Any:
        self.deliveries.append(from_wire(message.statement, Delivery))
        return self.world.zone.receipt(self.deliveries[-1], self.audience.job)

    def deliver(self) -> Path:
        session = self.world.session(MERCHANT)
        deliver(session, DeliverWork(contract=self.world.contract, request=request_of(self.world)), Event())
        delivered = session.deliveries.get("spring", "activate-1")
        assert delivered is not None
        assert delivered.path is not None
        return delivered.path


def ids(path: Path) -> set[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return {line["id"] for line in csv.DictReader(file)}


def handles_of(world: World, *wanted: str) -> BitMap:
    session = world.session(MERCHANT)
    with session.rosters.open("spring", 1) as roster:
        every = BitMap(range(roster.universe))
        members = [member for batch in roster.member_ids(every) for member in batch]
    return BitMap(handle for handle, member in enumerate(members) if member in wanted)


def test_a_delivery_ends_with_its_segment_and_at_the_latest_with_its_contract(fused: World) -> None:
    for job, expires in (("activate-1", NOW + 5 * DAY), ("activate-2", NOW + 300 * DAY)):
        sealer = Sealer(fused, handles_of(fused, "m3"), job=job)
        sealer.segment = replace(sealer.segment, expires=expires)
        request = replace(request_of(fused), job=job)
        deliver(fused.session(MERCHANT), DeliverWork(contract=fused.contract, request=request), Event())
        delivered = fused.session(MERCHANT).deliveries.get("spring", job)
        assert delivered is not None
        assert delivered.order.ends == min(expires, fused.contract.expires)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": SegmentState.INVALIDATED}, "is invalidated"),
        ({"state": SegmentState.EXPIRED}, "is expired"),
        ({"channels": ()}, "not meant for member-messages any more"),
    ],
)
def test_what_was_ended_or_narrowed_meanwhile_is_not_delivered(
    fused: World, changes: dict[str, Any], words: str
) -> None:
    sealer = Sealer(fused, handles_of(fused, "m3"))
    sealer.segment = replace(sealer.segment, **changes)
    with pytest.raises(StateError, match=words):
        sealer.deliver()
    assert sealer.deliveries == []


def test_handles_become_member_ids_in_a_private_file(fused: World) -> None:
    sealer = Sealer(fused, handles_of(fused, "m3", "m5"))
    path = sealer.deliver()
    assert ids(path) == {"m3", "m5"}
    assert path == fused.merchant.path / "outbox" / "everybody-v1-activate-1.csv"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert sealer.deliveries[0].audience_digest == sealer.audience.digest()


def test_opt_outs_of_today_are_left_out_once_more(fused: World) -> None:
    sealer = Sealer(fused, handles_of(fused, "m3", "m5"))
    rows = [row(number, opted_out="true" if number == 5 else "false") for number in range(10)]
    write_members(fused.merchant.path, rows)
    assert ids(sealer.deliver()) == {"m3"}


def test_a_delivery_is_told_again_and_not_done_again(fused: World) -> None:
    sealer = Sealer(fused, handles_of(fused, "m3"))
    path = sealer.deliver()
    path.unlink()
    fused.clock.now = NOW.replace(hour=15)
    sealer.deliver()
    assert sealer.deliveries[0] == sealer.deliveries[1]
    assert not path.exists()


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"recipient": "chessboard"}, ReplayError),
        ({"version": 2}, ReplayError),
        ({"segment": "others"}, ReplayError),
        ({"channel": "platform-ads"}, ReplayError),
        ({"request_digest": bytes(32)}, ReplayError),
        ({"sealed_digest": bytes(32)}, MalformedError),
        ({"epoch": 2}, ReplayError),
    ],
)
def test_another_audience_than_was_asked_for(fused: World, changes: dict[str, Any], kind: type[MiyunError]) -> None:
    sealer = Sealer(fused, handles_of(fused, "m3"), **changes)
    with pytest.raises(kind):
        sealer.deliver()
    assert sealer.deliveries == []
    assert not list((fused.merchant.path).glob("outbox/*"))


def test_an_audience_that_the_zone_did_not_sign(fused: World) -> None:
    sealer = Sealer(fused, handles_of(fused, "m3"))
    sealer.signature = fused.platform.signing_key.sign(sealer.audience)
    with pytest.raises(SignatureError):
        sealer.deliver()


def test_handles_beyond_the_own_rows(fused: World) -> None:
    with pytest.raises(MalformedError):
        Sealer(fused, BitMap([1000])).deliver()


@pytest.mark.parametrize("place", [{"epoch": 2}, {"job": "activate-2"}, {"recipient": "chessboard"}])
def test_an_audience_that_was_sealed_for_another_place(fused: World, place: dict[str, Any]) -> None:
    sealer = Sealer(fused, handles_of(fused, "m3"))
    here = {"contract": "spring", "job": "activate-1", "segment": "everybody", "version": 1, "epoch": 1}
    info = audience_info(**{**here, "recipient": MERCHANT, **place})
    sealed = SealingPublicKey(fused.contract.party(MERCHANT).sealing_key).seal(BitMap([1]).serialize(), info)
    sealer.audience = replace(sealer.audience, sealed_digest=hashlib.sha256(sealed).digest())
    sealer.signature, sealer.pages = fused.zone.key.sign(sealer.audience), [sealed]
    with pytest.raises(MalformedError, match="not meant for"):
        sealer.deliver()


def test_an_endless_audience_is_not_read_to_its_end(fused: World) -> None:
    sealer = Sealer(fused, handles_of(fused, "m3"))
    sealer.pages = [bytes(1000)] * 1000
    fetched: list[int] = []
    get = sealer.get
    sealer.get = lambda message: (fetched.append(message.page), get(message))[1]  # type: ignore[method-assign]
    sealer.attend()
    with pytest.raises(MalformedError, match="larger"):
        sealer.deliver()
    assert len(fetched) < 20


def test_bytes_that_are_no_set_of_handles(fused: World) -> None:
    handles = BitMap([1, 2, 3])
    whole = handles.serialize()
    for data in (b"", b"\x00", whole[:7], whole[:-1], bytes(64)):
        cut = SimpleNamespace(serialize=lambda data=data: data)
        with pytest.raises(MalformedError):
            Sealer(fused, cut).deliver()  # type: ignore[arg-type]
