"""The zone's two ports: its services assembled, started and stopped."""

from contextlib import ExitStack

from miyun.keys.home import Home
from miyun.transport.server import EnrolmentServer, Server
from miyun.transport.tls import Authority
from miyun.wire.v1 import (
    activation_pb2_grpc,
    agent_pb2_grpc,
    audience_pb2_grpc,
    audit_pb2_grpc,
    budget_pb2_grpc,
    catalogue_pb2_grpc,
    contract_pb2_grpc,
    fusion_pb2_grpc,
    identity_pb2_grpc,
    insight_pb2_grpc,
    job_pb2_grpc,
    lookalike_pb2_grpc,
    segment_pb2_grpc,
    size_pb2_grpc,
    two_party_pb2_grpc,
)
from miyun.zone.config import ZoneConfig
from miyun.zone.core import Core
from miyun.zone.services.activation import ActivationService
from miyun.zone.services.agent import AgentService
from miyun.zone.services.audience import AudienceService
from miyun.zone.services.audit import AuditService
from miyun.zone.services.budget import BudgetService
from miyun.zone.services.catalogue import CatalogueService
from miyun.zone.services.contract import ContractService
from miyun.zone.services.directory import DirectoryService, EnrolmentService
from miyun.zone.services.fusion import FusionService
from miyun.zone.services.insight import InsightService
from miyun.zone.services.intersection import IntersectionService
from miyun.zone.services.job import JobService
from miyun.zone.services.lookalike import LookalikeService
from miyun.zone.services.segment import SegmentService
from miyun.zone.services.size import SizeService

STOP_SECONDS = 5.0


class Ports:
    """The port for members and the one for newcomers."""

    def __init__(self, home: Home, authority: Authority, config: ZoneConfig, core: Core) -> None:
        self._members = Server(
            home, authority, config.listen or config.address, workers=config.workers, hosts=config.hosts
        )
        _add_services(self._members, core)
        self._newcomers = EnrolmentServer(
            home,
            authority,
            config.enrolment_listen or config.enrolment_address,
            EnrolmentService(core, authority),
            hosts=config.hosts,
        )

    def start(self) -> tuple[int, int]:
        """Listen; the ports that were bound, for members and for newcomers.

        Raises:
            TransportError: an address is taken or not this machine's.
        """
        with ExitStack() as starting:
            members = self._members.start()
            starting.callback(self._members.stop, STOP_SECONDS)
            newcomers = self._newcomers.start()
            starting.pop_all()
        return members, newcomers

    def stop(self) -> None:
        """Take no new calls, and return when the present ones have ended."""
        self._newcomers.stop(STOP_SECONDS)
        self._members.stop(STOP_SECONDS)


def _add_services(server: Server, core: Core) -> None:
    server.add_service(activation_pb2_grpc.add_ActivationServiceServicer_to_server, ActivationService(core))
    server.add_service(agent_pb2_grpc.add_AgentServiceServicer_to_server, AgentService(core))
    server.add_service(audience_pb2_grpc.add_AudienceServiceServicer_to_server, AudienceService(core))
    server.add_service(audit_pb2_grpc.add_AuditServiceServicer_to_server, AuditService(core))
    server.add_service(budget_pb2_grpc.add_BudgetServiceServicer_to_server, BudgetService(core))
    server.add_service(catalogue_pb2_grpc.add_CatalogueServiceServicer_to_server, CatalogueService(core))
    server.add_service(contract_pb2_grpc.add_ContractServiceServicer_to_server, ContractService(core))
    server.add_service(fusion_pb2_grpc.add_FusionServiceServicer_to_server, FusionService(core))
    server.add_service(identity_pb2_grpc.add_DirectoryServiceServicer_to_server, DirectoryService(core))
    server.add_service(insight_pb2_grpc.add_InsightServiceServicer_to_server, InsightService(core))
    server.add_service(two_party_pb2_grpc.add_IntersectionServiceServicer_to_server, IntersectionService(core))
    server.add_service(job_pb2_grpc.add_JobServiceServicer_to_server, JobService(core))
    server.add_service(lookalike_pb2_grpc.add_LookalikeServiceServicer_to_server, LookalikeService(core))
    server.add_service(segment_pb2_grpc.add_SegmentServiceServicer_to_server, SegmentService(core))
    server.add_service(size_pb2_grpc.add_SizeServiceServicer_to_server, SizeService(core))
