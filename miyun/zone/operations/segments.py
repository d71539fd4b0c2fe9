"""Segments as parties ask for them: created, looked at, renamed, invalidated; and the legs that agents hand in."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job
from miyun.contract.model import Contract
from miyun.contract.permissions import permit_channels, permit_leg_count, permit_segment
from miyun.errors import ContractError, MalformedError, NotFoundError, NotPermittedError, StateError
from miyun.names import check_name
from miyun.segments.listing import Segment, SegmentState
from miyun.segments.planning import Plan
from miyun.segments.statements import SUPPRESSION, SegmentChange, SegmentRequest
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import (
    active_contract,
    contract_of_party,
    party_names,
    require_terms,
    verify_party,
)
from miyun.zone.operations.definitions import Definition, read_definition
from miyun.zone.operations.evaluation import begin_evaluation, segment_request
from miyun.zone.operations.history import SignedReceipt, receipt, record_statement
from miyun.zone.operations.jobs import begin_job, held_job
from miyun.zone.operations.lookalikes import require_lookalikes
from miyun.zone.operations.retention import retire_segment
from miyun.zone.store import segments as store
from miyun.zone.store.fusions import Fusion, joined_fusion
from miyun.zone.store.legs import predicates_asked
from miyun.zone.store.segments import StoredSegment

PAGE_SEGMENTS = 200
MOST_LIVE_SEGMENTS = 1000


def create_segment(core: Core, caller: str, request: SegmentRequest, signature: bytes) -> tuple[Job, SignedReceipt]:
    """Begin a segment over the pairs, or the platform's rows, of the newest epoch.

    Raises:
        NotPermittedError: a grant is missing, or the epoch has its limit of predicates.
        ExpressionError: the definition can't be read, or mixes universes.
        StateError: nothing is fused yet, or the name is taken.
    """
    with core.changing() as change:
        contract = active_contract(change, request.contract, caller)
        verify_party(contract, caller, request.owner, request, signature)
        require_terms(contract, request.contract_digest, request)
        job = held_job(change, request, Event.SEGMENT_REQUESTED, caller)
        if job is None:
            job = _create(change, contract, request, signature)
            facts: dict[Fact, str | int] = {Fact.JOB: request.job, Fact.SEGMENT: request.name}
            record_statement(change, contract.id, Event.SEGMENT_REQUESTED, caller, request, facts=facts)
        return job, receipt(core, change, contract.id, job.id, request)


def change_segment(
    core: Core, caller: str, statement: SegmentChange, signature: bytes
) -> tuple[Segment, SignedReceipt]:
    """Rename or invalidate one's own segment.

    Raises:
        StateError: another live segment is made of it, or the new name is taken.
        NotPermittedError: it is the other party's.
    """
    with core.changing() as change:
        contract = active_contract(change, statement.contract, caller)
        verify_party(contract, caller, statement.owner, statement, signature)
        require_terms(contract, statement.contract_digest, statement)
        changed = _changed_before(change, statement)
        if changed is None:
            changed = _change(change, contract, statement)
            facts: dict[Fact, str | int] = {Fact.SEGMENT: statement.segment, Fact.CHANGE: statement.change}
            record_statement(change, contract.id, Event.SEGMENT_CHANGED, caller, statement, facts=facts)
        return _view(change.connection, changed, change.at), receipt(core, change, contract.id, changed.job, statement)


def get_segment(core: Core, caller: str, contract: str, name: str) -> Segment:
    """A segment by its name: the live one, or else the newest that had it."""
    with core.reading() as connection:
        contract_of_party(connection, contract, caller)
        return _view(connection, require_segment(connection, contract, name), core.clock())


def list_segments(core: Core, caller: str, contract: str, *, limit: int, after: str) -> tuple[Segment, ...]:
    """Segments by name, at most `PAGE_SEGMENTS` a page."""
    with core.reading() as connection:
        contract_of_party(connection, contract, caller)
        found = store.list_segments(connection, contract, limit=min(limit or PAGE_SEGMENTS, PAGE_SEGMENTS), after=after)
        return tuple(_view(connection, segment, core.clock()) for segment in found)


def require_segment(connection: Connection, contract: str, name: str) -> StoredSegment:
    """A segment by its name.

    Raises:
        NotFoundError: there is none.
    """
    segment = store.segment_named(connection, contract, name)
    if segment is None:
        raise NotFoundError(f"there is no segment {name[:80]}", hint="List the segments: miyun segment list")
    return segment


def require_live(segment: StoredSegment, now: datetime) -> None:
    """Pass where the segment was neither invalidated nor is over.

    Raises:
        StateError: it was, or is.
    """
    if not segment.state.is_live or now >= segment.expires:
        state = SegmentState.EXPIRED if segment.state.is_live else segment.state
        raise StateError(f"segment {segment.name} is {state}", hint="Create it anew.")


def _create(change: Change, contract: Contract, request: SegmentRequest, signature: bytes) -> Job:
    check_name(request.name)
    _check_request(change, contract, request)
    fusion = joined_fusion(change.connection, contract.id)
    if fusion is None:
        raise StateError(f"nothing is fused yet under contract {contract.id}", hint="Fuse first.")
    definition = read_definition(change.connection, contract, request)
    permit_segment(contract, request.owner, definition.subjects)
    require_lookalikes(change.connection, contract.id, {part.lookalike for part in definition.plan.best})
    _check_legs(change.connection, contract, fusion, definition.plan)
    segment = StoredSegment(
        contract=contract.id,
        job=request.job,
        name=request.name,
        universe=request.universe,
        meaning=definition.meaning.expression.text(),
        subjects=definition.subjects,
        state=SegmentState.EVALUATING,
        version=1,
        epoch=fusion.epoch,
        created=change.at,
        expires=request.expires,
    )
    begin_job(change, request, signature, requester=request.owner, subject=f"{segment.name}@1")
    store.add_segment(change.connection, segment, _referenced_jobs(definition))
    return begin_evaluation(change, contract, segment, definition.plan)


def _referenced_jobs(definition: Definition) -> dict[str, str]:
    return {name: segment.job for name, segment in definition.references.items()}


def _check_request(change: Change, contract: Contract, request: SegmentRequest) -> None:
    if len(set(request.channels)) != len(request.channels):
        raise MalformedError("a segment that names a channel twice", hint="Name each channel once.")
    permit_channels(contract, request.channels)
    if not change.at < request.expires <= contract.expires:
        raise ContractError(
            f"a segment of contract {contract.id} has to expire by {contract.expires:%Y-%m-%d %H:%M} UTC",
            hint="Choose another end, or none.",
            clause="expires",
        )
    live = store.live_segments(change.connection, contract.id)
    if any(segment.name == request.name for segment in live):
        raise _name_taken(request.name)
    if len(live) >= MOST_LIVE_SEGMENTS:
        raise StateError(f"contract {contract.id} has {len(live)} segments", hint="Invalidate those not needed.")


def _check_legs(connection: Connection, contract: Contract, fusion: Fusion, planned: Plan) -> None:
    """Hold the contract's limit of predicates per party and epoch, counting each predicate once."""
    asked = predicates_asked(connection, contract.id, fusion.epoch, except_for=SUPPRESSION)
    for name in party_names(contract):
        namespace = contract.party(name).kind.namespace
        new = {leg.predicate.text() for leg in planned.legs if leg.namespace == namespace}
        if new:
            permit_leg_count(contract, len(asked.get(name, set()) | new))


