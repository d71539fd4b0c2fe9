"""Legs and opt-outs as agents hand them in."""

import hashlib

from miyun.audit.events import Event, Fact
from miyun.contract.model import Contract
from miyun.errors import MalformedError, ReplayError, StateError, WaitingError
from miyun.segments.listing import SegmentState
from miyun.segments.statements import SUPPRESSION, LegUpload
from miyun.zone.bitmaps import read_bitmap
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import active_contract, verify_party
from miyun.zone.operations.evaluation import follow_legs
from miyun.zone.operations.history import SignedReceipt, receipt, record_statement
from miyun.zone.operations.jobs import require_job
from miyun.zone.operations.suppression import follow_suppressions
from miyun.zone.store import legs as store
from miyun.zone.store.legs import StoredLeg
from miyun.zone.store.segments import find_segment


def put_leg(core: Core, caller: str, statement: LegUpload, signature: bytes, bits: bytes) -> SignedReceipt:
    """Take the bits of a predicate, or of an owner's opt-outs for an activation.

    Raises:
        ReplayError: not asked for, of another epoch, or different from what was given before.
        WaitingError: the party's data is of a newer generation by now.
        MalformedError: the bits are no bitmap over the announced handles.
    """
    with core.changing() as change:
        contract = active_contract(change, statement.contract, caller)
        verify_party(contract, caller, statement.party, statement, signature)
        found = store.find_leg(change.connection, statement)
        if found is None:
            raise ReplayError("bits that nobody asked for", hint="Ask for tasks again.")
        asked, held = found
        _check_bits(asked, statement, bits)
        if held is not None and held != statement:
            raise ReplayError("bits that differ from those given before", hint="Send what was sent before.")
        if held is None:
            _require_open(change, statement)
            _require_newest(change, asked)
            store.put_leg(change.connection, statement, bits)
            facts: dict[Fact, str | int] = {Fact.JOB: statement.job, Fact.EPOCH: statement.epoch}
            record_statement(change, contract.id, Event.LEG_RECEIVED, caller, statement, facts=facts)
            _follow(change, contract, statement)
        return receipt(core, change, contract.id, statement.job, statement)


def _check_bits(asked: StoredLeg, statement: LegUpload, bits: bytes) -> None:
    if statement.handles != asked.handles:
        raise MalformedError("bits over another number of handles than was asked for", hint="Send them again.")
    if hashlib.sha256(bits).digest() != statement.bits_digest:
        raise MalformedError("bits that are not the ones that were signed", hint="Send them again.")
    numbers = read_bitmap(bits, statement.handles)
    if numbers and numbers.min() < statement.first:
        raise MalformedError("bits of handles that were not asked for", hint="Send them again.")


def _require_open(change: Change, statement: LegUpload) -> None:
    job = require_job(change.connection, statement.contract, statement.job)
    if job.state.ended:
        raise StateError(f"job {job.id} is {job.state} and needs no bits", hint="Ask for tasks again.")


def _require_newest(change: Change, asked: StoredLeg) -> None:
    if asked not in store.legs_of(change.connection, asked.contract, asked.job, asked.epoch):
        raise WaitingError("bits of data that is refreshed by now", hint="Ask for tasks again.")


def _follow(change: Change, contract: Contract, statement: LegUpload) -> None:
    change.work_for.add(contract.id)
    if statement.predicate == SUPPRESSION:
        follow_suppressions(change, contract, require_job(change.connection, contract.id, statement.job))
        return
    segment = find_segment(change.connection, contract.id, statement.job)
    if segment is not None and segment.state is SegmentState.EVALUATING:
        follow_legs(change, contract, segment)
