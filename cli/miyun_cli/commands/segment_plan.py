"""``miyun segment explain`` and ``estimate``: a definition, before a segment is made of it."""

from typing import TYPE_CHECKING, Annotated

import typer

from miyun_cli.arguments import ContractArgument, UniverseOption
from miyun_cli.commands.size import band_words
from miyun_cli.invocation import Invocation, command
from miyun_cli.output import rho, shortened, show_fields, show_table
from miyun_cli.points import DatumOption, PointsOption, read_points_files
from miyun_cli.watching import watched

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from miyun.segments.explaining import Explanation, OwnerShare
    from miyun.segments.near import Places

DefinitionArgument = Annotated[str, typer.Argument(help="Such as: members.spend_90d > 1000 and not members.opted_out")]


def add_to(segment: typer.Typer) -> None:
    command(segment, "explain", explain)
    command(segment, "estimate", estimate)


def explain(
    invocation: Invocation,
    contract: ContractArgument,
    definition: DefinitionArgument,
    *,
    universe: UniverseOption = "matched",
    points: PointsOption = None,
    datum: DatumOption = "wgs-84",
) -> None:
    """Show what a segment would need, cost and tell whom.

    Nothing is created, evaluated or charged.
    """
    lists = _read(definition, points, datum)
    with invocation.party() as party:
        plan = party.segments.explain(contract, definition, universe=universe, points=lists)
    invocation.show(plan, lambda console: _show_plan(invocation, console, plan))


def estimate(
    invocation: Invocation,
    contract: ContractArgument,
    definition: DefinitionArgument,
    *,
    universe: UniverseOption = "matched",
    points: PointsOption = None,
    datum: DatumOption = "wgs-84",
    quote: Annotated[bool, typer.Option("--quote", help="Show what it would cost, and don't ask.")] = False,
) -> None:
    """Ask for the size before a segment is created.

    It is charged like any size, once: a segment by the same definition has the same size afterwards, for nothing. Its
    predicates count against the contract's limit per epoch.
    """
    lists = _read(definition, points, datum)
    with invocation.party() as party:
        plan = party.segments.explain(contract, definition, universe=universe, points=lists)
        if quote:
            invocation.show(plan.owners, lambda console: _show_costs(console, plan))
            return
        invocation.note(_cost_words(plan))
        with watched(invocation) as on_event:
            found = party.estimate(contract, definition, universe=universe, points=lists, on_event=on_event)
    invocation.show(
        found,
        lambda console: show_fields(
            console,
            {
                "definition": shortened(found.definition),
                "universe": found.universe,
                "epoch": found.epoch,
                "size": band_words(found),
                "at": found.at,
                "charged": rho(found.rho_micro) if found.rho_micro else "nothing: told before",
            },
        ),
    )


def _read(definition: str, points: "Sequence[Path] | None", datum: str) -> "Places":
    """The points that it may name. A slip of the pen is told before anybody is asked for a passphrase."""
    from miyun.segments.checking import pointing_into
    from miyun.segments.parser import parse

    lists = read_points_files(points, datum)
    with pointing_into(definition):
        parse(definition, lists)
    return lists


def _cost_words(plan: "Explanation") -> str:
    if plan.told is not None:
        return "It was told before, and costs nothing."
    costs = ", ".join(
        f"{share.party} {rho(share.rho_micro)} of {rho(share.left_micro)}" for share in plan.owners if share.rho_micro
    )
    return f"Costs {costs or 'nothing'}."


def _show_plan(invocation: Invocation, console: "Console", plan: "Explanation") -> None:
    from miyun.contract.leakage import render

    fields: dict[str, object] = {"definition": shortened(plan.definition)}
    if plan.segments:
        fields["written out"] = shortened(plan.meaning)
    fields |= {"universe": plan.universe, "epoch": plan.epoch or "none: nothing is fused yet", "until": plan.until}
    if plan.told is not None:
        fields["size"] = f"{band_words(plan.told)}, told at {plan.told.at:%Y-%m-%d %H:%M} UTC"
    show_fields(console, fields)
    show_table(
        console,
        ("evaluated by", "predicate; one bit per row reaches the zone", "in this epoch"),
        ((leg.party, shortened(leg.predicate), "asked before" if leg.asked else "new") for leg in plan.legs),
        empty="\nNo owner evaluates anything: it is made of matched pairs and segments alone.",
    )
    _show_costs(console, plan)
    _show_needs(console, plan)
    console.print(
        "\n" + render(plan.learns, invocation.language or "en"), markup=False, highlight=False, soft_wrap=True
    )


def _show_costs(console: "Console", plan: "Explanation") -> None:
    show_table(
        console,
        ("owner", "predicates in this epoch", "its size costs", "leases allow", "budget left"),
        (
            (share.party, _legs_words(share), rho(share.rho_micro), rho(share.leased_micro), rho(share.left_micro))
            for share in plan.owners
        ),
        empty="",
    )


def _legs_words(share: "OwnerShare") -> str:
    beyond = ": too many" if share.legs_new and share.legs_asked + share.legs_new > share.legs_allowed else ""
    return f"{share.legs_asked:,} and {share.legs_new:,} new, of {share.legs_allowed:,}{beyond}"


def _show_needs(console: "Console", plan: "Explanation") -> None:
    show_table(
        console,
        ("rung", "recipient", "subject", "owner", "granted in"),
        ((need.rung, need.recipient, need.subject, need.owner, need.clause or "missing") for need in plan.needs),
        empty="\nNo grant is needed.",
    )
    missing = [f"  {need.text()}" for need in plan.needs if not need.clause]
    if missing:
        lines = ["What is missing takes a contract with these grants as well:", *missing]
        console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
