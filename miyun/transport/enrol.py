"""Joining a zone: the authority is pinned by the join code before anything secret is sent."""

import hmac
import select
import socket
import time
from typing import NamedTuple

import grpc
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL

from miyun.errors import InputError, MalformedError, PeerError, SignatureError, TransportError
from miyun.keys.home import Home, Role, ZoneLink
from miyun.keys.identity import Identity
from miyun.transport import require_tls13
from miyun.transport.channel import with_errors
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.join_code import JoinCode
from miyun.transport.limits import ENROLMENT_MESSAGE_BYTES, message_options
from miyun.transport.peer import Peer, peer_of_certificate
from miyun.transport.tls import TLS_KEY, certificate_fingerprint, certifies, make_request
from miyun.wire.v1 import identity_pb2
from miyun.wire.v1.identity_pb2_grpc import EnrolmentServiceStub

HANDSHAKE_SECONDS = 15.0


class _Admission(NamedTuple):
    certificate: bytes
    link: ZoneLink


def enrol(home: Home, code: JoinCode) -> None:
    """Join the zone that issued ``code``; the home keeps its certificate, the zone's authority and its address.

    Raises:
        InputError: the code is for another role or name.
        TransportError: the zone is out of reach, or another than the one that issued the code.
        PeerError: the zone answered with something else than a certificate for this home.
    """
    require_tls13()
    if (code.role, code.name) != (home.info.role, home.info.name):
        raise InputError(
            f"this join code is for the {code.role} {code.name}; this home is the {home.info.role} {home.info.name}",
            hint="Ask the zone's operator for a code with this home's role and name.",
        )
    with home.lock("enrol"):
        authority = _pinned_authority(code)
        admission = _request_admission(home, code, authority)
        home.write_tls(home.authority_path, authority.public_bytes(serialization.Encoding.PEM))
        home.write_tls(home.certificate_path, admission.certificate)
        home.write_zone_link(admission.link)


def _pinned_authority(code: JoinCode) -> x509.Certificate:
    """The certificate in the server's chain whose fingerprint the join code carries."""
    expected = code.authority_fingerprint.encode()
    for certificate in _presented_chain(code.enrolment_address):
        if hmac.compare_digest(certificate_fingerprint(certificate).encode(), expected):
            return certificate
    raise TransportError(
        "this is not the zone that issued the join code",
        hint="Somebody may be in between: tell the zone's operator, and ask for a new code over another way.",
    )


def _presented_chain(address: str) -> list[x509.Certificate]:
    """What a server shows in a TLS handshake. Nothing is verified yet, and nothing is sent."""
    host, _, port = address.rpartition(":")
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_alpn_protos([b"h2"])
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=HANDSHAKE_SECONDS) as connection:
            tls = SSL.Connection(context, connection)
            tls.set_connect_state()
            _shake_hands(tls, connection)
            return list(tls.get_peer_cert_chain(as_cryptography=True) or ())
    except (OSError, SSL.Error, ValueError):
        raise TransportError(
            f"the zone's enrolment address {address} can't be reached",
            hint="Check that the zone is running and that this network lets you dial out to it.",
        ) from None


def _shake_hands(tls: SSL.Connection, connection: socket.socket) -> None:
    deadline = time.monotonic() + HANDSHAKE_SECONDS
    while True:
        try:
            tls.do_handshake()
        except SSL.WantReadError:
            if not select.select([connection], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError from None
        else:
            return


def _request_admission(home: Home, code: JoinCode, authority: x509.Certificate) -> _Admission:
    identity, signature = home.identity()
    request = identity_pb2.EnrolRequest(
        secret=code.secret,
        certificate_request=make_request(home),
        identity=to_wire(identity, identity_pb2.Identity),
        signature=signature,
    )
    root = authority.public_bytes(serialization.Encoding.PEM)
    channel = grpc.secure_channel(
        code.enrolment_address,
        grpc.ssl_channel_credentials(root_certificates=root),
        options=[*message_options(ENROLMENT_MESSAGE_BYTES), ("grpc.use_local_subchannel_pool", 1)],
    )
    with channel:
        answer = EnrolmentServiceStub(with_errors(channel)).Enrol(request)
    link = ZoneLink(address=code.address, zone=from_wire(answer.zone, Identity), signature=answer.signature)
    _check_zone(link)
    _check_certificate(answer.certificate, home, code, authority)
    return _Admission(answer.certificate, link)


def _check_zone(link: ZoneLink) -> None:
    link.verify_key()
    if link.zone.role != Role.ZONE:
        raise SignatureError("the process that answered is no zone", hint="Ask the zone's operator for a new code.")


def _check_certificate(pem: bytes, home: Home, code: JoinCode, authority: x509.Certificate) -> None:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        raise MalformedError("the zone answered with a certificate that is not its own") from None
    if peer_of_certificate(certificate) != Peer(name=code.name, role=code.role):
        raise PeerError("the zone answered with a certificate for somebody else", hint="Ask the zone's operator.")
    if not certifies(certificate, home.vault.get(TLS_KEY)):
        raise PeerError("the zone answered with a certificate for another key", hint="Ask the zone's operator.")
