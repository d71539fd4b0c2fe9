"""What an agent does, for whoever watches it: bars on a terminal, lines elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from miyun.words import visible
from miyun_cli.invocation import Invocation

if TYPE_CHECKING:
    from miyun.party.progress import AgentEvent, OnEvent


@contextmanager
def watched(invocation: Invocation) -> Iterator["OnEvent"]:
    """Bars where standard error is a terminal, else lines; nothing with ``--json``."""
    if invocation.json or not sys.stderr.isatty():
        yield lines(invocation)
        return
    from miyun_cli.bars import Bars

    with Bars() as bars:
        yield bars.on_event


@contextmanager
def counted(invocation: Invocation, what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that is told how many are done and of how many; nothing where there is no terminal, or with ``--json``."""
    if invocation.json or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from miyun_cli.bars import Bars

    with Bars() as bars:
        bar = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)


def lines(invocation: Invocation) -> "OnEvent":
    """Lines on standard error; nothing with ``--json``."""
    return in_lines(lambda line: None if invocation.json else typer.echo(line, err=True))


def in_lines(tell: Callable[[str], None]) -> "OnEvent":
    """A line per event but progress; a task that is taken up again is told once."""
    from miyun.party.progress import Progress, TaskFinished, TaskRefused, TaskStarted

    begun: set[tuple[str, str]] = set()

    def on_event(event: "AgentEvent") -> None:
        match event:
            case Progress():
                return
            case TaskStarted():
                if (event.job, event.kind) in begun:
                    return
                begun.add((event.job, event.kind))
            case TaskFinished() | TaskRefused():
                begun.discard((event.job, event.kind))
        tell(visible(line_of(event)))

    return on_event


def line_of(event: "AgentEvent") -> str:
    """An event in words."""
    from miyun.party.progress import Progress, TaskFinished, TaskRefused, TaskStarted, Warned, ZoneLost

    match event:
        case Progress():
            return f"{event.contract}: {event.phase}: {event.done:,} of {event.total:,}"
        case TaskStarted():
            return f"{event.contract}: {event.kind} started ({event.job})"
        case TaskFinished():
            return f"{event.contract}: {event.kind} done ({event.job})"
        case TaskRefused():
            clause = f" [{event.clause}]" if event.clause else ""
            return f"{event.contract}: {event.kind} refused: {event.reason}{clause} ({event.job})"
        case ZoneLost():
            return f"no connection to the zone: {event.reason}; trying again in {event.retry_seconds:.0f} s"
        case Warned():
            return f"{event.contract}: {event.message}. {event.hint}"
