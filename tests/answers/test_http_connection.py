"""Whatever arrives on the wire: an answer, an error or an end, within bounds, and the next asker is served."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miyun.answers import http_connection
from miyun.answers import port as ports
from miyun.answers.config import split_address
from miyun.answers.http_connection import BODY_BYTES, MESSAGE_BYTES, Connection, Request, Response
from miyun.answers.port import Port, PortThread
from tests.answers.serving import Reply, Wire, post


def echo(request: Request) -> Response:
    """Tells what it got; ``/fail`` fails, ``/large`` answers a lot, ``/stranger`` has no good token."""
    if request.target == "/fail":
        raise RuntimeError("13800138000")
    if request.target == "/large":
        return Response(HTTPStatus.OK, b"x" * 1_000_000)
    size = "too large" if request.body is None else f"{len(request.body)}"
    token = f" {request.authorization}" if request.authorization else ""
    text = f"{request.method} {request.target} {size}{token}"
    return Response(HTTPStatus.OK, text.encode(), known=request.target != "/stranger")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with listening() as port:
        yield port.address


@contextlib.contextmanager
def listening() -> Iterator[Port]:
    port = Port("127.0.0.1:0", partial(Connection, echo))
    thread = PortThread([port])
    thread.start()
    try:
        yield port
    finally:
        thread.stop()


@contextlib.contextmanager
def wire(address: str) -> Iterator[Wire]:
    one = Wire(address)
    try:
        yield one
    finally:
        one.close()


def said(address: str, data: bytes) -> Reply:
    with wire(address) as one:
        one.send(data)
        return one.reply()


GET = b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n"


def test_messages_in_a_row_are_answered_in_order(address: str) -> None:
    with wire(address) as one:
        one.send(b"".join(post(f"/{n}", b"x" * n) for n in range(200)))
        assert [one.reply().body for _ in range(200)] == [f"POST /{n} {n}".encode() for n in range(200)]
        for byte in post("/slow", b"body"):
            one.send(bytes([byte]))
        assert one.reply().body == b"POST /slow 4"


def test_chunks_are_put_together(address: str) -> None:
    chunked = b"POST /c HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    assert said(address, chunked).body == b"POST /c 5"


def test_trailers_say_nothing(address: str) -> None:
    head = b"POST /t HTTP/1.1\r\nhost: a\r\nauthorization: Bearer a\r\ntransfer-encoding: chunked\r\n\r\n"
    with wire(address) as one:
        one.send(head + b"1\r\na\r\n0\r\nauthorization: Bearer b\r\n\r\n" + post("/next", b""))
        assert one.reply().body == b"POST /t 1 Bearer a"
        assert one.reply().status == 200


def test_continue_is_said_and_old_http_ends(address: str) -> None:
    with wire(address) as one:
        one.send(post("/e", b"", "", "expect: 100-continue"))
        assert (one.reply().status, one.reply().status) == (100, 200)
        one.send(b"HEAD /h HTTP/1.1\r\nhost: a\r\n\r\n" + GET)
        assert one.file.readline().startswith(b"HTTP/1.1 200")
        while one.file.readline() != b"\r\n":
            pass
        assert one.reply().body == b"GET /health 0", "HEAD has no body"
    with wire(address) as old:
        old.send(b"GET /o HTTP/1.0\r\n\r\n")
        assert old.reply().headers["connection"] == "close"
        assert old.ended()


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),  # TLS to a port without
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\r\n\r\n",
        b"FROB / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        b"POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
        b"GET / HTTP/1.1\r\nhost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: a\0b\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        b"\0" * 500,
    ],
)
def test_what_is_no_request_ends_with_an_error(address: str, data: bytes) -> None:
    with wire(address) as one:
        one.send(data)
        assert one.reply().status in {0, 200, 400}
        assert one.ended()
    assert said(address, GET).status == 200


@pytest.mark.parametrize("path", ["/x", "/rta"])
def test_a_body_too_large_is_not_taken(address: str, path: str) -> None:
    with wire(address) as one:
        one.send(post(path, b"x" * (BODY_BYTES + 1)))
        assert one.reply().body == f"POST {path} too large".encode()
        one.send(post(path, b"x" * BODY_BYTES))
        assert one.reply().body == f"POST {path} {BODY_BYTES}".encode()
    with wire(address) as endless:
        endless.send(b"POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                endless.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        with contextlib.suppress(ConnectionError):
            assert endless.reply().body in {b"POST /x too large", b""}
        assert endless.ended()


@pytest.mark.parametrize(
    "begin",
    [b"GET /", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nx: "],
    ids=["target", "headers", "one header"],
)
def test_a_head_without_end_is_refused(address: str, begin: bytes) -> None:
    piece = b"a: b\r\n" * 500 if begin.endswith(b"\n") else b"a" * 3000
    with wire(address) as one:
        with contextlib.suppress(ConnectionError):
            one.send(begin)
            for _ in range(10 * MESSAGE_BYTES // 3000):
                one.send(piece)
        with contextlib.suppress(ConnectionError):
            assert one.reply().status in {0, 400, 431}
        assert one.ended()


def test_trailers_and_extensions_of_chunks_count(address: str) -> None:
    head = b"POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    for flood in (b"1;" + b"e" * 200_000, b"0\r\n" + b"t: " + b"e" * 200_000):
        with wire(address) as one:
            with contextlib.suppress(ConnectionError):
                one.send(head + flood)
            with contextlib.suppress(ConnectionError):
                assert one.reply().status in {0, 200, 400, 431}
            assert one.ended()


def test_what_fails_inside_is_an_error_without_words(address: str, capfd: pytest.CaptureFixture[str]) -> None:
    reply = said(address, b"GET /fail HTTP/1.1\r\nhost: a\r\n\r\n")
    assert (reply.status, reply.body) == (500, b"Internal Server Error\n")
    assert said(address, GET).status == 200
    assert "13800138000" not in "".join(capfd.readouterr())


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=200),
            st.sampled_from([GET, post("/p", b"abc"), b"\r\n", b"POST / HTTP/1.1\r\n", b"content-length: 7\r\n"]),
        ),
        max_size=6,
    )
)
def test_no_bytes_bring_it_down(address: str, pieces: list[bytes]) -> None:
    with wire(address) as one, contextlib.suppress(OSError):
        for piece in pieces:
            one.send(piece)
        one.socket.shutdown(socket.SHUT_WR)
        while one.reply().status:
            pass
    assert said(address, GET).body == b"GET /health 0"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[Port]:
    monkeypatch.setattr(http_connection, "MESSAGE_SECONDS", 0.2)
    monkeypatch.setattr(http_connection, "IDLE_SECONDS", 1.0)
    monkeypatch.setattr(ports, "_CHECK_SECONDS", 0.05)
    monkeypatch.setattr(ports, "MOST_CONNECTIONS", 20)
    with listening() as port:
        yield port


def test_who_says_nothing_or_too_slowly_is_shown_out(impatient: Port) -> None:
    with wire(impatient.address) as silent, wire(impatient.address) as slow, wire(impatient.address) as idle:
        slow.send(b"POST /x HTTP/1.1\r\nhost:")
        idle.send(GET)
        assert idle.reply().status == 200
        assert slow.reply().status == 408
        assert slow.ended()
        assert silent.ended()
        idle.send(GET)
        assert idle.reply().status == 200, "between messages there is more time"
        assert idle.ended()


def test_who_does_not_read_is_not_read_from(impatient: Port) -> None:
    with wire(impatient.address) as deaf:
        deaf.socket.setblocking(False)
        request, sent, until = b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n", 0, time.monotonic() + 5
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < until:
                with contextlib.suppress(BlockingIOError):
                    sent += deaf.socket.send(request * 10)
                assert said(impatient.address, GET).status == 200
        assert time.monotonic() < until, "it is cut off"


def test_more_connections_than_there_may_be_are_closed(impatient: Port) -> None:
    with contextlib.ExitStack() as stack:
        kept = [stack.enter_context(wire(impatient.address)) for _ in range(20)]
        for one in kept:
            one.send(GET)
            assert one.reply().status == 200
        surplus = stack.enter_context(wire(impatient.address))
        assert surplus.ended()
        kept[0].send(GET)
        assert kept[0].reply().status == 200
    until = time.monotonic() + 5
    while time.monotonic() < until:
        with contextlib.suppress(ConnectionError), wire(impatient.address) as later:
            later.send(GET)
            if later.reply().status == 200:
                return
    pytest.fail("nobody is let in again")


def test_strangers_give_way_and_askers_do_not(impatient: Port) -> None:
    stranger = GET.replace(b"/health", b"/stranger")
    with contextlib.ExitStack() as stack:
        known = [stack.enter_context(wire(impatient.address)) for _ in range(5)]
        strangers = [stack.enter_context(wire(impatient.address)) for _ in range(15)]
        for one, request in [(one, GET) for one in known] + [(one, stranger) for one in strangers]:
            one.send(request)
            assert one.reply().status == 200
        late = stack.enter_context(wire(impatient.address))
        late.send(GET)
        assert late.reply().status == 200
        assert strangers[0].ended(), "the oldest"
        for one in known:
            one.send(GET)
            assert one.reply().status == 200


def test_a_stranger_is_shown_out_however_often_it_asks(impatient: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "STRANGER_SECONDS", 0.5)
    with wire(impatient.address) as known, wire(impatient.address) as stranger:
        until = time.monotonic() + 5
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < until:
                known.send(GET)
                assert known.reply().status == 200
                stranger.send(GET.replace(b"/health", b"/stranger"))
                if not stranger.reply().status:
                    break
        assert time.monotonic() < until
        known.send(GET)
        assert known.reply().status == 200


def test_stopping_lets_a_message_that_comes_in_be_answered() -> None:
    port = Port("127.0.0.1:0", partial(Connection, echo))
    thread = PortThread([port])
    thread.start()
    with wire(port.address) as under_way, wire(port.address) as idle:
        idle.send(GET)
        assert idle.reply().status == 200
        under_way.send(post("/x", b"abc")[:-1])
        under_way.send(b"")
        until = time.monotonic() + 5
        while not any(one._received for one in port._crowd) and time.monotonic() < until:
            time.sleep(0.01)
        stopper = threading.Thread(target=thread.stop)
        stopper.start()
        assert idle.ended()
        under_way.send(b"c")
        reply = under_way.reply()
        assert (reply.body, reply.headers["connection"]) == (b"POST /x 3", "close")
        stopper.join(5)
        assert not stopper.is_alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(split_address(port.address), timeout=1)
