"""IntersectionService."""

import grpc

from miyun.errors import MalformedError
from miyun.psi.intersection_sum.statements import (
    IntersectionChunk,
    IntersectionEnd,
    IntersectionOpening,
    IntersectionRequest,
    Step,
)
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.peer import current_peer
from miyun.wire.v1 import two_party_pb2 as wire
from miyun.wire.v1.audit_pb2 import SignedReceipt
from miyun.wire.v1.two_party_pb2_grpc import IntersectionServiceServicer
from miyun.zone.core import Core
from miyun.zone.operations import intersections
from miyun.zone.services.receipts import job_message, receipt_message
from miyun.zone.store.intersections import SealedChunk


class IntersectionService(IntersectionServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core

    def RequestIntersection(
        self, request: wire.RequestIntersectionRequest, context: grpc.ServicerContext
    ) -> wire.RequestIntersectionResponse:
        statement = from_wire(request.statement, IntersectionRequest)
        caller = current_peer(context).name
        job, receipt = intersections.request_intersection(self._core, caller, statement, request.signature)
        return wire.RequestIntersectionResponse(job=job_message(job), receipt=receipt_message(receipt))

    def PutOpening(self, request: wire.PutOpeningRequest, context: grpc.ServicerContext) -> SignedReceipt:
        statement = from_wire(request.statement, IntersectionOpening)
        caller = current_peer(context).name
        return receipt_message(intersections.put_opening(self._core, caller, statement, request.signature))

    def GetOpening(self, request: wire.GetOpeningRequest, context: grpc.ServicerContext) -> wire.GetOpeningResponse:
        caller = current_peer(context).name
        found = intersections.get_opening(self._core, caller, request.contract, request.job)
        if found is None:
            return wire.GetOpeningResponse()
        return wire.GetOpeningResponse(statement=to_wire(found[0], wire.IntersectionOpening), signature=found[1])

    def PutChunk(self, request: wire.PutChunkRequest, context: grpc.ServicerContext) -> SignedReceipt:
        chunk = SealedChunk(
            statement=from_wire(request.statement, IntersectionChunk),
            signature=request.signature,
            sealed=request.sealed,
        )
        return receipt_message(intersections.put_chunk(self._core, current_peer(context).name, chunk))

    def GetChunk(self, request: wire.GetChunkRequest, context: grpc.ServicerContext) -> wire.GetChunkResponse:
        wanted = intersections.WantedChunk(
            contract=request.contract, job=request.job, place=(_step(request.step), request.index)
        )
        found = intersections.get_chunk(self._core, current_peer(context).name, wanted)
        if found is None:
            return wire.GetChunkResponse()
        return wire.GetChunkResponse(
            statement=to_wire(found.statement, wire.IntersectionChunk), signature=found.signature, sealed=found.sealed
        )

    def PutEnd(self, request: wire.PutEndRequest, context: grpc.ServicerContext) -> SignedReceipt:
        statement = from_wire(request.statement, IntersectionEnd)
        caller = current_peer(context).name
        return receipt_message(intersections.put_end(self._core, caller, statement, request.signature))


def _step(name: str) -> Step:
    try:
        return Step(name)
    except ValueError:
        raise MalformedError("there is no such step", hint=f"Ask for one of: {', '.join(Step)}.") from None
