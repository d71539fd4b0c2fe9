"""Giving the zone bits over this party's row handles."""

import hashlib
from collections.abc import Callable

from pyroaring import BitMap

from miyun.contract.model import Contract
from miyun.party.legs import Asked, StoredLeg
from miyun.party.session import Session
from miyun.segments.statements import LegUpload
from miyun.transport.codec import to_wire
from miyun.wire.v1 import segment_pb2 as wire
from miyun.wire.v1.segment_pb2_grpc import SegmentServiceStub


def upload(
    session: Session, contract: Contract, asked: Asked, *, job: str, predicate: str, bits: Callable[[], BitMap]
) -> None:
    """Send ``bits`` and keep the receipt. They are stored before, so that a repeat is byte for byte the same."""
    leg = session.legs.get(contract.id, job, asked, predicate)
    if leg is None:
        inside = bits() & BitMap(range(asked.first, asked.handles))
        leg = _store(session, contract, asked, job=job, predicate=predicate, bits=inside.serialize())
    message = wire.PutLegRequest(
        statement=to_wire(leg.statement, wire.LegUpload), signature=leg.signature, bits=leg.bits
    )
    receipt = session.stub(SegmentServiceStub).PutLeg(message)
    session.receipts.keep(receipt, leg.statement, contract)


def _store(session: Session, contract: Contract, asked: Asked, *, job: str, predicate: str, bits: bytes) -> StoredLeg:
    statement = LegUpload(
        contract=contract.id,
        job=job,
        epoch=asked.epoch,
        generation=asked.generation,
        party=session.name,
        predicate=predicate,
        first=asked.first,
        handles=asked.handles,
        bits_digest=hashlib.sha256(bits).digest(),
    )
    leg = StoredLeg(statement=statement, signature=session.sign(statement), bits=bits)
    session.legs.put(leg)
    return leg
