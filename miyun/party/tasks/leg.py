"""Evaluating a predicate over this party's own columns: only bits over row handles leave."""

from pyroaring import BitMap

from miyun.audit.events import Event, Fact
from miyun.contract.permissions import permit_leg_count
from miyun.members.config import load_members_config
from miyun.party.guard import LegWork
from miyun.party.scoring import require_received, scored_rows
from miyun.party.session import Session
from miyun.party.tasks.outcome import Outcome
from miyun.party.tasks.predicate import rows_where
from miyun.party.tasks.upload import upload
from miyun.segments.expression import Best, Expression
from miyun.segments.predicates import rows_of


def leg(session: Session, work: LegWork) -> Outcome:
    """Answer one predicate of a signed segment request; within an epoch a predicate has one answer.

    Raises:
        NotPermittedError: more predicates in this epoch than the contract allows.
        ExpressionError: the predicate doesn't fit this party's columns.
        SourceError: the member table can't be read.
    """
    contract, request, predicate = work.contract, work.request, work.predicate.text()

    def bits() -> bytes:
        held = session.legs.bits(contract.id, work.epoch, predicate)
        return held if held is not None else _evaluate(session, work)

    facts: dict[Fact, str | int] = {Fact.JOB: request.job, Fact.SEGMENT: request.name}
    session.audit_log.note(contract.id, Event.SEGMENT_REQUESTED, request.owner, request, facts)
    upload(session, contract, job=request.job, epoch=work.epoch, predicate=predicate, bits=bits)
    return Outcome.DONE


def _evaluate(session: Session, work: LegWork) -> bytes:
    contract = work.contract
    permit_leg_count(contract, session.legs.count(contract.id, work.epoch) + 1)
    config = load_members_config(session.config_path)
    with session.rosters.open(contract.id, work.epoch) as roster:

        def where(part: Expression) -> BitMap:
            return rows_where(session, contract, config, roster, part)

        def best(part: Best) -> BitMap:
            lookalike = require_received(session, contract.id, part.lookalike)
            return scored_rows(session, contract, work.epoch, lookalike).best(part.count, roster)

        bits: bytes = rows_of(work.predicate, roster.universe, where=where, best=best).serialize()
    return bits
