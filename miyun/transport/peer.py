"""Who is on the other end: the role and name that the zone's authority put into the certificate."""

import re
from dataclasses import dataclass
from typing import Any

import grpc
from cryptography import x509

from miyun.errors import TransportError
from miyun.keys.home import Role

SCHEME = "miyun"
_URI = re.compile(SCHEME + r"://[a-z0-9-]+/(?P<role>[a-z]+)/(?P<name>[a-z0-9-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    name: str
    role: Role


def peer_uri(zone: str, peer: Peer) -> str:
    """What a certificate says in its subject alternative name: ``miyun://zone-name/role/name``."""
    return f"{SCHEME}://{zone}/{peer.role}/{peer.name}"


def peer_of_certificate(certificate: x509.Certificate) -> Peer:
    """The one peer that a certificate names.

    Raises:
        TransportError: it names none, or several, or in another form.
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
        match = _URI.fullmatch(uri)
        peer = Peer(name=match["name"], role=Role(match["role"])) if match else None
    except (x509.ExtensionNotFound, ValueError):
        peer = None
    if peer is None:
        raise TransportError("a certificate that names no member of a zone", hint="Join the zone with a join code.")
    return peer


def current_peer(context: grpc.ServicerContext) -> Peer:
    """The peer of the call that ``context`` belongs to.

    Raises:
        TransportError: there is no client certificate, or it names no peer.
    """
    pem = connection_properties(context, "x509_pem_cert")
    if not pem:
        raise TransportError("a call without a client certificate", hint="Join the zone with a join code.")
    return peer_of_certificate(x509.load_pem_x509_certificate(pem[0]))


def connection_properties(context: grpc.ServicerContext, name: str) -> list[bytes]:
    """What gRPC knows of the connection under ``name``; empty where it knows nothing."""
    properties: Any = context.auth_context()
    return list(properties.get(name, ()))
