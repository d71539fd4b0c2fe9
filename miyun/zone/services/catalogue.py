"""CatalogueService."""

import grpc

from miyun.segments.publication import PublishedSchema
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.peer import current_peer
from miyun.wire.v1 import catalogue_pb2 as wire
from miyun.wire.v1.catalogue_pb2_grpc import CatalogueServiceServicer
from miyun.zone.core import Core
from miyun.zone.operations import publishing
from miyun.zone.services.receipts import receipt_message


class CatalogueService(CatalogueServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core

    def PutSchema(self, request: wire.PutSchemaRequest, context: grpc.ServicerContext) -> wire.PutSchemaResponse:
        statement = from_wire(request.statement, PublishedSchema)
        caller = current_peer(context).name
        receipt, missing = publishing.put_schema(
            self._core, caller, statement, request.signature, page=request.page, tags=request.tags
        )
        if receipt is None:
            return wire.PutSchemaResponse(missing_page=missing)
        return wire.PutSchemaResponse(receipt=receipt_message(receipt))

    def GetSchema(self, request: wire.GetSchemaRequest, context: grpc.ServicerContext) -> wire.GetSchemaResponse:
        held, tags = publishing.get_schema(
            self._core,
            current_peer(context).name,
            request.contract,
            request.party,
            number=request.number,
            page=request.page if request.HasField("page") else None,
        )
        if held is None:
            return wire.GetSchemaResponse()
        return wire.GetSchemaResponse(
            statement=to_wire(held.statement, wire.PublishedSchema), signature=held.signature, tags=tags
        )
