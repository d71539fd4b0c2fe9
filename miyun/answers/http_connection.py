"""One HTTP/1.1 connection: requests in, responses out, in order, within limits of size and time.

httptools (llhttp) parses. What a peer can make this hold is bounded whatever it sends: a message by ``MESSAGE_BYTES``,
what is written and not read by the transport's own limit, above which nothing more is read.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httptools
import structlog

from miyun.answers.connection import PortConnection
from miyun.answers.crowd import STRANGER_SECONDS, Crowd

BODY_BYTES: Final = 16 << 10
MESSAGE_BYTES: Final = 64 << 10
"""Of a message with its head and the framing of its chunks."""
MESSAGE_SECONDS: Final = 5.0
"""From the first byte of a message to its last, for the first message from the connection's beginning; and for a
response to be read."""
IDLE_SECONDS: Final = 75.0

_PIECE_BYTES = 8 << 10
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """``target``: the path with its query. ``body`` is None where it was larger than ``BODY_BYTES``."""

    method: str
    target: str
    authorization: str
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Response:
    """``last``: the connection is closed after it. ``known``: the request had a good token."""

    status: HTTPStatus
    body: bytes
    type: str = "text/plain; charset=utf-8"
    last: bool = False
    known: bool = False


Respond = Callable[[Request], Response]


class Connection(PortConnection):
    """``respond`` is called in the loop's thread and is expected to return within a fraction of a millisecond."""

    def __init__(self, respond: Respond, crowd: Crowd) -> None:
        super().__init__(crowd)
        self._respond = respond
        self._parser = httptools.HttpRequestParser(self)
        self._asked_before = False
        self._finishing = False
        self._begin_message()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection too many is closed at once."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream's protocol has a stream's transport
        self._transport = transport
        if not self._crowd.enter(self):
            self.abort()

    def data_received(self, data: bytes) -> None:
        """Parse, and answer every message that is whole."""
        for at in range(0, len(data), _PIECE_BYTES):
            if self._over:
                return
            self._take(data[at : at + _PIECE_BYTES])

    def check_time(self) -> None:
        """Close the connection if it has taken too long."""
        if self._now() - self._begun >= STRANGER_SECONDS and not (self._over or self._crowd.knows(self)):
            self.finish()
        waiting = self._received or self._stalled or self._over or not self._asked_before
        if self._now() - self._since < (MESSAGE_SECONDS if waiting else IDLE_SECONDS):
            return
        if self._over or self._stalled:
            self._transport.abort()
        elif self._received:
            self._fail(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self._close()

    def finish(self) -> bool:
        """Close the connection unless a message is coming in, whose response will be the last; whether it did."""
        self._finishing = True
        if self._received:
            return False
        self._close()
        return True

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Trailers, which come when the method is known, say nothing: whoever is in front has not looked at them."""
        if self._method:
            return
        match name.lower():
            case b"authorization":
                self._authorization = value
            case b"expect":
                self._expects = True

    def on_headers_complete(self) -> None:
        self._method = self._parser.get_method()
        if self._expects and not self._over:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size <= BODY_BYTES:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if not self._over:
            once = self._finishing or self._parser.should_upgrade()
            self._answer(keep=self._parser.should_keep_alive() and not once)
            self._begin_message()

    def _begin_message(self) -> None:
        self._received = 0
        self._size = 0
        self._target = b""
        self._method = b""
        self._authorization = b""
        self._expects = False
        self._body: list[bytes] = []

    def _take(self, piece: bytes) -> None:
        if not self._received and self._asked_before:
            self._since = self._now()
        self._received += len(piece)
        if self._received > MESSAGE_BYTES:
            self._refuse_size()
            return
        try:
            self._parser.feed_data(piece)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(HTTPStatus.BAD_REQUEST)

    def _refuse_size(self) -> None:
        if not self._method:
            self._fail(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        self._size = MESSAGE_BYTES
        self._answer(keep=False)

    def _answer(self, *, keep: bool) -> None:
        self._asked_before = True
        request = Request(
            self._method.decode("latin-1"),
            self._target.decode("latin-1"),
            self._authorization.decode("latin-1"),
            b"".join(self._body) if self._size <= BODY_BYTES else None,
        )
        try:
            response = self._respond(request)
        except Exception as error:
            _log.error("response-failed", error=type(error).__name__)
            self._fail(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        if response.known:
            self._crowd.recognise(self)
        self._send(response, keep=keep and not response.last, head_only=request.method == "HEAD")

    def _send(self, response: Response, *, keep: bool, head_only: bool = False) -> None:
        connection = b"" if keep else b"connection: close\r\n"
        head = b"HTTP/1.1 %d %s\r\ncontent-type: %s\r\ncontent-length: %d\r\ncache-control: no-store\r\n%s\r\n" % (
            response.status,
            response.status.phrase.encode(),
            response.type.encode(),
            len(response.body),
            connection,
        )
        self._transport.write(head if head_only else head + response.body)
        self._since = self._now()
        if not keep:
            self._close()

    def _fail(self, status: HTTPStatus) -> None:
        if not self._over:
            self._send(Response(status, status.phrase.encode() + b"\n"), keep=False)

    def _close(self) -> None:
        self._over = True
        self._transport.close()
