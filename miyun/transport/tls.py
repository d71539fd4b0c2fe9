"""Certificates: the zone's own authority, and the requests of those that join it. All keys are P-256."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from miyun.errors import MalformedError
from miyun.keys.home import Home, Role
from miyun.keys.secret import Secret
from miyun.transport.peer import Peer, peer_uri

TLS_KEY = "tls-key"
AUTHORITY_KEY = "authority-key"
AUTHORITY_LIFETIME = timedelta(days=3650)
CLIENT_LIFETIME = timedelta(days=730)
SERVER_LIFETIME = timedelta(days=30)
CLOCK_SKEW = timedelta(hours=1)
"""How far clocks may differ: certificates begin that much earlier."""


class Authority(Secret):
    """The zone's certificate authority: the only root that its members trust."""

    __slots__ = ("_certificate", "_key", "_zone")

    def __init__(self, zone: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._zone = zone
        self._key = key
        self._certificate = certificate

    @classmethod
    def create(cls, home: Home) -> "Authority":
        """Generate the zone's authority: the key in its vault, the certificate in its home."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"Miyun zone {home.info.name}")
        certificate = (
            _builder(name, name, key.public_key(), AUTHORITY_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        home.vault.put(AUTHORITY_KEY, _key_der(key))
        home.write_tls(home.authority_path, _pem(certificate))
        return cls(home.info.name, key, certificate)

    @classmethod
    def open(cls, home: Home) -> "Authority":
        """The authority that `create` generated.

        Raises:
            KeyAccessError: this home has none.
        """
        key = _load_key(home.vault.get(AUTHORITY_KEY))
        return cls(home.info.name, key, x509.load_pem_x509_certificate(home.read_tls(home.authority_path)))

    @property
    def certificate_pem(self) -> bytes:
        return _pem(self._certificate)

    def fingerprint(self) -> str:
        """SHA-256 of the authority's certificate, in hex; join codes carry it."""
        return certificate_fingerprint(self._certificate)

    def issue_client(self, request: bytes, role: Role, name: str) -> bytes:
        """A client certificate (PEM) for the key in a request (DER). The request's own names are ignored.

        Raises:
            MalformedError: not a request, not signed by its own key, or the key is not P-256.
        """
        uri = x509.UniformResourceIdentifier(peer_uri(self._zone, Peer(name=name, role=role)))
        key = _requested_key(request)
        return _pem(self._issue(name, key, [uri], ExtendedKeyUsageOID.CLIENT_AUTH, lifetime=CLIENT_LIFETIME))

    def issue_server(self, hosts: Sequence[str]) -> tuple[bytes, bytes]:
        """A fresh key and its certificate chain up to the authority (both PEM), for host names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._issue(
            self._zone,
            key.public_key(),
            [_host_name(host) for host in hosts],
            ExtendedKeyUsageOID.SERVER_AUTH,
            lifetime=SERVER_LIFETIME,
        )
        return key_pem(_key_der(key)), _pem(certificate) + self.certificate_pem

    def _issue(
        self,
        subject: str,
        key: ec.EllipticCurvePublicKey,
        names: Sequence[x509.GeneralName],
        usage: x509.ObjectIdentifier,
        *,
        lifetime: timedelta,
    ) -> x509.Certificate:
        return (
            _builder(_name(subject), self._certificate.subject, key, lifetime)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )


def make_request(home: Home) -> bytes:
    """A certificate request (DER) for the home's TLS key, which is generated on first use and stays in the vault.

    The same home makes the same request every time (RFC 6979), so that the zone knows a repeated enrolment.
    """
    if TLS_KEY not in home.vault.names():
        home.vault.put(TLS_KEY, _key_der(ec.generate_private_key(ec.SECP256R1())))
    key = _load_key(home.vault.get(TLS_KEY))
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(home.info.name))
    request = builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    return request.public_bytes(serialization.Encoding.DER)


def certificate_fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate, in hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def certifies(certificate: x509.Certificate, key_der: bytes) -> bool:
    """Whether the certificate is for this private key."""
    return certificate.public_key() == _load_key(key_der).public_key()


def key_pem(key_der: bytes) -> bytes:
    """A private key (PKCS #8 DER, as the vault keeps it) as PEM, as gRPC wants it."""
    return _load_key(key_der).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _requested_key(request: bytes) -> ec.EllipticCurvePublicKey:
    try:
        parsed = x509.load_der_x509_csr(request)
        key = parsed.public_key()
        valid = parsed.is_signature_valid
    except (ValueError, InvalidSignature):
        raise MalformedError("not a certificate request") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise MalformedError("a certificate request for a key that is not P-256")
    if not valid:
        raise MalformedError("a certificate request that its own key did not sign")
    return key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + lifetime)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_der(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load_key(der: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_der_private_key(der, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise MalformedError("a TLS key that is not P-256")
    return key


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
