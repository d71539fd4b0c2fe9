"""A contestant that is one worker in one process, for every run of a size."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from bench.cases.case import Bout, Place
from bench.environments import Environment, OwnEnvironment
from bench.processes import Deadline, Usage, Worker, forget_peak, usage
from bench.results import Process, Run

G = TypeVar("G")
Answer = dict[str, Any]


@dataclass(frozen=True, kw_only=True)  # a generic one with slots can't be made by Python 3.11
class OneProcess(Generic[G]):
    """``task`` is what the worker is told of the ground, in its folder; ``check`` raises WrongResultError.

    The figures are the worker's own, where it answers with ``figures``; else ``seconds``, by the runner's clock.
    """

    name: str
    environment: Environment | OwnEnvironment
    script: str
    task: Callable[[G, Path], Answer]
    check: Callable[[G, Path, Answer], None]
    constants: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    largest: int | None = None
    tells: bool = False
    """Whether the worker is asked for its result in another request, so that telling counts for nothing."""
    scaled: bool = False
    """Whether the worker's figures are scaled up from less work, so that what its process used says nothing."""
    requires: Callable[[], None] = lambda: None
    """Raises UnavailableError where the contestant can't run here."""

    @contextmanager
    def open(self, ground: G, place: Place, deadline: Deadline) -> Iterator[Bout]:
        self.requires()
        started = time.monotonic()
        worker = Worker(
            "worker",
            python=place.python,
            script=self.script,
            task=self.task(ground, place.folder) | dict(self.constants),
            folder=place.folder,
            environment=dict(self.variables),
        )
        with worker:
            ready = worker.ready(deadline)
            apart = {"start-up": time.monotonic() - started} | ready.get("apart", {})

            def run(deadline: Deadline) -> Run:
                before = begin(worker.pid)
                begun = time.monotonic()
                worker.start(do="work")
                answer = worker.done(deadline)
                seconds = time.monotonic() - begun
                process = used("worker", worker.pid, before)
                if self.tells:
                    worker.start(do="tell")
                    answer |= worker.done(deadline)
                self.check(ground, place.folder, answer)
                processes = () if self.scaled else (process,)
                return Run(figures=answer.get("figures", {"seconds": seconds}), processes=processes)

            yield Bout(run=run, apart=apart, version=ready.get("version", ""))


def begin(pid: int) -> Usage:
    """From here on a run counts."""
    forget_peak(pid)
    return usage(pid)


def used(name: str, pid: int, before: Usage) -> Process:
    """What a process used since ``begin``."""
    now = usage(pid)
    return Process(name=name, peak_bytes=now.peak_bytes, cpu_seconds=round(now.cpu_seconds - before.cpu_seconds, 3))
