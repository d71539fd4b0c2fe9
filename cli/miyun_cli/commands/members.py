"""``miyun members``: the member table before anything is sent."""

from typing import TYPE_CHECKING, Annotated

import typer

from miyun_cli.invocation import Invocation, command, group
from miyun_cli.output import show_fields, show_table

if TYPE_CHECKING:
    from rich.console import Console

    from miyun.members.explain import Spelling
    from miyun.members.report import MembersReport


def add_to(app: typer.Typer) -> None:
    members = group("Look at this party's own table; nothing is sent.")
    app.add_typer(members, name="members")
    command(members, "check", check)
    command(members, "explain", explain)


def check(
    invocation: Invocation,
    contract: Annotated[str, typer.Argument(help="Check for this contract; all that is configured if left out.")] = "",
) -> None:
    """Read the table; report what would be sent, what not, why."""
    with invocation.party() as party:
        report = party.members.check(contract)
    invocation.show(report, lambda console: _show_report(console, report))


def explain(
    invocation: Invocation,
    value: Annotated[str, typer.Argument(help="A phone number, an email, a device id …")],
    other: Annotated[str | None, typer.Argument(help="Another spelling: would the two match?")] = None,
) -> None:
    """Show how each profile spells a value, and what matches."""
    from miyun.members.explain import explain as explain_value

    explanation = explain_value(value, other)
    heads = ("profile", value) if other is None else ("profile", value, other, "match", "because")
    rows = [
        (outcome.profile, _spelled(outcome.spelling))
        if outcome.other is None
        else (outcome.profile, _spelled(outcome.spelling), _spelled(outcome.other), outcome.matches, outcome.why)
        for outcome in explanation.profiles
    ]
    invocation.show(explanation, lambda console: show_table(console, heads, rows, empty="There are no profiles."))


def _show_report(console: "Console", report: "MembersReport") -> None:
    show_fields(
        console,
        {
            "rows read": report.rows,
            "unreadable rows": sum(report.bad_rows.values()),
            "repeated member ids": report.duplicate_rows,
            "without consent": report.without_consent,
            "without identifier": report.without_identifier,
            "members to send": report.members,
            "row handles, padded": report.universe,
            "quarantined values": report.quarantined,
            "quarantine file": report.quarantine,
        },
    )
    show_table(
        console,
        ("name", "column", "role", "accepted", "empty", "rejected"),
        (
            (column.name, column.column, column.role, column.accepted, column.empty, _reasons(column.rejected))
            for column in report.columns
        ),
        empty="No columns are configured.",
    )
    show_table(
        console,
        ("identifier", "profile", "values", "points, padded", "shared with another member"),
        ((type_.type, type_.profile, type_.values, type_.points, type_.shared) for type_ in report.types),
        empty="No identifiers are configured.",
    )


def _spelled(spelling: "Spelling") -> str:
    return f"({spelling.words})" if spelling.value is None else spelling.value


def _reasons(rejected: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(rejected.items()))
