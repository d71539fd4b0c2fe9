"""What the agent tells whoever watches it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Phases of a fusion at one party, in order; of an insight at the columns' owner; of an intersection."""

    PREPARE = "prepare"
    EXCHANGE = "exchange"
    WAIT = "wait"
    REPORT = "report"
    COLUMNS = "columns"
    COUNT = "count"
    RELEASE = "release"
    ENCRYPT = "encrypt"
    INTERSECT = "intersect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """``done`` of ``total``; 0: not known yet.

    Rows in prepare, columns, count, encrypt and, sent and taken, in intersect; points sent and evaluated in exchange;
    ciphertexts of an answer in release; steps of a job that another party works on in wait.
    """

    contract: str
    job: str
    phase: Phase
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStarted:
    contract: str
    job: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFinished:
    contract: str
    job: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRefused:
    """The agent will not do a task; the zone was told ``code`` and ``reason``, and the job fails with them."""

    contract: str
    job: str
    kind: str
    code: str
    reason: str
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneLost:
    """No connection; the agent tries again after ``retry_seconds``."""

    reason: str
    retry_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something that a person should look at, and that stops nothing else."""

    contract: str
    message: str
    hint: str


AgentEvent = Progress | TaskStarted | TaskFinished | TaskRefused | ZoneLost | Warned
OnEvent = Callable[[AgentEvent], None]


def ignore(event: AgentEvent) -> None:
    """Tell nobody."""
