"""SegmentService."""

import grpc

from miyun.segments.listing import SegmentFilter
from miyun.segments.statements import DataRefresh, LegUpload, SegmentChange, SegmentRequest
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.peer import current_peer
from miyun.wire.v1 import segment_pb2 as wire
from miyun.wire.v1.audit_pb2 import SignedReceipt
from miyun.wire.v1.segment_pb2_grpc import SegmentServiceServicer
from miyun.wire.v1.size_pb2 import SizeBand
from miyun.zone.core import Core
from miyun.zone.operations import generations, legs, quoting, segment_changes, segments, versions
from miyun.zone.services.receipts import job_message, receipt_message


class SegmentService(SegmentServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core

    def CreateSegment(
        self, request: wire.CreateSegmentRequest, context: grpc.ServicerContext
    ) -> wire.CreateSegmentResponse:
        statement = from_wire(request.statement, SegmentRequest)
        job, receipt = segments.create_segment(self._core, current_peer(context).name, statement, request.signature)
        return wire.CreateSegmentResponse(job=job_message(job), receipt=receipt_message(receipt))

    def ChangeSegment(
        self, request: wire.ChangeSegmentRequest, context: grpc.ServicerContext
    ) -> wire.ChangeSegmentResponse:
        statement = from_wire(request.statement, SegmentChange)
        caller = current_peer(context).name
        segment, receipt = segment_changes.change_segment(self._core, caller, statement, request.signature)
        return wire.ChangeSegmentResponse(segment=to_wire(segment, wire.Segment), receipt=receipt_message(receipt))

    def QuoteSegment(
        self, request: wire.QuoteSegmentRequest, context: grpc.ServicerContext
    ) -> wire.QuoteSegmentResponse:
        caller = current_peer(context).name
        quote, signature = quoting.quote_segment(
            self._core, caller, request.contract, request.definition, request.universe
        )
        return wire.QuoteSegmentResponse(statement=to_wire(quote, wire.SegmentQuote), signature=signature)

    def GetSegment(self, request: wire.GetSegmentRequest, context: grpc.ServicerContext) -> wire.Segment:
        segment = segments.get_segment(self._core, current_peer(context).name, request.contract, request.name)
        return to_wire(segment, wire.Segment)

    def ListSegments(
        self, request: wire.ListSegmentsRequest, context: grpc.ServicerContext
    ) -> wire.ListSegmentsResponse:
        wanted = from_wire(request.filter, SegmentFilter)
        caller = current_peer(context).name
        found = segments.list_segments(
            self._core, caller, request.contract, wanted, limit=request.limit, after=request.after
        )
        return wire.ListSegmentsResponse(segments=[to_wire(segment, wire.Segment) for segment in found])

    def ListVersions(
        self, request: wire.ListVersionsRequest, context: grpc.ServicerContext
    ) -> wire.ListVersionsResponse:
        caller = current_peer(context).name
        found = versions.list_versions(
            self._core, caller, request.contract, request.segment, limit=request.limit, before=request.before
        )
        return wire.ListVersionsResponse(versions=[_entry(entry) for entry in found])

    def PutLeg(self, request: wire.PutLegRequest, context: grpc.ServicerContext) -> SignedReceipt:
        statement = from_wire(request.statement, LegUpload)
        caller = current_peer(context).name
        return receipt_message(legs.put_leg(self._core, caller, statement, request.signature, request.bits))

    def RefreshData(self, request: wire.RefreshDataRequest, context: grpc.ServicerContext) -> SignedReceipt:
        statement = from_wire(request.statement, DataRefresh)
        caller = current_peer(context).name
        return receipt_message(generations.refresh_data(self._core, caller, statement, request.signature))


def _entry(entry: versions.VersionEntry) -> wire.VersionEntry:
    message = wire.VersionEntry(record=to_wire(entry.record, wire.VersionRecord))
    if entry.size is not None:
        band, signature = entry.size
        message.size.CopyFrom(to_wire(band, SizeBand))
        message.size_signature = signature
    return message
