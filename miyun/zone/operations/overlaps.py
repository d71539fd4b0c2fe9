"""Sizes of several segments and of what each two share, as one noised vector, charged once and the same for ever."""

import hashlib
import itertools
import math

import rfc8785
from pyroaring import BitMap

from miyun.aggregates.statements import OverlapAnswer, OverlapRequest
from miyun.contract.model import MATCHED, Contract, Universe
from miyun.contract.permissions import permit_size
from miyun.errors import InputError, StateError
from miyun.privacy.noise import discrete_gaussian, scale_for
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import active_contract, verify_party
from miyun.zone.operations.counting import count_sensitivity, owners_of, rankings
from miyun.zone.operations.evaluation import generations_of
from miyun.zone.operations.insight import resolve_segments
from miyun.zone.operations.releases import OVERLAP, charge_owners
from miyun.zone.operations.selections import ground_of, held_selection
from miyun.zone.store import budget as store
from miyun.zone.store.budget import OverlapRelease
from miyun.zone.store.fusions import newest_delta
from miyun.zone.store.segments import StoredSegment

Segments = tuple[StoredSegment | None, ...]
"""In the order of a release; None for all pairs."""


def ask_overlap(core: Core, caller: str, request: OverlapRequest, signature: bytes) -> tuple[OverlapAnswer, bytes]:
    """The noised sizes of segments and of what each two share. It costs as much as one size.

    Raises:
        NotPermittedError: a grant of size is missing.
        BudgetExceededError, WaitingError: no room in the contract's budget, or in an owner's leases.
        StateError, WaitingError: a segment is gone, has another version, or is being evaluated.
        InputError: they are not all of one universe.
    """
    with core.changing() as change:
        contract = active_contract(change, request.contract, caller)
        verify_party(contract, caller, request.asker, request, signature)
        epoch, segments = resolve_segments(change, contract, request.segments)
        permit_size(contract, caller, _subjects(segments))
        order = sorted(range(len(segments)), key=lambda place: _meaning(segments[place]))
        ordered = tuple(segments[place] for place in order)
        key = _release_key(change, contract, ordered, epoch)
        release = store.find_overlap_release(change.connection, contract.id, key)
        if release is None:
            release = _release(core, change, contract, ordered, epoch)
        answer = OverlapAnswer(
            contract=contract.id,
            segments=request.segments,
            sizes=_as_asked(release.sizes, order),
            scale_milli=math.ceil(_scale(change, contract, ordered, epoch) * 1000),
            at=release.at,
        )
        return answer, core.signing_key.sign(answer)


def _release(core: Core, change: Change, contract: Contract, segments: Segments, epoch: int) -> OverlapRelease:
    """Draw the noised sizes, in the transaction that charges for them."""
    key = _release_key(change, contract, segments, epoch)
    scale = _scale(change, contract, segments, epoch)
    charge_owners(
        core,
        change,
        contract,
        release=key,
        purpose=OVERLAP,
        rho_micro=contract.budget.size_rho_micro,
        owners=owners_of(contract, _subjects(segments)),
    )
    pairs = len(ground_of(change.connection, contract, epoch).all(Universe.MATCHED).numbers)
    sets: list[BitMap | None] = []
    for segment in segments:
        if segment is None:
            sets.append(None)
            continue
        selection = held_selection(change.connection, contract, segment.job, epoch)
        if selection is None:
            raise StateError(f"segment {segment.name} is erased", hint="Ask about the newest version.")
        sets.append(selection.numbers)
    exact = []
    for both in itertools.combinations_with_replacement(sets, 2):
        present = [bits for bits in both if bits is not None]
        exact.append(len(present[0] & present[-1]) if present else pairs)
    release = OverlapRelease(
        contract=contract.id,
        release=key,
        sizes=tuple(discrete_gaussian(exact, scale)),
        at=change.at,
    )
    store.add_overlap_release(change.connection, release)
    return release


def _scale(change: Change, contract: Contract, segments: Segments, epoch: int) -> float:
    """The noise of each size: all of them together change by √(their number) times what one size can."""
    sizes = len(segments) * (len(segments) + 1) // 2
    one = count_sensitivity(
        change.connection, contract, epoch, _universe(segments), _subjects(segments), ranked=rankings(*segments)
    )
    sensitivity = math.nextafter(math.sqrt(sizes), math.inf) * one
    return scale_for(contract.budget.size_rho_micro, math.nextafter(sensitivity, math.inf))


def _universe(segments: Segments) -> Universe:
    universes = {Universe.MATCHED if segment is None else segment.universe for segment in segments}
    if len(universes) > 1:
        raise InputError(
            f"a question about segments of different universes: {', '.join(sorted(universes))}",
            hint="Create matched segments of the others, “… within matched”, and ask about those.",
        )
    return universes.pop()


def _subjects(segments: Segments) -> frozenset[str]:
    """What all of them are made of; all pairs are made of the match."""
    return frozenset[str]().union(*({MATCHED} if segment is None else segment.subjects for segment in segments))


def _as_asked(sizes: tuple[int, ...], order: list[int]) -> tuple[int, ...]:
    """The sizes of a release in the order of the request, in which its segment i has the place ``order[i]``."""
    count = len(order)
    held = dict(zip(itertools.combinations_with_replacement(range(count), 2), sizes, strict=True))
    place = {asked: number for number, asked in enumerate(order)}
    return tuple(
        held[min(place[row], place[column]), max(place[row], place[column])]
        for row, column in itertools.combinations_with_replacement(range(count), 2)
    )


def _meaning(segment: StoredSegment | None) -> tuple[str, str, str]:
    return (Universe.MATCHED, MATCHED, "") if segment is None else (segment.universe, segment.meaning, segment.job)


def _release_key(change: Change, contract: Contract, segments: Segments, epoch: int) -> str:
    """What is asked, in hex: segments that mean the same are the same, whatever they are called, of the same data."""
    connection, asked = change.connection, []
    for universe, meaning, _ in map(_meaning, segments):
        generations = generations_of(connection, contract, epoch, meaning, Universe(universe))
        asked.append([universe, meaning, generations])
    when = f"{epoch}.{newest_delta(connection, contract.id, epoch)}"
    return hashlib.sha256(rfc8785.dumps([OVERLAP, contract.digest().hex(), when, asked])).hexdigest()
