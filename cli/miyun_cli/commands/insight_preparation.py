"""``miyun insight quote``, ``key`` and ``fill-pool``: before a question."""

from typing import Annotated

import typer

from miyun_cli.arguments import ContractArgument
from miyun_cli.invocation import Invocation
from miyun_cli.output import rho as rho_words
from miyun_cli.output import show_fields
from miyun_cli.results import RhoOption
from miyun_cli.watching import counted


def quote(invocation: Invocation, contract: ContractArgument, *, rho: RhoOption) -> None:
    """Show what a question would cost; nothing is spent."""
    with invocation.party() as party:
        found = party.insight.quote(contract, rho)
    fields = {"cost": rho_words(found.rho_micro), "left": rho_words(found.remaining_micro)}
    invocation.show(found, lambda console: show_fields(console, fields))


def key(invocation: Invocation, contract: ContractArgument) -> None:
    """Make the key that answers are encrypted with; tell the zone.

    The first question does it by itself. A key that was made stays.
    """
    with invocation.party() as party:
        made = party.insight.make_key(contract)
    fields = {
        "contract": made.contract,
        "party": made.party,
        "bits": 8 * len(made.modulus),
        "SHA-256": made.digest().hex(),
    }
    invocation.show(made, lambda console: show_fields(console, fields))


def fill_pool(
    invocation: Invocation,
    contract: ContractArgument,
    rows: Annotated[int, typer.Argument(min=1, help="How many own rows to be ready for.")],
) -> None:
    """Draw randomness in advance, for faster sums of own numbers.

    What is interrupted goes on the next time.
    """
    with invocation.party() as party, counted(invocation, "drawing randomness") as on_progress:
        party.insight.fill_pool(contract, rows, on_progress)
    invocation.show(
        {"contract": contract, "rows": rows}, lambda console: show_fields(console, {"ready for own rows": rows})
    )
