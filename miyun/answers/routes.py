"""What stands where on the HTTP ports.

============================  =====================================================================================
``POST /rta``                 an RTA request, the token in the ``authorization`` header
``POST /rta/TOKEN``           the same for platforms that can be given an address only
``POST /v1/ask``              a question in JSON
``GET /health``               whether this process answers; says nothing else
``GET /metrics``              on the port for this machine only
============================  =====================================================================================
"""

from dataclasses import replace
from http import HTTPStatus
from typing import Final

from miyun.answers.desk import Desk, RefusedError, bearer
from miyun.answers.http_connection import Request, Response
from miyun.answers.metrics import Outcome

RTA: Final = "/rta"
BYTEDANCE: Final = "/rta-bytedance"
ASK: Final = "/v1/ask"
HEALTH: Final = "/health"
METRICS: Final = "/metrics"

_PROTOBUF = "application/x-protobuf"
_JSON = "application/json"
_STATUSES: Final = {
    Outcome.MALFORMED: HTTPStatus.BAD_REQUEST,
    Outcome.NOT_KNOWN: HTTPStatus.UNAUTHORIZED,
    Outcome.TOO_OFTEN: HTTPStatus.TOO_MANY_REQUESTS,
    Outcome.FAILED: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class AskingRoutes:
    """The port for askers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def respond(self, request: Request) -> Response:
        path = request.target.partition("?")[0]
        for prefix, answer in ((RTA, self._desk.rta), (BYTEDANCE, self._desk.bytedance)):
            if path == prefix or path.startswith(f"{prefix}/"):
                if request.method != "POST":
                    return _plain(HTTPStatus.METHOD_NOT_ALLOWED)
                token = path[len(prefix) + 1 :] or bearer(request.authorization)
                body, known = answer(token, request.body)
                return Response(HTTPStatus.OK, body, _PROTOBUF, last=not known, known=known)
        if path == ASK:
            return self._ask(request) if request.method == "POST" else _plain(HTTPStatus.METHOD_NOT_ALLOWED)
        return _health(request) if path == HEALTH else _plain(HTTPStatus.NOT_FOUND)

    def _ask(self, request: Request) -> Response:
        if request.body is None:
            return _plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            answer = self._desk.json(bearer(request.authorization), request.body)
        except RefusedError as refused:
            body = b'{"error": "%s"}' % refused.outcome.encode()
            known = refused.outcome is not Outcome.NOT_KNOWN
            return Response(_STATUSES[refused.outcome], body, _JSON, last=not known, known=known)
        return Response(HTTPStatus.OK, answer, _JSON, known=True)


class StatusRoutes:
    """The port for this machine, on which nobody is a stranger."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def respond(self, request: Request) -> Response:
        if request.target == METRICS and request.method == "GET":
            text = self._desk.metrics.text(self._desk.answering.generation)
            return Response(HTTPStatus.OK, text, "text/plain; version=0.0.4; charset=utf-8", known=True)
        if request.target == HEALTH:
            return replace(_health(request), known=True)
        return _plain(HTTPStatus.NOT_FOUND)


def _health(request: Request) -> Response:
    if request.method not in {"GET", "HEAD"}:
        return _plain(HTTPStatus.METHOD_NOT_ALLOWED)
    return Response(HTTPStatus.OK, b"serving\n")


def _plain(status: HTTPStatus) -> Response:
    return Response(status, status.phrase.encode() + b"\n", last=True)
