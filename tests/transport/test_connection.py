"""Who gets through to a member's port: TLS 1.3, a valid certificate of the zone's own authority, the right role."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from miyun.errors import KeyAccessError, NotPermittedError, TransportError
from miyun.keys.home import Home, Role
from miyun.transport.channel import connect
from miyun.transport.limits import MESSAGE_BYTES
from miyun.transport.peer import Peer, current_peer
from miyun.transport.roles import METHOD_ROLES
from miyun.transport.server import Server
from miyun.transport.tls import AUTHORITY_KEY, TLS_KEY, Authority, key_pem, make_request
from miyun.wire.v1 import identity_pb2, job_pb2, segment_pb2, size_pb2
from miyun.wire.v1.identity_pb2_grpc import DirectoryServiceStub
from miyun.wire.v1.job_pb2_grpc import JobServiceServicer, JobServiceStub, add_JobServiceServicer_to_server
from miyun.wire.v1.segment_pb2_grpc import (
    SegmentServiceServicer,
    SegmentServiceStub,
    add_SegmentServiceServicer_to_server,
)
from miyun.wire.v1.size_pb2_grpc import SizeServiceServicer, SizeServiceStub, add_SizeServiceServicer_to_server

HOUR = timedelta(hours=1)


class Jobs(JobServiceServicer):
    """Answers with who asked; or with a large message."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []

    def GetJob(self, request: job_pb2.GetJobRequest, context: grpc.ServicerContext) -> job_pb2.Job:
        self.peers.append(current_peer(context))
        return job_pb2.Job(id=request.job, requester=self.peers[-1].name)

    def ListJobs(self, request: job_pb2.ListJobsRequest, context: grpc.ServicerContext) -> job_pb2.ListJobsResponse:
        return job_pb2.ListJobsResponse(jobs=[job_pb2.Job(error="x" * MESSAGE_BYTES)])


class Sizes(SizeServiceServicer):
    def QuoteSize(
        self, request: size_pb2.QuoteSizeRequest, context: grpc.ServicerContext
    ) -> size_pb2.QuoteSizeResponse:
        return size_pb2.QuoteSizeResponse(rho_micro=7)


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
def address(serve: Any, jobs: Jobs) -> str:
    served: str = serve((add_JobServiceServicer_to_server, jobs), (add_SizeServiceServicer_to_server, Sizes()))
    return served


def get_job(home: Home) -> job_pb2.Job:
    with connect(home) as channel:
        answer: job_pb2.Job = JobServiceStub(channel).GetJob(job_pb2.GetJobRequest(job="j1"), timeout=20)
        return answer


def test_a_member_gets_through_and_is_known_by_its_certificate(
    zone: Any, party_home: Home, address: str, jobs: Jobs
) -> None:
    zone.admit(party_home, address)

    assert get_job(party_home).requester == "tea-shop"
    assert jobs.peers == [Peer(name="tea-shop", role=Role.PARTY)]


def test_an_analyst_reaches_sizes_and_nothing_else(zone: Any, analyst_home: Home, address: str) -> None:
    zone.admit(analyst_home, address)

    with connect(analyst_home) as channel:
        assert SizeServiceStub(channel).QuoteSize(size_pb2.QuoteSizeRequest()).rho_micro == 7
        with pytest.raises(NotPermittedError, match="analyst"):
            JobServiceStub(channel).GetJob(job_pb2.GetJobRequest())


def test_a_method_that_is_served_but_not_in_the_table_is_refused(zone: Any, party_home: Home, address: str) -> None:
    assert "/grpc.health.v1.Health/List" not in METHOD_ROLES
    zone.admit(party_home, address)

    with connect(party_home) as channel, pytest.raises(NotPermittedError, match="List"):
        health_pb2_grpc.HealthStub(channel).List(health_pb2.HealthListRequest())


def test_a_method_that_is_not_served_is_refused(zone: Any, party_home: Home, address: str) -> None:
    zone.admit(party_home, address)

    with connect(party_home) as channel, pytest.raises(TransportError, match="does not know"):
        DirectoryServiceStub(channel).GetIdentity(identity_pb2.GetIdentityRequest())


