"""An implementation behind a command: it is asked on its standard input and answers on its standard output."""

import json
import os
import selectors
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from types import TracebackType
from typing import Any, Final, Self

from miyun.errors import InputError, MalformedError, PeerError
from miyun.pair.conformance.implementation import About, Operation, Refused
from miyun.pair.conformance.protocol import HELLO, MAX_LINE_BYTES, PROTOCOL
from miyun.pair.conformance.vectors import SaltAndKey

SECONDS: Final = 30.0
"""How long one answer may take."""
_GRACE_SECONDS: Final = 2.0
_BLOCK: Final = 1 << 16


class External:
    """A process for the length of a ``with`` block. What it writes to standard error is left alone."""

    def __init__(self, command: Sequence[str], *, seconds: float = SECONDS) -> None:
        """Start it.

        Raises:
            InputError: the command can't be started.
        """
        self._seconds = seconds
        self._next = 0
        self._rest = b""
        try:
            self._process = subprocess.Popen(  # noqa: S603 - it is the user's own command
                list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
        except (OSError, ValueError) as error:
            raise InputError(
                f"{command[0]} can't be started: {getattr(error, 'strerror', None) or error}",
                hint="Give a program and its arguments after --.",
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin and self._process.stdout  # noqa: S101, PT018
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_GRACE_SECONDS if kind is None else 0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def about(self) -> About:
        answer = self._ask(HELLO, {"protocol": PROTOCOL})
        name, version, known = answer.get("name"), answer.get("version"), answer.get("operations")
        if not isinstance(name, str) or not isinstance(version, str) or not isinstance(known, list):
            raise _no_answer("name, version and operations")
        return About(
            name=_printable(name),
            version=_printable(version),
            operations=frozenset(one for one in Operation if one.value in known),
        )

    def encrypt(self, salt: bytes, key: bytes, match_keys: Sequence[str]) -> list[str]:
        arguments = {"salt": salt.hex(), "key": key.hex(), "match_keys": list(match_keys)}
        return _texts(self._ask(Operation.ENCRYPT, arguments).get("ids"))

    def reencrypt(self, key: bytes, ids: Sequence[str]) -> list[str]:
        return _texts(self._ask(Operation.REENCRYPT, {"key": key.hex(), "ids": list(ids)}).get("ids"))

    def decrypt(self, key: bytes, ids: Sequence[str]) -> list[str]:
        return _texts(self._ask(Operation.DECRYPT, {"key": key.hex(), "ids": list(ids)}).get("ids"))

    def issue(self, generations: Sequence[SaltAndKey], at: date, match_keys: Sequence[str]) -> list[list[str]]:
        listed = [one.to_plain() for one in generations]
        arguments = {"generations": listed, "at": at.isoformat(), "match_keys": list(match_keys)}
        rows = self._ask(Operation.ISSUE, arguments).get("ids")
        if not isinstance(rows, list):
            raise _no_answer("ids")
        return [_texts(row) for row in rows]

    def eids(self, ids: Sequence[str], inserter: str, matcher: str) -> Mapping[str, Any]:
        arguments = {"ids": list(ids), "inserter": inserter, "matcher": matcher}
        request = self._ask(Operation.EIDS, arguments).get("request")
        if not isinstance(request, dict):
            raise _no_answer("request")
        return request

    def lint(self, request: str) -> bool:
        valid = self._ask(Operation.LINT, {"request": request}).get("valid")
        if not isinstance(valid, bool):
            raise _no_answer("valid")
        return valid

    def _ask(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._next += 1
        question = {"id": self._next, "operation": operation, **arguments}
        deadline = time.monotonic() + self._seconds
        self._write(json.dumps(question).encode() + b"\n", deadline)
        try:
            answer = json.loads(self._line(deadline))
        except (ValueError, RecursionError):
            raise MalformedError(f"the answer to {operation} is no JSON", hint=_HINT) from None
        if not isinstance(answer, dict) or answer.get("id") != self._next:
            raise MalformedError(f"the answer to {operation} is not to this question", hint=_HINT)
        if "refused" in answer:
            raise Refused(_printable(str(answer["refused"])))
        return answer

    def _write(self, line: bytes, deadline: float) -> None:
        assert self._process.stdin is not None  # noqa: S101
        descriptor = self._process.stdin.fileno()
        os.set_blocking(descriptor, False)
        while line:
            self._await(descriptor, selectors.EVENT_WRITE, deadline)
            try:
                line = line[os.write(descriptor, line[:_BLOCK]) :]
            except BlockingIOError:
                continue
            except OSError:
                raise self._ended() from None

    def _line(self, deadline: float) -> bytes:
        assert self._process.stdout is not None  # noqa: S101
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._rest:
            if len(self._rest) > MAX_LINE_BYTES:
                raise MalformedError(f"a line of more than {MAX_LINE_BYTES:,} bytes", hint=_HINT)
            self._await(descriptor, selectors.EVENT_READ, deadline)
            block = os.read(descriptor, _BLOCK)
            if not block:
                raise self._ended()
            self._rest += block
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _await(self, descriptor: int, event: int, deadline: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, event)
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise PeerError(
                    f"no answer within {self._seconds:g} s", hint="Write each answer as a line at once, and flush it."
                )

    def _ended(self) -> PeerError:
        return PeerError(
            "the command ended before it answered", hint="Run it by hand; it answers until its input ends."
        )


_HINT = "See the protocol: docs/pair.md, “Other implementations”."


def _no_answer(what: str) -> MalformedError:
    return MalformedError(f"an answer without {what}", hint=_HINT)


def _printable(text: str) -> str:
    """Short, and without what would command a terminal."""
    return "".join(character if character.isprintable() else "�" for character in text[:200])


def _texts(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise _no_answer("ids")
    return value
