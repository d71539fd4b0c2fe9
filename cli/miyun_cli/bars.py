"""Progress bars with rate and time left. Imported where a terminal is watched, because it imports rich."""

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from miyun.party.progress import AgentEvent, Phase
from miyun.party.progress import Progress as Progressed
from miyun_cli.watching import in_lines

PHASES = {
    Phase.PREPARE: "reading members",
    Phase.EXCHANGE: "exchanging points",
    Phase.WAIT: "waiting",
    Phase.REPORT: "match report",
    Phase.COLUMNS: "reading columns",
    Phase.COUNT: "counting",
    Phase.RELEASE: "adding noise, sending",
    Phase.ENCRYPT: "encrypting values",
    Phase.INTERSECT: "intersecting",
}


class Done(ProgressColumn):
    """How many of how many."""

    def render(self, task: Task) -> Text:
        total = "?" if task.total is None else f"{task.total:,.0f}"
        return Text(f"{task.completed:,.0f} of {total}" if task.completed or task.total else "")


class RateAndTimeLeft(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        rate = f"{speed:,.0f}/s" if speed else ""
        left = "" if task.finished or task.time_remaining is None else f", {task.time_remaining:,.0f} s left"
        return Text(rate + left)


class Bars(Progress):
    """One bar per job and phase; other events as lines above."""

    def __init__(self) -> None:
        super().__init__(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            Done(),
            RateAndTimeLeft(),
            console=Console(stderr=True),
        )
        self._by_phase: dict[tuple[str, Phase], TaskID] = {}
        self._tell = in_lines(lambda line: self.console.print(line, markup=False, highlight=False))

    def on_event(self, event: AgentEvent) -> None:
        if not isinstance(event, Progressed):
            self._tell(event)
            return
        key = (event.job, event.phase)
        if key not in self._by_phase:
            self._by_phase[key] = self.add_task(PHASES[event.phase], total=None)
        self.update(self._by_phase[key], completed=event.done, total=event.total or None)
