"""Turning a sealed audience into a file of this party's own ids."""

import hashlib
from collections.abc import Iterator
from itertools import chain

from pyroaring import BitMap

from miyun.audit.events import Event, Fact
from miyun.contract.model import Contract
from miyun.errors import MalformedError, ReplayError
from miyun.keys.sealing import OVERHEAD_BYTES
from miyun.keys.signing import VerifyKey
from miyun.members.config import load_members_config
from miyun.party.deliveries import Delivered
from miyun.party.delivery_files import write_delivery
from miyun.party.guard import DeliverWork
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


def deliver(session: Session, work: DeliverWork) -> Outcome:
    """Fetch, verify, open and write one audience, without this party's own opt-outs of today; then say so.

    Raises:
        SignatureError, MalformedError, ReplayError: what the zone gave is not what was asked for.
        ConfigError: the file can't be written.
    """
    contract, request = work.contract, work.request
    delivered = session.deliveries.get(contract.id, request.job)
    if delivered is None:
        delivered = _deliver(session, work)
        session.deliveries.put(delivered)
    message = wire.PutDeliveryRequest(
        statement=to_wire(delivered.statement, wire.Delivery), signature=delivered.signature
    )
    receipt = session.stub(ActivationServiceStub).PutDelivery(message)
    session.receipts.keep(receipt, delivered.statement, contract)
    facts: dict[Fact, str | int] = {Fact.JOB: request.job, Fact.SEGMENT: request.segment}
    session.audit_log.note(contract.id, Event.AUDIENCE_DELIVERED, session.name, delivered.statement, facts)
    return Outcome.DONE


def _deliver(session: Session, work: DeliverWork) -> Delivered:
    contract, request = work.contract, work.request
    audience, signature, pages = _fetch(session, contract, request)
    info = audience_info(
        contract=contract.id,
        job=audience.job,
        segment=audience.segment,
        version=audience.version,
        epoch=audience.epoch,
        recipient=audience.recipient,
    )
    config, outbox = load_members_config(session.config_path), session.config.outbox
    name = f"{request.segment}-v{request.version}-{request.job}.{outbox.format}"
    path = session.home.path / outbox.folder.expanduser() / name
    with session.rosters.open(contract.id, audience.epoch) as roster:
        sealed = _join(pages, audience, roster.universe)
        handles = _read_handles(session.sealing_key.open(sealed, info))
        if handles and handles.max() >= roster.universe:
            raise MalformedError("an audience with rows that this party does not have", hint="Fuse again.")
        wanted = handles - roster.suppressed(config)
        members = write_delivery(path, outbox.format, config.id, roster.member_ids(wanted))
    statement = Delivery(
        contract=contract.id,
        job=request.job,
        recipient=session.name,
        audience_digest=audience.digest(),
        at=session.now(),
    )
    return Delivered(
        audience=audience,
        audience_signature=signature,
        statement=statement,
        signature=session.sign(statement),
        path=path,
        members=members,
    )


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