def test_a_home_that_has_joined_no_zone_is_told_so(make_home: Any) -> None:
    with pytest.raises(KeyAccessError, match="not joined"):
        connect(make_home("stranger", Role.PARTY))


def test_a_home_without_its_certificate_is_told_so(zone: Any, make_home: Any) -> None:
    home = make_home("forgetful", Role.PARTY)
    zone.admit(home, "unused:1")
    home.certificate_path.unlink()

    with pytest.raises(KeyAccessError, match=r"certificate\.pem can't be read"):
        connect(home)


def test_a_client_refuses_a_server_of_another_authority(
    zone: Any, make_home: Any, party_home: Home, address: str, jobs: Jobs
) -> None:
    zone.admit(party_home, address)
    other = Authority.create(make_home("other-zone", Role.ZONE))
    party_home.write_tls(party_home.authority_path, other.certificate_pem)

    with pytest.raises(TransportError):
        get_job(party_home)
    assert jobs.peers == []


def test_a_server_refuses_a_client_of_another_authority(
    zone: Any, make_home: Any, party_home: Home, address: str, jobs: Jobs
) -> None:
    zone.admit(party_home, address)
    foreign = Authority.create(make_home("zone", Role.ZONE))
    party_home.write_tls(
        party_home.certificate_path, foreign.issue_client(make_request(party_home), Role.PARTY, "tea-shop")
    )

    with pytest.raises(TransportError):
        get_job(party_home)
    assert jobs.peers == []


def test_a_server_refuses_a_client_without_a_certificate(zone: Any, address: str, jobs: Jobs) -> None:
    credentials = grpc.ssl_channel_credentials(root_certificates=zone.authority.certificate_pem)

    assert refusal_of(address, credentials) is grpc.StatusCode.UNAVAILABLE
    assert jobs.peers == []


def test_a_server_refuses_a_client_without_tls(address: str, jobs: Jobs) -> None:
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError):
        JobServiceStub(channel).GetJob(job_pb2.GetJobRequest(), timeout=20)
    assert jobs.peers == []


def test_a_server_refuses_an_expired_certificate(zone: Any, party_home: Home, address: str, jobs: Jobs) -> None:
    zone.admit(party_home, address)
    expired = reissued(zone, party_home, not_after=datetime.now(UTC) - HOUR)

    assert refusal_of(address, client_credentials(zone, party_home, expired)) is grpc.StatusCode.UNAVAILABLE
    assert jobs.peers == []


def test_a_client_is_told_that_its_certificate_has_expired(zone: Any, party_home: Home, address: str) -> None:
    zone.admit(party_home, address)
    party_home.write_tls(party_home.certificate_path, reissued(zone, party_home, not_after=datetime.now(UTC) - HOUR))

    with pytest.raises(TransportError, match="expired"):
        connect(party_home)


@pytest.mark.parametrize(
    "names",
    [
        [],
        [x509.DNSName("tea-shop")],
        [x509.UniformResourceIdentifier("https://zone/party/tea-shop")],
        [x509.UniformResourceIdentifier("miyun://zone/owner/tea-shop")],
        [x509.UniformResourceIdentifier("miyun://zone/party/tea-shop/more")],
        [x509.UniformResourceIdentifier(f"miyun://zone/{role}/tea-shop") for role in ("party", "analyst")],
    ],
)
def test_a_certificate_that_does_not_name_one_member_is_refused(
    zone: Any, party_home: Home, address: str, jobs: Jobs, names: list[x509.GeneralName]
) -> None:
    zone.admit(party_home, address)
    party_home.write_tls(party_home.certificate_path, reissued(zone, party_home, names=names))

    with pytest.raises(TransportError, match="names no member"):
        get_job(party_home)
    assert jobs.peers == []


