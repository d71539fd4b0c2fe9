"""A party's part in a fusion."""

import time
from collections.abc import Sequence
from threading import Event

from sqlalchemy import Connection

from miyun.audit.events import Event as AuditEvent
from miyun.audit.events import Fact
from miyun.chunking import chunk_count
from miyun.contract.jobs import Job, JobState
from miyun.contract.model import Contract
from miyun.errors import StateError, WaitingError
from miyun.members.config import load_members_config
from miyun.members.roster import Roster
from miyun.party.blinding_scalars import BlindingScalars
from miyun.party.fusion_states import Fusion, FusionState
from miyun.party.guard import FuseWork
from miyun.party.progress import OnEvent, Phase, Progress
from miyun.party.roster_changes import StoredChange
from miyun.party.rosters import ChangePart
from miyun.party.session import Session
from miyun.party.tasks.change_rows import NO_CHANGE, ChangeRows, digest_key, forget_keys, plan
from miyun.party.tasks.exchange import Exchange
from miyun.party.tasks.outcome import Outcome
from miyun.psi.statements import Announcement, TypeCount
from miyun.transport.codec import from_wire
from miyun.wire.v1 import fusion_pb2 as wire
from miyun.wire.v1.fusion_pb2_grpc import FusionServiceStub

_BINDING_SECONDS = 10.0
"""How long the requester of a delta waits for the zone's word at a time."""
_PAUSE_SECONDS = 0.05
"""Where the zone has no place to wait in."""


def fuse(session: Session, work: FuseWork, stop: Event, on_event: OnEvent) -> Outcome:
    """Announce, send and evaluate as far as the counterparty allows; go on where an earlier call left off.

    Raises:
        MiyunError: the contract, the own data or what the counterparty sent forbids to go on.
    """
    contract, request = work.contract, work.request
    held = session.fusions.get(contract.id, request.job)
    fusion = held or _begin(session, work, on_event)
    if fusion.state is FusionState.FINISHED:
        return _confirm(session, fusion)
    if fusion.state is FusionState.ABANDONED:
        raise StateError("this fusion was given up for a newer one", hint="Ask for a new fusion.")
    if fusion.sequence:
        return _change(session, work, fusion, stop, on_event, resumed=held is not None)
    roster = Roster.open(session.rosters.path(contract.id, fusion.epoch, fusion.job))
    with roster:
        outcome = Exchange(session, work, fusion, roster, on_event).run(stop)
        if outcome is Outcome.DONE:
            if contract.delta_bucket:
                roster.keep_places(digest_key(session, contract, fusion.epoch))
                _keep_seen(session, contract, fusion)
            roster.forget_values()
            end_fusion(session, contract, fusion, FusionState.FINISHED)
        return outcome


def _keep_seen(session: Session, contract: Contract, fusion: Fusion) -> None:
    counterparty = contract.counterparty(session.name).name
    for place, terms in enumerate(contract.identifiers):
        file = session.rosters.seen_file(contract.id, fusion.epoch, fusion.job, place)
        session.evaluations.keep_seen(contract.id, counterparty, terms.type, fusion.epoch, file)


def _begin(session: Session, work: FuseWork, on_event: OnEvent) -> Fusion:
    """Draw up the roster and the scalars, then note what will be announced."""
    contract, request = work.contract, work.request
    for older in session.fusions.exchanging():
        if older.contract == contract.id:
            end_fusion(session, contract, older, ending(session, older))
    planned = plan(session, work) if request.sequence and request.requester == session.name else None
    if request.sequence:
        announcement = _announced_change(session, work, planned)
    else:
        announcement = _announced_rows(session, work, on_event)
    signature = session.sign(announcement)
    with session.together():
        if planned is not None:
            session.roster_changes.begin(planned)
        session.fusions.begin(announcement, signature, request.sequence)
        session.audit_log.note(
            contract.id, AuditEvent.FUSION_REQUESTED, request.requester, request, {Fact.EPOCH: request.epoch}
        )
    if planned is not None:
        session.roster_changes.stored(planned)
        session.rosters.change_file(contract.id, request.epoch, request.job, ChangePart.REMOVE).unlink(missing_ok=True)
    begun = session.fusions.get(contract.id, request.job)
    assert begun is not None  # noqa: S101
    return begun


