"""Over TLS, and with certificates of askers where they are demanded."""

import socket
import ssl
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from miyun.answers.config import load_answers_config, split_address
from miyun.answers.store import AnswerStore
from miyun.errors import ConfigError
from miyun.keys.home import Home
from miyun.wire.v1.answer_pb2 import AskedId, AskRequest
from miyun.wire.v1.answer_pb2_grpc import AnswerServiceStub
from tests.answers.conftest import NOW, put
from tests.answers.serving import Serving, post, question, serving
from tests.certificates import issue


@pytest.fixture
def settings(home: Home, store: AnswerStore) -> dict[str, str]:
    put(store, "sleepers", ["u1"], expires=NOW + timedelta(days=9))
    authority = issue(home.path, "authority")
    issue(home.path, "server", authority)
    issue(home.path, "asker", authority)
    issue(home.path, "stranger")
    return {"certificate": "server.pem", "private_key": "server.key"}


def by_http(running: Serving, folder: Path, show: str = "") -> bytes:
    context = ssl.create_default_context(cafile=str(folder / "authority.pem"))
    if show:
        context.load_cert_chain(folder / f"{show}.pem", folder / f"{show}.key")
    with (
        socket.create_connection(split_address(running.server.address), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        secured.sendall(post("/v1/ask", question(("user", "u1")), running.token))
        return secured.recv(4096)


def by_grpc(running: Serving, folder: Path, show: str = "") -> list[str]:
    pair = [(folder / f"{show}.{end}").read_bytes() if show else None for end in ("key", "pem")]
    credentials = grpc.ssl_channel_credentials((folder / "authority.pem").read_bytes(), *pair)
    _, port = split_address(running.server.grpc_address)
    with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
        asked = AskRequest(ids=[AskedId(kind="user", value="u1")])
        metadata = [("authorization", f"Bearer {running.token}")]
        return list(AnswerServiceStub(channel).Ask(asked, metadata=metadata, timeout=10).targets)


def test_both_ports_have_the_certificate(home: Home, settings: dict[str, str]) -> None:
    with serving(home, **settings) as running:
        assert b'"t-1"' in by_http(running, home.path)
        assert by_grpc(running, home.path) == ["t-1"]


def test_a_certificate_is_demanded_beside_the_token(home: Home, settings: dict[str, str]) -> None:
    with serving(home, **settings, client_authority="authority.pem") as running:
        assert b'"t-1"' in by_http(running, home.path, "asker")
        assert by_grpc(running, home.path, "asker") == ["t-1"]
        for show in ("", "stranger"):
            with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
                assert by_http(running, home.path, show)
            with pytest.raises(grpc.RpcError):
                by_grpc(running, home.path, show)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('listen = "0.0.0.0:80"', "open to other machines"),
        ('grpc_listen = "answers.example:80"', "open to other machines"),
        ('status_listen = "0.0.0.0:80"', "for this machine only"),
        ('certificate = "a.pem"', "go together"),
        ('client_authority = "a.pem"', "needs a certificate"),
        ("cache_hours = 169", "cache_hours"),
        ("cache_hours = 0", "cache_hours"),
        ("askers.X.targets.sleepers = 't'", "askers"),
        ("askers.ad.targets = {}", "targets"),
        ("askers.ad.targets.sleepers = ''", "targets"),
        ("tokens = 'x'", "tokens"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "party.toml"
    path.write_text(f"[answers]\n{text}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=named):
        load_answers_config(path)


def test_without_a_file_or_a_table_nobody_may_ask(tmp_path: Path) -> None:
    assert load_answers_config(tmp_path / "party.toml").askers == {}
    (tmp_path / "party.toml").write_text("answers = 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no table"):
        load_answers_config(tmp_path / "party.toml")
