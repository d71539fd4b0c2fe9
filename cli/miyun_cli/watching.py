"""What an agent does, for whoever watches it: bars on a terminal, lines elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

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


def lines(invocation: Invocation) -> "OnEvent":
    """A line on standard error per event but progress; nothing with ``--json``."""
    from miyun.party.progress import Progress

    def on_event(event: "AgentEvent") -> None:
        if not invocation.json and not isinstance(event, Progress):
            typer.echo(line_of(event), err=True)

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
