"""One connection of the gRPC port: calls in, answers out, within limits of size and time.

gRPC's own servers hand every call from thread to thread, which takes longer than the answer (ADR 30).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from miyun.answers.connection import PortConnection
from miyun.answers.crowd import STRANGER_SECONDS, Crowd
from miyun.answers.http2 import Call, Fields, http2
from miyun.answers.http_connection import BODY_BYTES, IDLE_SECONDS, MESSAGE_SECONDS

FRAME_BYTES: Final = 5
"""Before a message: whether it is compressed, and its length."""
STRANGER_CALLS: Final = 32
"""Calls that are not whole, of a connection without a good token."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """``body`` None: the head is all. ``trailers`` None beside a body: it goes on until the connection ends.

    ``known``: the call had a good token.
    """

    status: int = 200
    head: Fields
    body: bytes | None = None
    trailers: Fields | None = None
    known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """``respond`` is called in the loop's thread and is expected to return within a fraction of a millisecond.

    ``failed``: for when it doesn't. ``stopping`` and ``moving`` end replies that went on: because the server stops, or
    because the connection has lasted long enough.
    """

    respond: Callable[[Call], Reply]
    failed: Reply
    stopping: tuple[bytes, Fields]
    moving: tuple[bytes, Fields]


class GrpcConnection(PortConnection):
    def __init__(self, service: Service, crowd: Crowd) -> None:
        super().__init__(crowd)
        self._service = service
        self._http2 = http2(FRAME_BYTES + BODY_BYTES)
        self._oldest = 0
        self._oldest_since = self._since
        self._ending: float | None = None
        """When its end began."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Who does not speak HTTP/2, or is one too many, is shown out at once."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream's protocol has a stream's transport
        self._transport = transport
        secured = transport.get_extra_info("ssl_object")
        if (secured is not None and secured.selected_alpn_protocol() != "h2") or not self._crowd.enter(self):
            self.abort()
            return
        self._send()

    def data_received(self, data: bytes) -> None:
        """Answer every call that is whole."""
        if self._over:
            return
        for call in self._http2.receive(data):
            self._answer(call)
        if self._http2.coming > STRANGER_CALLS and not self._crowd.knows(self):
            self._http2.break_off()
        self._send()
        if self._http2.oldest != self._oldest:
            self._oldest, self._oldest_since = self._http2.oldest, self._now()

    def check_time(self) -> None:
        """Close the connection if it has taken too long."""
        now = self._now()
        waited = now - self._since
        if self._ending is not None or self._stalled:
            if now - (self._ending or self._since) >= MESSAGE_SECONDS:
                self.abort()
        elif self._oldest and now - self._oldest_since >= MESSAGE_SECONDS:
            self._http2.break_off()
            self._send()
        elif waited >= IDLE_SECONDS or (now - self._begun >= STRANGER_SECONDS and not self._crowd.knows(self)):
            self._finish(*self._service.moving)

    def finish(self) -> bool:
        """Take no new calls and close the connection when the present ones are answered; whether it is."""
        self._finish(*self._service.stopping)
        return self._over

    def _answer(self, call: Call) -> None:
        try:
            reply = self._service.respond(call)
        except Exception as error:
            _log.error("response-failed", error=type(error).__name__)
            reply = self._service.failed
        if reply.known:
            self._crowd.recognise(self)
        self._http2.respond(call.stream, reply.status, reply.head, reply.body, reply.trailers)
        self._since = self._now()

    def _finish(self, body: bytes, trailers: Fields) -> None:
        self._ending = self._now()
        self._http2.end(body, trailers)
        self._http2.finish()
        self._send()

    def _send(self) -> None:
        data = self._http2.take()
        if self._over:
            return
        if data:
            self._transport.write(data)
        if self._http2.over:
            self._over, self._ending = True, self._now()
            self._transport.close()
