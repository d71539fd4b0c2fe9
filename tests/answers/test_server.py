"""The server by its ports: every form, who may ask, what is counted and what is not said."""

from datetime import timedelta
from pathlib import Path

import grpc
import pytest
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from miyun.answers.askers import Tokens
from miyun.answers.forms import Code
from miyun.answers.ids import md5_of
from miyun.answers.server import AnswerServer
from miyun.answers.store import AnswerStore
from miyun.errors import ConfigError, InputError, KeyAccessError, TransportError
from miyun.keys.home import Home
from miyun.wire.v1.answer_pb2 import AskedId, AskRequest
from miyun.wire.v1.answer_pb2_grpc import AnswerServiceStub
from miyun.wire.v1.rta_pb2 import RtaRequest, RtaResponse
from tests.answers.conftest import NOW, put
from tests.answers.serving import Serving, configuration, post, question, serving


@pytest.fixture
def sets(store: AnswerStore) -> AnswerStore:
    put(store, "sleepers", ["u1", "u2"], expires=NOW + timedelta(days=9))
    put(store, "payers", ["u2"], expires=NOW + timedelta(days=9))
    put(store, "secret-plan", ["u1", "u2"])
    return store


@pytest.fixture
def running(sets: AnswerStore, home: Home):
    with serving(home) as one:
        yield one


def rta(user: str = "", **fields: object) -> bytes:
    device = RtaRequest.Device(wx_openid=[RtaRequest.Device.OpenId(openid=user)])
    return RtaRequest(id="r-1", device=device, **fields).SerializeToString()  # type: ignore[arg-type]


def test_json_answers_by_the_askers_own_names(running: Serving) -> None:
    both = running.ask("/v1/ask", question(("user", "u2")))
    assert (both.status, both.document) == (200, {"targets": ["t-1", "t-2"], "cache_seconds": 86_400})
    assert running.ask("/v1/ask", question(("user", "u9"), ("user", "u1"))).document["targets"] == ["t-1"]
    assert running.ask("/v1/ask", question(("user", "u9"))).document["targets"] == []


def test_rta_by_header_and_by_address(store: AnswerStore, home: Home) -> None:
    with store.building("sleepers") as builder:
        from miyun.answers.ids import AnswerId

        builder.add([store.key.digest(AnswerId("imei", md5_of("a000002c9060f7")))])
        store.put("sleepers", builder, now=NOW, expires=NOW + timedelta(days=2))
    request = RtaRequest(id="r-1", device=RtaRequest.Device(imei_md5sum=md5_of("a000002c9060f7"))).SerializeToString()
    with serving(home, cache_hours=168) as running:
        for reply in (running.ask("/rta", request), running.ask(f"/rta/{running.token}", request, "")):
            said = RtaResponse.FromString(reply.body)
            assert (reply.status, reply.headers["content-type"]) == (200, "application/x-protobuf")
            assert (said.request_id, said.code, list(said.out_target_id)) == ("r-1", 0, ["t-1"])
            assert said.response_cache_time == 2 * 86_400, "no longer than the audience"
        nowhere = RtaResponse.FromString(running.ask("/rta", rta("u9")).body)
        assert (nowhere.code, nowhere.response_cache_time) == (Code.NOWHERE, 7 * 86_400)
        pong = RtaResponse.FromString(running.ask("/rta", rta(is_ping=True)).body)
        assert (pong.request_id, pong.code, pong.response_cache_time) == ("r-1", 0, 0)


@pytest.mark.parametrize("token", ["", "wrong", "x" * 43])
def test_whoever_has_no_good_token_learns_nothing(running: Serving, token: str) -> None:
    refused = running.ask("/v1/ask", question(("user", "u1")), token)
    assert (refused.status, refused.document) == (401, {"error": "not-known"})
    for reply in (running.ask("/rta", rta("u1"), token), running.ask(f"/rta/{token}", rta("u1"), "")):
        said = RtaResponse.FromString(reply.body)
        assert (reply.status, said.code, said.request_id) == (200, Code.NOT_KNOWN, "")
        assert reply.headers["connection"] == "close"


def test_more_than_agreed_is_refused(sets: AnswerStore, home: Home) -> None:
    asker = {"requests_per_second": 2, "targets": {"sleepers": "t-1"}}
    with serving(home, askers={"ad-platform": asker}) as running, running.wire() as wire:
        wire.send(post("/v1/ask", question(("user", "u1")), running.token) * 8)
        statuses = [wire.reply().status for _ in range(8)]
        assert statuses[:2] == [200, 200]
        assert 429 in statuses
        wire.send(post("/rta", rta("u1"), running.token) * 8)
        codes = {RtaResponse.FromString(wire.reply().body).code for _ in range(8)}
        assert Code.TOO_OFTEN in codes
        assert Code.TARGETS not in codes


