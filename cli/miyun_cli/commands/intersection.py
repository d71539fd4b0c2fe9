"""``miyun intersect`` and ``intersections``: what two parties compute with each other, unseen by the zone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from miyun_cli.arguments import ContractArgument
from miyun_cli.invocation import Invocation, command
from miyun_cli.jobs import show_job
from miyun_cli.output import rho as rho_words
from miyun_cli.output import show_fields, show_table
from miyun_cli.ranges import read_range
from miyun_cli.results import PlotOption, read_rho, require_drawable, show_result
from miyun_cli.watching import watched

if TYPE_CHECKING:
    from miyun.contract.jobs import Job
    from miyun.contract.model import Contract
    from miyun.party.facade import Party
    from miyun.psi.intersection_sum.statements import IntersectionRequest


def add_to(app: typer.Typer) -> None:
    command(app, "intersect", intersect)
    command(app, "intersections", intersections)


def _read_size_rho(text: str) -> int:
    return read_rho(text, "--size-rho")


def intersect(
    invocation: Invocation,
    contract: ContractArgument,
    *,
    sum_: Annotated[
        list[str] | None,
        typer.Option(
            "--sum",
            metavar="NAME:LOW:HIGH[:STEP]",
            help="A number of the holder to sum, such as spend:0:5000:0.01; repeat it. None: the size alone.",
        ),
    ] = None,
    holder: Annotated[
        str, typer.Option("--holder", help="Who learns the sums over its own numbers. Else: this party with --sum.")
    ] = "",
    type_: Annotated[
        str, typer.Option("--type", help="Match by this identifier type; else by the contract's first.")
    ] = "",
    rows: Annotated[str, typer.Option("--rows", help="A predicate over own columns: only these rows.")] = "",
    their_rows: Annotated[
        str, typer.Option("--their-rows", help="A predicate over the other's columns: only these rows.")
    ] = "",
    rho: Annotated[
        int | None,
        typer.Option("--rho", metavar="MILLIONTHS", parser=read_rho, help="What the sums may cost, such as 50000."),
    ] = None,
    size_rho: Annotated[
        int | None,
        typer.Option(
            "--size-rho",
            metavar="MILLIONTHS",
            parser=_read_size_rho,
            help="What the size may cost; else what the contract says for one size.",
        ),
    ] = None,
    exact: Annotated[
        list[str] | None,
        typer.Option("--exact", metavar="PARTY", help="Who learns the exact number, without noise; repeat it."),
    ] = None,
    key: Annotated[str, typer.Option("--key", help="The same key gives the same job, however often.")] = "",
    quote: Annotated[bool, typer.Option("--quote", help="Show what it would cost, and don't ask.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is done.")] = False,
    plot: PlotOption = None,
) -> None:
    """Count or sum over shared people, unseen by the zone.

    The holder brings rows, and with --sum numbers; it learns their sums. The other party learns the size. Each run is
    charged; what came of it is read again for nothing: miyun intersections.
    """
    numbers = tuple(map(read_range, sum_ or ()))
    require_drawable(plot)
    with invocation.party() as party:
        request = party.intersections.prepare(
            contract,
            sums=numbers,
            type=type_,
            holder=holder,
            rows=rows,
            their_rows=their_rows,
            totals_rho_micro=rho or 0,
            size_rho_micro=size_rho,
            exact=tuple(exact or ()),
            key=key,
        )
        costs = _costs(party.contracts.get(contract).contract, request)
        left = party.insight.quote(contract, sum(costs.values()) or 1).remaining_micro
        if quote:
            fields = {f"costs {owner}": rho_words(cost) for owner, cost in costs.items()}
            document = {"costs": costs, "remaining_micro": left}
            invocation.show(document, lambda console: show_fields(console, fields | {"left": rho_words(left)}))
            return
        spent = " and ".join(f"{rho_words(cost)} of {owner}'s budget" for owner, cost in costs.items()) or "nothing"
        invocation.note(f"Costs {spent}; {rho_words(left)} is left.")
        with watched(invocation) as on_event:
            job = party.intersections.request(request, on_event)
            if wait:
                job = party.jobs.wait(contract, job.id, on_event)
        _show(invocation, party, job, plot)


def intersections(
    invocation: Invocation,
    contract: ContractArgument,
    job: Annotated[str, typer.Argument(help="A job's id: show what it told this party.")] = "",
    *,
    plot: PlotOption = None,
) -> None:
    """Show what intersections told this party; costs nothing."""
    require_drawable(plot)
    with invocation.party() as party:
        if job:
            show_result(invocation, party.intersections.result(contract, job), plot=plot)
            return
        requests = party.intersections.list(contract)
    invocation.show(
        requests,
        lambda console: show_table(
            console,
            ("job", "at", "type", "holder", "sums", "rows"),
            (
                (one.job, one.at, one.type, one.holder, [column.name for column in one.columns], _cut(one))
                for one in requests
            ),
            empty="No intersection has told this party anything yet.",
        ),
    )


def _show(invocation: Invocation, party: "Party", job: "Job", plot: Path | None) -> None:
    """What it told this party; else how far it is."""
    from miyun.errors import NotFoundError

    try:
        result = party.intersections.result(job.contract, job.id)
    except NotFoundError:
        show_job(invocation, job)
        return
    show_result(invocation, result, plot=plot)


def _costs(contract: "Contract", request: "IntersectionRequest") -> dict[str, int]:
    """By owner, in millionths."""
    matcher = contract.counterparty(request.holder).name
    costs = {matcher: request.totals_rho_micro, request.holder: request.size_rho_micro}
    return {owner: cost for owner, cost in costs.items() if cost}


def _cut(request: "IntersectionRequest") -> str:
    return " · ".join(text for text in (request.holder_rows, request.matcher_rows) if text)
