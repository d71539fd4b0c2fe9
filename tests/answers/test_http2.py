"""The server's end of HTTP/2, both backends alike: whole requests, answers within windows, bounds on peers."""

import contextlib
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miyun.answers.http2 import FIELD_BYTES, HEAD_BYTES, MOST_BROKEN, MOST_CALLS, Call, Http2, http2
from tests.answers.frames import (
    ACK,
    CALM,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Frame,
    body,
    call,
    field,
    frame,
    frames,
    head,
    reset,
    setting,
    window,
)

pytestmark = pytest.mark.usefixtures("each_backend")

LARGEST = 1_000
OK = [(b"grpc-status", b"0")]
TYPE = [(b"content-type", b"application/grpc")]


class Peer:
    """A client that says what it likes to a server that answers each request by its body in capitals."""

    def __init__(self, *, begun: bool = True) -> None:
        self.server: Http2 = http2(LARGEST)
        self.calls: list[Call] = []
        self.sent: list[Frame] = []
        if begun:
            self.say(PREFACE + frame(SETTINGS))

    def say(self, data: bytes, *, answered: bool = True) -> list[Frame]:
        """What comes back."""
        for one in self.server.receive(data):
            self.calls.append(one)
            if answered:
                self.server.respond(one.stream, 200, TYPE, (one.body or b"").upper(), OK)
        return self.taken()

    def taken(self) -> list[Frame]:
        said = list(frames(self.server.take()))
        self.sent += said
        return said

    def answer(self, stream: int) -> bytes | None:
        """The body that was sent; None where it hasn't ended."""
        of = [one for one in self.sent if one.stream == stream]
        return b"".join(one.payload for one in of if one.kind == DATA) if any(one.ends for one in of) else None

    def errors(self) -> set[int]:
        """Of all that was ended by the server with an error."""
        return {one.error for one in self.sent if one.kind in {RST_STREAM, GOAWAY}} - {0}


def test_requests_are_whole_and_answered_in_any_order() -> None:
    peer = Peer()
    assert peer.sent[0].kind == SETTINGS
    peer.say(call(1, b"one"))
    assert peer.calls == [Call(1, b"POST", b"/s/m", b"application/grpc", b"Bearer t", b"one")]
    assert peer.answer(1) == b"ONE"
    peer.say(head(3) + head(5) + body(5, b"fi", end=False) + body(3, b"three"))
    assert (peer.server.coming, peer.server.oldest) == (1, 5)
    peer.say(body(5, b"ve", end=False))
    peer.say(body(5, b""))
    assert [peer.answer(n) for n in (3, 5)] == [b"THREE", b"FIVE"]
    assert (peer.server.coming, peer.server.oldest) == (0, 0)
    peer.say(head(7, end=True) + call(9, b"", _path="/a?b", _method="GET"))
    assert [(one.path, one.method, one.body) for one in peer.calls[-2:]] == [
        (b"/s/m", b"POST", b""),
        (b"/a?b", b"GET", b""),
    ]


def test_bytes_may_come_one_by_one() -> None:
    peer = Peer(begun=False)
    for byte in PREFACE + frame(SETTINGS) + call(1, b"slow"):
        peer.say(bytes((byte,)))
    assert peer.answer(1) == b"SLOW"


def test_padding_and_pieces_of_a_head() -> None:
    peer = Peer()
    block = head(1)[9:]
    pieces = frame(HEADERS, 0, 1, block[:10]) + frame(CONTINUATION, 0, 1, block[10:20])
    peer.say(pieces + frame(CONTINUATION, END_HEADERS, 1, block[20:]))
    peer.say(frame(DATA, PADDED | END_STREAM, 1, b"\x05" + b"abc" + bytes(5)))
    assert peer.answer(1) == b"ABC"


def test_pings_and_settings_are_answered() -> None:
    peer = Peer()
    said = peer.say(frame(PING, 0, 0, b"01234567") + frame(SETTINGS) + frame(99, 0, 0, b"unknown"))
    assert any(one.kind == PING and one.flags & ACK and one.payload == b"01234567" for one in said)
    assert any(one.kind == SETTINGS and one.flags & ACK for one in said)
    assert not peer.server.over


def test_a_body_too_large_is_told_at_once_and_not_held() -> None:
    peer = Peer()
    peer.say(head(1) + body(1, b"x" * LARGEST))
    assert peer.calls[-1].body == b"x" * LARGEST
    calls = peer.server.receive(head(3) + body(3, b"x" * (LARGEST + 1), end=False))
    assert [(one.stream, one.body) for one in calls] == [(3, None)]
    peer.server.respond(3, 200, [*TYPE, (b"grpc-status", b"8")], None, None)
    peer.taken()
    assert peer.answer(3) == b""
    peer.say(body(3, b"more"))
    peer.say(call(5))
    assert peer.answer(5) == b"ASKED", "the connection goes on"


