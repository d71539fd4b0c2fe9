"""Counts of what segments select: whose data they derive from, and how much one row of it can change them."""

from sqlalchemy import Connection

from miyun.contract.model import MATCHED, Contract, PartyKind, Universe
from miyun.errors import StateError
from miyun.privacy import sensitivity
from miyun.zone.operations.access import party_names
from miyun.zone.operations.selections import platform_rows

MOST_COPIES = 1
"""Of one row of the platform among its padding, for counts of such rows to be worth telling."""


def owners_of(contract: Contract, subjects: frozenset[str]) -> tuple[str, ...]:
    """Whose rows decide about segments over ``subjects``: both parties', unless the match has no part in it."""
    if MATCHED in subjects:
        return party_names(contract)
    return (contract.owner_of(PartyKind.PLATFORM.namespace).name,)


def count_sensitivity(
    connection: Connection, contract: Contract, epoch: int, universe: Universe, subjects: frozenset[str]
) -> int:
    """How much one row can change the count of a segment. It follows from the contract and the announced rows alone.

    Raises:
        StateError: among the platform's announced rows there may be more padding than users.
    """
    types = len(contract.identifiers)
    if universe is Universe.MATCHED:
        return sensitivity.size(types)
    rows = platform_rows(connection, contract, epoch)
    copies = sensitivity.copies(rows, contract.padding_bucket, types)
    if copies > MOST_COPIES:
        raise StateError(
            f"of the platform's {rows:,} rows more may be padding than users: a count of them would tell little",
            hint="Ask about the segment “within matched”, or agree on a smaller padding_bucket.",
        )
    return sensitivity.rows(types if MATCHED in subjects else 0, copies)
