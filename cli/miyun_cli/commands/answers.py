"""``miyun answers``: which of these audiences is this person or device in, for platforms that may ask."""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from miyun.errors import InputError
from miyun_cli.arguments import in_utc
from miyun_cli.invocation import Invocation, command, group
from miyun_cli.output import show_fields, show_table
from miyun_cli.watching import counted

if TYPE_CHECKING:
    from miyun.answers.ids import Kind
    from miyun.answers.server import AnswerServer
    from miyun.party.facade import Party

AudienceArgument = Annotated[str, typer.Argument(help="The audience's name here.")]


def add_to(app: typer.Typer) -> None:
    answers = group("Answer platforms: in which audiences is this person or device?")
    app.add_typer(answers, name="answers")
    command(answers, "build", build)
    command(answers, "list", list_)
    command(answers, "remove", remove)
    command(answers, "leave-out", leave_out)
    command(answers, "ask", ask)
    command(answers, "token", token)
    command(answers, "serve", serve)


def build(
    invocation: Invocation,
    audience: AudienceArgument,
    file: Annotated[Path | None, typer.Argument(help="CSV or Parquet.", dir_okay=False)] = None,
    *,
    contract: Annotated[str, typer.Option("--contract", help="With --job: take what was delivered.")] = "",
    job: Annotated[str, typer.Option("--job", help="The activation whose file is taken.")] = "",
    id_: Annotated[
        list[str] | None,
        typer.Option("--id", metavar="KIND=COLUMN", help="A column of the file (user=its first one)."),
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option("--device", metavar="KIND=COLUMN", help="A column of the member table, for these people."),
    ] = None,
    expires: Annotated[
        datetime | None, typer.Option("--expires", help="In UTC; else after the days of the configuration.")
    ] = None,
) -> None:
    """Build the set of an audience from a delivered file.

    A server that runs takes it over.
    """
    with invocation.party() as party, counted(invocation, "rows") as on_progress:
        built = party.answers.build(
            audience,
            _source(party, file, contract, job),
            columns={column: kind for kind, column in _pairs(id_ or (), "COLUMN")},
            devices={column: kind for kind, column in _pairs(device or (), "COLUMN")},
            expires=in_utc(expires) if expires else None,
            on_progress=lambda done, total: on_progress(done, total or 0),
        )
    rejected = ", ".join(f"{count:,} {reason}" for reason, count in built.rejected.items())
    invocation.show(
        {
            "audience": built.audience.name,
            "rows": built.rows,
            "ids": built.audience.ids,
            "rejected": built.rejected,
            "expires": built.audience.expires,
        },
        lambda console: show_fields(
            console,
            {
                "audience": built.audience.name,
                "rows": built.rows,
                "ids": built.audience.ids,
                "not used": rejected,
                "expires": built.audience.expires,
            },
        ),
    )


def list_(invocation: Invocation) -> None:
    """List the audiences that there are sets of."""
    with invocation.party() as party:
        listed = [
            {
                "audience": one.name,
                "contract": one.origin.contract if one.origin else "",
                "segment": one.origin.segment if one.origin else "",
                "version": one.origin.version if one.origin else None,
                "ids": one.ids,
                "built": one.built,
                "expires": one.expires,
                "bytes": one.size,
            }
            for one in party.answers.list()
        ]
    invocation.show(
        listed,
        lambda console: show_table(
            console,
            ("audience", "contract", "segment", "version", "ids", "built", "expires", "bytes"),
            (tuple(one.values()) for one in listed),
            empty="There are no sets. Activate to a destination of kind answers, or: miyun answers build",
        ),
    )


def remove(invocation: Invocation, audience: AudienceArgument) -> None:
    """Forget an audience and its set."""
    with invocation.party() as party:
        party.answers.remove(audience)
    invocation.show({"removed": audience}, lambda _: typer.echo(f"{audience} is removed."))


def leave_out(invocation: Invocation) -> None:
    """Take people who object by now out of all delivered sets.

    The agent does it too, every hour.
    """
    with invocation.party() as party:
        left_out = party.answers.leave_out()
    invocation.show(
        {"left_out": left_out},
        lambda console: show_table(
            console, ("audience", "ids left out"), left_out.items(), empty="There are no delivered sets."
        ),
    )


def ask(
    invocation: Invocation,
    ids: Annotated[list[str], typer.Argument(metavar="KIND=VALUE…", help="Ids of one person or device.")],
) -> None:
    """Look somebody up in all sets of this home, without a server."""
    with invocation.party() as party:
        found = party.answers.ask(_pairs(ids, "VALUE"))
    invocation.show(
        {"audiences": found}, lambda _: typer.echo("\n".join(found) if found else "In none of the audiences.")
    )


def token(
    invocation: Invocation,
    asker: Annotated[str, typer.Argument(help="As in [answers.askers] of party.toml.")],
    *,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="The one before has leaked: it is not good any more.")
    ] = False,
) -> None:
    """Print a new token for a platform. The one before stays good until the next, so that it can be exchanged."""
    with invocation.party() as party:
        drawn = party.answers.token(asker, withdraw=withdraw)
    invocation.note(f"Give this token to {asker} over a private channel; it is not kept here:")
    invocation.show({"asker": asker, "token": drawn}, lambda _: typer.echo(drawn))


def serve(invocation: Invocation) -> None:
    """Answer until SIGTERM or Ctrl-C; says when the ports are open."""

    def ready(server: "AnswerServer") -> None:
        document = {"http": server.address, "grpc": server.grpc_address, "status": server.status_address}
        invocation.show(document, lambda console: show_fields(console, document))
        sys.stdout.flush()

    with invocation.party(verbose=True) as party:
        party.answers.serve(ready)


def _source(party: "Party", file: Path | None, contract: str, job: str) -> Path:
    if file is not None and not contract and not job:
        return file
    if file is None and contract and job:
        return party.delivery(contract, job)
    raise InputError("a file, or --contract with --job, is needed", hint="Give one of the two.")


def _pairs(texts: Sequence[str], what: str) -> list[tuple["Kind", str]]:
    from miyun.answers.ids import Kind

    found = []
    for text in texts:
        kind, equals, value = text.partition("=")
        if kind not in set(Kind) or not equals or not value:
            raise InputError(f"“{kind[:80]}” with no kind or no {what}", hint=f"Give KIND={what}; {', '.join(Kind)}.")
        found.append((Kind(kind), value))
    return found
