"""``miyun schedule``: when the agent reads the source anew."""

from typing import TYPE_CHECKING

import typer

from miyun_cli.invocation import Invocation, command, group
from miyun_cli.output import show_table

if TYPE_CHECKING:
    from rich.console import Console

    from miyun.party.schedules import Schedule


_PROBLEM = {True: "stopped", False: "failed"}


def add_to(app: typer.Typer) -> None:
    schedule = group("Refreshes that the agent runs by itself.")
    app.add_typer(schedule, name="schedule")
    command(schedule, "list", list_schedules)


def list_schedules(invocation: Invocation) -> None:
    """List when each contract is refreshed, and how the last run ended."""
    with invocation.party() as party:
        found = party.schedules.list()

    def for_people(console: "Console") -> None:
        show_table(
            console,
            ("contract", "every", "next", "last run", "it did", "state"),
            (
                (one.contract, f"{one.every_days} days", one.retry_at or one.due, one.began, one.did, _state(one))
                for one in found
            ),
            empty="No schedules. Write [refresh.CONTRACT] with every_days into party.toml.",
        )
        for one in found:
            if one.problem:
                console.print(f"{one.contract} {_PROBLEM[one.is_held]}: {one.problem}. {one.hint}", highlight=False)

    invocation.show(found, for_people)


def _state(schedule: "Schedule") -> str:
    if schedule.is_held:
        return "stopped, see below"
    if schedule.problem:
        return f"failed, attempt {schedule.attempts}, see below"
    if schedule.job:
        return f"waits for {schedule.job}"
    if schedule.began is None:
        return "not run yet"
    return "running" if schedule.ended is None else schedule.why
