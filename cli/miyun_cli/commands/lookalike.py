"""``miyun lookalike``: users who are like a seed."""

import math
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from miyun_cli.arguments import ContractArgument, in_utc
from miyun_cli.invocation import Invocation, command, group
from miyun_cli.jobs import show_job
from miyun_cli.output import rho as rho_words
from miyun_cli.output import show_fields, show_table
from miyun_cli.results import PlotOption, RhoOption, read_rho, require_drawable, show_result, tell_cost
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

if TYPE_CHECKING:
    from rich.console import Console

    from miyun.aggregates.lookalikes import Lookalike
    from miyun.party.facade import Party
    from miyun.party.lookalikes import LookalikeWeights

_SHOWN = 20


class SeedChoice(StrEnum):
    """As `miyun.party.lookalikes.Seed`, which takes long to load."""

    AS_SCORED = "as-scored"
    WITH = "with"
    WITHOUT = "without"


NameArgument = Annotated[str, typer.Argument(help="The lookalike's name.")]


def add_to(app: typer.Typer) -> None:
    lookalike = group("Users of the platform who are like a seed.")
    app.add_typer(lookalike, name="lookalike")
    command(lookalike, "release", release)
    command(lookalike, "create", create)
    command(lookalike, "report", report)
    command(lookalike, "list", list_)


def release(
    invocation: Invocation,
    contract: ContractArgument,
    name: NameArgument,
    *,
    seed: Annotated[str, typer.Option("--seed", help="Like whom: a segment, by name or name@version.")],
    base: BaseOption = "matched",
    catalogue: CatalogueOption = None,
    tag: TagOption = None,
    branch: BranchOption = None,
    all_: AllOption = False,
    per_person: PerPersonOption = None,
    rho: RhoOption,
    portrait_rho: Annotated[
        int | None,
        typer.Option(
            "--portrait-rho",
            metavar="MILLIONTHS",
            parser=read_rho,
            help="What the portrait of seed and base may spend; as --rho if left out.",
        ),
    ] = None,
) -> None:
    """Give the platform weights that tell a seed from a base.

    The portrait of both is asked for first, unless it was answered before. Then this party's own noise is added, once
    and for ever, for --rho of its own rows' budget.
    """
    from miyun.party.insights import DEFAULT_PER_PERSON

    branches = branches_of(tag, branch, all_=all_)
    with invocation.party() as party:
        tags = given_or_configured(catalogue, party, contract)
        _tell_costs(invocation, party, contract, portrait=portrait_rho or rho, own=rho)
        with watched(invocation) as on_event:
            released = party.lookalike.release(
                contract,
                name,
                seed=seed,
                base=base,
                catalogue=tags,
                tags=tuple(tag or ()),
                branches=branches,
                per_person=per_person or DEFAULT_PER_PERSON,
                portrait_rho_micro=portrait_rho or rho,
                rho_micro=rho,
                on_event=on_event,
            )
    invocation.show(released, lambda console: _show_weights(console, released))


def create(
    invocation: Invocation,
    contract: ContractArgument,
    segment: Annotated[str, typer.Argument(help="The new segment's name.")],
    name: NameArgument,
    *,
    count: Annotated[int, typer.Option("--count", min=1, help="How many users: those that score best.")],
    seed: Annotated[
        SeedChoice,
        typer.Option("--seed", help="With or without the seed, which shows the platform who is in it; or as scored."),
    ] = SeedChoice.AS_SCORED,
    channel: Annotated[
        list[str] | None,
        typer.Option("--channel", help="Where it may be activated; repeat it. All of the platform's if left out."),
    ] = None,
    expires: Annotated[datetime | None, typer.Option("--expires", help="UTC; else when the contract ends.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is evaluated.")] = False,
) -> None:
    """Ask for a segment of the users that score best, matched or not.

    Each fusion evaluates it again, as a new version.
    """
    from miyun.party.lookalikes import Seed

    with invocation.party() as party:
        job = party.lookalike.create(
            contract,
            segment,
            name,
            count=count,
            seed=Seed(seed.value),
            channels=tuple(channel) if channel else None,
            expires=in_utc(expires) if expires else None,
        )
        if wait:
            with watched(invocation) as on_event:
                job = party.jobs.wait(contract, job.id, on_event)
    show_job(invocation, job)


def report(
    invocation: Invocation,
    contract: ContractArgument,
    name: NameArgument,
    *,
    rho: RhoOption,
    plot: PlotOption = None,
) -> None:
    """Show how well the score tells the seed from the base.

    It is a question about both, charged once; asked again, it costs nothing.
    """
    require_drawable(plot)
    with invocation.party() as party:
        tell_cost(invocation, party, contract, rho)
        with watched(invocation) as on_event:
            found = party.lookalike.report(contract, name, rho_micro=rho, on_event=on_event)
    show_result(invocation, found, plot=plot)


def list_(invocation: Invocation, contract: ContractArgument) -> None:
    """List the lookalikes of a contract."""
    with invocation.party() as party:
        found: list[Lookalike] = []
        while page := party.lookalike.list(contract, after=found[-1].name if found else ""):
            found.extend(page)
    invocation.show(
        found,
        lambda console: show_table(
            console,
            ("name", "state", "seed", "base", "own noise", "released"),
            (
                (
                    lookalike.name,
                    lookalike.state,
                    f"{lookalike.seed.name}@{lookalike.seed.version}",
                    f"{lookalike.base.name}@{lookalike.base.version}",
                    rho_words(lookalike.rho_micro),
                    lookalike.at,
                )
                for lookalike in found
            ),
            empty="There are no lookalikes.",
        ),
    )


def _tell_costs(invocation: Invocation, party: "Party", contract: str, *, portrait: int, own: int) -> None:
    """What a release costs, for people, before anything is asked."""
    if invocation.json:
        return
    quote = party.insight.quote(contract, portrait)
    invocation.note(
        f"The portrait costs both parties {rho_words(quote.rho_micro)}, and the own noise this party {rho_words(own)}; "
        f"or nothing if they were asked for before. {rho_words(quote.remaining_micro)} is left."
    )


def _show_weights(console: "Console", released: "LookalikeWeights") -> None:
    show_fields(
        console,
        {
            "lookalike": released.name,
            "job": released.job.id,
            "tags": released.tags,
            "of them with a weight": len(released.weights),
        },
    )
    heaviest = list(released.weights.items())[:_SHOWN]
    show_table(
        console,
        ("tag", "odds in the seed, times those in the base"),
        ((tag, f"{math.exp(weight / 1000):.2f}") for tag, weight in heaviest),
        empty="No tag tells the seed from the base.",
    )
