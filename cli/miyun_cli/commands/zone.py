"""``miyun zone``: run the fusion service and invite to it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import typer

from miyun_cli.invocation import Invocation, command, group


def add_to(app: typer.Typer) -> None:
    zone = group("Run a zone and invite to it.")
    app.add_typer(zone, name="zone")
    command(zone, "invite", invite)
    command(zone, "serve", serve)


def invite(
    invocation: Invocation,
    name: Annotated[str, typer.Argument(help="The name that the newcomer's home was made with.")],
    *,
    role: Annotated[Literal["party", "analyst"], typer.Option("--role", help="What the newcomer is.")],
    hours: Annotated[int, typer.Option("--hours", min=1, max=720, help="How long the code is good.")] = 72,
) -> None:
    """Print a join code, good once, for a newcomer to enrol with."""
    from miyun.keys.home import Role

    with invocation.zone() as zone:
        code = zone.invite(Role(role), name, timedelta(hours=hours)).encode()
    expires = datetime.now(UTC) + timedelta(hours=hours)
    invocation.note(f"Give this code to {name} over a private channel; it is good once, for {hours} hours:")
    invocation.show({"code": code, "name": name, "role": role, "expires": expires}, lambda _: typer.echo(code))


def serve(invocation: Invocation) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    with invocation.zone() as zone:
        zone.serve()