def _announced_rows(session: Session, work: FuseWork, on_event: OnEvent) -> Announcement:
    contract, request = work.contract, work.request

    def report(done: int, total: int | None) -> None:
        on_event(Progress(contract=contract.id, job=request.job, phase=Phase.PREPARE, done=done, total=total or 0))

    roster = Roster.build(
        session.rosters.path(contract.id, request.epoch, request.job),
        load_members_config(session.config_path),
        identifiers=contract.identifiers,
        consent=contract.consent,
        bucket=contract.padding_bucket,
        least=contract.delta_bucket,
        on_progress=report,
    )
    with roster:
        _require_whole(session, work, roster)
        points = [roster.points(terms.type) for terms in contract.identifiers]
        announcement = _announcement(session, work, roster.universe, points)
    types = tuple(terms.type for terms in contract.identifiers)
    BlindingScalars.of(session.home.vault, contract, session.name, request.epoch).draw(types)
    return announcement


def _require_whole(session: Session, work: FuseWork, roster: Roster) -> None:
    """Pass, unless the other party asks for an epoch on a day on which the own table looks cut short."""
    contract, epoch = work.contract, session.fusions.newest_epoch(work.contract.id)
    if work.request.requester == session.name or not epoch:
        return
    with session.rosters.open(contract.id, epoch) as newest:
        before = len(newest.live())
    if session.config.loses_too_many(contract.id, before - len(roster.live()), before):
        session.rosters.prune(contract.id)
        raise StateError(
            "the member table has lost so many rows that it may have been cut short, and the epoch stays as it is",
            hint=f"Look at the source; if it is right, begin the epoch from there: miyun fuse {contract.id}",
        )


def _announced_change(session: Session, work: FuseWork, planned: StoredChange | None) -> Announcement:
    """What a delta brings: of own rows, or nothing, where it is the other party's."""
    if planned is None:
        return _announcement(session, work, 0, [0] * len(work.contract.identifiers))
    change = planned.change
    return _announcement(session, work, change.handles, [len(each.points) for each in change.types])


def _announcement(session: Session, work: FuseWork, handles: int, points: Sequence[int]) -> Announcement:
    return Announcement(
        contract=work.contract.id,
        job=work.request.job,
        epoch=work.request.epoch,
        party=session.name,
        handles=handles,
        counts=tuple(
            TypeCount(type=terms.type, points=count, chunks=chunk_count(count))
            for terms, count in zip(work.contract.identifiers, points, strict=True)
        ),
    )


def _change(
    session: Session, work: FuseWork, fusion: Fusion, stop: Event, on_event: OnEvent, *, resumed: bool
) -> Outcome:
    """A party's part in a delta. The requester's rows are changed once the zone says that they are bound."""
    contract = work.contract
    change = session.roster_changes.get(contract.id, fusion.job)
    if change is None:
        rows = ChangeRows(change=NO_CHANGE, types=())
        outcome = Exchange(session, work, fusion, rows, on_event).run(stop)
        return _changed(session, contract, fusion) if outcome is Outcome.DONE else outcome
    rows = ChangeRows(change=change.change, types=tuple(terms.type for terms in contract.identifiers))
    if resumed and _verdict(session, fusion) is JobState.DONE:
        return _changed(session, contract, fusion)
    outcome = Exchange(session, work, fusion, rows, on_event).run(stop)
    if outcome is not Outcome.DONE:
        return outcome
    session.roster_changes.make_ready(change)
    deadline = time.monotonic() + _BINDING_SECONDS
    while time.monotonic() < deadline and not stop.is_set():
        match _verdict(session, fusion, wait=True):
            case JobState.DONE:
                return _changed(session, contract, fusion)
            case JobState.FAILED:
                raise StateError("the zone could not bind this delta; its job says why", hint="Ask for it again.")
        stop.wait(_PAUSE_SECONDS)
    return Outcome.MOVED


def _changed(session: Session, contract: Contract, delta: Fusion) -> Outcome:
    end_fusion(session, contract, delta, FusionState.FINISHED)
    return Outcome.CHANGED


