"""The gRPC port, on both backends: grpcio's clients, statuses, health, and peers that are hostile or slow."""

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import grpc
import grpc.aio
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from hpack import Decoder

from miyun.answers import grpc_connection, port
from miyun.answers.config import split_address
from miyun.answers.http_connection import BODY_BYTES
from miyun.answers.store import AnswerStore
from miyun.keys.home import Home
from miyun.wire.v1.answer_pb2 import AskedId, AskRequest, AskResponse
from miyun.wire.v1.answer_pb2_grpc import AnswerServiceStub
from tests.answers.conftest import NOW, make_home, put
from tests.answers.frames import (
    ACK,
    CALM,
    DATA,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    SETTINGS,
    Frame,
    body,
    call,
    frame,
    frames,
    head,
    message,
    reset,
    setting,
    window,
)
from tests.answers.serving import Serving, serving
from tests.certificates import issue

pytestmark = pytest.mark.usefixtures("each_backend")

ASK = "/miyun.wire.v1.AnswerService/Ask"
QUESTION = message(AskRequest(ids=[AskedId(kind="user", value="u1")]).SerializeToString())
ANSWER = message(AskResponse(targets=["t-1"], cache_seconds=86_400).SerializeToString())


def make_party(folder: Path) -> Home:
    made = make_home(folder)
    put(AnswerStore(made), "sleepers", ["u1"], expires=NOW + timedelta(days=9))
    return made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """For servers of single tests, each of which draws a token that ends an earlier one."""
    return make_party(tmp_path_factory.mktemp("party"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, each_backend: None) -> Iterator[Serving]:
    with serving(make_party(tmp_path_factory.mktemp("running"))) as one:
        yield one


@pytest.fixture
def impatient(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    monkeypatch.setattr(grpc_connection, "MESSAGE_SECONDS", 0.3)
    monkeypatch.setattr(grpc_connection, "STRANGER_SECONDS", 0.6)
    monkeypatch.setattr(grpc_connection, "IDLE_SECONDS", 1.2)
    monkeypatch.setattr(port, "_CHECK_SECONDS", 0.05)
    monkeypatch.setattr(port, "MOST_CONNECTIONS", 10)
    with serving(home) as one:
        yield one


class Raw:
    """A connection on which any frame can be sent."""

    def __init__(self, address: str, token: str = "", begin: bytes = PREFACE + frame(SETTINGS)) -> None:
        self.socket = socket.create_connection(split_address(address), timeout=30)
        self.token = token
        self.socket.sendall(begin)
        self.held = b""
        self._decoder = Decoder()
        self.fields: dict[str, str] = {}
        """Of the head that was read last."""

    def send(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(data)

    def call(self, stream: int, data: bytes = QUESTION, **changes: str) -> bytes:
        return call(stream, data, **({"_path": ASK, "authorization": f"Bearer {self.token}"} | changes))

    def until(self, kind: int, stream: int | None = None) -> Frame | None:
        """The next such frame; None where the connection is closed instead."""
        while True:
            while len(self.held) >= (end := 9 + int.from_bytes(self.held[:3], "big")) and len(self.held) >= 9:
                (one,) = frames(self.held[:end])
                self.held = self.held[end:]
                if one.kind == HEADERS:
                    self.fields = dict(self._decoder.decode(one.payload))
                asked = one.kind == kind and stream in {None, one.stream}
                if asked and not (kind == PING and one.flags & ACK):
                    return one
            try:
                more = self.socket.recv(65_536)
            except ConnectionError:
                return None
            if not more:
                return None
            self.held += more

    def answered(self, stream: int) -> bool:
        self.send(self.call(stream))
        said = self.until(DATA, stream)
        return said is not None and said.payload == ANSWER


@contextlib.contextmanager
def raw(running: Serving, **choices: bytes) -> Iterator[Raw]:
    one = Raw(running.server.grpc_address, running.token, **choices)
    with one.socket:
        yield one


def metadata(running: Serving) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {running.token}")]


def refused(running: Serving, method: str, data: bytes, **choices: object) -> grpc.RpcError:
    with grpc.insecure_channel(running.server.grpc_address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(method)(data, metadata=metadata(running), timeout=10, **choices)
    return caught.value


def test_calls_at_once_over_one_channel(running: Serving) -> None:
    asked = AskRequest(ids=[AskedId(kind="user", value="u1")])
    with grpc.insecure_channel(running.server.grpc_address) as channel:
        ask = AnswerServiceStub(channel).Ask.future
        answers = [ask(asked, metadata=metadata(running), timeout=10) for _ in range(500)]
        assert {tuple(answer.result().targets) for answer in answers} == {("t-1",)}


def test_calls_at_once_over_asyncios_channels(running: Serving) -> None:
    asked = AskRequest(ids=[AskedId(kind="user", value="u1")])

    async def ask() -> list[AskResponse]:
        async with grpc.aio.insecure_channel(running.server.grpc_address) as channel:
            stub = AnswerServiceStub(channel)
            calls = [stub.Ask(asked, metadata=metadata(running), timeout=10) for _ in range(500)]
            return await asyncio.gather(*calls)

    assert {tuple(answer.targets) for answer in asyncio.run(ask())} == {("t-1",)}


@pytest.mark.parametrize(
    ("method", "data", "code"),
    [
        (ASK, b"\xff\xff\xff", grpc.StatusCode.INVALID_ARGUMENT),
        (ASK, b"", grpc.StatusCode.INVALID_ARGUMENT),
        (ASK, bytes(BODY_BYTES), grpc.StatusCode.INVALID_ARGUMENT),
        (ASK, bytes(BODY_BYTES + 1), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (ASK, bytes(4_000_000), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (f"{ASK}?", b"", grpc.StatusCode.UNIMPLEMENTED),
        ("/miyun.wire.v1.AnswerService/Tell", b"", grpc.StatusCode.UNIMPLEMENTED),
        ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", b"", grpc.StatusCode.UNIMPLEMENTED),
        ("/grpc.health.v1.Health/Check", b"\x0a\x04else", grpc.StatusCode.NOT_FOUND),
    ],
)
def test_refusals(running: Serving, method: str, data: bytes, code: grpc.StatusCode) -> None:
    assert refused(running, method, data).code() is code


def test_a_compressed_message_is_refused_and_says_what_would_be_read(running: Serving) -> None:
    gzip = grpc.insecure_channel(running.server.grpc_address, compression=grpc.Compression.Gzip)
    with gzip as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(ASK)(bytes(5_000), metadata=metadata(running), timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    with raw(running) as one:
        one.send(one.call(1, message(b"abc", compressed=True)))
        assert one.until(HEADERS) is not None
        assert (one.fields["grpc-status"], one.fields["grpc-accept-encoding"]) == ("12", "identity")


def test_words_of_a_status_are_percent_encoded(running: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    from miyun.answers.desk import Desk, RefusedError
    from miyun.answers.metrics import Outcome

    def refuse(*_: object) -> None:
        raise RefusedError(Outcome.MALFORMED, "100 % falsch: é\n")

    monkeypatch.setattr(Desk, "grpc", refuse)
    assert refused(running, ASK, b"").details() == "100 % falsch: é\n"


def test_what_fails_inside_is_an_error_without_words(
    running: Serving, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from miyun.answers.desk import Desk

    def fail(*_: object) -> None:
        raise RuntimeError("13800138000")

    monkeypatch.setattr(Desk, "grpc", fail)
    error = refused(running, ASK, b"")
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "13800138000" not in (error.details() or "") + "".join(capfd.readouterr())


def test_health_is_told_and_watched_until_the_server_stops(home: Home) -> None:
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(serving(home))
        channel = stack.enter_context(grpc.insecure_channel(running.server.grpc_address))
        stub = HealthStub(channel)
        for service in ("", "miyun.wire.v1.AnswerService"):
            assert stub.Check(HealthCheckRequest(service=service), timeout=10).status == HealthCheckResponse.SERVING
        watched = stub.Watch(HealthCheckRequest(), timeout=20)
        assert next(watched).status == HealthCheckResponse.SERVING
        unknown = stub.Watch(HealthCheckRequest(service="else"), timeout=20)
        assert next(unknown).status == HealthCheckResponse.SERVICE_UNKNOWN
        unknown.cancel()
        stopping = threading.Thread(target=running.server.stop)
        stopping.start()
        assert next(watched).status == HealthCheckResponse.NOT_SERVING
        with pytest.raises(grpc.RpcError) as ended:
            next(watched)
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        stopping.join(4)
        assert not stopping.is_alive(), "a client that answers pings keeps nobody waiting"


def test_a_call_that_is_under_way_is_answered_when_the_server_stops(home: Home) -> None:
    with serving(home) as running, raw(running) as one:
        assert one.answered(1)
        one.send(one.call(3)[:-1])
        stopping = threading.Thread(target=running.server.stop)
        stopping.start()
        assert (said := one.until(GOAWAY)) is not None
        assert said.error == 0
        ping = one.until(PING)
        assert ping is not None
        one.send(one.call(3)[-1:] + frame(PING, ACK, 0, ping.payload))
        said = one.until(DATA, 3)
        assert said is not None
        assert said.payload == ANSWER
        assert one.until(DATA) is None
        stopping.join(4)
        assert not stopping.is_alive()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"_method": "GET"}, "405"),
        ({"content_type": "text/plain"}, "415"),
        ({"content_type": "application/grpc-web"}, "415"),
    ],
)
def test_what_is_no_grpc_has_a_status_of_http(running: Serving, changes: dict[str, str], status: str) -> None:
    with raw(running) as one:
        one.send(one.call(1, **changes))
        assert one.until(HEADERS) is not None
        assert one.fields[":status"] == status
        assert one.answered(3)


def test_a_call_has_one_whole_message(running: Serving) -> None:
    with raw(running) as one:
        for stream, data in enumerate([b"", b"\0", QUESTION[:-1], QUESTION + b"x", QUESTION * 2]):
            one.send(one.call(2 * stream + 1, data, grpc_timeout="1n"))
            said = one.until(HEADERS, 2 * stream + 1)
            assert said is not None
            assert said.ends
            assert one.fields["grpc-message"] == "the call has not one whole message"
        assert one.answered(99)


ATTACKS = {
    "http1": b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    "rapid reset": PREFACE + frame(SETTINGS) + b"".join(head(n) + reset(n) for n in range(1, 2_000, 2)),
    "continuation": PREFACE + frame(SETTINGS) + frame(HEADERS, 0, 1, b"") + frame(9, 0, 1, b"\0\1x\1y" * 100) * 1_000,
    "data without calls": PREFACE + frame(SETTINGS) + body(1, bytes(16_000), end=False) * 100,
    "many calls": PREFACE + frame(SETTINGS) + b"".join(head(n) for n in range(1, 4_000, 2)),
    "a large frame": PREFACE + frame(SETTINGS) + frame(DATA, 0, 1, bytes(1 << 20)),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_who_attacks_is_cut_off_and_others_are_answered(running: Serving, attack: bytes) -> None:
    with raw(running, begin=b"") as hostile, raw(running) as one:
        hostile.send(attack)
        assert one.answered(1)
        assert hostile.until(-1) is None
        assert one.answered(3)


def test_a_stranger_has_few_calls_that_are_not_whole(running: Serving) -> None:
    with raw(running) as known, raw(running) as stranger:
        assert known.answered(1)
        many = b"".join(head(n) for n in range(3, 2 * grpc_connection.STRANGER_CALLS + 7, 2))
        known.send(many)
        stranger.send(many)
        said = stranger.until(GOAWAY)
        assert said is not None
        assert said.error == CALM
        assert known.answered(1_001)


def test_who_has_no_good_token_is_shown_out_and_who_has_one_stays(impatient: Serving) -> None:
    with raw(impatient) as known, raw(impatient) as silent, raw(impatient) as prober, raw(impatient, begin=b"") as mute:
        assert known.answered(1)
        prober.send(prober.call(1, message(b""), _path="/grpc.health.v1.Health/Check", authorization=""))
        assert prober.until(DATA) is not None
        for stranger in (prober, silent):
            said = stranger.until(GOAWAY)
            assert said is not None
            assert said.error == 0
            assert stranger.until(-1) is None
        assert mute.until(-1) is None
        assert known.answered(3)
        assert (said := known.until(GOAWAY)) is not None, "in time it has been idle"
        assert said.error == 0


def test_a_stranger_does_not_stay_by_asking_on(impatient: Serving) -> None:
    with raw(impatient) as prober:
        until = time.monotonic() + 10
        for stream in range(1, 10_000, 2):
            prober.send(prober.call(stream, message(b""), _path="/grpc.health.v1.Health/Check", authorization=""))
            if prober.until(DATA, stream) is None:
                break
            time.sleep(0.01)
        assert time.monotonic() < until, "it takes no notice of GOAWAY, and is cut off"


def test_who_begins_a_call_and_does_not_end_it_is_cut_off(impatient: Serving) -> None:
    with raw(impatient) as slow, raw(impatient, begin=PREFACE + setting(4, 0)) as deaf:
        assert slow.answered(1)
        slow.send(head(3))
        deaf.send(deaf.call(1))
        for one in (slow, deaf):
            said = one.until(GOAWAY)
            assert said is not None
            assert said.error == CALM
            assert one.until(-1) is None


def test_who_does_not_read_is_not_read_from(impatient: Serving) -> None:
    with raw(impatient, begin=PREFACE + frame(SETTINGS) + window(2**30)) as deaf, raw(impatient) as other:
        assert deaf.answered(1)
        deaf.socket.setblocking(False)
        pings, until = frame(PING, 0, 0, bytes(8)) * 1_000, time.monotonic() + 5
        stream = 1
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < until:
                with contextlib.suppress(BlockingIOError):
                    deaf.socket.send(pings)
                assert other.answered(stream)
                stream += 2
                time.sleep(0.002)
        assert time.monotonic() < until, "it is cut off"


def test_strangers_give_way_and_askers_do_not(impatient: Serving) -> None:
    with contextlib.ExitStack() as stack:
        known = [stack.enter_context(raw(impatient)) for _ in range(3)]
        assert all(one.answered(1) for one in known)
        strangers = [stack.enter_context(raw(impatient)) for _ in range(7)]
        for one in strangers:
            assert one.until(SETTINGS) is not None
        late = stack.enter_context(raw(impatient))
        assert late.answered(1)
        assert strangers[0].until(GOAWAY) is None, "the oldest, at once"
        assert all(one.answered(3) for one in known)


@pytest.fixture
def secured(home: Home) -> Path:
    if not (home.path / "server.pem").exists():
        authority = issue(home.path, "authority")
        issue(home.path, "server", authority)
    return home.path


def test_tls_is_13_with_alpn_and_a_handshake_counts_among_the_strangers(
    home: Home, secured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port, "MOST_CONNECTIONS", 5)
    monkeypatch.setattr(port, "_CHECK_SECONDS", 0.05)

    def context(*alpn: str) -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=str(secured / "authority.pem"))
        if alpn:
            made.set_alpn_protocols(alpn)
        return made

    with serving(home, certificate="server.pem", private_key="server.key") as running:
        address = split_address(running.server.grpc_address)

        def connect(tls: ssl.SSLContext) -> ssl.SSLSocket:
            return tls.wrap_socket(socket.create_connection(address, timeout=30), server_hostname="localhost")

        with connect(context("h2")) as spoken:
            assert (spoken.version(), spoken.selected_alpn_protocol()) == ("TLSv1.3", "h2")
            asked = call(1, QUESTION, _path=ASK, authorization=f"Bearer {running.token}")
            spoken.sendall(PREFACE + frame(SETTINGS) + asked)
            said = b""
            while ANSWER not in said:
                said += spoken.recv(4096)
        for alpn in ((), ("http/1.1",)):
            with contextlib.suppress(OSError), connect(context(*alpn)) as other:
                other.sendall(PREFACE + frame(SETTINGS))
                assert other.recv(1) == b""
        old = context("h2")
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError):
            connect(old)
        with contextlib.ExitStack() as stack:
            silent = [stack.enter_context(socket.create_connection(address, timeout=30)) for _ in range(5)]
            with connect(context("h2")) as late:
                late.sendall(PREFACE + frame(SETTINGS))
                assert late.recv(9)[3] == SETTINGS
            with contextlib.suppress(ConnectionError):
                assert silent[0].recv(1) == b"", "the oldest gave way"
