"""What the servers that stand in for receivers with JSON have in common."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any


class JsonHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        return

    def answer(self, status: int, content: Any, **headers: str) -> None:
        """Bytes as they are, anything else as JSON."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


Failure = Callable[[JsonHandler], bool]
"""Answers in the server's place, or says False."""


def says(status: int, content: Any = b"", **headers: str) -> Failure:
    def fail(handler: JsonHandler) -> bool:
        handler.answer(status, content, **headers)
        return True

    return fail
