"""Real processes of the installed command: single calls with JSON answers, and daemons that end when the block ends."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from miyun.kernels import BACKEND_VARIABLE

COMMAND = Path(sys.executable).parent / "miyun"
STOP_SECONDS = 10.0


class CommandError(Exception):
    """The command failed; ``code`` and ``message`` are its own words."""

    def __init__(self, arguments: Sequence[str], status: int, code: str, message: str) -> None:
        super().__init__(f"miyun {' '.join(arguments)}\n  exited with {status}: {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


SAMPLE_SECONDS = 0.2


@dataclass(slots=True)
class Actor:
    """Somebody with a home and a key file of their own; ``log`` keeps every command they gave and its answer.

    ``peak_bytes`` is the most memory that any of their commands was seen to hold.
    """

    name: str
    home: Path
    log: Path
    peak_bytes: int = 0

    @property
    def key_file(self) -> Path:
        """What opens the home."""
        return self.home.with_name(f"{self.name}.key")

    @property
    def environment(self) -> dict[str, str]:
        """The surroundings of this actor's processes. They may keep compiled modules: there are many short ones."""
        dropped = ("MIYUN_", "PYTHONDONTWRITEBYTECODE")
        kept = (BACKEND_VARIABLE, "MIYUN_NATIVE_")
        clean = {
            name: value for name, value in os.environ.items() if name.startswith(kept) or not name.startswith(dropped)
        }
        return {
            **clean,
            "MIYUN_HOME": str(self.home),
            "MIYUN_KEY_FILE": str(self.key_file),
            "NO_COLOR": "1",
            "COLUMNS": "110",
            "PYTHONFAULTHANDLER": "1",
        }

    def run(self, *arguments: str, timeout: float = 600.0) -> Any:
        """Call the command with ``--json`` and give its answer.

        Raises:
            CommandError: it exited with anything but 0.
        """
        return json.loads(self.text("--json", *arguments, timeout=timeout))

    def text(self, *arguments: str, timeout: float = 600.0) -> str:
        """Call the command and give what it prints.

        Raises:
            CommandError: it exited with anything but 0.
        """
        call = [str(COMMAND), *arguments]
        started = time.monotonic()
        with subprocess.Popen(
            call, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            output, errors = self._collect(process, timeout)
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ miyun {' '.join(arguments)}\n{output}{errors}({time.monotonic() - started:.1f} s)\n\n")
        if process.returncode:
            raise CommandError(arguments, process.returncode, *_error(errors or output))
        return output

    def _collect(self, process: "subprocess.Popen[str]", timeout: float) -> tuple[str, str]:
        deadline = time.monotonic() + timeout
        while True:
            try:
                return process.communicate(timeout=SAMPLE_SECONDS)
            except subprocess.TimeoutExpired:
                self.peak_bytes = max(self.peak_bytes, _peak(process.pid))
                if time.monotonic() > deadline:
                    process.kill()
                    raise
            except BaseException:
                process.terminate()
                raise

    def start(self, *arguments: str) -> "Daemon":
        """Start the command and leave it running; use it as a context manager."""
        return Daemon(self, arguments)


class Daemon:
    """A running process; leaving the block stops it by its process id, whatever happened."""

    def __init__(self, actor: Actor, arguments: Sequence[str]) -> None:
        self._actor = actor
        self._arguments = list(arguments)
        self.peak_bytes = 0

    def __enter__(self) -> Self:
        with self._actor.log.open("a", encoding="utf-8") as log:
            log.write(f"$ miyun {' '.join(self._arguments)} &\n")
            log.flush()
            self._process = subprocess.Popen(
                [str(COMMAND), *self._arguments], env=self._actor.environment, stdout=log, stderr=subprocess.STDOUT
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.measure()
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def measure(self) -> int:
        """The most memory that the process has held so far, in bytes; 0 where the system doesn't tell."""
        self.peak_bytes = max(self.peak_bytes, _peak(self._process.pid))
        return self.peak_bytes

    def listening(self, port: int, seconds: float = 30.0) -> None:
        """Wait until the process accepts connections on this port.

        Raises:
            RuntimeError: the process ended first, or the time is over.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    tail = "".join(self._actor.log.read_text("utf-8").splitlines(keepends=True)[-10:])
                    raise RuntimeError(f"miyun {' '.join(self._arguments)} does not listen:\n{tail}") from None
                time.sleep(0.05)
            else:
                return

    def check(self) -> None:
        """Raises: RuntimeError: the process has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"miyun {' '.join(self._arguments)} ended with {self._process.returncode}")


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
