"""A server in this process, and clients that say what they like."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from miyun.answers.askers import Tokens
from miyun.answers.config import AnswersConfig, split_address
from miyun.answers.server import AnswerServer
from miyun.keys.home import Home
from tests.answers.conftest import NOW

TARGETS = {"sleepers": "t-1", "payers": "t-2"}


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Wire:
    """A TCP connection on which anything can be sent."""

    def __init__(self, address: str) -> None:
        self.socket = socket.create_connection(split_address(address), timeout=10)
        self.file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reply(self) -> Reply:
        """The next response; status 0 where the connection is closed instead."""
        line = self.file.readline()
        if not line:
            return Reply(0, {}, b"")
        headers = {}
        while (header := self.file.readline().strip()) != b"":
            name, _, value = header.decode().partition(":")
            headers[name.lower()] = value.strip()
        return Reply(int(line.split()[1]), headers, self.file.read(int(headers.get("content-length", 0))))

    def ended(self) -> bool:
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.file.close()
        self.socket.close()


def post(path: str, body: bytes, token: str = "", *more: str) -> bytes:
    headers = ["host: answers", f"content-length: {len(body)}", *more]
    if token:
        headers.append(f"authorization: Bearer {token}")
    return f"POST {path} HTTP/1.1\r\n{chr(10).join(f'{h}{chr(13)}' for h in headers)}\n\r\n".encode() + body


def question(*ids: tuple[str, str]) -> bytes:
    return json.dumps({"ids": [{"kind": kind, "value": value} for kind, value in ids]}).encode()


@dataclass
class Serving:
    server: AnswerServer
    token: str

    @contextmanager
    def wire(self, address: str = "") -> Iterator[Wire]:
        wire = Wire(address or self.server.address)
        try:
            yield wire
        finally:
            wire.close()

    def ask(self, path: str, body: bytes, token: str | None = None, *more: str) -> Reply:
        with self.wire() as wire:
            wire.send(post(path, body, self.token if token is None else token, *more))
            return wire.reply()

    def get(self, path: str, address: str = "") -> Reply:
        with self.wire(address) as wire:
            wire.send(f"GET {path} HTTP/1.1\r\nhost: answers\r\n\r\n".encode())
            return wire.reply()


def configuration(folder: Path, **choices: Any) -> AnswersConfig:
    plain = {
        "folder": folder,
        "listen": "127.0.0.1:0",
        "grpc_listen": "127.0.0.1:0",
        "status_listen": "127.0.0.1:0",
        "askers": {"ad-platform": {"targets": TARGETS}},
    }
    return AnswersConfig.model_validate(plain | choices)


@contextmanager
def serving(home: Home, **choices: Any) -> Iterator[Serving]:
    config = configuration(home.path, **choices)
    token = Tokens(home).draw("ad-platform", config)
    server = AnswerServer(home, config, clock=lambda: NOW)
    server.start()
    try:
        yield Serving(server, token)
    finally:
        server.stop()
