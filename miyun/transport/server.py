"""The zone's end: one port for members with client certificates, one for newcomers."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from miyun.errors import TransportError
from miyun.keys.home import Home
from miyun.transport import require_tls13
from miyun.transport.guard import EnrolmentGuard, Guard, MemberGuard
from miyun.transport.limits import ENROLMENT_MESSAGE_BYTES, MESSAGE_BYTES, SERVER_OPTIONS, message_options
from miyun.transport.tls import SERVER_LIFETIME, Authority
from miyun.wire.v1.identity_pb2_grpc import EnrolmentServiceServicer, add_EnrolmentServiceServicer_to_server

ENROLMENT_WORKERS = 4
CALLS_PER_WORKER = 4
"""How many calls may wait for each worker before the server turns more away."""

_log = structlog.get_logger(__name__)


class _Port:
    """A TLS port with a certificate that renews itself while the server runs."""

    def __init__(
        self, home: Home, authority: Authority, address: str, hosts: Sequence[str], *, workers: int, guard: Guard
    ) -> None:
        require_tls13()
        self._zone = home.info.name
        self._address = address
        self._certificate = _Certificate(authority, hosts or (address.rpartition(":")[0].strip("[]"),))
        largest = ENROLMENT_MESSAGE_BYTES if isinstance(guard, EnrolmentGuard) else MESSAGE_BYTES
        self._server = grpc.server(
            ThreadPoolExecutor(workers, thread_name_prefix=type(guard).__name__),
            interceptors=[guard],
            options=[*message_options(largest), *SERVER_OPTIONS],
            maximum_concurrent_rpcs=workers * CALLS_PER_WORKER,
        )

    def start(self) -> int:
        """Listen; the port, which the system chose if the address says 0.

        Raises:
            TransportError: the address is taken or not this machine's.
        """
        try:
            port = self._server.add_secure_port(self._address, self._credentials())
        except RuntimeError:
            raise TransportError(
                f"can't listen on {self._address}", hint="Stop what uses this port, or configure another address."
            ) from None
        self._server.start()
        _log.info("listening", zone=self._zone, port=port, service=type(self).__name__)
        return port

    def stop(self, grace: float | None = None) -> None:
        """Take no new calls, and return when the present ones have ended, after ``grace`` seconds at the latest."""
        self._server.stop(grace).wait()

    def wait(self) -> None:
        """Return when the server was stopped."""
        self._server.wait_for_termination()

    def _credentials(self) -> grpc.ServerCredentials:
        raise NotImplementedError


class Server(_Port):
    """The members' port: client certificates of the zone's own authority are required."""

    def __init__(
        self, home: Home, authority: Authority, address: str, *, workers: int, hosts: Sequence[str] = ()
    ) -> None:
        """``address`` is host:port to listen on; ``hosts`` are what clients dial, if that differs."""
        super().__init__(home, authority, address, hosts, workers=workers, guard=MemberGuard())
        self._health = health.HealthServicer()
        self._services: list[str] = [reflection.SERVICE_NAME]
        self.add_service(health_pb2_grpc.add_HealthServicer_to_server, self._health)

    def add_service(self, add: Callable[[Any, Any], None], servicer: object) -> None:
        """Serve ``servicer``; ``add`` is the generated ``add_…Servicer_to_server``."""
        add(servicer, _Registrar(self._server, self._services))

    def start(self) -> int:
        """Listen, with health checking and reflection for every service added."""
        reflection.enable_server_reflection(self._services, self._server)
        port = super().start()
        for service in ["", *self._services]:
            self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        return port

    def stop(self, grace: float | None = None) -> None:
        """Say "not serving" to health checks, then stop."""
        self._health.enter_graceful_shutdown()
        super().stop(grace)

    def _credentials(self) -> grpc.ServerCredentials:
        return self._certificate.credentials(require_client=True)


class EnrolmentServer(_Port):
    """The newcomers' port: the server alone shows a certificate, and enrolling is all it serves."""

    def __init__(
        self,
        home: Home,
        authority: Authority,
        address: str,
        servicer: EnrolmentServiceServicer,
        *,
        hosts: Sequence[str] = (),
    ) -> None:
        """``address`` is host:port to listen on; ``hosts`` are what clients dial, if that differs."""
        super().__init__(home, authority, address, hosts, workers=ENROLMENT_WORKERS, guard=EnrolmentGuard())
        add_EnrolmentServiceServicer_to_server(servicer, self._server)

    def _credentials(self) -> grpc.ServerCredentials:
        return self._certificate.credentials(require_client=False)


class _Registrar:
    """Passes handlers on to the server and notes the names of their services."""

    def __init__(self, server: Any, names: list[str]) -> None:
        self._server = server
        self._names = names

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        self._names.append(service)
        self._server.add_registered_method_handlers(service, handlers)


class _Certificate:
    """The server's certificate; a fresh one is issued when half of its lifetime is over."""

    def __init__(self, authority: Authority, hosts: Sequence[str]) -> None:
        self._authority = authority
        self._hosts = hosts
        self._lock = threading.Lock()
        self._renew_at = datetime.now(UTC)

    def credentials(self, *, require_client: bool) -> grpc.ServerCredentials:
        first = self._issue()
        renewed: Any = self._renewed  # may answer None for "no change", which the stubs don't know
        return grpc.dynamic_ssl_server_credentials(first, renewed, require_client)

    def _renewed(self) -> grpc.ServerCertificateConfiguration | None:
        with self._lock:
            return self._issue() if datetime.now(UTC) >= self._renew_at else None

    def _issue(self) -> grpc.ServerCertificateConfiguration:
        self._renew_at = datetime.now(UTC) + SERVER_LIFETIME / 2
        return grpc.ssl_server_certificate_configuration(
            [self._authority.issue_server(self._hosts)], root_certificates=self._authority.certificate_pem
        )
