"""``miyun segment``: segments of the matched rows, and of all the platform's."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from miyun_cli.arguments import ContractArgument, SegmentArgument, in_utc
from miyun_cli.invocation import Invocation, command, group
from miyun_cli.jobs import show_job
from miyun_cli.output import show_fields, show_table
from miyun_cli.watching import watched

if TYPE_CHECKING:
    from rich.console import Console

    from miyun.segments.listing import Segment

UniverseOption = Annotated[
    Literal["matched", "platform"],
    typer.Option("--universe", help="What it selects from: matched rows, or all the platform's, matched or not."),
]


def add_to(app: typer.Typer) -> None:
    segment = group("Segments of the matched rows, or of all the platform's.")
    app.add_typer(segment, name="segment")
    command(segment, "create", create)
    command(segment, "list", list_)
    command(segment, "show", show)
    command(segment, "rename", rename)
    command(segment, "invalidate", invalidate)
    command(segment, "explain", explain)


def create(
    invocation: Invocation,
    contract: ContractArgument,
    name: Annotated[str, typer.Argument(help="Small letters, digits and hyphens.")],
    definition: Annotated[
        str, typer.Argument(help="Such as: members.spend_90d > 1000 and not members.opted_out")
    ] = "matched",
    *,
    universe: UniverseOption = "matched",
    channel: Annotated[
        list[str] | None,
        typer.Option("--channel", help="Where it may be activated; repeat it. All that can be if left out."),
    ] = None,
    expires: Annotated[datetime | None, typer.Option("--expires", help="UTC; else when the contract ends.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is evaluated.")] = False,
) -> None:
    """Ask for a segment.

    Each fusion evaluates it again, as a new version. To make a matched segment out of one of the platform's rows, end
    the definition with: within matched
    """
    with invocation.party() as party:
        job = party.segments.create(
            contract,
            name,
            definition,
            universe=universe,
            channels=tuple(channel) if channel else None,
            expires=in_utc(expires) if expires else None,
        )
        if wait:
            with watched(invocation) as on_event:
                job = party.jobs.wait(contract, job.id, on_event)
    show_job(invocation, job)


def list_(invocation: Invocation, contract: ContractArgument) -> None:
    """List the segments of a contract."""
    with invocation.party() as party:
        segments: list[Segment] = []
        while page := party.segments.list(contract, after=segments[-1].name if segments else ""):
            segments.extend(page)
    invocation.show(
        segments,
        lambda console: show_table(
            console,
            ("name", "universe", "state", "version", "owner", "expires", "definition"),
            (
                (
                    segment.name,
                    segment.universe,
                    segment.state,
                    segment.version,
                    segment.owner,
                    segment.expires,
                    segment.definition,
                )
                for segment in segments
            ),
            empty="There are no segments.",
        ),
    )


def show(invocation: Invocation, contract: ContractArgument, segment: SegmentArgument) -> None:
    """Show one segment."""
    with invocation.party() as party:
        found = party.segments.get(contract, segment)
    _show(invocation, found)


def rename(
    invocation: Invocation,
    contract: ContractArgument,
    segment: SegmentArgument,
    new_name: Annotated[str, typer.Argument(help="Its new name.")],
) -> None:
    """Give an own segment another name."""
    with invocation.party() as party:
        found = party.segments.rename(contract, segment, new_name)
    _show(invocation, found)


def invalidate(invocation: Invocation, contract: ContractArgument, segment: SegmentArgument) -> None:
    """End an own segment, for good."""
    with invocation.party() as party:
        found = party.segments.invalidate(contract, segment)
    _show(invocation, found)


def explain(
    invocation: Invocation,
    definition: Annotated[str, typer.Argument(help="A segment expression.")],
    *,
    universe: UniverseOption = "matched",
) -> None:
    """Show how a definition is read and who evaluates what.

    Nothing is sent.
    """
    from miyun.contract.model import Universe
    from miyun.segments.parser import parse
    from miyun.segments.planning import plan

    expression = parse(definition)
    planned = plan(expression, Universe(universe))
    legs = [{"owner": leg.namespace, "predicate": leg.predicate.text()} for leg in planned.legs]
    document = {
        "definition": expression.text(),
        "universe": planned.universe,
        "legs": legs,
        "subjects": planned.subjects,
        "segments": planned.segments,
    }

    def for_people(console: "Console") -> None:
        show_fields(
            console,
            {
                "canonical text": expression.text(),
                "universe": planned.universe,
                "needs a grant for": planned.subjects,
                "uses the segments": planned.segments,
            },
        )
        show_table(
            console,
            ("evaluated by the owner of", "predicate; one bit per row reaches the zone"),
            (tuple(leg.values()) for leg in legs),
            empty="No owner evaluates anything: it is made of matched pairs and segments alone.",
        )

    invocation.show(document, for_people)


def _show(invocation: Invocation, segment: "Segment") -> None:
    def for_people(console: "Console") -> None:
        show_fields(
            console,
            {
                "name": segment.name,
                "definition": segment.definition,
                "universe": segment.universe,
                "owner": segment.owner,
                "state": segment.state,
                "version": segment.version,
                "epoch": segment.epoch,
                "channels": segment.channels,
                "created": segment.created,
                "expires": segment.expires,
            },
        )

    invocation.show(segment, for_people)
