"""DirectoryService, and EnrolmentService on its own port."""

import grpc

from miyun.keys.identity import Identity
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.peer import current_peer
from miyun.transport.tls import Authority
from miyun.wire.v1 import identity_pb2 as wire
from miyun.wire.v1.identity_pb2_grpc import DirectoryServiceServicer, EnrolmentServiceServicer
from miyun.zone.core import Core
from miyun.zone.operations import enrolment


class DirectoryService(DirectoryServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core

    def GetIdentity(self, request: wire.GetIdentityRequest, context: grpc.ServicerContext) -> wire.GetIdentityResponse:
        identity, signature = enrolment.find_identity(self._core, current_peer(context), request.name)
        return wire.GetIdentityResponse(identity=to_wire(identity, wire.Identity), signature=signature)


class EnrolmentService(EnrolmentServiceServicer):
    def __init__(self, core: Core, authority: Authority) -> None:
        self._core = core
        self._authority = authority

    def Enrol(self, request: wire.EnrolRequest, context: grpc.ServicerContext) -> wire.EnrolResponse:
        certificate = enrolment.enrol(
            self._core,
            self._authority,
            secret=request.secret,
            request=request.certificate_request,
            identity=from_wire(request.identity, Identity),
            signature=request.signature,
        )
        return wire.EnrolResponse(
            certificate=certificate,
            authority=self._authority.certificate_pem,
            zone=to_wire(self._core.identity, wire.Identity),
            signature=self._core.identity_signature,
        )
