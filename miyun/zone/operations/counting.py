"""Counts of what segments select: whose data they derive from, and how much one row of it can change them."""

from sqlalchemy import Connection

from miyun.contract.model import MATCHED, Contract, PartyKind, Universe
from miyun.errors import StateError
from miyun.privacy import sensitivity
from miyun.segments.expression import Best
from miyun.segments.parser import parse
from miyun.segments.planning import scored
from miyun.zone.operations.access import party_names
from miyun.zone.operations.selections import changed_rows, platform_rows
from miyun.zone.store.segments import StoredSegment


def owners_of(contract: Contract, subjects: frozenset[str]) -> tuple[str, ...]:
    """Whose rows decide about segments over ``subjects``: both parties', unless the match has no part in it."""
    if MATCHED in subjects:
        return party_names(contract)
    return (contract.owner_of(PartyKind.PLATFORM.namespace).name,)


def count_sensitivity(
    connection: Connection,
    contract: Contract,
    epoch: int,
    universe: Universe,
    subjects: frozenset[str],
    *,
    ranked: int,
) -> int:
    """How much one row can change the count of a segment. It follows from the contract and the announced rows alone.

    ``ranked`` is how many times its definition asks who scores best; see `rankings`.

    Raises:
        StateError: of the platform's announced rows, as many may be padding as are users, or they changed since.
    """
    types = len(contract.identifiers)
    if universe is Universe.MATCHED:
        return sensitivity.size(types, ranked)
    if changed_rows(connection, contract, epoch):
        raise StateError(
            "the platform changed rows in this epoch: how much one of them can change a count of them is not bounded",
            hint=f"Ask about the segment “within {MATCHED}”, or fuse anew.",
        )
    rows = platform_rows(connection, contract, epoch)
    padding = sensitivity.most_padding(contract.padding_bucket, types, contract.delta_bucket)
    if padding and rows < 2 * padding + 2:
        raise StateError(
            f"of the platform's {rows:,} rows as many may be padding as are users: a count of them would tell little",
            hint="Ask about the segment “within matched”, or agree on a smaller padding_bucket.",
        )
    return sensitivity.rows(types if MATCHED in subjects else 0, padding, ranked)


def rankings(*segments: StoredSegment | None) -> int:
    """In how many different ways their definitions ask who scores best."""
    return len(frozenset[Best]().union(*(scored(parse(segment.meaning)) for segment in segments if segment)))
