"""Generations, tokens and expiry while somebody asks all the time."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import grpc
import pytest

from miyun.answers import reloading
from miyun.answers.askers import Tokens
from miyun.answers.store import AnswerStore
from miyun.keys.home import Home
from miyun.wire.v1.answer_pb2 import AskedId, AskRequest
from miyun.wire.v1.answer_pb2_grpc import AnswerServiceStub
from tests.answers.conftest import NOW, put
from tests.answers.serving import Serving, configuration, post, question, serving

LONG = NOW + timedelta(days=9)
STEADY, EVEN, ODD = "always", "even", "odd"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloading, "CHECK_SECONDS", 0.02)


def eventually(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def metrics(running: Serving) -> str:
    return running.get("/metrics", running.server.status_address).body.decode()


def wait_for_generation(running: Serving, number: int) -> None:
    eventually(lambda: f"generation {number}\n" in metrics(running))


def targets(running: Serving, user: str, token: str | None = None) -> object:
    reply = running.ask("/v1/ask", question(("user", user)), token)
    return reply.document["targets"] if reply.status == 200 else reply.status


def test_a_swap_under_load_loses_no_question_and_mixes_no_generations(store: AnswerStore, home: Home) -> None:
    """Both audiences change together in what they say of two people; no answer is of neither generation."""
    put(store, "sleepers", [STEADY, EVEN], expires=LONG)
    wrong: list[object] = []
    seen = {"even": 0, "odd": 0}
    done = threading.Event()
    with serving(
        home, askers={"ad-platform": {"requests_per_second": 10**6, "targets": {"sleepers": "t-1"}}}
    ) as server:

        def by_http() -> None:
            with server.wire() as wire:
                while not done.is_set():
                    for user in (STEADY, EVEN, ODD):
                        wire.send(post("/v1/ask", question(("user", user)), server.token))
                        check(user, wire.reply().document["targets"])

        def by_grpc() -> None:
            with grpc.insecure_channel(server.server.grpc_address) as channel:
                stub = AnswerServiceStub(channel)
                metadata = [("authorization", f"Bearer {server.token}")]
                while not done.is_set():
                    for user in (STEADY, EVEN, ODD):
                        asked = AskRequest(ids=[AskedId(kind="user", value=user)])
                        check(user, list(stub.Ask(asked, metadata=metadata, timeout=10).targets))

        def check(user: str, found: object) -> None:
            if found not in ([], ["t-1"]) or (user == STEADY and found != ["t-1"]):
                wrong.append((user, found))
            if user != STEADY and found:
                seen[user] += 1

        askers = [threading.Thread(target=ask) for ask in (by_http, by_grpc)]
        for asker in askers:
            asker.start()
        for round_ in range(12):
            put(store, "sleepers", [STEADY, (ODD, EVEN)[round_ % 2]], expires=LONG)
            number = store.listed().generation
            wait_for_generation(server, number)
        done.set()
        for asker in askers:
            asker.join(10)
    assert not wrong
    assert seen["even"]
    assert seen["odd"]


def test_a_damaged_generation_is_refused_and_the_one_before_stays(store: AnswerStore, home: Home) -> None:
    put(store, "sleepers", ["u1"], expires=LONG)
    with serving(home) as running:
        good = store.list_path.read_bytes()
        store.list_path.write_bytes(good[:-10])
        eventually(lambda: "reload_failures_total 1\n" in metrics(running))
        assert targets(running, "u1") == ["t-1"]
        store.list_path.write_bytes(good)
        put(store, "sleepers", ["u2"], expires=LONG)
        eventually(lambda: targets(running, "u2") == ["t-1"])
        assert targets(running, "u1") == []


def test_tokens_are_exchanged_and_withdrawn_while_it_serves(store: AnswerStore, home: Home) -> None:
    put(store, "sleepers", ["u1"], expires=LONG)
    with serving(home) as running:
        second = Tokens(home).draw("ad-platform", configuration(home.path))
        eventually(lambda: targets(running, "u1", second) == ["t-1"])
        assert targets(running, "u1") == ["t-1"]
        third = Tokens(home).draw("ad-platform", configuration(home.path), withdraw=True)
        eventually(lambda: targets(running, "u1", third) == ["t-1"])
        assert [targets(running, "u1", token) for token in (running.token, second)] == [401, 401]


def test_what_expires_is_deleted_by_the_server(store: AnswerStore, home: Home) -> None:
    put(store, "sleepers", ["u1"], expires=NOW)
    put_file = store.list_path.parent / store.listed().audiences[0].file
    assert put_file.exists()
    with serving(home):
        eventually(lambda: not put_file.exists())
    assert store.listed().audiences == ()
