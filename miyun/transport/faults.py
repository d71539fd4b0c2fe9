"""Errors over the wire: a status code for any gRPC client, and the whole error for Miyun's own."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import grpc

from miyun.errors import (
    AuditError,
    BudgetExceededError,
    CapExceededError,
    ConfigError,
    ContractError,
    DestinationError,
    ExpressionError,
    InputError,
    InternalError,
    KeyAccessError,
    MalformedError,
    MiyunError,
    NotFoundError,
    NotPermittedError,
    PeerError,
    ReplayError,
    SignatureError,
    SourceError,
    StateError,
    TransportError,
    WaitingError,
)
from miyun.words import visible

ERROR_METADATA = "miyun-error-bin"
LONGEST_TEXT = 1000
"""Characters of a message that travel; gRPC limits metadata to 8 KiB."""

LOCAL_ERRORS = (ConfigError, SourceError, KeyAccessError, DestinationError, InternalError)
"""Errors about the server's own files and state. A caller learns only that something failed."""

STATUS: Mapping[type[MiyunError], grpc.StatusCode] = {
    NotFoundError: grpc.StatusCode.NOT_FOUND,
    InputError: grpc.StatusCode.INVALID_ARGUMENT,
    NotPermittedError: grpc.StatusCode.PERMISSION_DENIED,
    ContractError: grpc.StatusCode.FAILED_PRECONDITION,
    CapExceededError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    BudgetExceededError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    StateError: grpc.StatusCode.FAILED_PRECONDITION,
    WaitingError: grpc.StatusCode.FAILED_PRECONDITION,
    SignatureError: grpc.StatusCode.UNAUTHENTICATED,
    ReplayError: grpc.StatusCode.ABORTED,
    PeerError: grpc.StatusCode.INVALID_ARGUMENT,
    AuditError: grpc.StatusCode.DATA_LOSS,
    TransportError: grpc.StatusCode.UNAUTHENTICATED,
}


def to_status(error: MiyunError) -> tuple[grpc.StatusCode, bytes]:
    """The status code and the metadata value that carry an error."""
    status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
    content = {
        "code": error.code,
        "message": error.message[:LONGEST_TEXT],
        "hint": error.hint[:LONGEST_TEXT],
        "clause": error.clause[:LONGEST_TEXT],
    }
    if isinstance(error, ExpressionError):
        content["position"] = str(error.position)
    return status, json.dumps(content, ensure_ascii=False).encode()


def from_call(call: Any) -> MiyunError:
    """The error that a failed call (a `grpc.Call`) stands for."""
    carried = dict(call.trailing_metadata() or ()).get(ERROR_METADATA)
    if isinstance(carried, bytes):
        return _read(carried)
    status = call.code()
    if status is grpc.StatusCode.INTERNAL:
        return InternalError("the zone failed", hint="Ask the zone's operator to look into its log.")
    message, hint = _BY_STATUS.get(status, (f"the call failed ({status.name.lower()})", "Ask the zone's operator."))
    return TransportError(message, hint=hint)


def _read(carried: bytes) -> MiyunError:
    try:
        content: dict[str, Any] = json.loads(carried)
        kind = _CLASSES[content["code"]]
        texts = {name: visible(str(content[name])) for name in ("message", "hint", "clause")}
        if kind is ExpressionError:
            return ExpressionError(texts.pop("message"), position=int(content["position"]), **texts)
        return kind(texts.pop("message"), **texts)
    except (ValueError, KeyError, TypeError, RecursionError):
        return MalformedError("the zone answered with an error that can't be read", hint="Install the same version.")


_BY_STATUS: Mapping[grpc.StatusCode, tuple[str, str]] = {
    grpc.StatusCode.UNAVAILABLE: (
        "the zone can't be reached, or one side does not accept the other's certificate",
        "Check that the zone is running and its address; join again if the certificate has expired.",
    ),
    grpc.StatusCode.DEADLINE_EXCEEDED: ("the zone did not answer in time", "Try again; ask the zone's operator."),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (
        "the message is too large, or the zone serves too many calls at once",
        "Try again later.",
    ),
    grpc.StatusCode.UNIMPLEMENTED: ("the zone does not know this call", "Install the version that the zone runs."),
    grpc.StatusCode.CANCELLED: ("the call was cancelled", "Try again."),
}


def _tree(kind: type[MiyunError]) -> Iterator[type[MiyunError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


_CLASSES = {kind.code: kind for kind in _tree(MiyunError)}
