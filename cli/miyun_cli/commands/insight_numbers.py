"""``miyun insight sums`` and ``measure``: questions about numbers."""

from typing import Annotated

import typer

from miyun_cli.arguments import ContractArgument
from miyun_cli.invocation import Invocation
from miyun_cli.ranges import read_range, yes_or_no
from miyun_cli.results import PlotOption, RhoOption, require_drawable, show_result, show_results, tell_cost
from miyun_cli.watching import watched

_RANGE = "NAME:LOW:HIGH[:STEP]"


def sums(
    invocation: Invocation,
    contract: ContractArgument,
    *,
    segment: Annotated[
        list[str], typer.Option("--segment", help="Over whom; name, name@version or matched. Repeat it for several.")
    ],
    number: Annotated[
        list[str],
        typer.Option(
            "--number",
            metavar=_RANGE,
            help="Such as spend:0:5000:0.01 or tags.age:0:120; values outside count as the nearest end. Repeat it.",
        ),
    ],
    part: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            help="A segment that is one part of --segment; repeat it for every part, to compare them. "
            "Who is in several counts in the first.",
        ),
    ] = None,
    rho: RhoOption,
    plot: PlotOption = None,
) -> None:
    """Show sums and means of numbers over segments.

    Numbers are all this party's own or all the other's. A question is charged once; asked again, it costs nothing.
    """
    ranges = tuple(map(read_range, number))
    require_drawable(plot)
    with invocation.party() as party:
        tell_cost(invocation, party, contract, rho)
        with watched(invocation) as on_event:
            found = party.insight.sums(
                contract, tuple(segment), ranges, parts=tuple(part or ()), rho_micro=rho, on_event=on_event
            )
    show_results(invocation, found, plot=plot)


def measure(
    invocation: Invocation,
    contract: ContractArgument,
    *,
    exposed: Annotated[str, typer.Option("--exposed", help="The segment that was reached.")],
    control: Annotated[
        str, typer.Option("--control", help="The segment that was left out, by lot; who is in both counts as exposed.")
    ],
    converted: Annotated[
        str, typer.Option("--converted", metavar="NAME", help="A number that is 1 for who converted, else 0.")
    ],
    revenue: Annotated[
        str | None,
        typer.Option("--revenue", metavar=_RANGE, help="Such as spend:0:5000:0.01; 0 for who bought nothing."),
    ] = None,
    rho: RhoOption,
    plot: PlotOption = None,
) -> None:
    """Show what a campaign changed, against a control group.

    A question is charged once; asked again, it costs nothing.
    """
    spent = None if revenue is None else read_range(revenue)
    require_drawable(plot)
    with invocation.party() as party:
        tell_cost(invocation, party, contract, rho)
        with watched(invocation) as on_event:
            lift = party.insight.measure(
                contract,
                exposed,
                control,
                converted=yes_or_no(converted),
                revenue=spent,
                rho_micro=rho,
                on_event=on_event,
            )
    show_result(invocation, lift, plot=plot)
