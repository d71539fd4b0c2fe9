"""What segments select: pairs by their indices, or rows of the platform by their handles."""

from functools import cache

from pyroaring import BitMap
from sqlalchemy import Connection

from miyun.contract.model import Contract, PartyKind, Universe
from miyun.segments.algebra import Ground, Handles, Selection
from miyun.zone.bitmaps import read_bitmap
from miyun.zone.operations.access import party_names
from miyun.zone.store.bulk import PAIRS, count_pairs, get_live, left_handles, right_handles, rows_of
from miyun.zone.store.fusions import applied, list_announcements, row_handles
from miyun.zone.store.segments import find_segment, get_selection


def ground_of(connection: Connection, contract: Contract, epoch: int) -> Ground:
    """The pairs and rows of an epoch, of which only what is asked for is read, once."""

    @cache
    def handles(namespace: str) -> Handles:
        read = (left_handles, right_handles)[party_names(contract).index(contract.owner_of(namespace).name)]
        return read(connection, contract.id, epoch)

    return Ground(everything=cache(lambda universe: _live(connection, contract, epoch, universe)), handles=handles)


def held_selection(connection: Connection, contract: Contract, segment_job: str, epoch: int) -> Selection | None:
    """What a segment selects in an epoch; None where it is not evaluated yet, or erased."""
    segment = find_segment(connection, contract.id, segment_job)
    selection = get_selection(connection, contract.id, segment_job, epoch)
    if segment is None or selection is None:
        return None
    count = _count(connection, contract, epoch, segment.universe)
    return Selection(universe=segment.universe, numbers=read_bitmap(selection, count))


def platform_rows(connection: Connection, contract: Contract, epoch: int) -> int:
    """How many row handles the platform announced, padding included, and those that it took out."""
    platform = contract.owner_of(PartyKind.PLATFORM.namespace).name
    return row_handles(connection, contract.id, epoch)[platform]


def changed_rows(connection: Connection, contract: Contract, epoch: int) -> bool:
    """Whether a delta of the platform added or took out rows of its own in this epoch."""
    platform = contract.owner_of(PartyKind.PLATFORM.namespace).name
    deltas = (fusion for fusion in applied(connection, contract.id, epoch) if fusion.sequence)
    return any(list_announcements(connection, contract.id, delta.job)[platform][0].handles for delta in deltas)


def _live(connection: Connection, contract: Contract, epoch: int, universe: Universe) -> BitMap:
    """The numbers of a universe, but those that a delta ended."""
    platform = party_names(contract).index(contract.owner_of(PartyKind.PLATFORM.namespace).name)
    of = PAIRS if universe is Universe.MATCHED else rows_of(platform)
    live = get_live(connection, contract.id, epoch, of)
    return BitMap(range(_count(connection, contract, epoch, universe))) if live is None else live


def _count(connection: Connection, contract: Contract, epoch: int, universe: Universe) -> int:
    if universe is Universe.PLATFORM:
        return platform_rows(connection, contract, epoch)
    return count_pairs(connection, contract.id, epoch)
