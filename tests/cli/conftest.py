"""A home to run commands in, and a stand-in for the party that it would open."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from miyun_cli.invocation import Invocation
from miyun_cli.main import run


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        assert self.out == ""
        return json.loads(self.err)["error"]


Miyun = Callable[..., Outcome]


@pytest.fixture
def miyun(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Miyun]:
    """Runs a command line in this process, with nothing of the surroundings' own."""
    for name in ("MIYUN_HOME", "MIYUN_KEY_FILE", "MIYUN_PASSPHRASE", "MIYUN_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments: str) -> Outcome:
        status = run(arguments)
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    yield invoke
    structlog.reset_defaults()


class Standin:
    """Answers attribute paths that a test sets, and records every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.answers: dict[str, Any] = {}

    def __enter__(self) -> "Standin":
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def __getattr__(self, name: str) -> "Called":
        return Called(self, name)


class Called:
    def __init__(self, standin: Standin, path: str) -> None:
        self._standin, self._path = standin, path

    def __getattr__(self, name: str) -> "Called":
        return Called(self._standin, f"{self._path}.{name}")

    def __call__(self, *args: Any, **options: Any) -> Any:
        self._standin.calls.append((self._path, args, options))
        answer = self._standin.answers[self._path]
        if isinstance(answer, Exception):
            raise answer
        return answer(*args, **options) if callable(answer) else answer


@pytest.fixture
def party(monkeypatch: pytest.MonkeyPatch) -> Standin:
    standin = Standin()
    monkeypatch.setattr(Invocation, "party", lambda self, **options: standin)
    return standin
