"""The runner's end of the line to its workers, and what the system says that a process used."""

import json
import os
import queue
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.failures import BenchError, TimeIsUpError

ROOT = Path(__file__).parent.parent
STOP_SECONDS = 5.0
_END: dict[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The most memory that a process held since it was last forgotten, and the processor time that it used in all."""

    peak_bytes: int
    cpu_seconds: float


def usage(pid: int) -> Usage:
    """What a running process used; zeros where the system doesn't tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return Usage(peak_bytes=0, cpu_seconds=0.0)
    peak = next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0)
    return Usage(peak_bytes=peak, cpu_seconds=(int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))


def forget_peak(pid: int) -> None:
    """From here on the peak counts anew, where the system can do that."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        return


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A moment on the monotonic clock."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        return cls(at=time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds, at least 0."""
        return max(0.0, self.at - time.monotonic())

    def check(self) -> None:
        """Raises: TimeIsUpError: it has passed."""
        if not self.left:
            raise TimeIsUpError("its time is up")


class Worker:
    """A process that runs a script of :mod:`bench.workers`; leaving the block ends it, whatever happened."""

    def __init__(
        self,
        name: str,
        *,
        python: Path,
        script: str,
        task: dict[str, Any],
        folder: Path,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.name = name
        self._call = [str(python), "-m", f"bench.workers.{script}"]
        self._task = task
        self._folder = folder
        self._environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"} | (environment or {})
        self._log = folder / f"{name}.log"
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._call,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        threading.Thread(target=self._listen, daemon=True).start()
        self._say(self._task)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind:
            self._process.kill()
        self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ready(self, deadline: Deadline) -> dict[str, Any]:
        """Wait until everything is imported, connected and loaded; what the worker says of itself.

        Raises:
            BenchError: it failed, or time is up.
        """
        return self._await("ready", deadline)

    def start(self, **request: Any) -> None:
        """Let it work once."""
        self._say({"run": request})

    def done(self, deadline: Deadline) -> dict[str, Any]:
        """Wait until it has worked; its answer. Raises: BenchError: it failed, or time is up."""
        return self._await("done", deadline)

    def _say(self, message: dict[str, Any]) -> None:
        try:
            self._process.stdin.write(json.dumps(message) + "\n")  # type: ignore[union-attr]
            self._process.stdin.flush()  # type: ignore[union-attr]
        except BrokenPipeError:
            return  # it has ended, and its last words are read next

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            self._answers.put(json.loads(line))
        self._answers.put(_END)

    def _await(self, kind: str, deadline: Deadline) -> dict[str, Any]:
        try:
            answer = self._answers.get(timeout=deadline.left)
        except queue.Empty:
            raise TimeIsUpError(f"{self.name}: its time is up") from None
        if answer is _END:
            status = self._process.wait()
            raise BenchError(f"{self.name} ended with status {status}: {self._last_words()}")
        if "failed" in answer:
            raise BenchError(f"{self.name}: {answer['failed']}")
        found: dict[str, Any] = answer[kind]
        return found

    def _last_words(self) -> str:
        lines = self._log.read_text("utf-8", errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"
