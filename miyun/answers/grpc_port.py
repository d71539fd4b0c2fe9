"""The port for gRPC: the answer service and health."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from miyun.answers.config import split_address
from miyun.answers.desk import Desk, RefusedError, bearer
from miyun.answers.http_connection import BODY_BYTES
from miyun.answers.metrics import Outcome
from miyun.errors import TransportError
from miyun.transport import require_tls13
from miyun.transport.limits import SERVER_OPTIONS, message_options
from miyun.wire.v1.answer_pb2 import AskRequest, AskResponse
from miyun.wire.v1.answer_pb2_grpc import AnswerServiceServicer, add_AnswerServiceServicer_to_server

WORKERS: Final = 1
"""An answer takes a fraction of a millisecond of one processor and waits for nothing: more threads would only take
turns."""
MOST_CALLS: Final = 1_024
STOP_SECONDS: Final = 5.0

_STATUSES: Final = {
    Outcome.MALFORMED: grpc.StatusCode.INVALID_ARGUMENT,
    Outcome.NOT_KNOWN: grpc.StatusCode.UNAUTHENTICATED,
    Outcome.TOO_OFTEN: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Outcome.FAILED: grpc.StatusCode.INTERNAL,
}


class AnswerService(AnswerServiceServicer):
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def Ask(self, request: AskRequest, context: grpc.ServicerContext) -> AskResponse:  # noqa: N802
        """Answer, or end the call with a status that repeats nothing of the question."""
        metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        try:
            return self._desk.grpc(bearer(metadata.get("authorization", "")), request)
        except RefusedError as refused:
            _abort(context, refused)


class GrpcPort:
    """``credentials`` None: for this machine only."""

    def __init__(self, address: str, desk: Desk, credentials: grpc.ServerCredentials | None) -> None:
        require_tls13()
        self.address = address
        self._credentials = credentials
        self._server = grpc.server(
            ThreadPoolExecutor(WORKERS, thread_name_prefix="answers-grpc"),
            options=[*message_options(BODY_BYTES), *SERVER_OPTIONS],
            maximum_concurrent_rpcs=MOST_CALLS,
        )
        self._health = health.HealthServicer()
        add_AnswerServiceServicer_to_server(AnswerService(desk), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)

    def start(self) -> None:
        """Listen; ``address`` then has the port that was bound.

        Raises:
            TransportError: the address is taken or not this machine's.
        """
        try:
            port = (
                self._server.add_secure_port(self.address, self._credentials)
                if self._credentials
                else self._server.add_insecure_port(self.address)
            )
        except RuntimeError:
            raise TransportError(
                f"can't listen on {self.address}", hint="Stop what uses this port, or configure another address."
            ) from None
        host, _ = split_address(self.address)
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._server.start()
        for service in ("", "miyun.wire.v1.AnswerService"):
            self._health.set(service, health_pb2.HealthCheckResponse.SERVING)

    def stop(self) -> None:
        """Say "not serving", take no new calls, and return when the present ones have ended."""
        self._health.enter_graceful_shutdown()
        self._server.stop(STOP_SECONDS).wait()


def _abort(context: Any, refused: RefusedError) -> NoReturn:
    context.abort(_STATUSES[refused.outcome], refused.words)
    raise refused  # not reached: abort raises
