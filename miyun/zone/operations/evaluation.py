"""Evaluating segments: the legs that are asked for, and the selection of pairs or rows that comes of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pyroaring import BitMap
from sqlalchemy import Connection

from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job
from miyun.contract.model import Contract, Universe
from miyun.errors import InternalError
from miyun.segments.algebra import Selection, evaluate
from miyun.segments.listing import Cause, SegmentState
from miyun.segments.parser import parse
from miyun.segments.planning import Leg, Plan, plan
from miyun.segments.statements import SegmentRequest
from miyun.zone.bitmaps import read_bitmap
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import active_contract, party_names
from miyun.zone.operations.history import record
from miyun.zone.operations.jobs import finish_job, move_job, require_job
from miyun.zone.operations.retention import forget_version
from miyun.zone.operations.selections import ground_of, held_selection
from miyun.zone.store import legs as legs_store
from miyun.zone.store import segments as store
from miyun.zone.store.fusions import newest_delta, row_handles
from miyun.zone.store.generations import current_generations, spelled
from miyun.zone.store.jobs import signed_request
from miyun.zone.store.legs import StoredLeg
from miyun.zone.store.segments import StoredSegment
from miyun.zone.store.versions import mark_evaluated, put_version


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHandles:
    """The handles that a party's delta added: from ``first`` to below ``handles``.

    ``renewed``: its data is of a new generation, so that all from 0 are asked for.
    """

    party: str
    first: int
    handles: int
    renewed: bool


def evaluate_anew(change: Change, contract: Contract, epoch: int) -> None:
    """Begin a new version of every live segment over the pairs of a new epoch."""
    for segment in _live(change, contract):
        renewed = replace(segment, state=SegmentState.EVALUATING, version=segment.version + 1, epoch=epoch)
        store.save_segment(change.connection, renewed)
        begin_evaluation(change, contract, renewed, segment_plan(change.connection, segment), cause=Cause.FUSED)


def evaluate_delta(change: Change, contract: Contract, epoch: int, grown: NewHandles) -> None:
    """Begin a new version of every live segment after a delta: of its party's legs, only the new handles are asked."""
    for segment in _live(change, contract, epoch):
        store.erase_selections(change.connection, contract.id, segment.job)
        if grown.renewed:
            legs_store.erase_legs(change.connection, contract.id, segment.job, party=grown.party)
        ranges = {grown.party: (0 if grown.renewed else grown.first, grown.handles)}
        _renew(change, contract, segment, Cause.CHANGED, ranges)


def evaluate_refreshed(change: Change, contract: Contract, epoch: int, party: str) -> None:
    """Begin a new version of every live segment that derives from a party's data, which changed: its legs are asked
    anew, and the other party's stay.
    """
    rows = row_handles(change.connection, contract.id, epoch)
    for segment in _live(change, contract, epoch):
        if party not in _asked_of(contract, segment.meaning, segment.universe):
            continue
        forget_version(change, segment, f"data of {party} was refreshed before that was done")
        legs_store.erase_legs(change.connection, contract.id, segment.job, party=party)
        _renew(change, contract, segment, Cause.REFRESHED, {party: (0, rows[party])})


def live_predicates(change: Change, contract: Contract, epoch: int, party: str) -> set[str]:
    """The predicates of a party that its live segments of an epoch are made of."""
    namespace = contract.party(party).kind.namespace
    return {
        leg.predicate.text()
        for segment in _live(change, contract, epoch)
        for leg in segment_plan(change.connection, segment).legs
        if leg.namespace == namespace
    }


def begin_evaluation(
    change: Change,
    contract: Contract,
    segment: StoredSegment,
    planned: Plan,
    *,
    cause: Cause,
    ranges: Mapping[str, tuple[int, int]] | None = None,
) -> Job:
    """Ask the owners for the legs of a segment's current version.

    ``ranges``: of whom, and of which handles, the first and the one after the last; None: of everybody, all.
    """
    put_version(change.connection, segment, cause, change.at)
    if ranges is None:
        rows = row_handles(change.connection, contract.id, segment.epoch)
        ranges = {name: (0, handles) for name, handles in rows.items()}
    generations = current_generations(change.connection, contract.id, segment.epoch)
    for leg in planned.legs:
        owner = contract.owner_of(leg.namespace).name
        if owner not in ranges:
            continue
        first, handles = ranges[owner]
        legs_store.ask_leg(
            change.connection,
            StoredLeg(
                contract=contract.id,
                job=segment.job,
                epoch=segment.epoch,
                party=owner,
                generation=generations.get(owner, 0),
                predicate=leg.predicate.text(),
                first=first,
                handles=handles,
                received=False,
            ),
        )
    change.work_for.add(contract.id)
    return follow_legs(change, contract, segment)


def follow_legs(change: Change, contract: Contract, segment: StoredSegment) -> Job:
    """Carry over to the segment's job which legs are in."""
    legs = legs_store.legs_of(change.connection, contract.id, segment.job, segment.epoch)
    missing = {leg.party for leg in legs if not leg.received}
    return move_job(
        change,
        require_job(change.connection, contract.id, segment.job),
        waiting_for=tuple(name for name in party_names(contract) if name in missing),
        done=sum(leg.received for leg in legs),
        total=len(legs) + 1,
        subject=f"{segment.name}@{segment.version}",
    )


