"""``miyun insight``: what noised totals say about segments."""

from typing import Annotated

import typer

from miyun.errors import InputError
from miyun_cli.arguments import ContractArgument, SegmentArgument
from miyun_cli.commands.insight_numbers import measure, sums
from miyun_cli.commands.insight_preparation import fill_pool, key, quote
from miyun_cli.invocation import Invocation, command, group
from miyun_cli.results import (
    PlotOption,
    RhoOption,
    TopOption,
    require_drawable,
    show_result,
    show_results,
    tell_cost,
)
from miyun_cli.tags import (
    AllOption,
    BaseOption,
    BranchOption,
    CatalogueOption,
    PerPersonOption,
    TagOption,
    branches_of,
    given_or_configured,
)
from miyun_cli.watching import watched


def add_to(app: typer.Typer) -> None:
    insight = group("What noised totals say about segments.")
    app.add_typer(insight, name="insight")
    command(insight, "portrait", portrait)
    command(insight, "sums", sums)
    command(insight, "measure", measure)
    command(insight, "overlap", overlap)
    command(insight, "board", board)
    command(insight, "quote", quote)
    command(insight, "key", key)
    command(insight, "fill-pool", fill_pool)


def portrait(
    invocation: Invocation,
    contract: ContractArgument,
    *,
    segment: Annotated[
        list[str], typer.Option("--segment", help="Of whom; name or name@version. Repeat it for several portraits.")
    ],
    base: BaseOption = "matched",
    catalogue: CatalogueOption = None,
    tag: TagOption = None,
    branch: BranchOption = None,
    all_: AllOption = False,
    per_person: PerPersonOption = None,
    rho: RhoOption,
    plot: PlotOption = None,
    top: TopOption = None,
) -> None:
    """Show what people of segments are like, by the other's tags.

    Listed are the tags that stand out against the base. A question is charged once; asked again, it costs nothing.
    Which tags there are: miyun catalogue search.
    """
    from miyun.party.insights import DEFAULT_PER_PERSON

    branches = branches_of(tag, branch, all_=all_)
    require_drawable(plot)
    with invocation.party() as party:
        tags = given_or_configured(catalogue, party, contract)
        tell_cost(invocation, party, contract, rho)
        with watched(invocation) as on_event:
            portraits = party.insight.portrait(
                contract,
                tuple(segment),
                base=base,
                catalogue=tags,
                tags=tuple(tag or ()),
                branches=branches,
                per_person=per_person or DEFAULT_PER_PERSON,
                rho_micro=rho,
                on_event=on_event,
            )
    show_results(invocation, portraits, plot=plot, top=top)


def overlap(
    invocation: Invocation,
    contract: ContractArgument,
    *,
    segment: Annotated[
        list[str], typer.Option("--segment", help="Name or name@version; repeat it, for two at the least.")
    ],
    plot: PlotOption = None,
) -> None:
    """Show how many people each two segments have in common.

    It is charged once, what the contract says for one size.
    """
    if len(segment) < 2:
        raise InputError("one segment overlaps with nothing", hint="Name another with --segment.")
    require_drawable(plot)
    with invocation.party() as party:
        if not invocation.json:
            budget = party.contracts.get(contract).contract.budget
            tell_cost(invocation, party, contract, budget.size_rho_micro)
        found = party.insight.overlap(contract, tuple(segment))
    show_result(invocation, found, plot=plot)


def board(
    invocation: Invocation,
    contract: ContractArgument,
    segment: SegmentArgument,
    *,
    plot: PlotOption = None,
    top: TopOption = None,
) -> None:
    """Show what was reported of a segment, date by date.

    Nothing is asked, and nothing spent: it is made of this party's own portraits and overlaps.
    """
    require_drawable(plot)
    with invocation.party() as party:
        found = party.insight.board(contract, segment)
    show_result(invocation, found, plot=plot, top=top)
