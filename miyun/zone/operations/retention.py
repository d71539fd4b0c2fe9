"""Erasing: what an epoch left when the next one is joined, what a segment left when it ends, everything when the
contract ends, and what was kept for the contract's ``retention_days``: sealed audiences, answers, and the messages of
intersections that nobody goes on with.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job, JobKind
from miyun.contract.lifecycle import ContractState, SignedContract
from miyun.contract.model import Contract
from miyun.errors import ContractError, StateError
from miyun.segments.listing import SegmentState
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import party_names
from miyun.zone.operations.history import record
from miyun.zone.operations.jobs import fail_job
from miyun.zone.store import bulk, fusions, insights
from miyun.zone.store import segments as segments_store
from miyun.zone.store.activations import erase_pages, find_activation
from miyun.zone.store.contracts import mark_closed
from miyun.zone.store.fusions import Fusion, FusionState, find_fusion
from miyun.zone.store.generations import erase_generations
from miyun.zone.store.intersections import erase_mailbox
from miyun.zone.store.jobs import open_jobs
from miyun.zone.store.legs import erase_epoch_legs, erase_legs
from miyun.zone.store.lookalikes import erase_sealed
from miyun.zone.store.pages import Pages
from miyun.zone.store.publications import erase_publications
from miyun.zone.store.segments import StoredSegment, live_segments


def erase_epoch(core: Core, change: Change, contract: str, fusion: Fusion) -> None:
    """Forget the pairs, legs, selections and statements of an epoch. What was released or sealed stays."""
    fail_unfinished(change, contract, fusion.epoch, f"epoch {fusion.epoch} ended")
    bulk.erase_pairs(change.connection, contract, fusion.epoch)
    Pages(change.connection, contract, fusion.epoch).erase()
    for made in fusions.fusions_of_epoch(change.connection, contract, fusion.epoch):
        bulk.erase_values(change.connection, contract, made.job)
        fusions.erase_exchange(change.connection, contract, made.job)
    segments_store.erase_epoch_selections(change.connection, contract, fusion.epoch)
    erase_epoch_legs(change.connection, contract, fusion.epoch)
    erase_generations(change.connection, contract, fusion.epoch)
    fusions.set_erased(change.connection, contract, fusion.epoch, change.at)
    record(change, contract, Event.EPOCH_ERASED, core.name, {Fact.EPOCH: fusion.epoch})


def fail_unfinished(change: Change, contract: str, epoch: int, what: str) -> None:
    """Give up what is neither sealed nor answered of an epoch's rows, as ``what`` happened."""
    for job in open_jobs(change.connection, [contract], JobKind.ACTIVATE):
        activation = find_activation(change.connection, contract, job.id)
        if activation is not None and activation.epoch == epoch and activation.audience is None:
            fail_job(change, job, code=StateError.code, reason=f"{what} before the audience was sealed")
    asked = insights.insights_of_epoch(change.connection, contract, epoch)
    _fail_insights(change, contract, asked, f"{what} before the question was answered")


def fail_fusion(change: Change, contract: str, fusion: Fusion) -> None:
    """Give up a fusion that is not joined, and forget what was exchanged."""
    bulk.erase_values(change.connection, contract, fusion.job)
    fusions.erase_exchange(change.connection, contract, fusion.job)
    fusions.set_failed(change.connection, fusion, change.at)


def retire_segment(change: Change, segment: StoredSegment, state: SegmentState, reason: str) -> None:
    """End a segment: forget its bits, fail its job if that is open, and the activations that wait for it."""
    segments_store.save_segment(change.connection, replace(segment, state=state))
    erase_legs(change.connection, segment.contract, segment.job)
    forget_version(change, segment, reason)
    for job in open_jobs(change.connection, [segment.contract]):
        if job.id == segment.job:
            fail_job(change, job, code=StateError.code, reason=reason)


def forget_version(change: Change, segment: StoredSegment, reason: str) -> None:
    """Forget what a segment selects, and fail what waits for it."""
    asked = insights.insights_of_segment(change.connection, segment.contract, segment.job)
    _fail_insights(change, segment.contract, asked, reason)
    segments_store.erase_selections(change.connection, segment.contract, segment.job)
    for job in open_jobs(change.connection, [segment.contract]):
        if _waits_for(change, job, segment):
            fail_job(change, job, code=StateError.code, reason=reason)


