"""``miyun audit``: the hash-chained history."""

from typing import Annotated

import typer

from miyun_cli.arguments import ContractArgument
from miyun_cli.invocation import Invocation, command, group
from miyun_cli.output import show_fields, show_table


def add_to(app: typer.Typer) -> None:
    audit = group("The hash-chained history.")
    app.add_typer(audit, name="audit")
    command(audit, "show", show)
    command(audit, "verify", verify)


def show(invocation: Invocation, contract: ContractArgument) -> None:
    """Show a contract's history as this party recorded it."""
    with invocation.party() as party:
        entries = party.audit_entries(contract)
    invocation.show(
        entries,
        lambda console: show_table(
            console,
            ("entry", "at", "event", "actor", "facts"),
            (
                (
                    entry.sequence,
                    entry.at,
                    entry.event,
                    entry.actor,
                    ", ".join(f"{name} {fact}" for name, fact in entry.facts.items()),
                )
                for entry in entries
            ),
            empty="Nothing happened yet.",
        ),
    )


def verify(
    invocation: Invocation,
    contract: Annotated[str, typer.Argument(help="The contract's id; a zone checks all of its contracts.")] = "",
) -> None:
    """Check the zone's history against this party's own.

    In a zone's home: check that each contract's entries follow from each other.
    """
    from miyun.errors import InputError
    from miyun.keys.home import Role

    if invocation.role() is Role.ZONE:
        with invocation.zone() as zone:
            counts = zone.audit_verify()
        chains = [{"contract": name, "entries": count} for name, count in counts.items()]
        rows = list(counts.items())
        invocation.show(
            chains, lambda console: show_table(console, ("contract", "entries"), rows, empty="There are no contracts.")
        )
        return
    if not contract:
        raise InputError("no contract was named", hint="Name one: miyun audit verify CONTRACT")
    with invocation.party() as party:
        findings = party.audit_verify(contract)
    invocation.show(
        findings,
        lambda console: show_fields(
            console,
            {
                "entries of the zone": findings.zone_entries,
                "own entries": findings.own_entries,
                "receipts": findings.receipts,
                "disagreements": [finding.what for finding in findings.findings],
            },
        ),
    )
    findings.require_agreement()
