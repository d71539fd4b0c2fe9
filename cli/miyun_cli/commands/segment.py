"""``miyun segment``: segments of the matched rows, and of all the platform's."""

from datetime import datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from miyun_cli.arguments import AfterOption, ContractArgument, LimitOption, UniverseOption, in_utc
from miyun_cli.commands import segment_life, segment_plan
from miyun_cli.commands.segment_life import show_segment
from miyun_cli.invocation import Invocation, command, group
from miyun_cli.jobs import show_job
from miyun_cli.output import shortened, show_table
from miyun_cli.points import DatumOption, PointsOption, read_points_files
from miyun_cli.watching import watched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from miyun.segments.listing import Segment

PAGE = 200
ProcessableOption = Annotated[
    bool, typer.Option("--processable/--not-processable", help="Whether segments may be made of it.")
]


def add_to(app: typer.Typer) -> None:
    segment = group("Segments of the matched rows, or of all the platform's.")
    app.add_typer(segment, name="segment")
    command(segment, "create", create)
    command(segment, "list", list_)
    command(segment, "show", show)
    segment_plan.add_to(segment)
    segment_life.add_to(segment)


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
    code: Annotated[
        str, typer.Option("--code", help="What your own system calls it: the same code again gives the same segment.")
    ] = "",
    hidden: Annotated[
        bool, typer.Option("--hidden", help="Leave it out of lists unless they ask for hidden ones.")
    ] = False,
    processable: ProcessableOption = True,
    points: PointsOption = None,
    datum: DatumOption = "wgs-84",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is evaluated.")] = False,
) -> None:
    """Ask for a segment.

    Each fusion evaluates it again, as a new version. To make a matched segment out of one of the platform's rows, end
    the definition with: within matched
    """
    lists = read_points_files(points, datum)
    with invocation.party() as party:
        job = party.segments.create(
            contract,
            name,
            definition,
            universe=universe,
            channels=tuple(channel) if channel else None,
            expires=in_utc(expires) if expires else None,
            code=code,
            hidden=hidden,
            processable=processable,
            points=lists,
        )
        if wait:
            with watched(invocation) as on_event:
                job = party.jobs.wait(contract, job.id, on_event)
    show_job(invocation, job)


def list_(
    invocation: Invocation,
    contract: ContractArgument,
    *,
    state: Annotated[
        Literal["evaluating", "ready", "invalidated", "expired"] | None,
        typer.Option("--state", help="Only those in this state."),
    ] = None,
    owner: Annotated[str, typer.Option("--owner", help="Only those of this party.")] = "",
    universe: Annotated[
        Literal["matched", "platform"] | None, typer.Option("--universe", help="Only those of this universe.")
    ] = None,
    prefix: Annotated[str, typer.Option("--prefix", help="Only those whose name begins so.")] = "",
    code: Annotated[
        list[str] | None, typer.Option("--code", help="Only those that their owner calls so; repeat it.")
    ] = None,
    hidden: Annotated[bool, typer.Option("--hidden", help="List hidden ones as well.")] = False,
    limit: LimitOption = None,
    after: AfterOption = "",
) -> None:
    """List the segments of a contract, by name."""
    from miyun.contract.model import Universe
    from miyun.party.paging import paged
    from miyun.segments.listing import SegmentFilter, SegmentState

    wanted = SegmentFilter(
        state=SegmentState(state) if state else None,
        universe=Universe(universe) if universe else None,
        owner=owner,
        prefix=prefix,
        codes=tuple(code or ()),
        hidden=hidden,
    )
    with invocation.party() as party:
        page = partial(party.segments.list, contract, wanted, limit=min(limit or PAGE, PAGE))
        segments = list(islice(paged(lambda last: page(after=last), after=after), limit))
    _show_list(invocation, segments)


def show(
    invocation: Invocation,
    contract: ContractArgument,
    segment: Annotated[list[str], typer.Argument(help="The segment's name; several names give a list.")],
) -> None:
    """Show a segment, or several at once."""
    from miyun.errors import NotFoundError
    from miyun.party.paging import paged
    from miyun.segments.listing import SegmentFilter

    wanted = SegmentFilter(names=tuple(segment))
    with invocation.party() as party:
        if len(segment) == 1:
            show_segment(invocation, party.segments.get(contract, segment[0]))
            return
        found = list(paged(lambda after: party.segments.list(contract, wanted, limit=PAGE, after=after)))
    missing = sorted(set(segment) - {one.name for one in found})
    if missing:
        raise NotFoundError(
            f"there is no segment {', '.join(missing)}", hint="List the segments: miyun segment list --hidden"
        )
    _show_list(invocation, found)


def _show_list(invocation: Invocation, segments: "Sequence[Segment]") -> None:
    heads = ("name", "code", "universe", "state", "version", "owner", "expires", "definition")
    invocation.show(
        segments,
        lambda console: show_table(
            console,
            heads,
            ([*(getattr(segment, head) for head in heads[:-1]), shortened(segment.definition)] for segment in segments),
            empty="There are no segments.",
        ),
    )