def ask_grpc(running: Serving, *ids: tuple[str, str], token: str | None = None) -> list[str]:
    with grpc.insecure_channel(running.server.grpc_address) as channel:
        metadata = [("authorization", f"Bearer {running.token if token is None else token}")]
        asked = AskRequest(ids=[AskedId(kind=kind, value=value) for kind, value in ids])
        return list(AnswerServiceStub(channel).Ask(asked, metadata=metadata, timeout=10).targets)


def test_grpc_answers_and_refuses(running: Serving) -> None:
    assert ask_grpc(running, ("user", "u2")) == ["t-1", "t-2"]
    assert ask_grpc(running, ("user", "u9")) == []
    for ids, token, code in (
        ([("user", "u1")], "wrong", grpc.StatusCode.UNAUTHENTICATED),
        ([("phone", "u1-secret")], None, grpc.StatusCode.INVALID_ARGUMENT),
        ([], None, grpc.StatusCode.INVALID_ARGUMENT),
        ([("user", "x" * 20_000)], None, grpc.StatusCode.RESOURCE_EXHAUSTED),
    ):
        with pytest.raises(grpc.RpcError) as error:
            ask_grpc(running, *ids, token=token)
        assert error.value.code() is code
        assert "secret" not in (error.value.details() or "")
    with grpc.insecure_channel(running.server.grpc_address) as channel:
        health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as malformed:
            channel.unary_unary("/miyun.wire.v1.AnswerService/Ask")(b"\xff\xff\xff", timeout=10)
        assert malformed.value.code() in {grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT}


def test_health_and_metrics_say_no_id_and_no_target(running: Serving) -> None:
    running.ask("/v1/ask", question(("user", "u2")))
    running.ask("/v1/ask", b"{")
    running.ask("/rta", rta("u9"), "wrong")
    ask_grpc(running, ("user", "u9"))
    assert running.get("/health").body == b"serving\n"
    metrics = running.get("/metrics", running.server.status_address).body.decode()
    for line in (
        'miyun_answers_requests_total{asker="ad-platform",form="json",outcome="found"} 1',
        'miyun_answers_requests_total{asker="ad-platform",form="json",outcome="malformed"} 1',
        'miyun_answers_requests_total{asker="-",form="rta",outcome="not-known"} 1',
        'miyun_answers_requests_total{asker="ad-platform",form="grpc",outcome="nowhere"} 1',
        'miyun_answers_seconds_bucket{le="+Inf"} 4',
        "miyun_answers_seconds_count 4",
        "miyun_answers_ids 5",
    ):
        assert line in metrics.splitlines()
    assert not {"u2", "t-1", "sleepers"} & set(metrics.replace('"', " ").split())
    assert running.get("/metrics").status == 404, "not where others can ask"


def test_nothing_that_is_asked_is_logged(sets: AnswerStore, home: Home) -> None:
    with structlog.testing.capture_logs() as logs, serving(home) as running:
        running.ask("/v1/ask", question(("user", "u2-visible")))
        running.ask(f"/rta/{running.token}", rta("u2-visible"), "")
        running.ask("/v1/ask", b'{"u2-visible"')
        text = str(logs)
    assert "listening" in text
    assert "u2-visible" not in text
    assert running.token not in text


def test_a_damaged_set_is_not_served(sets: AnswerStore, home: Home) -> None:
    config = configuration(home.path)
    Tokens(home).draw("ad-platform", config)
    path = sets.list_path.parent / sets.listed().audiences[0].file
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(KeyAccessError, match="damaged"):
        AnswerServer(home, config)


def test_without_askers_tokens_or_a_port_it_does_not_start(sets: AnswerStore, home: Home, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no asker"):
        AnswerServer(home, configuration(home.path, askers={}))
    with pytest.raises(InputError, match="ad-platform has no token"):
        AnswerServer(home, configuration(home.path))
    with serving(home) as running:
        for port in ("listen", "status_listen"):
            again = AnswerServer(home, configuration(home.path, **{port: running.server.address}))
            with pytest.raises(TransportError, match="can't listen"):
                again.start()
    missing = configuration(home.path, certificate="nothing.pem", private_key="nothing.key")
    with pytest.raises(ConfigError, match="can't be used"):
        AnswerServer(home, missing)
