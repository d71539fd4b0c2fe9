"""SizeService, the only one that analysts may call."""

import grpc

from miyun.privacy.statements import SizeRequest
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.peer import current_peer
from miyun.wire.v1 import size_pb2 as wire
from miyun.wire.v1.size_pb2_grpc import SizeServiceServicer
from miyun.zone.core import Core
from miyun.zone.operations import sizes


class SizeService(SizeServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core

    def AskSize(self, request: wire.AskSizeRequest, context: grpc.ServicerContext) -> wire.AskSizeResponse:
        statement = from_wire(request.statement, SizeRequest)
        size, signature = sizes.ask_size(self._core, current_peer(context), statement, request.signature)
        return wire.AskSizeResponse(statement=to_wire(size, wire.SizeBand), signature=signature)

    def QuoteSize(self, request: wire.QuoteSizeRequest, context: grpc.ServicerContext) -> wire.QuoteSizeResponse:
        quote = sizes.quote_size(self._core, current_peer(context), request.contract, request.segment)
        return wire.QuoteSizeResponse(rho_micro=quote.rho_micro, remaining_micro=quote.remaining_micro)
