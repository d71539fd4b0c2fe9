"""``miyun schedule``: when the agent reads the source anew."""

from typing import TYPE_CHECKING

import typer

from miyun_cli.invocation import Invocation, command, group
from miyun_cli.output import show_table

if TYPE_CHECKING:
    from miyun.party.schedules import Schedule


def add_to(app: typer.Typer) -> None:
    schedule = group("Refreshes that the agent runs by itself.")
    app.add_typer(schedule, name="schedule")
    command(schedule, "list", list_schedules)


def list_schedules(invocation: Invocation) -> None:
    """List when each contract is refreshed, and how the last run ended."""
    with invocation.party() as party:
        found = party.schedules.list()
    invocation.show(
        found,
        lambda console: show_table(
            console,
            ("contract", "every", "next", "last run", "it did", "state"),
            (
                (one.contract, f"{one.every_days} days", one.retry_at or one.due, one.began, one.did, _state(one))
                for one in found
            ),
            empty="No schedules. Write [refresh.CONTRACT] with every_days into party.toml.",
        ),
    )


def _state(schedule: "Schedule") -> str:
    if schedule.problem:
        return f"failed, attempt {schedule.attempts}: {schedule.problem}"
    if schedule.job:
        return f"waits for {schedule.job}"
    if schedule.began is None:
        return "not run yet"
    return "running" if schedule.ended is None else schedule.why
