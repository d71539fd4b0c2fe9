"""An HTTP receiver that checks signatures as Standard Webhooks 1.0.0 has it, keeps keys, and fails as it is told."""

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
Failure = Callable[["Handler", bytes], bool]
"""Answers in the receiver's place, or says False."""


@dataclass
class Receiver:
    """``failures`` are used up one call each; ``refuse`` and ``later`` name ids; ``jobs`` are polled so many times."""

    url: str = ""
    tolerance: int = 300
    now: int = 0
    failures: list[Failure] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    later: set[str] = field(default_factory=set)
    polls: int = 0
    taken: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return sorted(row["member_id"] for rows in self.taken.values() for row in rows)

    def verify(self, headers: dict[str, str], body: bytes) -> bool:
        """Written from the specification, not from the sender's code."""
        key = base64.b64decode(SECRET[len("whsec_") :])
        content = headers["webhook-id"].encode() + b"." + headers["webhook-timestamp"].encode() + b"." + body
        expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        fresh = abs(int(headers["webhook-timestamp"]) - self.now) <= self.tolerance
        given = [part.split(",", 1)[1] for part in headers["webhook-signature"].split(" ") if part.startswith("v1,")]
        return fresh and any(hmac.compare_digest(expected, one) for one in given)

    def take(self, key: str, body: bytes) -> bytes:
        """The answer; a key that is known gets the answer that it got before, and a changed body is noticed."""
        if key in self.answers:
            assert self.bodies[key] == body, "the same key with another body"
            return self.answers[key]
        rows = json.loads(body)["data"]["rows"]
        refused = [
            {"id": row["member_id"], "code": self.refuse[row["member_id"]], "message": "not this one"}
            for row in rows
            if row["member_id"] in self.refuse
        ]
        later = [row["member_id"] for row in rows if row["member_id"] in self.later]
        self.later.clear()
        self.taken[key] = [row for row in rows if row["member_id"] not in {*self.refuse, *later}]
        self.bodies[key] = body
        self.answers[key] = json.dumps({"refused": refused, "later": later}).encode()
        return self.answers[key]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def log_message(self, *_: object) -> None:
        return

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver = self.receiver
        receiver.calls.append(("POST", headers["webhook-id"]))
        receiver.headers.append(headers)
        if receiver.failures and receiver.failures.pop(0)(self, body):
            return
        if not receiver.verify(headers, body):
            self.answer(401)
            return
        answer = receiver.take(headers["idempotency-key"], body)
        if receiver.polls:
            self.answer(202, location=f"/status/{headers['webhook-id']}")
        else:
            self.answer(200, answer)

    def do_GET(self) -> None:
        key = self.path.rsplit("/", 1)[1]
        self.receiver.calls.append(("GET", key))
        self.receiver.polls -= 1
        if self.receiver.polls > 0:
            self.answer(202, location=self.path)
        else:
            self.answer(200, self.receiver.answers[key])

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


def says(status: int, body: bytes = b"", **headers: str) -> Failure:
    def fail(handler: Handler, _: bytes) -> bool:
        handler.answer(status, body, **headers)
        return True

    return fail


def cut_before(handler: Handler, _: bytes) -> bool:
    """The connection goes before the batch is taken."""
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True
    return True


def cut_after(handler: Handler, body: bytes) -> bool:
    """The connection goes in the middle of the answer: the batch was taken, and the sender can't know."""
    answer = handler.receiver.take(handler.headers["idempotency-key"], body)
    handler.send_response(200)
    handler.send_header("content-length", str(len(answer) + 100))
    handler.end_headers()
    handler.wfile.write(answer[:5])
    handler.wfile.flush()
    return cut_before(handler, body)


def cut_in_headers(handler: Handler, body: bytes) -> bool:
    """The same, before the headers have come to their end."""
    handler.receiver.take(handler.headers["idempotency-key"], body)
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ndate: today\r\n")
    handler.wfile.flush()
    return cut_before(handler, body)


def drips(handler: Handler, _: bytes) -> bool:
    """Bytes of a header that never ends, each in time for the next."""
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
        for _round in range(200):
            handler.wfile.write(b"a")
            handler.wfile.flush()
            threading.Event().wait(0.05)
    except OSError:
        pass
    handler.close_connection = True
    return True


@contextmanager
def serving(receiver: Receiver, certificate: Path | None = None) -> Iterator[Receiver]:
    """``certificate``, for localhost, has its key beside it as ``.key``."""
    with listening(type("Bound", (Handler,), {"receiver": receiver}), certificate) as url:
        receiver.url = f"{url}/audiences?token=in-the-query"
        yield receiver


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], certificate: Path | None = None) -> Iterator[str]:
    """The URL, without a path, of a server on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        host = "https://localhost" if certificate else "http://127.0.0.1"
        try:
            yield f"{host}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
