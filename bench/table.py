"""A case's results as tables of text, the same for the terminal and the page."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from statistics import median
from typing import Any

from bench.cases.case import Case, Figure
from bench.results import CaseResult, Outcome, Trial
from bench.spread import Spread
from bench.words import amount, time, times

NOTHING = "–"
FATES = {
    Outcome.WRONG: "WRONG RESULT",
    Outcome.FAILED: "failed",
    Outcome.TIME_IS_UP: "time is up",
    Outcome.UNAVAILABLE: "not available",
    Outcome.LEFT_OUT: "left out",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """``note``: what there is to say instead of figures."""

    contestant: str
    cells: tuple[str, ...]
    note: str = ""
    wrong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    size: int
    heads: tuple[str, ...]
    rows: tuple[Row, ...]


def tables(case: Case[Any], result: CaseResult) -> Iterator[Table]:
    """One for each size."""
    columns = _columns(case, result.trials)
    for size, trials in groupby(result.trials, key=lambda trial: trial.size):
        yield Table(
            size=size,
            heads=tuple(column.head for column in columns),
            rows=tuple(_row(trial, columns) for trial in trials),
        )


def spread_of(trial: Trial, figure: str) -> Spread | None:
    """A figure over the runs of a right result."""
    measured = [run.figures[figure] for run in trial.runs if figure in run.figures]
    return Spread.of(measured) if measured and trial.outcome is Outcome.RIGHT else None


def peaks(trial: Trial) -> dict[str, int]:
    """The most that each process ever held in any run; empty where the system doesn't tell."""
    found: dict[str, int] = {}
    for process in (process for run in trial.runs for process in run.processes):
        found[process.name] = max(found.get(process.name, 0), process.peak_bytes)
    return {name: peak for name, peak in found.items() if peak}


@dataclass(frozen=True, slots=True)
class Column:
    head: str
    cell: Callable[[Trial], str]


def _columns(case: Case[Any], trials: Sequence[Trial]) -> list[Column]:
    """The case's figures, then what every run tells, each where any trial has it."""
    figures = [
        Column(figure.title, partial(_figure, figure))
        for figure in case.figures
        if any(figure.name in run.figures for trial in trials for run in trial.runs)
    ]
    if case.growth:
        figures.append(Column("a row", partial(_a_row, case.figures[0])))
    common = [
        Column("processor time", _processor_time) if not case.one_processor else None,
        Column("peak memory", _memory) if any(map(peaks, trials)) else None,
        Column("on the wire", _wire) if any(run.wire_bytes for trial in trials for run in trial.runs) else None,
        Column("before", _apart),
        Column("runs", lambda trial: str(len(trial.runs))),
        Column("version", lambda trial: trial.version or NOTHING),
    ]
    return [*figures, *(column for column in common if column)]


def _figure(figure: Figure, trial: Trial) -> str:
    spread = spread_of(trial, figure.name)
    return times(spread) if spread else NOTHING


def _a_row(figure: Figure, trial: Trial) -> str:
    spread = spread_of(trial, figure.name)
    return time(spread.median / trial.size) if spread else NOTHING


def _processor_time(trial: Trial) -> str:
    totals = [sum(process.cpu_seconds for process in run.processes) for run in trial.runs if run.processes]
    return time(median(totals)) if totals else NOTHING


def _memory(trial: Trial) -> str:
    found = peaks(trial)
    if len(found) < 2:
        return next((amount(peak) for peak in found.values()), NOTHING)
    each = ", ".join(f"{name} {amount(peak)}" for name, peak in found.items())
    return f"{amount(max(found.values()))} ({each})"


def _wire(trial: Trial) -> str:
    carried = [run.wire_bytes for run in trial.runs if run.wire_bytes]
    return amount(median(carried)) if carried else NOTHING


def _apart(trial: Trial) -> str:
    return ", ".join(f"{name} {time(seconds)}" for name, seconds in trial.apart.items()) or NOTHING


def _row(trial: Trial, columns: Sequence[Column]) -> Row:
    if trial.outcome is Outcome.RIGHT:
        return Row(contestant=trial.contestant, cells=tuple(column.cell(trial) for column in columns))
    note = f"{FATES[trial.outcome]}: {trial.reason}"
    return Row(contestant=trial.contestant, cells=(), note=note, wrong=trial.outcome is Outcome.WRONG)