def test_the_window_of_a_connection_opens_as_requests_are_answered() -> None:
    peer = Peer()
    room = 65_535
    for n in range(400):
        for one in peer.say(call(2 * n + 1, b"x" * LARGEST) + window(LARGEST)):
            if one.kind == WINDOW_UPDATE and one.stream == 0:
                room += int.from_bytes(one.payload, "big")
        room -= LARGEST
        assert room >= LARGEST
    assert peer.answer(799) == b"X" * LARGEST
    peer.say(head(801) + body(801, b"x" * (LARGEST - 1), end=False) + reset(801))
    before = room
    for n in range(803, 903, 2):
        for one in peer.say(head(n) + body(n, b"x" * 900, end=False) + reset(n)):
            if one.kind == WINDOW_UPDATE and one.stream == 0:
                room += int.from_bytes(one.payload, "big")
    assert room > before, "also for what was taken back"


def test_fields_that_are_too_long_count_as_not_given() -> None:
    peer = Peer()
    peer.say(call(1, authorization="x" * FIELD_BYTES) + call(3, authorization="x" * (FIELD_BYTES + 1)))
    assert [len(one.authorization) for one in peer.calls] == [FIELD_BYTES, 0]


def test_an_answer_waits_for_the_peers_window() -> None:
    peer = Peer(begun=False)
    peer.say(PREFACE + setting(4, 2))
    peer.say(call(1, b"abcde") + call(3, b"xyz"))
    assert (peer.answer(1), peer.answer(3)) == (None, None)
    assert (peer.server.oldest, peer.server.coming) == (1, 0)
    peer.say(window(1, 3))
    assert peer.answer(3) == b"XYZ"
    peer.say(window(1, 1))
    assert (peer.answer(1), peer.server.oldest) == (None, 1)
    peer.say(setting(4, 100))
    assert (peer.answer(1), peer.server.oldest) == (b"ABCDE", 0)


def test_an_answer_that_nobody_waits_for_is_dropped() -> None:
    peer = Peer()
    peer.say(call(1), answered=False)
    peer.say(reset(1))
    peer.server.respond(1, 200, TYPE, b"late", OK)
    peer.server.respond(99, 200, TYPE, b"nobody", OK)
    assert not any(one.kind in {DATA, HEADERS} for one in peer.taken())
    peer.say(setting(4, 0) + call(3) + call(5))
    assert peer.server.oldest == 3
    peer.say(reset(3) + window(10, 5))
    assert (peer.answer(5), peer.server.oldest) == (b"ASKED", 0)


def test_a_response_can_go_on_until_it_is_ended() -> None:
    peer = Peer()
    peer.say(call(1) + call(3), answered=False)
    peer.server.respond(1, 200, TYPE, b"first", None)
    peer.server.respond(3, 200, TYPE, b"first", None)
    assert [one.payload for one in peer.taken() if one.kind == DATA] == [b"first", b"first"]
    assert (peer.server.oldest, peer.answer(1)) == (0, None)
    peer.say(reset(1) + call(5))
    peer.server.end(b"last", OK)
    peer.taken()
    assert (peer.answer(1), peer.answer(3), peer.answer(5)) == (None, b"firstlast", b"ASKED")
    peer.server.end(b"again", OK)
    assert not peer.taken()


def test_finishing_lets_present_calls_end() -> None:
    peer = Peer()
    peer.say(call(1) + head(3) + body(3, b"th", end=False))
    peer.server.finish()
    said = peer.taken()
    assert [one.kind for one in said if one.kind == GOAWAY]
    (ping,) = [one for one in said if one.kind == PING]
    peer.say(call(5))
    assert peer.answer(5) == b"ASKED", "it was on its way"
    assert any(one.kind == GOAWAY for one in peer.say(frame(PING, ACK, 0, ping.payload)))
    assert not peer.server.over
    peer.say(call(7))
    assert peer.answer(7) is None
    peer.say(body(3, b"ree"))
    assert peer.answer(3) == b"THREE"
    peer.taken()
    assert peer.server.over
    assert peer.errors() <= {7}, "none, or REFUSED_STREAM"


def test_finishing_before_anything_began_ends_it() -> None:
    peer = Peer(begun=False)
    peer.server.finish()
    peer.taken()
    assert peer.server.over


