"""A server with the rules of Meta's users endpoint of custom audiences, from its reference."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.destinations.json_server import Failure, JsonHandler, says
from tests.destinations.receiver import listening

TOKEN, APP_SECRET = "EAAB-hunter2", "app-hunter3"
KEYS = {"EXTERN_ID", "EMAIL", "PHONE", "GEN", "DOBY", "DOBM", "DOBD", "LN", "FN", "FI", "CT", "ST", "ZIP", "MADID"}


class Refused(Exception):
    def __init__(self, status: int, code: int, subcode: int = 0) -> None:
        super().__init__(code)
        self.status, self.code, self.subcode = status, code, subcode


@dataclass
class Graph:
    """``invalid`` are values that Meta can't read, ``shown`` whether it gives samples; ``lost`` rows it never received.

    ``audience`` is a set of people, each a set of keys with values.
    """

    url: str = ""
    audience_id: str = "23850000000000001"
    proof: bool = False
    flagged: bool = False
    invalid: set[str] = field(default_factory=set)
    shown: bool = False
    lost: int = 0
    audience: set[frozenset[tuple[str, str]]] = field(default_factory=set)
    sessions: list[dict[str, Any]] = field(default_factory=list)
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def require_proof(self, form: dict[str, list[str]]) -> None:
        expected = hmac.new(APP_SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
        if self.proof and form.get("appsecret_proof") != [expected]:
            raise Refused(400, 100)

    def take(self, method: str, form: dict[str, list[str]]) -> dict[str, Any]:
        self.forms.append(form)
        self.require_proof(form)
        assert set(form) <= {"payload", "session", "appsecret_proof"}
        payload, session = json.loads(form["payload"][0]), json.loads(form["session"][0])
        if self.flagged:
            raise Refused(400, 100, 1713230)
        if set(payload) != {"schema", "data"} or not set(payload["schema"]) <= KEYS:
            raise Refused(400, 100)
        width = len(payload["schema"])
        if not 0 < len(payload["data"]) <= 10_000 or any(len(row) != width for row in payload["data"]):
            raise Refused(400, 100)
        assert set(session) == {"session_id", "batch_seq", "last_batch_flag", "estimated_num_total"}
        assert 0 < session["session_id"] < 1 << 63
        assert session["session_id"] not in {held["session_id"] for held in self.sessions}
        self.sessions.append(session)
        rows = payload["data"][self.lost :]
        bad = [row for row in rows if any(not _readable(value) or value in self.invalid for value in row)]
        people = {
            frozenset((key, value) for key, value in zip(payload["schema"], row, strict=True) if value)
            for row in rows
            if row not in bad
        }
        self.audience = self.audience | people if method == "POST" else self.audience - people
        samples = {str(place): value for place, row in enumerate(bad) for value in row if value in self.invalid}
        return {
            "audience_id": self.audience_id,
            "session_id": str(session["session_id"]),
            "num_received": len(rows),
            "num_invalid_entries": len(bad),
            "invalid_entry_samples": samples if self.shown else {},
        }


class Handler(JsonHandler):
    graph: Graph

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode(), strict_parsing=True)
        self.run("/users", lambda: self.graph.take(self.command, form))

    do_DELETE = do_POST  # noqa: N815

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)

        def show() -> dict[str, Any]:
            self.graph.require_proof(query)
            status = {"code": 471 if self.graph.flagged else 200, "description": "Normal"}
            return {"id": self.graph.audience_id, "operation_status": status}

        self.run("", show)

    def run(self, end: str, act: Callable[[], dict[str, Any]]) -> None:
        graph = self.graph
        graph.calls.append((self.command, urlsplit(self.path).path))
        if graph.failures and graph.failures.pop(0)(self):
            return
        try:
            self._require_access(end)
            self.answer(200, act())
        except Refused as refused:
            error = {
                "message": "do not repeat me",
                "type": "OAuthException",
                "code": refused.code,
                "error_subcode": refused.subcode,
                "fbtrace_id": "AkVBHUBSX9W0",
            }
            self.answer(refused.status, {"error": error})

    def _require_access(self, end: str) -> None:
        if self.headers["authorization"] != f"Bearer {TOKEN}":
            raise Refused(401, 190)
        if urlsplit(self.path).path != f"/v25.0/{self.graph.audience_id}{end}":
            raise Refused(400, 100, 33)


def errs(status: int, code: object, **more: object) -> Failure:
    """An error as the Graph API has it."""
    return says(status, {"error": {"message": "do not repeat me", "type": "OAuthException", "code": code, **more}})


@contextmanager
def serving(graph: Graph) -> Iterator[Graph]:
    with listening(type("Bound", (Handler,), {"graph": graph})) as url:
        graph.url = f"{url}/v25.0"
        yield graph


def _readable(value: str) -> bool:
    return re.fullmatch("([0-9a-f]{64})?", value) is not None
