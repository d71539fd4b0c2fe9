"""``miyun audit``: the hash-chained history."""

from typing import TYPE_CHECKING

import typer

from miyun_cli.arguments import ContractArgument
from miyun_cli.invocation import Invocation, command, group
from miyun_cli.output import show_fields, show_table

if TYPE_CHECKING:
    from rich.console import Console


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


def verify(invocation: Invocation, contract: ContractArgument) -> None:
    """Check the zone's history against this party's own."""
    with invocation.party() as party:
        findings = party.audit_verify(contract)

    def for_people(console: "Console") -> None:
        show_fields(
            console,
            {
                "entries of the zone": findings.zone_entries,
                "own entries": findings.own_entries,
                "receipts": findings.receipts,
                "disagreements": [finding.what for finding in findings.findings],
            },
        )

    invocation.show(findings, for_people)
    findings.require_agreement()
