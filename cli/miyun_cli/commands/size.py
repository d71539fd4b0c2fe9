"""``miyun size`` and ``budget``: noisy bands, and what they cost."""

from typing import TYPE_CHECKING, Annotated

import typer

from miyun_cli.arguments import ContractArgument, SegmentArgument
from miyun_cli.invocation import Invocation, command
from miyun_cli.output import rho, show_fields

if TYPE_CHECKING:
    from miyun.party.estimates import SizeEstimate
    from miyun.privacy.statements import SizeBand
    from miyun.segments.quotes import ToldSize


def add_to(app: typer.Typer) -> None:
    command(app, "size", size)
    command(app, "budget", budget)


def size(
    invocation: Invocation,
    contract: ContractArgument,
    segment: SegmentArgument,
    *,
    version: Annotated[int, typer.Option("--version", min=0, help="Of the segment; 0: the newest.")] = 0,
    quote: Annotated[bool, typer.Option("--quote", help="Show what it would cost, and don't ask.")] = False,
) -> None:
    """Ask for a segment's size, as a band from a noised count.

    A party or an analyst may ask, each what it is permitted.
    """
    from miyun.keys.home import Role

    asker = invocation.analyst() if invocation.role() is Role.ANALYST else invocation.party()
    with asker:
        if quote:
            cost = asker.quote(contract, segment)
            fields = {"cost": rho(cost.rho_micro), "left": rho(cost.remaining_micro)}
            invocation.show(cost, lambda console: show_fields(console, fields))
            return
        band = asker.size(contract, segment, version)
    invocation.show(
        band,
        lambda console: show_fields(
            console, {"segment": band.segment, "version": band.version, "size": band_words(band), "at": band.at}
        ),
    )


def band_words(band: "SizeBand | ToldSize | SizeEstimate") -> str:
    """A band as a person reads it."""
    if band.below is None:
        return f"at least {band.at_least:,}"
    return f"{band.at_least:,} to {band.below - 1:,}" if band.at_least else f"below {band.below:,}"


def budget(invocation: Invocation, contract: ContractArgument) -> None:
    """Show this party's own privacy ledger for a contract."""
    with invocation.party() as party:
        view = party.budget(contract)
    invocation.show(
        view,
        lambda console: show_fields(
            console,
            {
                "contract": view.contract,
                "allowed by the contract": rho(view.limit_micro),
                "leased to the zone": rho(view.leased_micro),
                "spent": f"{rho(view.spent_micro)} (ε = {view.epsilon:.2f} at δ = 10^-{view.delta_exponent})",
                "left of the leases": rho(view.remaining_micro),
                "own limit, all contracts": rho(view.total_micro),
                "leased, all contracts": rho(view.total_leased_micro),
            },
        ),
    )
