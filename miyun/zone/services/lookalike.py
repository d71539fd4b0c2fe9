"""LookalikeService."""

import grpc

from miyun.aggregates.lookalikes import LookalikeReceived, LookalikeRelease
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.peer import current_peer
from miyun.wire.v1 import lookalike_pb2 as wire
from miyun.wire.v1.audit_pb2 import SignedReceipt
from miyun.wire.v1.lookalike_pb2_grpc import LookalikeServiceServicer
from miyun.zone.core import Core
from miyun.zone.operations import lookalike_releases, lookalikes
from miyun.zone.services.receipts import job_message, receipt_message


class LookalikeService(LookalikeServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core

    def ReleaseLookalike(
        self, request: wire.ReleaseLookalikeRequest, context: grpc.ServicerContext
    ) -> wire.ReleaseLookalikeResponse:
        statement = from_wire(request.statement, LookalikeRelease)
        job, receipt = lookalike_releases.release_lookalike(
            self._core, current_peer(context).name, statement, request.signature
        )
        return wire.ReleaseLookalikeResponse(job=job_message(job), receipt=receipt_message(receipt))

    def PutWeights(self, request: wire.PutWeightsRequest, context: grpc.ServicerContext) -> wire.PutWeightsResponse:
        caller = current_peer(context).name
        lookalike_releases.put_weights(self._core, caller, request.contract, request.job, request.sealed)
        return wire.PutWeightsResponse()

    def GetWeights(self, request: wire.GetWeightsRequest, context: grpc.ServicerContext) -> wire.GetWeightsResponse:
        sealed = lookalike_releases.get_weights(self._core, current_peer(context).name, request.contract, request.job)
        return wire.GetWeightsResponse(sealed=sealed)

    def PutReceived(self, request: wire.PutReceivedRequest, context: grpc.ServicerContext) -> SignedReceipt:
        statement = from_wire(request.statement, LookalikeReceived)
        caller = current_peer(context).name
        return receipt_message(lookalike_releases.put_received(self._core, caller, statement, request.signature))

    def ListLookalikes(
        self, request: wire.ListLookalikesRequest, context: grpc.ServicerContext
    ) -> wire.ListLookalikesResponse:
        found = lookalikes.list_lookalikes(
            self._core, current_peer(context).name, request.contract, limit=request.limit, after=request.after
        )
        return wire.ListLookalikesResponse(lookalikes=[to_wire(lookalike, wire.Lookalike) for lookalike in found])
