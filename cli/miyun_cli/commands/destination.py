"""``miyun destination``, ``delivery`` and ``secret``: where audiences go, how far they are, and credentials."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from miyun_cli.arguments import ContractArgument, TimeoutOption
from miyun_cli.invocation import Invocation, command, group
from miyun_cli.output import show_fields, show_table
from miyun_cli.watching import watched

if TYPE_CHECKING:
    from miyun.party.destinations import DeliveryView

ChannelArgument = Annotated[str, typer.Argument(help="A channel of the contract.")]
JobArgument = Annotated[str, typer.Argument(help="The activation's job id.")]
SecretArgument = Annotated[str, typer.Argument(help="The name that the configuration gives it.")]


def add_to(app: typer.Typer) -> None:
    destination = group("Where the audiences of each channel go.")
    app.add_typer(destination, name="destination")
    command(destination, "list", list_)
    command(destination, "check", check)
    command(destination, "dry-run", dry_run)
    delivery = group("How far audiences are on their way; the counts stay here.")
    app.add_typer(delivery, name="delivery")
    command(delivery, "list", list_deliveries)
    command(delivery, "show", show)
    command(delivery, "retry", retry)
    command(delivery, "wait", wait_for)
    secret = group("Credentials of destinations, encrypted in the home's vault.")
    app.add_typer(secret, name="secret")
    command(secret, "set", set_secret)
    command(secret, "list", list_secrets)
    command(secret, "remove", remove_secret)


def list_(invocation: Invocation) -> None:
    """List the channels that this party delivers through."""
    with invocation.party() as party:
        found = party.destinations.list()
    rows = [
        (one.channel, one.kind, one.third_party, one.contracts, one.fields, one.credentials, one.problem)
        for one in found
    ]
    documents = [asdict(one) | {"frequency_cap": one.frequency_cap and one.frequency_cap.model_dump()} for one in found]
    invocation.show(
        documents,
        lambda console: show_table(
            console,
            ("channel", "kind", "third party", "contracts", "fields", "secrets", "problem"),
            rows,
            empty="This party delivers nothing.",
        ),
    )


def check(invocation: Invocation, channel: ChannelArgument) -> None:
    """Look at the configuration; ask the receiver, without rows."""
    with invocation.party() as party:
        words = party.destinations.check(channel)
    invocation.show(
        {"channel": channel, "answer": words},
        lambda console: show_fields(console, {"channel": channel, "configuration": "can be used", "receiver": words}),
    )


def dry_run(invocation: Invocation, channel: ChannelArgument) -> None:
    """Show what would be sent for made-up rows.

    Credentials are left out.
    """
    with invocation.party() as party:
        preview = party.destinations.dry_run(channel)
    invocation.show(preview, lambda _: typer.echo("\n".join(part for part in (preview.text, preview.answer) if part)))


def list_deliveries(invocation: Invocation, contract: ContractArgument) -> None:
    """List the deliveries of a contract, those under way first."""
    with invocation.party() as party:
        found = party.deliveries.list(contract)
    invocation.show(
        found,
        lambda console: show_table(
            console,
            ("job", "of", "channel", "kind", "state", "queued", "accepted", "problem"),
            (
                (one.job, one.segment, one.channel, one.kind, one.state, one.queued, one.accepted, one.problem)
                for one in found
            ),
            empty="There are no deliveries.",
        ),
    )


def show(invocation: Invocation, contract: ContractArgument, job: JobArgument) -> None:
    """Show one delivery: who was accepted, refused and left out."""
    with invocation.party() as party:
        _show(invocation, party.deliveries.show(contract, job))


def retry(
    invocation: Invocation,
    contract: ContractArgument,
    job: JobArgument,
    *,
    unclear: Annotated[
        Literal["again", "arrived"] | None,
        typer.Option("--unclear", help="What became of batches that may have arrived: send again, or they did."),
    ] = None,
) -> None:
    """Go on with a delivery that stopped."""
    from miyun.party.destinations import Unclear

    with invocation.party() as party:
        _show(invocation, party.deliveries.retry(contract, job, unclear=None if unclear is None else Unclear(unclear)))


def wait_for(
    invocation: Invocation,
    contract: ContractArgument,
    job: JobArgument,
    *,
    timeout: TimeoutOption = None,
) -> None:
    """Wait until everything is sent, as this party's agent meanwhile."""
    with invocation.party() as party:
        with watched(invocation) as on_event:
            found = party.deliveries.wait(contract, job, on_event, timeout=timeout)
        _show(invocation, found)


def set_secret(invocation: Invocation, name: SecretArgument) -> None:
    """Store a credential.

    It is asked for on a terminal, else read from standard input; never given as an argument.
    """
    with invocation.party() as party:
        value = (
            typer.prompt("Value", hide_input=True, confirmation_prompt=True, err=True)
            if sys.stdin.isatty()
            else sys.stdin.read().removesuffix("\n").removesuffix("\r")
        )
        party.destinations.secrets.put(name, value)
    _show_secret(invocation, name, "stored")


def list_secrets(invocation: Invocation) -> None:
    """List the names of the stored credentials."""
    with invocation.party() as party:
        names = party.destinations.secrets.names()
    invocation.show(
        names,
        lambda console: show_table(
            console, ("secret",), ((name,) for name in names), empty="This party holds no secrets."
        ),
    )


def remove_secret(invocation: Invocation, name: SecretArgument) -> None:
    """Forget a credential."""
    with invocation.party() as party:
        party.destinations.secrets.remove(name)
    _show_secret(invocation, name, "removed")


def _show_secret(invocation: Invocation, name: str, state: str) -> None:
    invocation.show(
        {"secret": name, "state": state}, lambda console: show_fields(console, {"secret": name, "state": state})
    )


def _show(invocation: Invocation, delivery: "DeliveryView") -> None:
    invocation.show(
        delivery,
        lambda console: show_fields(
            console,
            {
                "delivery": delivery.job,
                "of": f"{delivery.segment}, version {delivery.version}",
                "channel": f"{delivery.channel} ({delivery.kind})",
                "state": delivery.state,
                "queued": delivery.queued,
                "accepted": delivery.accepted,
                "refused": [f"{count:,} {code}" for code, count in delivery.refused.items()],
                "left out": [f"{count:,} {reason}" for reason, count in delivery.left_out.items()],
                "batches open": delivery.open,
                "batches unclear": delivery.unclear,
                "problem": delivery.problem,
                "what to do": delivery.hint,
                "file": delivery.file,
                "refused rows": delivery.refused_file,
            },
        ),
    )
