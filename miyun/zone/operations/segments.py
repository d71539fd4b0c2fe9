"""Segments as parties ask for them: created, once per code of their owner, looked at and listed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job
from miyun.contract.model import Contract
from miyun.contract.permissions import permit_channels, permit_leg_count, permit_segment
from miyun.errors import ContractError, InputError, MalformedError, NotFoundError, NotPermittedError, StateError
from miyun.names import SEGMENT, check_code, check_name, job_id
from miyun.segments.listing import Cause, Segment, SegmentFilter, SegmentState
from miyun.segments.planning import Plan
from miyun.segments.statements import SUPPRESSION, SegmentRequest
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import (
    active_contract,
    contract_of_party,
    party_names,
    require_terms,
    verify_party,
)
from miyun.zone.operations.definitions import Definition, read_definition, require_outlived
from miyun.zone.operations.evaluation import begin_evaluation, segment_request
from miyun.zone.operations.fitting import fitting
from miyun.zone.operations.history import SignedReceipt, receipt, record_statement
from miyun.zone.operations.jobs import begin_job, held_job
from miyun.zone.operations.lookalikes import require_lookalikes
from miyun.zone.store import segments as store
from miyun.zone.store.fusions import Fusion, joined_fusion
from miyun.zone.store.generations import current_generations
from miyun.zone.store.legs import predicates_asked
from miyun.zone.store.segments import StoredSegment

PAGE_SEGMENTS = 200
MOST_LIVE_SEGMENTS = 1000


def create_segment(core: Core, caller: str, request: SegmentRequest, signature: bytes) -> tuple[Job, SignedReceipt]:
    """Begin a segment over the pairs, or the platform's rows, of the newest epoch.

    Raises:
        NotPermittedError: a grant is missing, or the epoch has its limit of predicates.
        ExpressionError: the definition can't be read, or mixes universes.
        StateError: nothing is fused yet, the name is taken, or the code stood for another segment before.
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


def get_segment(core: Core, caller: str, contract: str, name: str) -> Segment:
    """A segment by its name: the live one, or else the newest that had it."""
    with core.reading() as connection:
        contract_of_party(connection, contract, caller)
        return view(connection, require_segment(connection, contract, name), core.clock())


def list_segments(
    core: Core, caller: str, contract: str, wanted: SegmentFilter, *, limit: int, after: str
) -> tuple[Segment, ...]:
    """Segments by name, at most `PAGE_SEGMENTS` a page, and fewer where their definitions are long.

    Raises:
        InputError: more names or codes at once than `PAGE_SEGMENTS`.
    """
    if len(wanted.names) + len(wanted.codes) > PAGE_SEGMENTS:
        raise InputError(
            f"{len(wanted.names) + len(wanted.codes)} names and codes at once",
            hint=f"Ask for at most {PAGE_SEGMENTS} at a time.",
        )
    with core.reading() as connection:
        contract_of_party(connection, contract, caller)
        now, page = core.clock(), min(limit or PAGE_SEGMENTS, PAGE_SEGMENTS)
        found = store.list_segments(connection, contract, wanted, now, limit=page, after=after)
        views = (view(connection, segment, now) for segment in found)
        return fitting(views, lambda segment: segment.definition)


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
    state = segment.state_at(now)
    if not state.is_live:
        raise StateError(f"segment {segment.name} is {state}", hint="Create it anew.")


def require_own(change: Change, contract: str, name: str, owner: str) -> StoredSegment:
    """A live segment of this owner, by its name.

    Raises:
        NotFoundError, StateError: there is none, or it is over.
        NotPermittedError: it is the other party's.
    """
    segment = require_segment(change.connection, contract, name)
    require_live(segment, change.at)
    if segment.owner != owner:
        raise NotPermittedError(
            f"segment {segment.name} is not {owner}'s", hint="Let its owner do it.", clause="parties"
        )
    return segment


def _create(change: Change, contract: Contract, request: SegmentRequest, signature: bytes) -> Job:
    check_name(request.name)
    _check_request(change, contract, request)
    fusion = joined_fusion(change.connection, contract.id)
    if fusion is None:
        raise StateError(f"nothing is fused yet under contract {contract.id}", hint="Fuse first.")
    definition = read_definition(change.connection, contract, request.definition, request.universe)
    require_outlived(definition, request)
    permit_segment(contract, request.owner, definition.subjects)
    require_lookalikes(change.connection, contract.id, {part.lookalike for part in definition.plan.best})
    _check_legs(change.connection, contract, fusion, definition.plan)
    segment = StoredSegment(
        contract=contract.id,
        job=request.job,
        name=request.name,
        owner=request.owner,
        code=request.code,
        channels=request.channels,
        hidden=request.hidden,
        processable=request.processable,
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
    return begin_evaluation(change, contract, segment, definition.plan, cause=Cause.CREATED)


def _referenced_jobs(definition: Definition) -> dict[str, str]:
    return {name: segment.job for name, segment in definition.references.items()}


def _check_request(change: Change, contract: Contract, request: SegmentRequest) -> None:
    _check_code(request)
    require_distinct(request.channels)
    permit_channels(contract, request.channels)
    if not change.at < request.expires <= contract.expires:
        raise ContractError(
            f"a segment of contract {contract.id} has to expire by {contract.expires:%Y-%m-%d %H:%M} UTC",
            hint="Choose another end, or none.",
            clause="expires",
        )
    live = store.live_segments(change.connection, contract.id)
    if any(segment.name == request.name for segment in live):
        raise name_taken(request.name)
    if len(live) >= MOST_LIVE_SEGMENTS:
        raise StateError(f"contract {contract.id} has {len(live)} segments", hint="Invalidate those not needed.")


def _check_code(request: SegmentRequest) -> None:
    """A code is a job's idempotency key, so that it stands for one segment for ever."""
    if request.code and request.job != job_id(request.contract, request.owner, SEGMENT, check_code(request.code)):
        raise MalformedError("a segment whose job does not follow from its code", hint="Update this party's program.")


def _check_legs(connection: Connection, contract: Contract, fusion: Fusion, planned: Plan) -> None:
    """Hold the contract's limit of predicates per party and epoch, counting each once in a generation of the data."""
    asked = predicates_asked(connection, contract.id, fusion.epoch, except_for=SUPPRESSION)
    generations = current_generations(connection, contract.id, fusion.epoch)
    for name in party_names(contract):
        namespace, now = contract.party(name).kind.namespace, generations.get(name, 0)
        new = {(now, leg.predicate.text()) for leg in planned.legs if leg.namespace == namespace}
        if new:
            permit_leg_count(contract, len(asked.get(name, set()) | new))


def require_distinct(channels: Sequence[str]) -> None:
    """Pass where each channel is named once.

    Raises:
        MalformedError: one is named twice.
    """
    if len(set(channels)) != len(channels):
        raise MalformedError("a segment that names a channel twice", hint="Name each channel once.")


def view(connection: Connection, segment: StoredSegment, now: datetime) -> Segment:
    """What parties see of a segment now."""
    return Segment(
        name=segment.name,
        code=segment.code,
        definition=segment_request(connection, segment).definition,
        universe=segment.universe,
        owner=segment.owner,
        state=segment.state_at(now),
        version=segment.version,
        epoch=segment.epoch,
        channels=segment.channels,
        hidden=segment.hidden,
        processable=segment.processable,
        expires=segment.expires,
        created=segment.created,
    )


def name_taken(name: str) -> StateError:
    return StateError(f"there is a segment {name} already", hint="Choose another name, or invalidate that one.")
