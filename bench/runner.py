"""Runs what was chosen, one contestant after the other, and goes on whatever befalls one of them."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from bench.cases.case import Case, Contestant, Place
from bench.environments import OwnEnvironment
from bench.failures import BenchError, TimeIsUpError, UnavailableError, WrongResultError
from bench.machine import versions
from bench.processes import Deadline
from bench.results import CaseResult, Outcome, Run, Trial
from bench.selection import Chosen

OUTCOMES = {
    WrongResultError: Outcome.WRONG,
    TimeIsUpError: Outcome.TIME_IS_UP,
    UnavailableError: Outcome.UNAVAILABLE,
}


class Watcher(Protocol):
    """Is told what goes on."""

    def say(self, line: str) -> None: ...
    def begin(self, case: Case[Any], contestant: str, size: int, run: int) -> None: ...
    def end(self, case: Case[Any], trial: Trial) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """``seconds`` for a contestant at a size, its start-up and all its runs. ``unlimited``: leave no size out."""

    runs: int
    seconds: float
    unlimited: bool


@dataclass(slots=True, kw_only=True)
class Runner:
    """``pythons``: by environment, its interpreter or why there is none."""

    limits: Limits
    watcher: Watcher
    pythons: dict[str, Path | UnavailableError] = field(default_factory=dict)

    def run(self, chosen: tuple[Chosen, ...]) -> tuple[CaseResult, ...]:
        """Install the environments, then run every case at its sizes."""
        for environment in {contestant.environment: None for one in chosen for contestant in one.case.contestants}:
            try:
                self.pythons[environment.name] = environment.python(self.watcher.say)
            except UnavailableError as error:
                self.watcher.say(f"the environment “{environment.name}” {error}")
                self.pythons[environment.name] = error
        return tuple(self._case(one) for one in chosen)

    def _case(self, chosen: Chosen) -> CaseResult:
        case, trials = chosen.case, list[Trial]()
        for size in chosen.sizes:
            with TemporaryDirectory(prefix="miyun-bench-") as name:
                self.watcher.say(f"{case.name}: making the input, {size:,} {case.sized}")
                ground = case.lay(Path(name), size)
                for contestant in case.contestants:
                    trials.append(self._trial(case, contestant, ground, size, Path(name)))
                    self.watcher.end(case, trials[-1])
        today = datetime.now(UTC).date().isoformat()
        return CaseResult(case=case.name, date=today, versions=versions(), trials=tuple(trials))

    def _trial(self, case: Case[Any], contestant: Contestant[Any], ground: Any, size: int, folder: Path) -> Trial:
        own = isinstance(contestant.environment, OwnEnvironment)
        trial = Trial(contestant=contestant.name, own=own, size=size, outcome=Outcome.RIGHT)
        if contestant.largest is not None and size > contestant.largest and not self.limits.unlimited:
            reason = f"not run above {contestant.largest:,} unless asked to"
            return replace(trial, outcome=Outcome.LEFT_OUT, reason=reason)
        apart: Mapping[str, float] = {}
        version, runs = "", list[Run]()
        try:
            with self._place(contestant, folder / "place") as place:
                deadline = Deadline.after(self.limits.seconds)
                self.watcher.begin(case, contestant.name, size, 0)
                with contestant.open(ground, place, deadline) as bout:
                    apart, version = bout.apart, bout.version
                    slowest = 0.0
                    while len(runs) < self.limits.runs and deadline.left > slowest:
                        self.watcher.begin(case, contestant.name, size, len(runs) + 1)
                        begun = time.monotonic()
                        runs.append(bout.run(deadline))
                        slowest = max(slowest, time.monotonic() - begun)
        except BenchError as error:
            outcome = OUTCOMES.get(type(error), Outcome.FAILED)
            if outcome is not Outcome.TIME_IS_UP or not runs:
                trial = replace(trial, outcome=outcome, reason=str(error))
        return replace(trial, apart=dict(apart), version=version, runs=tuple(runs))

    @contextmanager
    def _place(self, contestant: Contestant[Any], folder: Path) -> Iterator[Place]:
        """An empty folder that is gone afterwards. Raises: UnavailableError: the environment can't be had."""
        python = self.pythons[contestant.environment.name]
        if isinstance(python, UnavailableError):
            raise python
        folder.mkdir()
        try:
            yield Place(folder=folder, python=python)
        finally:
            rmtree(folder, ignore_errors=True)