def test_breaking_off_tells_why() -> None:
    peer = Peer()
    peer.say(head(1))
    peer.server.break_off()
    assert [one.error for one in peer.taken() if one.kind == GOAWAY] == [CALM]
    assert peer.server.over
    assert peer.say(call(3)) == []


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
        bytes(500),
        PREFACE[:-1] + b"!",
    ],
    ids=["http1", "tls", "zeros", "another preface"],
)
def test_what_is_not_http2_is_over(data: bytes) -> None:
    peer = Peer(begun=False)
    peer.say(data)
    assert peer.server.over
    assert not peer.calls


@pytest.mark.parametrize(
    "data",
    [
        body(1, b"data without a call"),
        body(0, b"data of the connection"),
        call(2),
        call(3) + call(1),
        frame(DATA, 0, 1, bytes(16_385)),
        frame(HEADERS, 0, 1, field("a", "b")) + frame(PING, 0, 0, bytes(8)),
        frame(CONTINUATION, END_HEADERS, 1, field("a", "b")),
        frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        frame(HEADERS, END_HEADERS, 1, b"\xbe"),
        frame(PUSH_PROMISE, END_HEADERS, 1, bytes(4)),
        frame(SETTINGS, 0, 0, bytes(5)),
        frame(SETTINGS, ACK, 0, bytes(6)),
        frame(SETTINGS, 0, 1),
        setting(2, 7),
        setting(4, 2**31),
        setting(5, 1),
        frame(PING, 0, 0, bytes(7)),
        frame(PING, 0, 3, bytes(8)),
        frame(RST_STREAM, 0, 1, bytes(4)),
        frame(RST_STREAM, 0, 0, bytes(4)),
        frame(WINDOW_UPDATE, 0, 0, bytes(4)),
        window(2**31 - 1),
        frame(GOAWAY, 0, 0, bytes(7)),
        head(1) + frame(DATA, PADDED, 1, b"\xff"),
        b"\xff" * 70_000,
    ],
    ids=lambda data: data[:12].hex(),
)
def test_what_breaks_the_protocol_ends_the_connection(data: bytes) -> None:
    peer = Peer()
    peer.say(data)
    peer.taken()
    assert peer.server.over
    assert peer.say(call(9)) == []


@pytest.mark.parametrize(
    "head_of",
    [
        head(1, _path=""),
        head(1, X_Upper="a"),
        head(1, connection="close"),
        head(1, te="gzip"),
        head(1, content_length="7"),
        head(1, _status="200"),
        head(1, late="\n"),
        frame(HEADERS, END_HEADERS, 1, field(":method", "POST")),
        frame(HEADERS, END_HEADERS, 1, field("a", "b") + head(1)[9:]),
        frame(HEADERS, END_HEADERS, 1, head(1)[9:] + field(":path", "/again")),
        head(1) + frame(HEADERS, END_HEADERS, 1, field("trailer", "without end")),
        frame(PRIORITY, 0, 1, (1).to_bytes(4, "big") + b"\0"),
    ],
    ids=lambda data: data[-12:].hex(),
)
def test_a_malformed_request_is_not_answered_as_if_it_were_none(head_of: bytes) -> None:
    peer = Peer()
    with contextlib.suppress(ValueError):
        peer.say(head_of)
        peer.say(body(1, b"abc"))
    assert peer.errors() or [one.stream for one in peer.calls] == []
    assert peer.answer(1) in {None, b""}


def growth(peer: Peer, data: bytes, times: int) -> int:
    """What the server holds more of after ``times`` of it, as far as Python's allocator sees it."""
    tracemalloc.start()
    try:
        for _ in range(times):
            if peer.server.over:
                break
            peer.server.receive(data)
            peer.server.take()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("apart", [False, True], ids=["in one piece", "one by one"])
@pytest.mark.parametrize("whole", [False, True], ids=["open", "whole"])
def test_rapid_resets_are_cut_off(*, apart: bool, whole: bool) -> None:
    """CVE-2023-44487."""
    peer = Peer()
    pieces = [(call(n) if whole else head(n)) + reset(n) for n in range(1, 2 * MOST_BROKEN + 100, 2)]
    for piece in pieces if apart else [b"".join(pieces)]:
        peer.say(piece)
    assert peer.server.over
    assert CALM in peer.errors()
    assert len(peer.calls) <= MOST_BROKEN