def _changed_before(change: Change, statement: SegmentChange) -> StoredSegment | None:
    """The segment, where this very change was made before: a retransmission."""
    name = statement.new_name if statement.change == "rename" else statement.segment
    segment = store.segment_named(change.connection, statement.contract, name)
    return segment if segment is not None and segment.last_change == statement.digest() else None


def _change(change: Change, contract: Contract, statement: SegmentChange) -> StoredSegment:
    segment = require_segment(change.connection, contract.id, statement.segment)
    require_live(segment, change.at)
    if segment_request(change.connection, segment).owner != statement.owner:
        raise NotPermittedError(
            f"segment {segment.name} is not {statement.owner}'s", hint="Let its owner change it.", clause="parties"
        )
    referring = store.referring_segments(change.connection, contract.id, segment.job)
    if referring:
        raise StateError(
            f"segment {segment.name} is part of {', '.join(referring)}", hint="Invalidate those segments first."
        )
    segment = replace(segment, last_change=statement.digest())
    match statement.change:
        case "rename":
            return _rename(change, segment, statement.new_name)
        case "invalidate":
            reason = f"segment {segment.name} was invalidated by {statement.owner}"
            retire_segment(change, segment, SegmentState.INVALIDATED, reason)
            return replace(segment, state=SegmentState.INVALIDATED)
    raise MalformedError(f"a segment can't be changed by “{statement.change[:80]}”", hint="Rename or invalidate it.")


def _rename(change: Change, segment: StoredSegment, new_name: str) -> StoredSegment:
    taken = store.segment_named(change.connection, segment.contract, check_name(new_name))
    if taken is not None and taken.state.is_live:
        raise _name_taken(new_name)
    renamed = replace(segment, name=new_name)
    store.save_segment(change.connection, renamed)
    return renamed


def _view(connection: Connection, segment: StoredSegment, now: datetime) -> Segment:
    request = segment_request(connection, segment)
    return Segment(
        name=segment.name,
        definition=request.definition,
        universe=segment.universe,
        owner=request.owner,
        state=SegmentState.EXPIRED if segment.state.is_live and now >= segment.expires else segment.state,
        version=segment.version,
        epoch=segment.epoch,
        channels=request.channels,
        expires=segment.expires,
        created=segment.created,
    )


def _name_taken(name: str) -> StateError:
    return StateError(f"there is a segment {name} already", hint="Choose another name, or invalidate that one.")
