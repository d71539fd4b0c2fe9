"""What segments select: pairs by their indices, or rows of the platform by their handles."""

from functools import cache

from sqlalchemy import Connection

from miyun.contract.model import Contract, PartyKind, Universe
from miyun.segments.algebra import Ground, Handles, Selection
from miyun.zone.bitmaps import read_bitmap
from miyun.zone.operations.access import party_names
from miyun.zone.store.bulk import count_pairs, left_handles, right_handles
from miyun.zone.store.fusions import list_announcements
from miyun.zone.store.segments import find_segment, get_selection


def ground_of(connection: Connection, contract: Contract, epoch: int) -> Ground:
    """The pairs and rows of an epoch, of which only what is asked for is read, once."""

    @cache
    def handles(namespace: str) -> Handles:
        read = (left_handles, right_handles)[party_names(contract).index(contract.owner_of(namespace).name)]
        return read(connection, contract.id, epoch)

    return Ground(count=cache(lambda universe: _count(connection, contract, epoch, universe)), handles=handles)


def held_selection(connection: Connection, contract: Contract, segment_job: str, epoch: int) -> Selection | None:
    """What a segment selects in an epoch; None where it is not evaluated yet, or erased."""
    segment = find_segment(connection, contract.id, segment_job)
    selection = get_selection(connection, contract.id, segment_job, epoch)
    if segment is None or selection is None:
        return None
    count = _count(connection, contract, epoch, segment.universe)
    return Selection(universe=segment.universe, numbers=read_bitmap(selection, count))


def platform_rows(connection: Connection, contract: Contract, epoch: int) -> int:
    """How many row handles the platform announced, padding included."""
    platform = contract.owner_of(PartyKind.PLATFORM.namespace).name
    return list_announcements(connection, contract.id, epoch)[platform][0].handles


def _count(connection: Connection, contract: Contract, epoch: int, universe: Universe) -> int:
    if universe is Universe.PLATFORM:
        return platform_rows(connection, contract, epoch)
    return count_pairs(connection, contract.id, epoch)