def test_more_calls_than_there_may_be_are_refused() -> None:
    peer = Peer()
    peer.say(b"".join(head(n) for n in range(1, 2 * MOST_CALLS, 2)))
    assert (peer.server.coming, peer.errors()) == (MOST_CALLS, set())
    peer.say(b"".join(head(n) for n in range(2 * MOST_CALLS + 1, 2 * MOST_CALLS + 21, 2)))
    assert peer.errors() <= {1, 7}
    assert peer.errors() or peer.server.over
    assert peer.server.coming <= MOST_CALLS


def test_a_head_too_large_is_refused() -> None:
    peer = Peer()
    block = head(1)[9:] + b"".join(field(f"x{n}", "y" * 1_000) for n in range(HEAD_BYTES // 1_000 + 1))
    pieces = [block[at : at + 8_000] for at in range(0, len(block), 8_000)]
    peer.say(frame(HEADERS, END_STREAM, 1, pieces[0]))
    peer.say(b"".join(frame(CONTINUATION, 0, 1, piece) for piece in pieces[1:]) + frame(CONTINUATION, END_HEADERS, 1))
    assert not peer.calls
    assert peer.server.over or any(one.stream == 1 and one.kind in {HEADERS, RST_STREAM} for one in peer.sent)


def test_a_head_that_never_ends_is_cut_off() -> None:
    for piece in (field("x", "y" * 4_000), field("x", "y"), b""):
        peer = Peer()
        peer.say(frame(HEADERS, 0, 1, head(1)[9:]))
        sent = 0
        while not peer.server.over and sent < 4 << 20:
            data = frame(CONTINUATION, 0, 1, piece) * 10
            peer.say(data)
            sent += len(data)
        assert peer.server.over


def test_a_bomb_of_references_is_refused() -> None:
    """CVE-2016-6581: a field that a table takes in, and a thousand references to it."""
    peer = Peer()
    large = b"\x40" + field("bomb", "x" * 3_000)[1:]
    peer.say(frame(HEADERS, END_HEADERS, 1, head(1)[9:] + large) + body(1, b""))
    assert len(peer.calls) == 1
    peer.say(frame(HEADERS, END_HEADERS | END_STREAM, 3, head(3)[9:] + b"\xbe" * 10_000))
    assert len(peer.calls) == 1
    assert peer.server.over or any(one.stream == 3 for one in peer.sent)


@pytest.mark.parametrize(
    "data",
    [
        frame(PING, 0, 0, bytes(8)) * 500,
        frame(SETTINGS) * 500,
        setting(1, 100) * 500,
        setting(4, 70_000) * 500,
        frame(99, 0, 0, bytes(50)) * 200,
        frame(PRIORITY, 0, 7, bytes(3) + b"\x01\0") * 500,
        window(1) * 500,
    ],
    ids=["ping", "settings", "table size", "windows", "unknown", "priority", "window"],
)
def test_floods_are_not_held(data: bytes) -> None:
    peer = Peer()
    growth(peer, data, 2)
    assert growth(peer, data, 10) < 50_000
    if not peer.server.over:
        peer.say(call(1))
        assert peer.answer(1) == b"ASKED"


@pytest.mark.parametrize("piece", [b"", b"x"])
def test_data_in_tiny_pieces_is_not_held(piece: bytes) -> None:
    peer = Peer()
    peer.say(head(1))
    growth(peer, body(1, piece, end=False) * 500, 2)
    assert growth(peer, body(1, piece, end=False) * 500, 10) < 50_000
    assert peer.server.over or peer.server.coming <= 1


def test_data_beyond_the_window_ends_the_connection() -> None:
    peer = Peer()
    peer.say(b"".join(head(n) + body(n, b"x" * LARGEST, end=False) for n in range(1, 141, 2)))
    assert peer.server.over
    assert peer.errors() == {3}


PIECES = [
    PREFACE,
    frame(SETTINGS),
    head(1),
    body(1, b"abc", end=False),
    body(1, b"d"),
    reset(1),
    call(3),
    window(100),
    window(1, 1),
    frame(PING, 0, 0, bytes(8)),
    frame(PING, ACK, 0, bytes(8)),
    frame(GOAWAY, 0, 0, bytes(8)),
    setting(4, 0),
]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.booleans(), st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=60)), max_size=12))
def test_no_bytes_bring_it_down(begun: bool, pieces: list[bytes]) -> None:
    peer = Peer(begun=begun)
    for piece in pieces:
        peer.say(piece)
    for one in peer.sent:
        assert one.kind in range(10)
    peer.server.finish()
    peer.server.break_off()
    peer.taken()
    assert peer.server.over
