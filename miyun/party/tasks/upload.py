"""Giving the zone bits over this party's row handles."""

import hashlib
from collections.abc import Callable

from miyun.contract.model import Contract
from miyun.party.legs import StoredLeg
from miyun.party.session import Session
from miyun.segments.statements import LegUpload
from miyun.transport.codec import to_wire
from miyun.wire.v1 import segment_pb2 as wire
from miyun.wire.v1.segment_pb2_grpc import SegmentServiceStub


def upload(
    session: Session, contract: Contract, *, job: str, epoch: int, predicate: str, bits: Callable[[], bytes]
) -> None:
    """Send ``bits`` and keep the receipt. They are stored before, so that a repeat is byte for byte the same."""
    leg = session.legs.get(contract.id, job, epoch, predicate)
    if leg is None:
        leg = _store(session, contract, job=job, epoch=epoch, predicate=predicate, bits=bits())
    message = wire.PutLegRequest(
        statement=to_wire(leg.statement, wire.LegUpload), signature=leg.signature, bits=leg.bits
    )
    receipt = session.stub(SegmentServiceStub).PutLeg(message)
    session.receipts.keep(receipt, leg.statement, contract)


def _store(session: Session, contract: Contract, *, job: str, epoch: int, predicate: str, bits: bytes) -> StoredLeg:
    fusion = session.fusions.finished(contract.id, epoch)
    assert fusion is not None  # noqa: S101
    statement = LegUpload(
        contract=contract.id,
        job=job,
        epoch=epoch,
        party=session.name,
        predicate=predicate,
        first=0,
        handles=fusion.announcement.handles,
        bits_digest=hashlib.sha256(bits).digest(),
    )
    leg = StoredLeg(statement=statement, signature=session.sign(statement), bits=bits)
    session.legs.put(leg)
    return leg
