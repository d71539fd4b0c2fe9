"""Evaluating a predicate over this party's own columns: only bits over row handles leave."""

from miyun.audit.events import Event, Fact
from miyun.contract.permissions import permit_leg_count
from miyun.members.config import load_members_config
from miyun.party.guard import LegWork
from miyun.party.session import Session
from miyun.party.tasks.outcome import Outcome
from miyun.party.tasks.upload import upload
from miyun.segments.checking import check_types
from miyun.segments.sql import to_sql


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
    check_types(work.predicate, {contract.party(session.name).kind.namespace: config.column_types})
    sql, parameters = to_sql(work.predicate, now=session.now().date())
    with session.rosters.open(contract.id, work.epoch) as roster:
        bits: bytes = roster.rows_where(config, sql, parameters).serialize()
    return bits
