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
    """``date`` and ``versions``, of what runs Miyun, are those of every trial."""

    case: str
    date: str
    versions: dict[str, str]
    trials: tuple[Trial, ...]

    def renewed(self, later: "CaseResult") -> "CaseResult":
        """This, with the sizes that ``later`` has in place of its own.

        Raises:
            ValueError: what is kept ran with other versions.
        """
        again = {trial.size for trial in later.trials}
        kept = [trial for trial in self.trials if trial.size not in again]
        if kept and self.versions != later.versions:
            raise ValueError(f"earlier sizes of {self.case} are of other versions: measure them again as well")
        return replace(later, trials=tuple(sorted([*kept, *later.trials], key=lambda trial: trial.size)))


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

    machine: Machine
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
            ValueError: another machine or other settings, or other versions in one case.
        """
        if (self.machine, self.settings) != (later.machine, later.settings):
            raise ValueError("the earlier results are of another machine or other settings")
        renewed = {result.case: result for result in self.cases}
        for result in later.cases:
            earlier = renewed.get(result.case)
            renewed[result.case] = result if earlier is None else earlier.renewed(result)
        return replace(later, cases=tuple(renewed.values()))

    @property
    def faults(self) -> tuple[str, ...]:
        """What a run must not end well with: any wrong result, and whatever else befell Miyun itself."""
        return tuple(
            f"{result.case}, {trial.contestant}, {trial.size:,}: {trial.outcome}: {trial.reason}"
            for result in self.cases
            for trial in result.trials
            if trial.outcome is Outcome.WRONG or (trial.own and trial.outcome in (Outcome.FAILED, Outcome.TIME_IS_UP))
        )
