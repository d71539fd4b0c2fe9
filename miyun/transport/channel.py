"""The client's end: a mutually authenticated channel to the zone that a home has joined."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import grpc
from cryptography import x509

from miyun.errors import TransportError
from miyun.keys.home import Home
from miyun.transport import require_tls13
from miyun.transport.faults import from_call
from miyun.transport.limits import DEADLINE_SECONDS, KEEPALIVE_OPTIONS, MESSAGE_BYTES, message_options
from miyun.transport.tls import TLS_KEY, key_pem

RETRIES = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.2s",
                "maxBackoff": "3s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
"""Every call of the zone is idempotent: the same signed statement again has the same answer."""


def connect(home: Home) -> grpc.Channel:
    """A channel to the zone that ``home`` has joined. Failed calls raise the zone's own error.

    Raises:
        KeyAccessError: the home has joined no zone, or its certificates are missing.
        TransportError: the certificate has expired.
    """
    require_tls13()
    link = home.zone_link()
    certificate = home.read_tls(home.certificate_path)
    if x509.load_pem_x509_certificate(certificate).not_valid_after_utc < datetime.now(UTC):
        raise TransportError(
            "this home's certificate has expired", hint="Ask the zone's operator for a new join code and join again."
        )
    credentials = grpc.ssl_channel_credentials(
        root_certificates=home.read_tls(home.authority_path),
        private_key=key_pem(home.vault.get(TLS_KEY)),
        certificate_chain=certificate,
    )
    retries = (
        ("grpc.service_config", json.dumps(RETRIES)),
        ("grpc.per_rpc_retry_buffer_size", 2 * MESSAGE_BYTES),
        ("grpc.use_local_subchannel_pool", 1),
    )
    channel = grpc.secure_channel(
        link.address, credentials, options=[*message_options(MESSAGE_BYTES), *KEEPALIVE_OPTIONS, *retries]
    )
    return with_errors(channel)


def with_errors(channel: grpc.Channel) -> grpc.Channel:
    """The channel with a default deadline, and with errors of Miyun's tree instead of gRPC's."""
    return grpc.intercept_channel(channel, _Errors())


class _CallDetails(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: Any


class _Errors(grpc.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: grpc.ClientCallDetails, request: Any
    ) -> Any:
        given = client_call_details
        details = _CallDetails(
            given.method,
            DEADLINE_SECONDS if given.timeout is None else given.timeout,
            given.metadata,
            given.credentials,
            given.wait_for_ready,
            given.compression,
        )
        call = continuation(details, request)
        if not call.done():
            return call  # a future: its result raises gRPC's own error
        error = call.exception()
        if error is None:
            return call
        raise from_call(error) from None
