"""AuditService."""

import grpc

from miyun.transport.codec import to_wire
from miyun.transport.peer import current_peer
from miyun.wire.v1 import audit_pb2 as wire
from miyun.wire.v1.audit_pb2_grpc import AuditServiceServicer
from miyun.zone.core import Core
from miyun.zone.operations import history


class AuditService(AuditServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core

    def ListEntries(self, request: wire.ListEntriesRequest, context: grpc.ServicerContext) -> wire.ListEntriesResponse:
        entries, head, signature = history.entries_for_party(
            self._core, current_peer(context).name, request.contract, after=request.after, limit=request.limit
        )
        return wire.ListEntriesResponse(
            entries=[to_wire(entry, wire.AuditEntry) for entry in entries],
            head=to_wire(head, wire.AuditHead),
            head_signature=signature,
        )
