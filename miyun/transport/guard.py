"""What every call passes on the server: TLS 1.3, a peer whose role may call the method, errors that say no too much."""

import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import grpc
import structlog

from miyun.errors import MiyunError, NotPermittedError, TransportError
from miyun.transport.faults import ERROR_METADATA, LOCAL_ERRORS, to_status
from miyun.transport.peer import connection_properties, current_peer
from miyun.transport.roles import METHOD_ROLES, NOBODY

ENROL = "/miyun.wire.v1.EnrolmentService/Enrol"

_log = structlog.get_logger(__name__)


class Guard(grpc.ServerInterceptor, ABC):  # type: ignore[type-arg]
    """Admits calls, and turns what they raise into a status."""

    @abstractmethod
    def admit(self, method: str, context: grpc.ServicerContext) -> None:
        """Return if the caller may call ``method``; raise otherwise."""

    def intercept_service(
        self, continuation: Callable[[Any], Any], handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        handler: Any = continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None:
            return None
        serialisers = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._answer(method, handler.unary_unary), **serialisers)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._stream(method, handler.unary_stream), **serialisers)
        if handler.stream_unary:
            return grpc.stream_unary_rpc_method_handler(self._answer(method, handler.stream_unary), **serialisers)
        return grpc.stream_stream_rpc_method_handler(self._stream(method, handler.stream_stream), **serialisers)

    def _answer(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                self.admit(method, context)
                return behaviour(request, context)
            except Exception as error:
                _abort(method, context, error)

        return call

    def _stream(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
        def call(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            try:
                self.admit(method, context)
                yield from behaviour(request, context)
            except Exception as error:
                _abort(method, context, error)

        return call


class MemberGuard(Guard):
    """For the port of members: the role in the certificate decides."""

    def admit(self, method: str, context: grpc.ServicerContext) -> None:
        """Return if the peer's role is in the table for this method."""
        _require_tls13(context)
        peer = current_peer(context)
        if peer.role not in METHOD_ROLES.get(method, NOBODY):
            raise NotPermittedError(
                f"as {peer.role} you may not call {method.rpartition('.')[2]}",
                hint="Use the home of a member whose role may.",
            )


class EnrolmentGuard(Guard):
    """For the port of newcomers, who have no certificate yet: they can enrol and nothing else."""

    def admit(self, method: str, context: grpc.ServicerContext) -> None:
        """Return if the method is the one for enrolling."""
        _require_tls13(context)
        if method != ENROL:
            raise NotPermittedError("this port is for enrolling only", hint="Use the zone's other address.")


def _require_tls13(context: grpc.ServicerContext) -> None:
    if connection_properties(context, "ssl_tls_version") != [b"TLSv1.3"]:
        raise TransportError("this connection does not use TLS 1.3", hint="Connect with TLS 1.3.")


def _abort(method: str, context: Any, error: Exception) -> NoReturn:
    if isinstance(error, grpc.RpcError) or context.code() not in {None, grpc.StatusCode.OK}:
        raise error  # the caller has gone, or the service has set a status of its own
    if isinstance(error, MiyunError) and not isinstance(error, LOCAL_ERRORS):
        _log.info("call-refused", method=method, code=error.code)
        status, carried = to_status(error)
        context.set_trailing_metadata(((ERROR_METADATA, carried),))
        context.abort(status, error.code)
    # As text: a renderer that is given the exception may print local variables, and these may be secrets.
    _log.error("call-failed", method=method, trace="".join(traceback.format_exception(error)))
    context.abort(grpc.StatusCode.INTERNAL, "internal")
    raise error  # not reached: abort raises
