"""A party's part in a fusion."""

from threading import Event

from miyun.audit.events import Event as AuditEvent
from miyun.audit.events import Fact
from miyun.chunking import chunk_count
from miyun.contract.model import Contract
from miyun.errors import StateError
from miyun.members.config import load_members_config
from miyun.members.roster import Roster
from miyun.party.blinding_scalars import BlindingScalars
from miyun.party.fusion_states import Fusion, FusionState
from miyun.party.guard import FuseWork
from miyun.party.progress import OnEvent, Phase, Progress
from miyun.party.session import Session
from miyun.party.tasks.exchange import Exchange
from miyun.party.tasks.outcome import Outcome
from miyun.psi.statements import Announcement, TypeCount
from miyun.wire.v1 import fusion_pb2 as wire
from miyun.wire.v1.fusion_pb2_grpc import FusionServiceStub


def fuse(session: Session, work: FuseWork, stop: Event, on_event: OnEvent) -> Outcome:
    """Announce, send and evaluate as far as the counterparty allows; go on where an earlier call left off.

    Raises:
        MiyunError: the contract, the own data or what the counterparty sent forbids to go on.
    """
    contract, request = work.contract, work.request
    fusion = session.fusions.get(contract.id, request.job)
    if fusion is None:
        fusion = _begin(session, work, on_event)
    if fusion.state is FusionState.FINISHED:
        return _confirm(session, fusion)
    if fusion.state is FusionState.ABANDONED:
        raise StateError("this fusion was given up for a newer one", hint="Ask for a new fusion.")
    roster = Roster.open(session.rosters.path(contract.id, fusion.epoch, fusion.job))
    with roster:
        outcome = Exchange(session, work, fusion, roster, on_event).run(stop)
        if outcome is Outcome.DONE:
            roster.forget_values()
            end_fusion(session, contract, fusion, FusionState.FINISHED)
        return outcome


def _begin(session: Session, work: FuseWork, on_event: OnEvent) -> Fusion:
    """Draw up the roster and the scalars, then note what will be announced."""
    contract, request = work.contract, work.request
    for older in session.fusions.of(contract.id):
        if older.state is FusionState.EXCHANGING:
            end_fusion(session, contract, older, FusionState.ABANDONED)

    def report(done: int, total: int | None) -> None:
        on_event(Progress(contract=contract.id, job=request.job, phase=Phase.PREPARE, done=done, total=total or 0))

    roster = Roster.build(
        session.rosters.path(contract.id, request.epoch, request.job),
        load_members_config(session.config_path),
        identifiers=contract.identifiers,
        consent=contract.consent,
        bucket=contract.padding_bucket,
        on_progress=report,
    )
    with roster:
        points = {terms.type: roster.points(terms.type) for terms in contract.identifiers}
        announcement = Announcement(
            contract=contract.id,
            job=request.job,
            epoch=request.epoch,
            party=session.name,
            handles=roster.universe,
            counts=tuple(
                TypeCount(type=type_, points=count, chunks=chunk_count(count)) for type_, count in points.items()
            ),
        )
    BlindingScalars.of(session.home.vault, contract, session.name, request.epoch).draw(tuple(points))
    session.fusions.begin(announcement, session.sign(announcement))
    session.audit_log.note(
        contract.id, AuditEvent.FUSION_REQUESTED, request.requester, request, {Fact.EPOCH: request.epoch}
    )
    begun = session.fusions.get(contract.id, request.job)
    assert begun is not None  # noqa: S101
    return begun


def end_fusion(session: Session, contract: Contract, fusion: Fusion, state: FusionState) -> None:
    """Erase what only the exchange needed. The counts and the points of the epoch stay.

    Bits over row handles go when newer handles take over, and not before: their number in an epoch is capped.
    """
    BlindingScalars.of(session.home.vault, contract, session.name, fusion.epoch).erase()
    session.evaluations.forget_answers(contract.id, fusion.job)
    session.outbox.clear(contract.id, fusion.job)
    session.fusions.end(contract.id, fusion.job, state)
    session.evaluations.forget_points(contract.id, before_epoch=fusion.epoch)
    if state is FusionState.FINISHED:
        session.legs.forget(contract.id, but_epoch=fusion.epoch - 1)
        session.aggregations.forget(contract.id, but_epoch=fusion.epoch)
        session.aggregate_files.drop(contract.id)
    session.rosters.prune(contract.id)


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