def _verdict(session: Session, fusion: Fusion, *, wait: bool = False) -> JobState:
    """How far the zone is with a fusion; ``wait`` for its end, for as long as the zone lets it."""
    answer = session.stub(FusionServiceStub).GetProgress(
        wire.GetProgressRequest(contract=fusion.contract, job=fusion.job, wait=wait)
    )
    return from_wire(answer.job, Job).state


def ending(session: Session, fusion: Fusion) -> FusionState:
    """How a fusion ended that this party goes on with no more: a delta that the zone bound is finished.

    Raises:
        WaitingError: the zone is binding it.
    """
    if not fusion.sequence:
        return FusionState.ABANDONED
    match _verdict(session, fusion):
        case JobState.DONE:
            return FusionState.FINISHED
        case JobState.FAILED:
            return FusionState.ABANDONED
    raise WaitingError("the zone is about to bind a delta", hint="Wait a moment.")


def end_fusion(session: Session, contract: Contract, fusion: Fusion, state: FusionState) -> None:
    """Erase what only the exchange needed. The counts and the points of the epoch stay.

    Bits over row handles go when newer handles take over, and not before: their number in an epoch is capped.
    """
    if fusion.sequence:
        with session.together():
            _forget_exchange(session, fusion)
            _end_delta(session, fusion, state)
        if state is not FusionState.FINISHED:
            for part in ChangePart:
                file = session.rosters.change_file(contract.id, fusion.epoch, fusion.job, part)
                file.unlink(missing_ok=True)
        return
    _forget_exchange(session, fusion)
    if state is FusionState.ABANDONED or not contract.delta_bucket:
        BlindingScalars.of(session.home.vault, contract, session.name, fusion.epoch).erase()
    session.fusions.end(contract.id, fusion.job, state)
    session.evaluations.forget_points(contract.id, before_epoch=fusion.epoch)
    if state is FusionState.FINISHED:
        forget_secrets(session, contract, before_epoch=fusion.epoch)
        session.roster_changes.forget(contract.id, before_epoch=fusion.epoch - 1)
        session.generations.forget(contract.id, before_epoch=fusion.epoch)
        session.legs.forget(contract.id, but_epoch=fusion.epoch - 1)
        session.aggregations.forget(contract.id, but_epoch=fusion.epoch)
        session.aggregate_files.drop(contract.id)
    session.rosters.prune(contract.id)


def _forget_exchange(session: Session, fusion: Fusion) -> None:
    session.evaluations.forget_answers(fusion.contract, fusion.job)
    session.outbox.clear(fusion.contract, fusion.job)


def forget_secrets(session: Session, contract: Contract, *, before_epoch: int) -> None:
    """Erase the scalars and the digests' keys of epochs that are over."""
    for epoch in {fusion.epoch for fusion in session.fusions.of(contract.id) if fusion.epoch < before_epoch}:
        BlindingScalars.of(session.home.vault, contract, session.name, epoch).erase()
    forget_keys(session, contract.id, before_epoch=before_epoch)


def _end_delta(session: Session, delta: Fusion, state: FusionState) -> None:
    """Take in what a delta changed, in the transaction that notes it, or forget it."""
    finished = state is FusionState.FINISHED
    request, _ = session.requests.fusion(delta.contract, delta.job)

    def follow(connection: Connection) -> None:
        if not finished:
            session.roster_changes.drop(connection, delta.contract, delta.job)
            return
        session.roster_changes.take_in(connection, delta.contract, delta.job)
        if request.requester == session.name:
            session.generations.bound(connection, delta.contract, delta.epoch, request.generation)

    session.fusions.end(delta.contract, delta.job, state, follow)


def _confirm(session: Session, fusion: Fusion) -> Outcome:
    """A task that was on its way when this party finished; or a zone that lost what it had received."""
    answer = session.stub(FusionServiceStub).GetProgress(
        wire.GetProgressRequest(contract=fusion.contract, job=fusion.job)
    )
    held = {(row.party, row.type): row for row in answer.types}
    expected = [(session.name, count.type, count.chunks) for count in fusion.announcement.counts]
    for party, type_, chunks in expected:
        if chunks and ((party, type_) not in held or held[party, type_].points < chunks):
            raise StateError(
                "the zone lost chunks of a fusion that this party had finished; their scalars are erased",
                hint="Ask for a new fusion.",
            )
    return Outcome.DONE
