"""Enrolling: the authority is pinned before the secret is sent, and the answer is for this home and this key."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from miyun.errors import (
    InputError,
    KeyAccessError,
    MalformedError,
    PeerError,
    SignatureError,
    StateError,
    TransportError,
)
from miyun.keys.home import Home, Role
from miyun.keys.identity import Identity
from miyun.keys.signing import VerifyKey
from miyun.transport.channel import connect
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.enrol import enrol
from miyun.transport.join_code import JoinCode
from miyun.transport.peer import current_peer
from miyun.transport.server import EnrolmentServer
from miyun.transport.tls import TLS_KEY, Authority, make_request
from miyun.wire.v1 import identity_pb2, job_pb2
from miyun.wire.v1.identity_pb2_grpc import DirectoryServiceStub, EnrolmentServiceServicer
from miyun.wire.v1.job_pb2_grpc import JobServiceServicer, JobServiceStub, add_JobServiceServicer_to_server

Answer = identity_pb2.EnrolResponse


@dataclass
class Desk(EnrolmentServiceServicer):
    """A zone's enrolment that knows one secret, good once; ``spoil`` changes its answers."""

    zone: Any
    secrets: set[str] = field(default_factory=lambda: {"once"})
    requests: list[identity_pb2.EnrolRequest] = field(default_factory=list)
    spoil: Callable[[Answer], None] = lambda answer: None

    def Enrol(self, request: identity_pb2.EnrolRequest, context: grpc.ServicerContext) -> Answer:
        self.requests.append(request)
        if request.secret not in self.secrets:
            raise StateError("this join code was used already", hint="Ask for another one.")
        self.secrets.remove(request.secret)
        newcomer = from_wire(request.identity, Identity)
        VerifyKey(newcomer.signing_key).verify(newcomer, request.signature)
        certificate = self.zone.authority.issue_client(request.certificate_request, Role(newcomer.role), newcomer.name)
        identity, signature = self.zone.home.identity()
        answer = Answer(
            certificate=certificate,
            authority=self.zone.authority.certificate_pem,
            zone=to_wire(identity, identity_pb2.Identity),
            signature=signature,
        )
        self.spoil(answer)
        return answer


@pytest.fixture
def desk(zone: Any) -> Desk:
    return Desk(zone)


@pytest.fixture
def enrolment_address(zone: Any, desk: Desk) -> Iterator[str]:
    server = EnrolmentServer(zone.home, zone.authority, "127.0.0.1:0", desk)
    yield f"127.0.0.1:{server.start()}"
    server.stop(0)


class Jobs(JobServiceServicer):
    def GetJob(self, request: job_pb2.GetJobRequest, context: grpc.ServicerContext) -> job_pb2.Job:
        return job_pb2.Job(requester=current_peer(context).name)


@pytest.fixture
def code(zone: Any, enrolment_address: str, serve: Any) -> JoinCode:
    return JoinCode(
        address=serve((add_JobServiceServicer_to_server, Jobs())),
        enrolment_address=enrolment_address,
        authority_fingerprint=zone.authority.fingerprint(),
        secret="once",
        role=Role.PARTY,
        name="bakery",
    )


@pytest.fixture
def home(make_home: Any) -> Home:
    created: Home = make_home("bakery", Role.PARTY)
    return created


def assert_not_joined(home: Home) -> None:
    with pytest.raises(KeyAccessError, match="not joined"):
        connect(home)
    assert not home.certificate_path.exists()


def test_a_newcomer_joins_and_is_a_member(zone: Any, home: Home, code: JoinCode) -> None:
    enrol(home, code)

    assert home.zone_link().verify_key() == zone.home.signing_key.verify_key
    assert home.zone_link().address == code.address
    assert {path.stat().st_mode & 0o777 for path in home.certificate_path.parent.iterdir()} == {0o600}
    with connect(home) as channel:
        assert JobServiceStub(channel).GetJob(job_pb2.GetJobRequest()).requester == "bakery"


def test_the_private_key_stays(home: Home, code: JoinCode, desk: Desk) -> None:
    enrol(home, code)

    (request,) = desk.requests
    tls_key = serialization.load_der_private_key(home.vault.get(TLS_KEY), None)
    assert isinstance(tls_key, ec.EllipticCurvePrivateKey)
    assert tls_key.private_numbers().private_value.to_bytes(32, "big") not in request.SerializeToString()
    assert home.signing_key.to_bytes() not in request.SerializeToString()


def test_trying_again_sends_the_same_request(home: Home, code: JoinCode, desk: Desk) -> None:
    """What an answer lost on the way needs: the zone recognises it and answers the same."""
    desk.spoil = lambda answer: answer.Clear()
    with pytest.raises(PeerError):
        enrol(home, code)
    desk.secrets.add("once")
    with pytest.raises(PeerError):
        enrol(home, code)

    first, second = desk.requests
    assert first == second


def test_a_wrong_fingerprint_stops_it_before_the_secret_is_sent(home: Home, code: JoinCode, desk: Desk) -> None:
    with pytest.raises(TransportError, match="not the zone"):
        enrol(home, replace(code, authority_fingerprint="00" * 32))

    assert desk.requests == []
    assert_not_joined(home)


