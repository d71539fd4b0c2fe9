"""HTTP/2 by the Python library h2, several times slower than the native one.

The library leaves to its caller how many requests may be taken back, how long a header block may take, and how a
connection ends when its last request does.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    PingAckReceived,
    RequestReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

from miyun.answers.http2 import FIELD_BYTES, HEAD_BYTES, MOST_BROKEN, MOST_CALLS, Call, Fields

_SILENT_BYTES = 64 << 10
"""Of frames that give no event: the pieces of a header block."""
_LAST_STREAM = 2**31 - 1
_PING: Final = b"finished"


class _Connection(H2Connection):
    DEFAULT_MAX_HEADER_LIST_SIZE = HEAD_BYTES
    MAX_CLOSED_STREAMS = 4_096


@dataclass(slots=True)
class _Coming:
    """A request. ``window``: what its body takes up of the connection's, until it is answered."""

    head: dict[bytes, bytes]
    body: bytearray = field(default_factory=bytearray)
    window: int = 0
    ended: bool = False


@dataclass(slots=True)
class _Going:
    """A response under way. Without ``trailers`` it stays open when all is sent."""

    left: bytes
    trailers: Fields | None


class PortableHttp2:
    """See :class:`miyun.answers.http2.Http2`."""

    def __init__(self, body_bytes: int) -> None:
        self._most = body_bytes
        self._h2 = _Connection(H2Configuration(client_side=False, header_encoding=None))
        self._h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: MOST_CALLS,
                SettingCodes.MAX_HEADER_LIST_SIZE: HEAD_BYTES,
            },
        )
        self._h2.initiate_connection()
        self._coming: dict[int, _Coming] = {}
        self._asked: dict[int, _Coming] = {}
        self._going: dict[int, _Going] = {}
        self._silent = 0
        self._broken = 0
        self._last: int | None = None
        self.over = False

    @property
    def coming(self) -> int:
        return len(self._coming)

    @property
    def oldest(self) -> int:
        unread = (stream for stream, going in self._going.items() if going.left)
        return min((*self._coming, *unread), default=0)

    def receive(self, data: bytes) -> list[Call]:
        if self.over:
            return []
        calls: dict[int, Call] = {}
        try:
            events = self._h2.receive_data(data)
            self._silent = 0 if events else self._silent + len(data)
            for event in events:
                self._note(event, calls)
        except H2Error:
            self._close()
        self._broken = 0 if calls else self._broken
        if self._silent > _SILENT_BYTES:
            self.break_off()
        for stream in list(self._going):
            self._push(stream)
        return [] if self.over else list(calls.values())

    def respond(self, stream: int, status: int, head: Fields, body: bytes | None, trailers: Fields | None) -> None:
        if stream not in self._asked:
            return
        asked = self._asked.pop(stream)
        try:
            self._h2.send_headers(stream, [(b":status", b"%d" % status), *head], end_stream=body is None)
            self._h2.acknowledge_received_data(asked.window, stream)
            if body is None and not asked.ended:
                self._h2.reset_stream(stream, ErrorCodes.NO_ERROR)
        except H2Error:
            return
        if body is not None:
            self._going[stream] = _Going(body, trailers)
            self._push(stream)

    def end(self, body: bytes, trailers: Fields) -> None:
        for stream, going in list(self._going.items()):
            if going.trailers is None:
                self._going[stream] = _Going(going.left + body, trailers)
                self._push(stream)

    def take(self) -> bytes:
        if self._last is not None and not (self._coming or self._asked or self._going):
            self.over = True
        return self._h2.data_to_send()

    def finish(self) -> None:
        """By two GOAWAY frames, the second when a ping has gone there and back (RFC 9113, 6.8)."""
        if self.over:
            return
        if self._h2.highest_inbound_stream_id == 0:
            self._h2.close_connection()
            self._close()
            return
        self._say_goodbye(_LAST_STREAM)
        self._h2.ping(_PING)

    def break_off(self) -> None:
        if not self.over:
            self._h2.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            self._close()

    def _note(self, event: Event, calls: dict[int, Call]) -> None:
        if self.over:
            return
        match event:
            case RequestReceived(stream_id=stream, headers=headers):
                self._begin(stream, headers)
            case DataReceived(stream_id=stream, data=data, flow_controlled_length=taken):
                self._hold(stream, data, taken, calls)
            case StreamEnded(stream_id=stream) if stream in self._coming:
                self._ask(stream, calls, bytes(self._coming[stream].body))
                self._asked[stream].ended = True
            case StreamEnded(stream_id=stream) if stream in self._asked:
                self._asked[stream].ended = True
            case StreamReset(stream_id=stream):
                self._take_back(stream, calls)
            case PingAckReceived(ping_data=data) if data == _PING:
                self._last = self._h2.highest_inbound_stream_id
                self._say_goodbye(self._last)
            case ConnectionTerminated():
                self._close()

    def _begin(self, stream: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        if self._last is not None and stream > self._last:
            self._h2.reset_stream(stream, ErrorCodes.REFUSED_STREAM)
            return
        head: dict[bytes, bytes] = {}
        for name, value in headers:
            head.setdefault(name, value if len(value) <= FIELD_BYTES else b"")
        self._coming[stream] = _Coming(head)

    def _hold(self, stream: int, data: bytes, taken: int, calls: dict[int, Call]) -> None:
        coming = self._coming.get(stream)
        if coming is None:
            self._h2.acknowledge_received_data(taken, stream)
            return
        coming.window += taken
        if len(coming.body) + len(data) > self._most:
            self._ask(stream, calls, None)
        else:
            coming.body += data

    def _ask(self, stream: int, calls: dict[int, Call], body: bytes | None) -> None:
        self._asked[stream] = asked = self._coming.pop(stream)
        names = (b":method", b":path", b"content-type", b"authorization")
        method, path, content_type, authorization = (asked.head.get(name, b"") for name in names)
        calls[stream] = Call(stream, method, path, content_type, authorization, body)

    def _take_back(self, stream: int, calls: dict[int, Call]) -> None:
        self._going.pop(stream, None)
        taken_back = self._coming.pop(stream, None) or self._asked.pop(stream, None)
        if taken_back is None:
            return
        calls.pop(stream, None)
        self._h2.acknowledge_received_data(taken_back.window, stream)
        self._broken += 1
        if self._broken > MOST_BROKEN:
            self.break_off()

    def _push(self, stream: int) -> None:
        """Send as much of a response as the peer's window has room for."""
        going = self._going[stream]
        try:
            while going.left and (room := self._room(stream)):
                piece, going.left = going.left[:room], going.left[room:]
                self._h2.send_data(stream, piece)
            if going.trailers is not None and not going.left:
                self._h2.send_headers(stream, going.trailers, end_stream=True)
                del self._going[stream]
        except H2Error:
            del self._going[stream]

    def _room(self, stream: int) -> int:
        return max(0, min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size))

    def _say_goodbye(self, last: int) -> None:
        """The library would refuse all that comes after it."""
        self._h2._prepare_for_sending([GoAwayFrame(stream_id=0, last_stream_id=last)])

    def _close(self) -> None:
        self.over = True
        self._coming.clear()
        self._asked.clear()
        self._going.clear()
