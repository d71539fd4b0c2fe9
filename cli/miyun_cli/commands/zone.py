"""``miyun zone``: run the fusion service and invite to it."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import typer

from miyun.kernels import kernels
from miyun_cli.invocation import Invocation, command, group
from miyun_cli.output import show_table


def add_to(app: typer.Typer) -> None:
    zone = group("Run a zone and invite to it.")
    app.add_typer(zone, name="zone")
    command(zone, "invite", invite)
    command(zone, "serve", serve)
    command(zone, "members", members)
    command(zone, "contracts", contracts)
    command(zone, "restored", restored)


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
    """Serve until SIGTERM or Ctrl-C; says when both ports are open."""
    with invocation.zone(verbose=True) as zone:

        def ready() -> None:
            document = {"zone": zone.name, "address": zone.address, "enrolment_address": zone.enrolment_address}
            line = f"{zone.name} serves parties at {zone.address} and newcomers at {zone.enrolment_address}."
            invocation.show(document, lambda _: typer.echo(line))
            sys.stdout.flush()
            invocation.note(f"ristretto255: {kernels().words}")

        zone.serve(ready)


def members(invocation: Invocation) -> None:
    """List who has enrolled, with fingerprints."""
    from miyun.keys.fingerprint import key_fingerprint

    with invocation.zone() as zone:
        listed = [
            {
                "name": member.name,
                "role": member.role,
                "organisation": member.identity.organisation,
                "enrolled": member.enrolled,
                "fingerprint": key_fingerprint(member.identity.signing_key, member.identity.sealing_key),
            }
            for member in zone.members()
        ]
    invocation.show(
        listed,
        lambda console: show_table(
            console,
            ("name", "role", "organisation", "enrolled", "fingerprint"),
            (tuple(member.values()) for member in listed),
            empty="Nobody has enrolled yet.",
        ),
    )


def contracts(invocation: Invocation) -> None:
    """List the contracts that name this zone."""
    now = datetime.now(UTC)
    with invocation.zone() as zone:
        listed = [
            {
                "id": signed.contract.id,
                "state": signed.state(now),
                "parties": [party.name for party in signed.contract.parties],
                "signers": list(signed.signatures),
                "expires": signed.contract.expires,
            }
            for signed in zone.contracts()
        ]
    invocation.show(
        listed,
        lambda console: show_table(
            console,
            ("contract", "state", "parties", "signed by", "expires"),
            (tuple(contract.values()) for contract in listed),
            empty="There are no contracts.",
        ),
    )


def restored(invocation: Invocation) -> None:
    """Say that this zone comes from a backup, before it serves again.

    It releases no new number under a contract until the agents of both parties have been in contact.
    """
    with invocation.zone() as zone:
        zone.restored()
    line = "Nothing new is released under a contract before both parties' agents have been in contact."
    invocation.show({"zone": zone.name, "restored": True}, lambda _: typer.echo(line))