def test_a_members_certificate_does_not_make_a_server(zone: Any, party_home: Home, analyst_home: Home) -> None:
    """Even with the host's name in it: its purpose is to be a client."""
    zone.admit(analyst_home, "unused:1")
    local = [x509.DNSName("localhost"), x509.UniformResourceIdentifier("miyun://zone/analyst/lab")]
    chain = reissued(zone, analyst_home, names=local) + zone.authority.certificate_pem
    server = grpc.server(None)  # type: ignore[arg-type]
    credentials = grpc.ssl_server_credentials([(key_pem(analyst_home.vault.get(TLS_KEY)), chain)])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    zone.admit(party_home, f"localhost:{port}")

    with pytest.raises(TransportError, match="certificate"):
        get_job(party_home)
    server.stop(0)


@pytest.mark.parametrize(("version", "accepted"), [("TLSv1_2", False), ("TLSv1_3", True)])
def test_tls_below_1_3_is_refused(
    zone: Any, party_home: Home, address: str, tmp_path: Path, version: str, accepted: bool
) -> None:
    zone.admit(party_home, address)
    (tmp_path / "key.pem").write_bytes(key_pem(party_home.vault.get(TLS_KEY)))
    context = ssl.create_default_context(cafile=str(party_home.authority_path))
    context.load_cert_chain(party_home.certificate_path, tmp_path / "key.pem")
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion[version]
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")

    def shake_hands() -> str | None:
        with (
            socket.create_connection((host, int(port)), timeout=20) as connection,
            context.wrap_socket(connection, server_hostname=host) as tls,
        ):
            return tls.version()

    if accepted:
        assert shake_hands() == "TLSv1.3"
    else:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            shake_hands()


