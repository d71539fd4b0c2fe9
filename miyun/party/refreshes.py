"""Refreshing: the source is read anew, and what changed is brought to the zone, by the least that says it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job
from miyun.contract.model import Contract
from miyun.contract.permissions import permit_fusion
from miyun.errors import (
    InternalError,
    MiyunError,
    NotPermittedError,
    TransportError,
    UnconfirmedError,
    WaitingError,
)
from miyun.party.comparisons import Prepared, prepare
from miyun.party.fusions import FusionsClient
from miyun.party.generations import PendingRefresh
from miyun.party.progress import OnEvent, Phase, Progress, ignore
from miyun.party.refresh_plans import RefreshKind, RefreshPlan
from miyun.party.session import Session
from miyun.records import Record
from miyun.segments.statements import DataRefresh
from miyun.transport.codec import to_wire
from miyun.wire.v1 import segment_pb2 as wire
from miyun.wire.v1.segment_pb2_grpc import SegmentServiceStub

_PATIENCE_SECONDS = 20.0
_PAUSE_SECONDS = 0.05


Agree = Callable[[RefreshPlan], bool]
"""Whether a plan may be carried out."""


def undoubted(plan: RefreshPlan) -> bool:
    """What may be done without a person: the source does not look as if it was cut short."""
    return not plan.doubt


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh(Record):
    """``job`` is of the delta or the fusion, where it takes one."""

    plan: RefreshPlan
    job: Job | None


class Refreshes:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._fusions = FusionsClient(session)

    def plan(self, contract: str, on_event: OnEvent = ignore) -> RefreshPlan:
        """What a refresh would do now. Nothing is sent or kept."""
        prepared = self._prepare(contract, on_event)
        prepared.forget()
        return prepared.plan

    def begin_soon(
        self, contract: str, attend: Callable[[], None], on_event: OnEvent = ignore, agree: Agree = undoubted
    ) -> Refresh:
        """The same as ``begin``, once what is under way is finished, with the agent that the call attends to.

        Raises:
            WaitingError: it takes long.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            attend()
            try:
                return self.begin(contract, on_event, agree)
            except WaitingError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(_PAUSE_SECONDS)

    def begin(self, contract: str, on_event: OnEvent = ignore, agree: Agree = undoubted) -> Refresh:
        """Compare, and ask for what is to be done; does not wait for it.

        Raises:
            UnconfirmedError: ``agree`` says no to the plan; everything stays as it is.
            WaitingError: a fusion or a delta is under way.
            NotPermittedError: the contract doesn't let this party fuse.
            SourceError, ConfigError: the source can't be read, or has nobody who may be sent.
        """
        terms = self._terms(contract)
        if (under_way := self._fusions.under_way(contract)) is not None:
            raise WaitingError(f"fusion {under_way.id} is under way", hint="Wait for it, then refresh.")
        settle(self._session, terms)
        prepared = self._prepare(contract, on_event)
        try:
            _require(agree, prepared.plan)
            done = self._carry_out(terms, prepared)
        except NotPermittedError as error:
            if error.clause != "legs_per_epoch":
                raise
            full = replace(prepared.plan, kind=RefreshKind.EPOCH, why="the epoch has no room for more answers")
            _require(agree, full)
            done = Refresh(plan=full, job=self._fusions.request(contract))
        finally:
            prepared.forget()
        self._session.schedules.clear(contract)
        return done

    def _prepare(self, contract: str, on_event: OnEvent) -> Prepared:
        def report(done: int, total: int | None) -> None:
            on_event(Progress(contract=contract, job="refresh", phase=Phase.PREPARE, done=done, total=total or 0))

        return prepare(self._session, self._terms(contract), report)

    def _terms(self, contract: str) -> Contract:
        terms = self._session.accepted.active(contract, self._session.now())
        permit_fusion(terms, self._session.name)
        if any(fusion.contract == contract for fusion in self._session.fusions.exchanging()):
            raise WaitingError("this party is about to finish a fusion", hint="Wait until its agent has done it.")
        return terms

    def _carry_out(self, terms: Contract, prepared: Prepared) -> Refresh:
        told = prepared.plan
        match told.kind:
            case RefreshKind.NOTHING:
                return Refresh(plan=told, job=None)
            case RefreshKind.DATA:
                _send(self._session, terms, self._stated(terms, told))
                return Refresh(plan=told, job=None)
            case RefreshKind.EPOCH:
                return Refresh(plan=told, job=self._fusions.request(terms.id))
            case RefreshKind.DELTA:
                job = self._fusions.request_change(
                    terms.id, add=prepared.rows, remove=prepared.gone, generation=told.generation
                )
                return Refresh(plan=told, job=job)

    def _stated(self, terms: Contract, told: RefreshPlan) -> PendingRefresh:
        statement = DataRefresh(
            contract=terms.id,
            contract_digest=terms.digest(),
            epoch=told.epoch,
            generation=told.generation,
            party=self._session.name,
            at=self._session.now(),
        )
        pending = PendingRefresh(statement=statement, signature=self._session.sign(statement))
        self._session.generations.begin(pending)
        return pending


def _require(agree: Agree, plan: RefreshPlan) -> None:
    if not agree(plan):
        raise UnconfirmedError(
            f"nothing was done: {plan.words}",
            hint=f"Look at the source; if it is right: miyun fuse {plan.contract} --refresh",
        )


def settle(session: Session, terms: Contract) -> None:
    """Send again what was stated and not confirmed."""
    pending = session.generations.pending(terms.id)
    if pending is not None:
        _send(session, terms, pending)


def _send(session: Session, terms: Contract, pending: PendingRefresh) -> None:
    statement = pending.statement
    message = wire.RefreshDataRequest(statement=to_wire(statement, wire.DataRefresh), signature=pending.signature)
    try:
        receipt = session.stub(SegmentServiceStub).RefreshData(message)
    except (TransportError, WaitingError, InternalError):
        raise
    except MiyunError:
        session.generations.drop(statement)
        raise
    session.receipts.keep(receipt, statement, terms)
    session.generations.confirm(statement)
    facts: dict[Fact, str | int] = {Fact.EPOCH: statement.epoch, Fact.GENERATION: statement.generation}
    session.audit_log.note(terms.id, Event.DATA_REFRESHED, session.name, statement, facts)
