"""What a benchmark found out, as plain records: written to results.json and read back by the page."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import ConfigDict, TypeAdapter


class Outcome(StrEnum):
    """How a contestant fared at a size. ``LEFT_OUT``: it takes too long at this size, and nobody insisted."""

    RIGHT = "right"
    WRONG = "wrong"
    FAILED = "failed"
    TIME_IS_UP = "time-is-up"
    UNAVAILABLE = "unavailable"
    LEFT_OUT = "left-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What one process used in a run: its peak since before the run, and processor time in the run alone."""

    name: str
    peak_bytes: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run. ``figures`` by the names that the case gives them; bytes on the wire where something is sent."""

    figures: dict[str, float]
    processes: tuple[Process, ...] = ()
    wire_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A contestant at a size. ``apart``: seconds that came before the runs, such as starting up."""

    contestant: str
    own: bool
    """Whether the contestant is Miyun."""
    size: int
    outcome: Outcome
    reason: str = ""
    version: str = ""
    apart: dict[str, float] = field(default_factory=dict)
    runs: tuple[Run, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    case: str
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where it ran; nothing that names it. ``flags`` are those of the processor that matter to the contestants."""

    processor: str
    cores: int
    memory_bytes: int
    system: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All of one call."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    date: str
    machine: Machine
    versions: dict[str, str]
    settings: dict[str, str]
    cases: tuple[CaseResult, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file that ``write`` wrote."""
        return TypeAdapter(cls).validate_json(path.read_bytes())

    def write(self, path: Path) -> None:
        """Write everything to a file of JSON."""
        path.write_bytes(self.json() + b"\n")

    def json(self) -> bytes:
        return TypeAdapter(type(self)).dump_json(self, indent=1)

    def renewed(self, later: "Results") -> "Results":
        """These, with the sizes of cases that ``later`` has in place of their own.

        Raises:
            ValueError: another machine, other versions or settings.
        """
        if (self.machine, self.versions, self.settings) != (later.machine, later.versions, later.settings):
            raise ValueError("the earlier results are of another machine, other versions or other settings")
        found = {result.case: result.trials for result in later.cases}
        cases = []
        for result in self.cases:
            new = found.pop(result.case, ())
            again = {trial.size for trial in new}
            kept = [trial for trial in result.trials if trial.size not in again]
            cases.append(replace(result, trials=tuple(sorted([*kept, *new], key=lambda trial: trial.size))))
        others = (CaseResult(case=case, trials=trials) for case, trials in found.items())
        return replace(later, cases=(*cases, *others))

    @property
    def faults(self) -> tuple[str, ...]:
        """What a run must not end well with: any wrong result, and whatever else befell Miyun itself."""
        return tuple(
            f"{result.case}, {trial.contestant}, {trial.size:,}: {trial.outcome}: {trial.reason}"
            for result in self.cases
            for trial in result.trials
            if trial.outcome is Outcome.WRONG or (trial.own and trial.outcome in (Outcome.FAILED, Outcome.TIME_IS_UP))
        )