def test_a_client_does_not_speak_tls_1_2(zone: Any, party_home: Home, tmp_path: Path) -> None:
    key, chain = zone.authority.issue_server(["127.0.0.1"])
    (tmp_path / "server.pem").write_bytes(key + chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    outcome: list[BaseException | str | None] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            connection, _ = listener.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as tls:
                    outcome.append(tls.version())
            except (ssl.SSLError, ConnectionError) as error:
                outcome.append(error)

        thread = threading.Thread(target=accept)
        thread.start()
        zone.admit(party_home, f"127.0.0.1:{listener.getsockname()[1]}")
        with connect(party_home) as channel:
            grpc.channel_ready_future(channel).add_done_callback(lambda _: None)
            thread.join(20)

    assert isinstance(outcome[0], ssl.SSLError)


def test_a_message_above_the_limit_is_refused_whoever_sends_it(zone: Any, party_home: Home, serve: Any) -> None:
    class Segments(SegmentServiceServicer):
        received = 0

        def PutLeg(self, request: segment_pb2.PutLegRequest, context: grpc.ServicerContext) -> Any:
            self.received += 1

    segments = Segments()
    address = serve((add_SegmentServiceServicer_to_server, segments), (add_JobServiceServicer_to_server, Jobs()))
    zone.admit(party_home, address)
    too_large = segment_pb2.PutLegRequest(bits=bytes(MESSAGE_BYTES + 1))

    with connect(party_home) as channel:
        with pytest.raises(TransportError, match="too large"):
            SegmentServiceStub(channel).PutLeg(too_large)
        with pytest.raises(TransportError, match="too large"):
            JobServiceStub(channel).ListJobs(job_pb2.ListJobsRequest())
    with unlimited(zone, party_home, address) as channel, pytest.raises(grpc.RpcError) as caught:
        SegmentServiceStub(channel).PutLeg(too_large, timeout=20)
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert segments.received == 0


def test_an_unavailable_moment_is_bridged_by_trying_again(zone: Any, party_home: Home, serve: Any) -> None:
    class Restarting(JobServiceServicer):
        calls = 0

        def GetJob(self, request: job_pb2.GetJobRequest, context: grpc.ServicerContext) -> job_pb2.Job:
            self.calls += 1
            if self.calls < 3:
                context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
            return job_pb2.Job(id="j1")

    service = Restarting()
    zone.admit(party_home, serve((add_JobServiceServicer_to_server, service)))

    assert get_job(party_home).id == "j1"
    assert service.calls == 3


def test_a_zone_that_is_away_is_a_transport_error_with_a_hint(zone: Any, party_home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    zone.admit(party_home, f"127.0.0.1:{port}")

    with pytest.raises(TransportError) as caught:
        get_job(party_home)
    assert "running" in caught.value.hint


def test_a_call_that_outlasts_its_deadline_is_a_transport_error(zone: Any, party_home: Home, serve: Any) -> None:
    release = threading.Event()

    class Slow(JobServiceServicer):
        def GetJob(self, request: job_pb2.GetJobRequest, context: grpc.ServicerContext) -> job_pb2.Job:
            release.wait(20)
            return job_pb2.Job()

    zone.admit(party_home, serve((add_JobServiceServicer_to_server, Slow())))

    with connect(party_home) as channel, pytest.raises(TransportError, match="in time"):
        JobServiceStub(channel).GetJob(job_pb2.GetJobRequest(), timeout=0.2)
    release.set()


def test_health_and_reflection_answer_members(zone: Any, party_home: Home, address: str) -> None:
    zone.admit(party_home, address)

    with connect(party_home) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        for service in ("", "miyun.wire.v1.JobService", "miyun.wire.v1.SizeService"):
            assert (
                check(health_pb2.HealthCheckRequest(service=service)).status == health_pb2.HealthCheckResponse.SERVING
            )
        database = ProtoReflectionDescriptorDatabase(channel)
        assert {"miyun.wire.v1.JobService", "miyun.wire.v1.SizeService", "grpc.health.v1.Health"} <= set(
            database.get_services()
        )
        described = descriptor_pool.DescriptorPool(database).FindServiceByName("miyun.wire.v1.SizeService")
        assert [method.name for method in described.methods] == ["AskSize", "QuoteSize"]


def test_an_address_that_is_taken_is_a_transport_error(zone: Any, address: str) -> None:
    with pytest.raises(TransportError, match="can't listen"):
        Server(zone.home, zone.authority, address, workers=1).start()


def test_an_authority_is_the_same_when_opened_again(zone: Any) -> None:
    assert Authority.open(zone.home).fingerprint() == zone.authority.fingerprint()


def reissued(
    zone: Any,
    home: Home,
    *,
    names: list[Any] | None = None,
    not_after: datetime | None = None,
) -> bytes:
    """The home's certificate with other names or another end, properly signed by the zone's authority."""
    certificate = x509.load_pem_x509_certificate(home.certificate_path.read_bytes())
    key = serialization.load_der_private_key(zone.home.vault.get(AUTHORITY_KEY), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    builder = (
        x509.CertificateBuilder()
        .subject_name(certificate.subject)
        .issuer_name(certificate.issuer)
        .public_key(certificate.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(certificate.not_valid_before_utc - 2 * HOUR)
        .not_valid_after(not_after or certificate.not_valid_after_utc)
    )
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName) and names is not None:
            if names:
                builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        else:
            builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def client_credentials(zone: Any, home: Home, certificate: bytes) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(zone.authority.certificate_pem, key_pem(home.vault.get(TLS_KEY)), certificate)


def refusal_of(address: str, credentials: grpc.ChannelCredentials) -> grpc.StatusCode:
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.secure_channel(address, credentials, options) as channel, pytest.raises(grpc.RpcError) as caught:
        JobServiceStub(channel).GetJob(job_pb2.GetJobRequest(), timeout=20)
    assert isinstance(caught.value, grpc.Call)
    status: grpc.StatusCode = caught.value.code()
    return status


def unlimited(zone: Any, home: Home, address: str) -> grpc.Channel:
    """A channel of somebody who keeps to no limits."""
    return grpc.secure_channel(
        address,
        client_credentials(zone, home, home.certificate_path.read_bytes()),
        [("grpc.max_send_message_length", -1)],
    )
