"""Evaluating a predicate over this party's own columns: only bits over row handles leave."""

from pyroaring import BitMap

from miyun.audit.events import Event, Fact
from miyun.contract.permissions import permit_leg_count
from miyun.members.config import load_members_config
from miyun.party.guard import LegWork
from miyun.party.legs import Asked
from miyun.party.scoring import require_received, scored_rows
from miyun.party.session import Session
from miyun.party.tasks.change_rows import added_rows
from miyun.party.tasks.outcome import Outcome
from miyun.party.tasks.predicate import rows_where
from miyun.party.tasks.upload import upload
from miyun.segments.expression import Best, Expression
from miyun.segments.predicates import rows_of


def leg(session: Session, work: LegWork) -> Outcome:
    """Answer one predicate of a signed segment request; within a generation of the data a predicate has one answer.

    Raises:
        NotPermittedError: more predicates in this epoch than the contract allows.
        ExpressionError: the predicate doesn't fit this party's columns.
        SourceError: the member table can't be read.
    """
    contract, request, predicate = work.contract, work.request, work.predicate.text()

    def bits() -> BitMap:
        covered, held = session.legs.bits(contract.id, work.epoch, work.generation, predicate)
        return held if covered >= work.handles else _evaluate(session, work, covered, held)

    facts: dict[Fact, str | int] = {Fact.JOB: request.job, Fact.SEGMENT: request.name}
    session.audit_log.note(contract.id, Event.SEGMENT_REQUESTED, request.owner, request, facts)
    asked = Asked(epoch=work.epoch, generation=work.generation, first=work.first, handles=work.handles)
    upload(session, contract, asked, job=request.job, predicate=predicate, bits=bits)
    return Outcome.DONE


def _evaluate(session: Session, work: LegWork, covered: int, held: BitMap) -> BitMap:
    """The predicate's rows. Handles below ``covered`` were answered before, and ``held`` of them satisfy it.

    What a delta added is looked up in what the delta was made from: its rows need not be in the source yet.
    """
    contract = work.contract
    if not covered:
        permit_leg_count(contract, session.legs.count(contract.id, work.epoch) + 1)
    config = load_members_config(session.config_path)
    added = added_rows(session, contract.id, work.epoch, config, covered) if covered else None
    with session.rosters.open(contract.id, work.epoch) as roster:
        if work.generation and not session.legs.predicates(contract.id, work.epoch, work.generation):
            session.roster_changes.renew_copies(roster, contract.id, work.epoch)

        def where(part: Expression) -> BitMap:
            return rows_where(session, contract, added or config, roster, part)

        def best(part: Best) -> BitMap:
            lookalike = require_received(session, contract.id, part.lookalike)
            return scored_rows(session, contract, work.epoch, lookalike).best(part.count, roster)

        found: BitMap = rows_of(work.predicate, roster.universe, where=where, best=best)
        found &= BitMap(range(covered, work.handles))
        return roster.with_copies(found | held) & BitMap(range(covered, work.handles)) | held
