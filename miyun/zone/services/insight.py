"""InsightService."""

import grpc

from miyun.aggregates.statements import InsightRequest, OverlapRequest, ReaderKey, Totals, ValuesChunk
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.peer import current_peer
from miyun.wire.v1 import insight_pb2 as wire
from miyun.wire.v1.audit_pb2 import SignedReceipt
from miyun.wire.v1.insight_pb2_grpc import InsightServiceServicer
from miyun.zone.core import Core
from miyun.zone.operations import aggregating, insight, overlaps
from miyun.zone.services.receipts import job_message, receipt_message
from miyun.zone.store.insights import SignedTotals


class InsightService(InsightServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core

    def PutReaderKey(self, request: wire.PutReaderKeyRequest, context: grpc.ServicerContext) -> SignedReceipt:
        statement = from_wire(request.statement, ReaderKey)
        caller = current_peer(context).name
        return receipt_message(insight.put_reader_key(self._core, caller, statement, request.signature))

    def GetReaderKey(
        self, request: wire.GetReaderKeyRequest, context: grpc.ServicerContext
    ) -> wire.GetReaderKeyResponse:
        found = insight.get_reader_key(self._core, current_peer(context).name, request.contract, request.party)
        if found is None:
            return wire.GetReaderKeyResponse()
        return wire.GetReaderKeyResponse(statement=to_wire(found.statement, wire.ReaderKey), signature=found.signature)

    def RequestInsight(
        self, request: wire.RequestInsightRequest, context: grpc.ServicerContext
    ) -> wire.RequestInsightResponse:
        statement = from_wire(request.statement, InsightRequest)
        job, receipt = insight.request_insight(self._core, current_peer(context).name, statement, request.signature)
        return wire.RequestInsightResponse(job=job_message(job), receipt=receipt_message(receipt))

    def QuoteInsight(
        self, request: wire.QuoteInsightRequest, context: grpc.ServicerContext
    ) -> wire.QuoteInsightResponse:
        quote = insight.quote_insight(self._core, current_peer(context).name, request.contract, request.rho_micro)
        return to_wire(quote, wire.QuoteInsightResponse)

    def GetSelection(
        self, request: wire.GetSelectionRequest, context: grpc.ServicerContext
    ) -> wire.GetSelectionResponse:
        found = aggregating.get_selection_chunk(
            self._core, current_peer(context).name, request.contract, request.job, request.index
        )
        if found is None:
            return wire.GetSelectionResponse()
        chunk, signature, data = found
        return wire.GetSelectionResponse(
            statement=to_wire(chunk, wire.SelectionChunk), signature=signature, ciphertexts=data
        )

    def PutValues(self, request: wire.PutValuesRequest, context: grpc.ServicerContext) -> SignedReceipt:
        statement = from_wire(request.statement, ValuesChunk)
        caller = current_peer(context).name
        return receipt_message(
            aggregating.put_values(self._core, caller, statement, request.signature, request.ciphertexts)
        )

    def PutTotals(self, request: wire.PutTotalsRequest, context: grpc.ServicerContext) -> wire.PutTotalsResponse:
        totals = SignedTotals(statement=from_wire(request.statement, Totals), signature=request.signature)
        receipt, missing = aggregating.put_totals(
            self._core, current_peer(context).name, totals, request.page, request.ciphertexts
        )
        return wire.PutTotalsResponse(
            receipt=None if receipt is None else receipt_message(receipt), missing_page=missing
        )

    def GetTotals(self, request: wire.GetTotalsRequest, context: grpc.ServicerContext) -> wire.GetTotalsResponse:
        answer = insight.get_totals(self._core, current_peer(context).name, request.contract, request.job, request.page)
        totals = answer.totals
        return wire.GetTotalsResponse(
            statement=None if totals is None else to_wire(totals.statement, wire.Totals),
            signature=b"" if totals is None else totals.signature,
            ciphertexts=answer.page,
            epoch=answer.insight.epoch,
            handles=answer.insight.handles,
        )

    def AskOverlap(self, request: wire.AskOverlapRequest, context: grpc.ServicerContext) -> wire.AskOverlapResponse:
        statement = from_wire(request.statement, OverlapRequest)
        answer, signature = overlaps.ask_overlap(self._core, current_peer(context).name, statement, request.signature)
        return wire.AskOverlapResponse(statement=to_wire(answer, wire.OverlapAnswer), signature=signature)
