"""Taking a sealed audience: opened, queued for its destination, and the zone told."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from threading import Event as StopEvent

from pyroaring import BitMap

from miyun.audit.events import Event, Fact
from miyun.contract.model import Contract
from miyun.destinations.batches import Order
from miyun.errors import MalformedError, ReplayError, StateError
from miyun.keys.sealing import OVERHEAD_BYTES
from miyun.keys.signing import VerifyKey
from miyun.party.channels import plan_of, require_possible
from miyun.party.deliveries import DeliveryRecord, DeliveryState
from miyun.party.enqueuing import enqueue
from miyun.party.guard import DeliverWork
from miyun.party.segments import SegmentsClient
from miyun.party.sending import Sending
from miyun.party.session import Session
from miyun.party.tasks.outcome import Outcome
from miyun.segments.sealing_info import audience_info
from miyun.segments.statements import ActivationRequest, Delivery, SealedAudience
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import activation_pb2 as wire
from miyun.wire.v1.activation_pb2_grpc import ActivationServiceStub

_CONTAINER_HANDLES = 1 << 16
_CONTAINER_BYTES = 8192 + 16
_HEADER_BYTES = 16


def deliver(session: Session, work: DeliverWork, stop: StopEvent) -> Outcome:
    """Queue one audience without those who must not be reached today, and say so.

    What a file gets is made at once; what goes to a receiver outside is sent afterwards, and the zone learns nothing
    of that.

    Raises:
        SignatureError, MalformedError, ReplayError: what the zone gave is not what was asked for.
        ConfigError: the destination's settings can't work, or its file can't be written.
        StateError: the segment has ended, or the delivery was given up.
    """
    contract, request = work.contract, work.request
    delivery = session.deliveries.get(contract.id, request.job)
    if delivery is None or delivery.state is DeliveryState.QUEUEING:
        delivery = _queue(session, work)
    if delivery.state is DeliveryState.ABANDONED:
        raise StateError("this delivery was given up before", hint="Ask for the activation anew.")
    if (
        delivery.local
        and delivery.state is not DeliveryState.DONE
        and Sending(session, delivery, stop).finish() is Outcome.IDLE
    ):
        return Outcome.IDLE
    statement, signature = _said(session, delivery)
    message = wire.PutDeliveryRequest(statement=to_wire(statement, wire.Delivery), signature=signature)
    receipt = session.stub(ActivationServiceStub).PutDelivery(message)
    session.receipts.keep(receipt, statement, contract)
    facts: dict[Fact, str | int] = {Fact.JOB: request.job, Fact.SEGMENT: request.segment}
    session.audit_log.note(contract.id, Event.AUDIENCE_DELIVERED, session.name, statement, facts)
    return Outcome.DONE


def _said(session: Session, delivery: DeliveryRecord) -> tuple[Delivery, bytes]:
    """What the zone is told, written down before it is."""
    if delivery.statement is not None:
        return delivery.statement, delivery.signature
    statement = Delivery(
        contract=delivery.order.contract,
        job=delivery.order.job,
        recipient=session.name,
        audience_digest=delivery.audience.digest(),
        at=session.now(),
    )
    signature = session.sign(statement)
    session.deliveries.say(statement, signature)
    return statement, signature


def _queue(session: Session, work: DeliverWork) -> DeliveryRecord:
    contract, request = work.contract, work.request
    order = Order(
        contract=contract.id,
        job=request.job,
        segment=request.segment,
        version=request.version,
        channel=request.channel,
        ends=_end(session, contract, request),
    )
    require_possible(session, contract.id, request.channel)
    plan = plan_of(session, request.channel)
    audience, signature, pages = _fetch(session, contract, request)
    with session.rosters.open(contract.id, audience.epoch) as roster:
        handles = _opened(session, contract, audience, pages, roster.universe)
        session.deliveries.begin(order, audience, signature, kind=plan.plugin.kind, local=plan.plugin.local)
        begun = session.deliveries.get(contract.id, request.job)
        if begun is None or begun.audience != audience:
            raise ReplayError("the zone gave another audience than before", hint="Run `miyun audit verify`.")
        began_at = session.now().timestamp()
        enqueue(session, plan, order, roster, handles)
    session.deliveries.looked(order, began_at, before=begun.looked_at)
    session.deliveries.move(order, DeliveryState.SENDING)
    queued = session.deliveries.get(contract.id, request.job)
    assert queued is not None  # noqa: S101
    return queued


def _end(session: Session, contract: Contract, request: ActivationRequest) -> datetime:
    """When the segment ends, by the zone's word; the contract bounds it.

    Raises:
        StateError: since the audience was asked for it has ended, or was taken away from the channel.
    """
    held = SegmentsClient(session).get(contract.id, request.segment)
    if not held.state.is_live:
        raise StateError(f"the segment “{held.name}” is {held.state}", hint="Create it anew, then activate it.")
    if request.channel not in held.channels:
        raise StateError(
            f"the segment “{held.name}” is not meant for {request.channel} any more", hint="Create one that is."
        )
    return min(held.expires, contract.expires)


def _opened(
    session: Session, contract: Contract, audience: SealedAudience, pages: Iterator[bytes], universe: int
) -> BitMap:
    info = audience_info(
        contract=contract.id,
        job=audience.job,
        segment=audience.segment,
        version=audience.version,
        epoch=audience.epoch,
        recipient=audience.recipient,
    )
    handles = _read_handles(session.sealing_key.open(_join(pages, audience, universe), info))
    if handles and handles.max() >= universe:
        raise MalformedError("an audience with rows that this party does not have", hint="Fuse again.")
    return handles


def _fetch(
    session: Session, contract: Contract, request: ActivationRequest
) -> tuple[SealedAudience, bytes, Iterator[bytes]]:
    """The audience, the zone's signature, and its sealed bytes page by page."""
    stub = session.stub(ActivationServiceStub)
    first = stub.GetAudience(wire.GetAudienceRequest(contract=contract.id, job=request.job, page=0))
    audience = from_wire(first.statement, SealedAudience)
    VerifyKey(contract.zone.signing_key).verify(audience, first.signature)
    asked = (request.contract, request.job, request.segment, request.version, request.recipient, request.channel)
    given = (
        audience.contract,
        audience.job,
        audience.segment,
        audience.version,
        audience.recipient,
        audience.channel,
    )
    if given != asked or audience.request_digest != request.digest():
        raise ReplayError("the zone gave another audience than was asked for", hint="Run `miyun audit verify`.")
    others = (
        stub.GetAudience(wire.GetAudienceRequest(contract=contract.id, job=request.job, page=page)).sealed
        for page in range(1, first.pages)
    )
    return audience, first.signature, chain([first.sealed], others)


def _join(pages: Iterator[bytes], audience: SealedAudience, universe: int) -> bytes:
    """The sealed bytes, no more of them than a set of ``universe`` handles can need."""
    containers = -(-universe // _CONTAINER_HANDLES)
    largest = OVERHEAD_BYTES + _HEADER_BYTES + containers * _CONTAINER_BYTES
    sealed = bytearray()
    for page in pages:
        sealed += page
        if not page or len(sealed) > largest:
            raise MalformedError("an audience larger than this party's rows allow", hint="Talk to the zone's operator.")
    if hashlib.sha256(sealed).digest() != audience.sealed_digest:
        raise MalformedError("the audience's bytes are not those that the zone signed", hint="Try again.")
    return bytes(sealed)


def _read_handles(data: bytes) -> BitMap:
    try:
        return BitMap.deserialize(data)
    except (ValueError, IndexError):
        raise MalformedError("an audience that is no set of row handles", hint="Talk to the zone's operator.") from None
