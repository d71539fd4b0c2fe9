"""Real processes of the installed command: single calls with JSON answers, and daemons that end when the block ends."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

COMMAND = Path(sys.executable).parent / "miyun"
STOP_SECONDS = 10.0


class CommandError(Exception):
    """The command failed; ``code`` and ``message`` are its own words."""

    def __init__(self, arguments: Sequence[str], status: int, code: str, message: str) -> None:
        super().__init__(f"miyun {' '.join(arguments)}\n  exited with {status}: {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody with a home and a key file of their own; ``log`` keeps every command they gave and its answer."""

    name: str
    home: Path
    log: Path

    @property
    def key_file(self) -> Path:
        """What opens the home."""
        return self.home.with_name(f"{self.name}.key")

    @property
    def environment(self) -> dict[str, str]:
        """The surroundings of this actor's processes."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MIYUN_")}
        return {**clean, "MIYUN_HOME": str(self.home), "MIYUN_KEY_FILE": str(self.key_file), "NO_COLOR": "1"}

    def run(self, *arguments: str, timeout: float = 120.0) -> Any:
        """Call the command with ``--json`` and give its answer.

        Raises:
            CommandError: it exited with anything but 0.
        """
        call = [str(COMMAND), "--json", *arguments]
        done = subprocess.run(call, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False)
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ miyun {' '.join(arguments)}\n{done.stdout}{done.stderr}\n")
        if done.returncode:
            raise CommandError(arguments, done.returncode, *_error(done.stderr or done.stdout))
        return json.loads(done.stdout) if done.stdout.strip() else None

    def start(self, *arguments: str) -> "Daemon":
        """Start the command and leave it running; use it as a context manager."""
        return Daemon(self, arguments)


class Daemon:
    """A running process; leaving the block stops it by its process id, whatever happened."""

    def __init__(self, actor: Actor, arguments: Sequence[str]) -> None:
        self._actor = actor
        self._arguments = list(arguments)
        self._lines: list[str] = []
        self._news = threading.Condition()
        self.peak_bytes = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [str(COMMAND), "--json", *self._arguments],
            env=self._actor.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._copy, name=f"log of {self._actor.name}", daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.peak_bytes = self.peak_bytes or _peak(self._process.pid)
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(STOP_SECONDS)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def measure(self) -> int:
        """The most memory that the process has held so far, in bytes; 0 where the system doesn't tell."""
        self.peak_bytes = _peak(self._process.pid)
        return self.peak_bytes

    def expect(self, words: str, seconds: float = 30.0) -> str:
        """Wait for a line with these words in what the process prints, and give it.

        Raises:
            RuntimeError: the process ended first, or the time is over.
        """
        deadline = time.monotonic() + seconds
        seen = 0
        with self._news:
            while True:
                for line in self._lines[seen:]:
                    if words in line:
                        return line
                seen = len(self._lines)
                if self._process.poll() is not None or not self._news.wait(max(0.0, deadline - time.monotonic())):
                    tail = "".join(self._lines[-10:])
                    raise RuntimeError(f"miyun {' '.join(self._arguments)} did not say {words!r}:\n{tail}")

    def _copy(self) -> None:
        stream = self._process.stdout
        if stream is None:
            return
        with self._actor.log.open("a", encoding="utf-8") as log:
            for line in stream:
                log.write(line)
                log.flush()
                with self._news:
                    self._lines.append(line)
                    self._news.notify_all()
        with self._news:
            self._news.notify_all()


def _error(text: str) -> tuple[str, str]:
    """Code and message of the JSON error that the command wrote, or its last line."""
    for line in reversed(text.strip().splitlines()):
        try:
            error = json.loads(line)
        except ValueError:
            continue
        if isinstance(error, dict):
            error = error.get("error", error)
            return str(error.get("code", "")), str(error.get("message", line))
    return "", text.strip()[-500:]


def _peak(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
