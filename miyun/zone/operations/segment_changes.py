"""What owners do to their segments: renamed, ended, narrowed, hidden, closed to definitions; by signed statements."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from miyun.audit.events import Event, Fact
from miyun.contract.jobs import JobKind
from miyun.contract.model import Contract
from miyun.errors import InputError, MalformedError, StateError
from miyun.names import check_name
from miyun.segments.listing import Segment, SegmentState
from miyun.segments.statements import SegmentAction, SegmentChange
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import active_contract, require_terms, verify_party
from miyun.zone.operations.audiences import require_withdrawn
from miyun.zone.operations.history import SignedReceipt, receipt, record_statement
from miyun.zone.operations.retention import retire_segment
from miyun.zone.operations.segments import name_taken, require_distinct, require_own, require_segment, view
from miyun.zone.store import segments as store
from miyun.zone.store.activations import find_activation
from miyun.zone.store.jobs import open_jobs
from miyun.zone.store.segments import StoredSegment


def change_segment(
    core: Core, caller: str, statement: SegmentChange, signature: bytes
) -> tuple[Segment, SignedReceipt]:
    """Do one thing to one's own segment.

    Raises:
        StateError: it is over, published, another live segment is made of it, or the new name is taken.
        InputError: it would be widened: a channel that it has not, or a later end.
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
        return view(change.connection, changed, change.at), receipt(core, change, contract.id, changed.job, statement)


def _changed_before(change: Change, statement: SegmentChange) -> StoredSegment | None:
    """The segment, where this very change was made before: a retransmission."""
    name = statement.new_name if statement.change is SegmentAction.RENAME else statement.segment
    segment = store.segment_named(change.connection, statement.contract, name)
    return segment if segment is not None and segment.last_change == statement.digest() else None


def _change(change: Change, contract: Contract, statement: SegmentChange) -> StoredSegment:
    _require_one_thing(statement)
    segment = require_own(change, contract.id, statement.segment, statement.owner)
    changed = _ACTIONS[statement.change](change, segment, statement)
    changed = replace(changed, last_change=statement.digest())
    store.save_segment(change.connection, changed)
    return changed


def _require_one_thing(statement: SegmentChange) -> None:
    told = {
        SegmentAction.RENAME: bool(statement.new_name),
        SegmentAction.NARROW: bool(statement.channels),
        SegmentAction.EXPIRE: statement.expires is not None,
    }
    if any(is_told and action is not statement.change for action, is_told in told.items()):
        raise MalformedError("a change of a segment that says more than one thing", hint="Change one thing at a time.")


def _rename(change: Change, segment: StoredSegment, statement: SegmentChange) -> StoredSegment:
    _require_unused(change, segment)
    require_withdrawn(change, segment)
    _require_delivered(change, segment)
    taken = store.segment_named(change.connection, segment.contract, check_name(statement.new_name))
    if taken is not None and taken.state.is_live:
        raise name_taken(statement.new_name)
    return replace(segment, name=statement.new_name)


def _invalidate(change: Change, segment: StoredSegment, statement: SegmentChange) -> StoredSegment:
    _require_unused(change, segment)
    reason = f"segment {segment.name} was invalidated by {statement.owner}"
    retire_segment(change, segment, SegmentState.INVALIDATED, reason)
    return replace(segment, state=SegmentState.INVALIDATED)


def _narrow(_change: Change, segment: StoredSegment, statement: SegmentChange) -> StoredSegment:
    require_distinct(statement.channels)
    added = [channel for channel in statement.channels if channel not in segment.channels]
    if added:
        raise InputError(
            f"segment {segment.name} was not made for channel {added[0][:80]}",
            hint="A segment's channels can only become fewer. Create another one for more.",
        )
    return replace(segment, channels=statement.channels)


def _expire(change: Change, segment: StoredSegment, statement: SegmentChange) -> StoredSegment:
    if statement.expires is None or not change.at < statement.expires <= segment.expires:
        raise InputError(
            f"segment {segment.name} ends on {segment.expires:%Y-%m-%d %H:%M} UTC, and can only end sooner",
            hint="Give a time between now and then; to end it now, invalidate it.",
        )
    for name in store.referring_segments(change.connection, segment.contract, segment.job):
        made_of_it = require_segment(change.connection, segment.contract, name)
        if made_of_it.expires > statement.expires:
            raise StateError(
                f"segment {name}, which is made of {segment.name}, ends on {made_of_it.expires:%Y-%m-%d %H:%M} UTC",
                hint=f"Let {name} end by then first.",
            )
    return replace(segment, expires=statement.expires)


def _require_unused(change: Change, segment: StoredSegment) -> None:
    referring = store.referring_segments(change.connection, segment.contract, segment.job)
    if referring:
        raise StateError(
            f"segment {segment.name} is part of {', '.join(referring)}", hint="Invalidate those segments first."
        )


def _require_delivered(change: Change, segment: StoredSegment) -> None:
    """Pass where no activation is under way: its recipient asks for the segment by the name that was signed."""
    for job in open_jobs(change.connection, [segment.contract], JobKind.ACTIVATE):
        activation = find_activation(change.connection, segment.contract, job.id)
        if activation is not None and activation.segment_job == segment.job:
            raise StateError(f"segment {segment.name} is being activated by job {job.id}", hint="Wait for that.")


def _hide(change: Change, segment: StoredSegment, _statement: SegmentChange) -> StoredSegment:
    require_withdrawn(change, segment)
    return replace(segment, hidden=True)


def _show(_change: Change, segment: StoredSegment, _statement: SegmentChange) -> StoredSegment:
    return replace(segment, hidden=False)


def _close(change: Change, segment: StoredSegment, _statement: SegmentChange) -> StoredSegment:
    require_withdrawn(change, segment)
    return replace(segment, processable=False)


def _open(_change: Change, segment: StoredSegment, _statement: SegmentChange) -> StoredSegment:
    return replace(segment, processable=True)


_ACTIONS: Mapping[SegmentAction, Callable[[Change, StoredSegment, SegmentChange], StoredSegment]] = {
    SegmentAction.RENAME: _rename,
    SegmentAction.INVALIDATE: _invalidate,
    SegmentAction.NARROW: _narrow,
    SegmentAction.EXPIRE: _expire,
    SegmentAction.HIDE: _hide,
    SegmentAction.SHOW: _show,
    SegmentAction.CLOSE: _close,
    SegmentAction.OPEN: _open,
}
