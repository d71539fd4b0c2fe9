"""What stands where on the gRPC port.

==================================  ===============================================================================
``miyun.wire.v1.AnswerService/Ask``  a question, the token in the metadata ``authorization``
``grpc.health.v1.Health/Check``      whether this process answers
``grpc.health.v1.Health/Watch``      the same, until the server stops or the connection ends
==================================  ===============================================================================

Statuses and fields are those of gRPC over HTTP/2 (``doc/PROTOCOL-HTTP2.md`` of grpc/grpc). A deadline that comes with a
call is not looked at: the answer is there before.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from google.protobuf.message import DecodeError
from grpc import StatusCode
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from miyun.answers.desk import Desk, RefusedError, bearer
from miyun.answers.grpc_connection import FRAME_BYTES, Reply, Service
from miyun.answers.http2 import Call, Fields
from miyun.answers.http_connection import BODY_BYTES
from miyun.answers.metrics import Outcome
from miyun.wire.v1.answer_pb2 import AskRequest

ASK: Final = b"/miyun.wire.v1.AnswerService/Ask"
CHECK: Final = b"/grpc.health.v1.Health/Check"
WATCH: Final = b"/grpc.health.v1.Health/Watch"
SERVICES: Final = frozenset({"", "miyun.wire.v1.AnswerService"})

_STATUSES: Final = {
    Outcome.MALFORMED: StatusCode.INVALID_ARGUMENT,
    Outcome.NOT_KNOWN: StatusCode.UNAUTHENTICATED,
    Outcome.TOO_OFTEN: StatusCode.RESOURCE_EXHAUSTED,
    Outcome.FAILED: StatusCode.INTERNAL,
}
_TYPE: Final = (b"content-type", b"application/grpc")
_TYPES: Final = frozenset({b"application/grpc", b"application/grpc+proto"})
_PLAIN: Final = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
"""What a status's words have as it is."""


class _StatusError(Exception):
    def __init__(self, code: StatusCode, words: str, *fields: tuple[bytes, bytes]) -> None:
        super().__init__(words)
        self.code = code
        self.words = words
        self.fields = fields


class GrpcRoutes:
    """The port for gRPC."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._methods: dict[bytes, Callable[[Call, bytes], Reply]] = {ASK: self._ask, CHECK: _check, WATCH: _watch}

    def service(self) -> Service:
        return Service(
            respond=self.respond,
            failed=_refusal(StatusCode.INTERNAL, "this server failed"),
            stopping=(_health(HealthCheckResponse.NOT_SERVING), _status(StatusCode.UNAVAILABLE, "stopping")),
            moving=(b"", _status(StatusCode.UNAVAILABLE, "this connection ends, another can be made")),
        )

    def respond(self, call: Call) -> Reply:
        """Answer, or end the call with a status that repeats nothing of the question."""
        if call.method != b"POST":
            return Reply(status=405, head=[(b"allow", b"POST")])
        if call.content_type.partition(b";")[0].strip().lower() not in _TYPES:
            return Reply(status=415, head=[])
        method = self._methods.get(call.path)
        if method is None:
            return _refusal(StatusCode.UNIMPLEMENTED, "no such method")
        try:
            return method(call, _message(call.body))
        except _StatusError as error:
            return _refusal(error.code, error.words, *error.fields)
        except DecodeError:
            return _refusal(StatusCode.INVALID_ARGUMENT, "the message is not of this method's type")

    def _ask(self, call: Call, message: bytes) -> Reply:
        request = AskRequest.FromString(message)
        try:
            answer = self._desk.grpc(bearer(call.authorization.decode("latin-1")), request)
        except RefusedError as refused:
            known = refused.outcome is not Outcome.NOT_KNOWN
            return _refusal(_STATUSES[refused.outcome], refused.words, known=known)
        return Reply(head=[_TYPE], body=_framed(answer.SerializeToString()), trailers=_OK, known=True)


def _check(_: Call, message: bytes) -> Reply:
    if HealthCheckRequest.FromString(message).service not in SERVICES:
        raise _StatusError(StatusCode.NOT_FOUND, "no such service")
    return Reply(head=[_TYPE], body=_health(HealthCheckResponse.SERVING), trailers=_OK)


def _watch(_: Call, message: bytes) -> Reply:
    known = HealthCheckRequest.FromString(message).service in SERVICES
    return Reply(
        head=[_TYPE], body=_health(HealthCheckResponse.SERVING if known else HealthCheckResponse.SERVICE_UNKNOWN)
    )


def _message(body: bytes | None) -> bytes:
    """What a unary call's body carries."""
    if body is None:
        raise _StatusError(StatusCode.RESOURCE_EXHAUSTED, f"a message has at most {BODY_BYTES} bytes")
    if len(body) < FRAME_BYTES or len(body) != FRAME_BYTES + int.from_bytes(body[1:FRAME_BYTES], "big"):
        raise _StatusError(StatusCode.INTERNAL, "the call has not one whole message")
    if body[0]:
        identity = (b"grpc-accept-encoding", b"identity")
        raise _StatusError(StatusCode.UNIMPLEMENTED, "a compressed message is not read", identity)
    return body[FRAME_BYTES:]


def _framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(FRAME_BYTES - 1, "big") + message


def _health(status: HealthCheckResponse.ServingStatus.ValueType) -> bytes:
    return _framed(HealthCheckResponse(status=status).SerializeToString())


def _refusal(code: StatusCode, words: str, *fields: tuple[bytes, bytes], known: bool = False) -> Reply:
    return Reply(head=[_TYPE, *_status(code, words), *fields], known=known)


def _status(code: StatusCode, words: str = "") -> Fields:
    number = (b"grpc-status", b"%d" % code.value[0])
    return [number, (b"grpc-message", quote(words, safe=_PLAIN).encode())] if words else [number]


_OK: Final = _status(StatusCode.OK)