def evaluate_segment(core: Core, contract: Contract, segment: StoredSegment) -> bool:
    """Compute a segment's selection, once its legs and the segments it refers to are there. False until then.

    Where it was changed or is asked anew meanwhile, nothing is kept, and it is to be looked at again.
    """
    with core.reading() as connection:
        if not _is_due(connection, segment):
            return False
        made = _made_from(connection, contract, segment)
        selection = _select(connection, contract, segment).numbers.serialize()
    with core.changing() as change:
        active_contract(change, contract.id, contract.parties[0].name)
        now = store.find_segment(change.connection, contract.id, segment.job)
        if now != segment or _made_from(change.connection, contract, segment) != made:
            return True
        store.put_selection(change.connection, segment, *made, selection)
        mark_evaluated(change.connection, segment, change.at)
        store.save_segment(change.connection, replace(segment, state=SegmentState.READY))
        finish_job(change, require_job(change.connection, contract.id, segment.job))
        facts: dict[Fact, str | int] = {
            Fact.JOB: segment.job,
            Fact.SEGMENT: segment.name,
            Fact.VERSION: segment.version,
            Fact.EPOCH: segment.epoch,
        }
        record(change, contract.id, Event.SEGMENT_READY, core.name, facts)
        change.work_for.add(contract.id)
        return True


def generations_of(connection: Connection, contract: Contract, epoch: int, meaning: str, universe: Universe) -> str:
    """Those of the data from which a definition derives now, the segments in it written out; of the parties in their
    order, 0 where one's has no part in it.
    """
    current = current_generations(connection, contract.id, epoch)
    asked = _asked_of(contract, meaning, universe)
    return spelled(party_names(contract), {party: current.get(party, 0) for party in asked})


def segment_request(connection: Connection, segment: StoredSegment) -> SegmentRequest:
    """The request that a segment was created with."""
    return SegmentRequest.from_canonical(signed_request(connection, segment.contract, segment.job).request)


def segment_plan(connection: Connection, segment: StoredSegment) -> Plan:
    """The plan of a segment's signed definition."""
    return plan(parse(segment_request(connection, segment).definition), segment.universe)


def _live(change: Change, contract: Contract, epoch: int | None = None) -> list[StoredSegment]:
    """The live segments whose time is not over; those of an epoch, if one is given."""
    return [
        segment
        for segment in store.live_segments(change.connection, contract.id)
        if change.at < segment.expires and epoch in {None, segment.epoch}
    ]


def _renew(
    change: Change, contract: Contract, segment: StoredSegment, cause: Cause, ranges: Mapping[str, tuple[int, int]]
) -> None:
    """Begin a new version within the epoch, or anew the one that was never evaluated; ``ranges`` are asked for."""
    version = segment.version + (segment.state is SegmentState.READY)
    renewed = replace(segment, state=SegmentState.EVALUATING, version=version)
    store.save_segment(change.connection, renewed)
    planned = segment_plan(change.connection, segment)
    begin_evaluation(change, contract, renewed, planned, cause=cause, ranges=ranges)


def _asked_of(contract: Contract, meaning: str, universe: Universe) -> set[str]:
    return {contract.owner_of(leg.namespace).name for leg in plan(parse(meaning), universe).legs}


def _made_from(connection: Connection, contract: Contract, segment: StoredSegment) -> tuple[int, str]:
    """The newest delta of a segment's epoch, and the generations of the data that it derives from."""
    return (
        newest_delta(connection, contract.id, segment.epoch),
        generations_of(connection, contract, segment.epoch, segment.meaning, segment.universe),
    )


def _is_due(connection: Connection, segment: StoredSegment) -> bool:
    legs = legs_store.legs_of(connection, segment.contract, segment.job, segment.epoch)
    references = store.references_of(connection, segment.contract, segment.job).values()
    return all(leg.received for leg in legs) and all(
        store.get_selection(connection, segment.contract, job, segment.epoch) is not None for job in references
    )


def _select(connection: Connection, contract: Contract, segment: StoredSegment) -> Selection:
    planned = segment_plan(connection, segment)
    return evaluate(
        planned,
        ground_of(connection, contract, segment.epoch),
        _leg_bitmaps(connection, contract, segment, planned),
        _referenced_selections(connection, contract, segment),
    )


def _leg_bitmaps(
    connection: Connection, contract: Contract, segment: StoredSegment, planned: Plan
) -> dict[Leg, BitMap]:
    stored: dict[tuple[str, str], BitMap] = {}
    for part in legs_store.legs_of(connection, contract.id, segment.job, segment.epoch):
        bits = read_bitmap(legs_store.leg_bits(connection, part), part.handles)
        key = part.party, part.predicate
        stored[key] = stored[key] | bits if key in stored else bits
    return {leg: stored[contract.owner_of(leg.namespace).name, leg.predicate.text()] for leg in planned.legs}


def _referenced_selections(connection: Connection, contract: Contract, segment: StoredSegment) -> dict[str, Selection]:
    selections = {}
    for name, job in store.references_of(connection, segment.contract, segment.job).items():
        selection = held_selection(connection, contract, job, segment.epoch)
        if selection is None:
            raise InternalError("a segment is evaluated before those that it is made of")
        selections[name] = selection
    return selections
