"""What the terminal shows: a bar while it runs, tables at the end."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.cases.case import Case
from bench.results import Results, Trial
from bench.table import FATES, spread_of, tables
from bench.targets import Verdict, judge
from bench.words import times

ONLY_ON_THE_PAGE = ("before", "runs", "version")
COLOURS = {Verdict.REACHED: "green", Verdict.MISSED: "red"}


class Terminal:
    """Watches a run; lines go to standard error, so that standard output can be JSON alone."""

    def __init__(self, trials: int) -> None:
        self._console = Console(stderr=True)
        columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, TextColumn("{task.description}"), console=self._console, transient=True)
        self._task = self._progress.add_task("", total=trials)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def say(self, line: str) -> None:
        self._console.print(line, highlight=False)

    def begin(self, case: Case[Any], contestant: str, size: int, run: int) -> None:
        doing = f"run {run}" if run else "starting"
        self._progress.update(self._task, description=f"{case.name} {size:,}: {contestant}, {doing}")

    def end(self, case: Case[Any], trial: Trial) -> None:
        self._progress.advance(self._task)
        figure = case.figures[0]
        spread = spread_of(trial, figure.name)
        found = times(spread) if spread else f"{FATES[trial.outcome]}: {trial.reason}"
        self.say(f"  {trial.contestant}: {found}")


def show(results: Results, cases: Mapping[str, Case[Any]]) -> None:
    """Every case's tables by their medians, then what is to be reached."""
    console = Console()
    for result in results.cases:
        case = cases[result.case]
        for table in tables(case, result):
            shown = Table(title=f"{case.title}: {table.size:,} {case.sized}", title_justify="left")
            kept = [place for place, head in enumerate(table.heads) if head not in ONLY_ON_THE_PAGE]
            for head in ("", *(table.heads[place] for place in kept)):
                shown.add_column(head)
            for row in table.rows:
                style = "bold red" if row.wrong else "dim" if row.note else None
                medians = [row.cells[place].partition(" (")[0] for place in kept] if row.cells else [row.note]
                shown.add_row(row.contestant, *medians, style=style)
            console.print(shown)
    shown = Table(title="What is to be reached", title_justify="left")
    for head in ("", "wanted", "found", ""):
        shown.add_column(head)
    for one in judge(results):
        shown.add_row(one.words, one.wanted, one.found, one.verdict, style=COLOURS.get(one.verdict))
    console.print(shown)
