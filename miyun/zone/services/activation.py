"""ActivationService."""

import grpc

from miyun.segments.statements import ActivationRequest, Delivery
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.peer import current_peer
from miyun.wire.v1 import activation_pb2 as wire
from miyun.wire.v1.activation_pb2_grpc import ActivationServiceServicer
from miyun.wire.v1.audit_pb2 import SignedReceipt
from miyun.zone.core import Core
from miyun.zone.operations import activations
from miyun.zone.services.receipts import job_message, receipt_message


class ActivationService(ActivationServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core

    def RequestActivation(
        self, request: wire.RequestActivationRequest, context: grpc.ServicerContext
    ) -> wire.RequestActivationResponse:
        statement = from_wire(request.statement, ActivationRequest)
        caller = current_peer(context).name
        job, receipt = activations.request_activation(self._core, caller, statement, request.signature)
        return wire.RequestActivationResponse(job=job_message(job), receipt=receipt_message(receipt))

    def GetAudience(self, request: wire.GetAudienceRequest, context: grpc.ServicerContext) -> wire.GetAudienceResponse:
        caller = current_peer(context).name
        page = activations.get_audience(self._core, caller, request.contract, request.job, request.page)
        return wire.GetAudienceResponse(
            statement=to_wire(page.audience, wire.SealedAudience),
            signature=page.signature,
            sealed=page.sealed,
            pages=page.pages,
        )

    def PutDelivery(self, request: wire.PutDeliveryRequest, context: grpc.ServicerContext) -> SignedReceipt:
        statement = from_wire(request.statement, Delivery)
        caller = current_peer(context).name
        return receipt_message(activations.put_delivery(self._core, caller, statement, request.signature))
