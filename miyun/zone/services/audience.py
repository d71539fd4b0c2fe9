"""AudienceService."""

import grpc

from miyun.segments.audiences import Publication, Withdrawal
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.peer import current_peer
from miyun.wire.v1 import audience_pb2 as wire
from miyun.wire.v1.audience_pb2_grpc import AudienceServiceServicer
from miyun.wire.v1.audit_pb2 import SignedReceipt
from miyun.zone.core import Core
from miyun.zone.operations import audiences
from miyun.zone.services.receipts import receipt_message


class AudienceService(AudienceServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core

    def PublishAudience(self, request: wire.PublishAudienceRequest, context: grpc.ServicerContext) -> SignedReceipt:
        statement = from_wire(request.statement, Publication)
        caller = current_peer(context).name
        return receipt_message(audiences.publish_audience(self._core, caller, statement, request.signature))

    def WithdrawAudience(self, request: wire.WithdrawAudienceRequest, context: grpc.ServicerContext) -> SignedReceipt:
        statement = from_wire(request.statement, Withdrawal)
        caller = current_peer(context).name
        return receipt_message(audiences.withdraw_audience(self._core, caller, statement, request.signature))

    def ListAudiences(
        self, request: wire.ListAudiencesRequest, context: grpc.ServicerContext
    ) -> wire.ListAudiencesResponse:
        found = audiences.list_audiences(
            self._core,
            current_peer(context).name,
            request.contract,
            words=request.words,
            category=request.category,
            name=request.name,
            limit=request.limit,
            after=request.after,
        )
        return wire.ListAudiencesResponse(audiences=[to_wire(audience, wire.Audience) for audience in found])