def expire_segments(change: Change, contract: Contract) -> None:
    """End the segments whose time is over."""
    for segment in live_segments(change.connection, contract.id):
        if change.at >= segment.expires:
            reason = f"segment {segment.name} expired on {segment.expires:%Y-%m-%d}"
            retire_segment(change, segment, SegmentState.EXPIRED, reason)
            change.news_for.update(party_names(contract))


def drop_old_audiences(change: Change, contract: Contract) -> None:
    """Forget sealed audiences of epochs that ended more than ``retention_days`` ago."""
    for job in open_jobs(change.connection, [contract.id], JobKind.ACTIVATE):
        activation = find_activation(change.connection, contract.id, job.id)
        fusion = activation and find_fusion(change.connection, contract.id, activation.epoch)
        if not fusion or fusion.ended is None:
            continue
        if change.at >= fusion.ended + timedelta(days=contract.retention_days):
            erase_pages(change.connection, contract.id, job.id)
            reason = f"epoch {fusion.epoch} ended more than {contract.retention_days} days ago (retention_days)"
            fail_job(change, job, code=ContractError.code, reason=reason)
            change.news_for.update(party_names(contract))


def drop_old_answers(change: Change, contract: Contract) -> None:
    """Forget released totals about epochs that ended more than ``retention_days`` ago."""
    for epoch in insights.kept_epochs(change.connection, contract.id):
        fusion = find_fusion(change.connection, contract.id, epoch)
        if fusion is None or fusion.ended is None:
            continue
        if change.at >= fusion.ended + timedelta(days=contract.retention_days):
            insights.erase_totals(change.connection, contract.id, epoch)


def drop_idle_intersections(change: Change, contract: Contract) -> None:
    """End the intersections for which nothing came in ``retention_days``, at least one, and forget what was sent."""
    days = max(1, contract.retention_days)
    for job in open_jobs(change.connection, [contract.id], JobKind.INTERSECT):
        if change.at >= job.updated + timedelta(days=days):
            erase_mailbox(change.connection, contract.id, job.id)
            reason = f"nothing came for {days} days (retention_days)"
            fail_job(change, job, code=ContractError.code, reason=reason)
            change.news_for.update(party_names(contract))


def close_contract(core: Core, change: Change, signed: SignedContract) -> None:
    """Deal with the end of a contract, once: its jobs fail, and what it left is erased."""
    contract = signed.contract
    state = signed.state(change.at)
    reason = f"contract {contract.id} is {state}"
    for segment in live_segments(change.connection, contract.id):
        ending = SegmentState.EXPIRED if state is ContractState.EXPIRED else SegmentState.INVALIDATED
        retire_segment(change, segment, ending, reason)
    for job in open_jobs(change.connection, [contract.id]):
        fail_job(change, job, code=ContractError.code, reason=reason)
        if job.kind is JobKind.ACTIVATE:
            erase_legs(change.connection, contract.id, job.id)
            erase_pages(change.connection, contract.id, job.id)
        if job.kind is JobKind.INTERSECT:
            erase_mailbox(change.connection, contract.id, job.id)
        if job.kind is JobKind.LOOKALIKE:
            erase_sealed(change.connection, contract.id, job.id)
    for under_way in (FusionState.EXCHANGING, FusionState.JOINING):
        for fusion in fusions.fusions_in(change.connection, contract.id, under_way):
            fail_fusion(change, contract.id, fusion)
    joined = fusions.joined_fusion(change.connection, contract.id)
    if joined is not None:
        erase_epoch(core, change, contract.id, joined)
    for epoch in insights.kept_epochs(change.connection, contract.id):
        insights.erase_totals(change.connection, contract.id, epoch)
    erase_publications(change.connection, contract.id)
    change.work_for.add(contract.id)
    mark_closed(change.connection, contract.id)
    change.news_for.update(party_names(contract))


def _fail_insights(change: Change, contract: str, asked: Collection[str], reason: str) -> None:
    """End these questions, but for those that are answered."""
    for job in open_jobs(change.connection, [contract], JobKind.INSIGHT):
        if job.id in asked:
            fail_job(change, job, code=StateError.code, reason=reason)
    insights.erase_running(change.connection, contract, asked)


def _waits_for(change: Change, job: Job, segment: StoredSegment) -> bool:
    if job.kind is not JobKind.ACTIVATE:
        return False
    activation = find_activation(change.connection, job.contract, job.id)
    return activation is not None and activation.segment_job == segment.job and activation.audience is None
