"""FusionService."""

import grpc

from miyun.psi.chunks import SealedChunk
from miyun.psi.statements import Announcement, FuseRequest, HandlesChunk, PointsChunk, Rebinds, TokensChunk
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.peer import current_peer
from miyun.wire.v1 import fusion_pb2 as wire
from miyun.wire.v1.audit_pb2 import SignedReceipt
from miyun.wire.v1.fusion_pb2_grpc import FusionServiceServicer
from miyun.zone.core import Core
from miyun.zone.operations import exchange, fusion
from miyun.zone.operations.machines import Machines
from miyun.zone.services.receipts import job_message, receipt_message


class FusionService(FusionServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core
        self._machines = Machines()

    def RequestFusion(
        self, request: wire.RequestFusionRequest, context: grpc.ServicerContext
    ) -> wire.RequestFusionResponse:
        statement = from_wire(request.statement, FuseRequest)
        job, receipt = fusion.request_fusion(self._core, current_peer(context).name, statement, request.signature)
        return wire.RequestFusionResponse(job=job_message(job), receipt=receipt_message(receipt))

    def Announce(self, request: wire.AnnounceRequest, context: grpc.ServicerContext) -> SignedReceipt:
        statement = from_wire(request.statement, Announcement)
        caller = current_peer(context).name
        return receipt_message(exchange.announce(self._core, self._machines, caller, statement, request.signature))

    def GetAnnouncement(
        self, request: wire.GetAnnouncementRequest, context: grpc.ServicerContext
    ) -> wire.GetAnnouncementResponse:
        caller = current_peer(context).name
        found = exchange.get_announcement(self._core, caller, request.contract, request.job, request.party)
        if found is None:
            return wire.GetAnnouncementResponse()
        return wire.GetAnnouncementResponse(
            statement=to_wire(found.statement, wire.Announcement),
            signature=found.signature,
            points=[_points_message(points) for points in found.points],
        )

    def PutDelta(self, request: wire.PutDeltaRequest, context: grpc.ServicerContext) -> wire.PutDeltaResponse:
        delta = exchange.Delta(
            announcement=from_wire(request.announcement.statement, Announcement),
            announcement_signature=request.announcement.signature,
            rebinds=from_wire(request.rebinds.statement, Rebinds),
            rebinds_signature=request.rebinds.signature,
            values=request.rebinds.values,
            chunks=tuple(_chunk(points) for points in request.points),
        )
        receipts = exchange.put_delta(self._core, self._machines, current_peer(context).name, delta)
        return wire.PutDeltaResponse(receipts=[receipt_message(receipt) for receipt in receipts])

    def PutPoints(self, request: wire.PutPointsRequest, context: grpc.ServicerContext) -> SignedReceipt:
        caller = current_peer(context).name
        return receipt_message(exchange.put_points(self._core, self._machines, caller, _chunk(request)))

    def GetPoints(self, request: wire.GetPointsRequest, context: grpc.ServicerContext) -> wire.GetPointsResponse:
        found = exchange.get_points(
            self._core,
            current_peer(context).name,
            exchange.WantedChunk(contract=request.contract, job=request.job, type=request.type, index=request.index),
        )
        return wire.GetPointsResponse() if found is None else _points_message(found)

    def PutTokens(self, request: wire.PutTokensRequest, context: grpc.ServicerContext) -> SignedReceipt:
        statement = from_wire(request.statement, TokensChunk)
        caller = current_peer(context).name
        return receipt_message(
            exchange.put_tokens(self._core, self._machines, caller, statement, request.signature, tokens=request.tokens)
        )

    def GetProgress(self, request: wire.GetProgressRequest, context: grpc.ServicerContext) -> wire.GetProgressResponse:
        caller = current_peer(context).name
        found = fusion.get_progress(self._core, caller, request.contract, request.job, wait=request.wait)
        types = [
            wire.TypeProgress(party=lane.sender, type=lane.type, points=lane.points, tokens=lane.tokens)
            for lane in found.counts
        ]
        return wire.GetProgressResponse(
            job=None if found.job is None else job_message(found.job),
            types=types,
            newest_epoch=found.newest.epoch,
            newest_sequence=found.newest.sequence,
        )

    def GetReport(self, request: wire.GetReportRequest, context: grpc.ServicerContext) -> wire.GetReportResponse:
        report, signature = fusion.get_report(self._core, current_peer(context).name, request.contract, request.epoch)
        return wire.GetReportResponse(statement=to_wire(report, wire.FusionReport), signature=signature)


def _chunk(request: wire.PutPointsRequest) -> SealedChunk:
    return SealedChunk(
        points=from_wire(request.points, PointsChunk),
        points_signature=request.points_signature,
        sealed=request.sealed,
        handles=from_wire(request.handles, HandlesChunk),
        handles_signature=request.handles_signature,
        handle_values=request.handle_values,
    )


def _points_message(found: exchange.SignedPoints) -> wire.GetPointsResponse:
    points, signature, sealed = found
    return wire.GetPointsResponse(points=to_wire(points, wire.PointsChunk), points_signature=signature, sealed=sealed)