def test_an_impostor_that_shows_the_right_authority_gets_no_secret(
    zone: Any, make_home: Any, home: Home, code: JoinCode
) -> None:
    """Anybody can put the zone's public certificate into a chain; only the zone has a key that it certifies."""
    impostor_home = make_home("zone", Role.ZONE)
    own = Authority.create(impostor_home)

    class Mixed:
        certificate_pem = zone.authority.certificate_pem

        def issue_server(self, hosts: Any) -> tuple[bytes, bytes]:
            key, chain = own.issue_server(hosts)
            return key, chain + zone.authority.certificate_pem

    impostor = Desk(zone)
    server = EnrolmentServer(impostor_home, Mixed(), "127.0.0.1:0", impostor)  # type: ignore[arg-type]
    address = f"127.0.0.1:{server.start()}"

    with pytest.raises(TransportError):
        enrol(home, replace(code, enrolment_address=address))
    server.stop(0)
    assert impostor.requests == []
    assert_not_joined(home)


def test_a_used_secret_is_refused_with_the_zones_own_words(make_home: Any, home: Home, code: JoinCode) -> None:
    enrol(home, code)

    second = make_home("bakery", Role.PARTY)
    with pytest.raises(StateError, match="used already"):
        enrol(second, code)
    assert_not_joined(second)


@pytest.mark.parametrize("change", [{"role": Role.ANALYST}, {"name": "butcher"}])
def test_a_code_for_somebody_else_is_refused_before_anything_is_sent(
    home: Home, code: JoinCode, desk: Desk, change: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match="this join code is for"):
        enrol(home, replace(code, **change))

    assert desk.requests == []


def other_certificate(zone: Any, home: Home, make_home: Any, how: str) -> bytes:
    issue = zone.authority.issue_client
    if how == "name":
        return bytes(issue(make_request(home), Role.PARTY, "butcher"))
    if how == "role":
        return bytes(issue(make_request(home), Role.ANALYST, "bakery"))
    stranger = make_home("bakery", Role.PARTY)
    if how == "key":
        return bytes(issue(make_request(stranger), Role.PARTY, "bakery"))
    return Authority.create(make_home("zone", Role.ZONE)).issue_client(make_request(home), Role.PARTY, "bakery")


@pytest.mark.parametrize("how", ["name", "role", "key", "authority"])
def test_a_certificate_that_is_not_for_this_home_is_not_kept(
    zone: Any, home: Home, make_home: Any, code: JoinCode, desk: Desk, how: str
) -> None:
    certificate = other_certificate(zone, home, make_home, how)
    desk.spoil = lambda answer: setattr(answer, "certificate", certificate)

    with pytest.raises(PeerError):
        enrol(home, code)
    assert_not_joined(home)


@pytest.mark.parametrize("pem", [b"", b"nonsense"])
def test_something_that_is_no_certificate_is_malformed(home: Home, code: JoinCode, desk: Desk, pem: bytes) -> None:
    desk.spoil = lambda answer: setattr(answer, "certificate", pem)

    with pytest.raises(MalformedError):
        enrol(home, code)
    assert_not_joined(home)


def test_a_zone_that_does_not_sign_its_identity_is_refused(home: Home, code: JoinCode, desk: Desk) -> None:
    desk.spoil = lambda answer: setattr(answer.zone, "organisation", "Somebody else")

    with pytest.raises(SignatureError):
        enrol(home, code)
    assert_not_joined(home)


def test_a_party_that_answers_as_a_zone_is_refused(home: Home, party_home: Home, code: JoinCode, desk: Desk) -> None:
    identity, signature = party_home.identity()

    def pose(answer: Answer) -> None:
        answer.zone.CopyFrom(to_wire(identity, identity_pb2.Identity))
        answer.signature = signature

    desk.spoil = pose

    with pytest.raises(SignatureError, match="no zone"):
        enrol(home, code)
    assert_not_joined(home)


def test_the_enrolment_port_serves_nothing_else(zone: Any, enrolment_address: str) -> None:
    credentials = grpc.ssl_channel_credentials(root_certificates=zone.authority.certificate_pem)

    with grpc.secure_channel(enrolment_address, credentials) as channel, pytest.raises(grpc.RpcError) as caught:
        DirectoryServiceStub(channel).GetIdentity(identity_pb2.GetIdentityRequest(name="tea-shop"), timeout=20)
    call: Any = caught.value
    assert call.code() is grpc.StatusCode.UNIMPLEMENTED


def test_an_address_where_nobody_listens_or_nobody_speaks_tls_is_a_transport_error(home: Home, code: JoinCode) -> None:
    for address in ("127.0.0.1:1", "127.0.0.1", "no.such.host.invalid:1"):
        with pytest.raises(TransportError, match="can't be reached"):
            enrol(home, replace(code, enrolment_address=address))


@pytest.mark.parametrize("request_der", [b"", b"nonsense"])
def test_the_authority_signs_only_requests(zone: Any, request_der: bytes) -> None:
    with pytest.raises(MalformedError):
        zone.authority.issue_client(request_der, Role.PARTY, "bakery")


def test_the_authority_signs_only_p256_keys_that_signed_their_request(zone: Any, home: Home) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    other = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    changed = bytearray(make_request(home))
    changed[-1] ^= 1

    for request in (other.public_bytes(serialization.Encoding.DER), bytes(changed)):
        with pytest.raises(MalformedError):
            zone.authority.issue_client(request, Role.PARTY, "bakery")
