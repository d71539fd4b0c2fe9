"""Segments of the matched rows, or of all the platform's: created, listed, renamed, invalidated."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job
from miyun.contract.model import Contract, PartyKind, Universe
from miyun.contract.permissions import permit_channels, permit_segment
from miyun.members.config import load_members_config
from miyun.names import check_name, job_id, new_key
from miyun.party.definitions import Definitions
from miyun.party.session import Session
from miyun.segments.checking import check_types
from miyun.segments.expression import Expression
from miyun.segments.listing import Segment
from miyun.segments.parser import parse
from miyun.segments.planning import plan
from miyun.segments.statements import SegmentChange, SegmentRequest
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import segment_pb2 as wire
from miyun.wire.v1.segment_pb2_grpc import SegmentServiceStub


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentExplanation:
    """What a definition means: its canonical text, who evaluates which predicate, and what needs a grant."""

    definition: str
    universe: Universe
    legs: tuple[tuple[str, str], ...]
    subjects: frozenset[str]
    segments: frozenset[str]


UniverseWord = Universe | Literal["matched", "platform"]


class SegmentsClient:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._definitions = Definitions(session)

    def create(
        self,
        contract: str,
        name: str,
        definition: str | Expression = "matched",
        *,
        universe: UniverseWord = "matched",
        channels: tuple[str, ...] | None = None,
        expires: datetime | None = None,
    ) -> Job:
        """Ask for a segment; does not wait. It is evaluated again, as a new version, whenever an epoch is fused.

        ``universe`` is what it selects from, and what ``not`` is taken against: the matched pairs, or all rows of the
        platform, matched or not. ``channels`` are those of the contract that it may be activated through; if left out
        all of them, or of rows of the platform all of the platform's. Without ``expires`` it lives as long as the
        contract.

        Raises:
            ExpressionError: the definition can't be read, mixes universes, or doesn't fit this party's own columns.
            NotPermittedError: a grant is missing; the clause is in the error.
        """
        terms = self._session.accepted.active(contract, self._session.now())
        expression = parse(definition) if isinstance(definition, str) else definition
        chosen = Universe(universe)
        self._check(terms, expression, chosen)
        request = SegmentRequest(
            contract=contract,
            contract_digest=terms.digest(),
            job=job_id(contract, self._session.name, "segment", new_key()),
            name=check_name(name),
            definition=expression.text(),
            universe=chosen,
            owner=self._session.name,
            channels=_all_channels(terms, chosen) if channels is None else channels,
            expires=min(expires or terms.expires, terms.expires),
            at=self._session.now(),
        )
        permit_channels(terms, request.channels)
        signature = self._session.sign(request)
        self._session.requests.keep(request, signature, subject=name)
        message = wire.CreateSegmentRequest(statement=to_wire(request, wire.SegmentRequest), signature=signature)
        answer = self._session.stub(SegmentServiceStub).CreateSegment(message)
        self._session.receipts.keep(answer.receipt, request, terms)
        facts: dict[Fact, str | int] = {Fact.JOB: request.job, Fact.SEGMENT: name}
        self._session.audit_log.note(contract, Event.SEGMENT_REQUESTED, self._session.name, request, facts)
        return from_wire(answer.job, Job)

    def get(self, contract: str, name: str) -> Segment:
        """One segment.

        Raises:
            NotFoundError: there is none of this name that this party may see.
        """
        stub = self._session.stub(SegmentServiceStub)
        return from_wire(stub.GetSegment(wire.GetSegmentRequest(contract=contract, name=name)), Segment)

    def list(self, contract: str, *, limit: int = 100, after: str = "") -> tuple[Segment, ...]:
        """Segments by name, a page at a time: give the last name as ``after`` for the next page."""
        request = wire.ListSegmentsRequest(contract=contract, limit=limit, after=after)
        answer = self._session.stub(SegmentServiceStub).ListSegments(request)
        return tuple(from_wire(segment, Segment) for segment in answer.segments)

    def rename(self, contract: str, name: str, new_name: str) -> Segment:
        """Give one's own segment another name."""
        return self._change(contract, name, "rename", check_name(new_name))

    def invalidate(self, contract: str, name: str) -> Segment:
        """End one's own segment; nothing can be activated or asked of it any more."""
        return self._change(contract, name, "invalidate", "")

    def explain(self, definition: str | Expression, *, universe: UniverseWord = "matched") -> SegmentExplanation:
        """How a definition is read; nothing is sent.

        Raises:
            ExpressionError: it can't be read; the error has the position.
        """
        expression = parse(definition) if isinstance(definition, str) else definition
        planned = plan(expression, Universe(universe))
        return SegmentExplanation(
            definition=expression.text(),
            universe=planned.universe,
            legs=tuple((leg.namespace, leg.predicate.text()) for leg in planned.legs),
            subjects=planned.subjects,
            segments=planned.segments,
        )

    def _check(self, contract: Contract, expression: Expression, universe: Universe) -> None:
        namespace = contract.party(self._session.name).kind.namespace
        if any(leg.namespace == namespace for leg in plan(expression, universe).legs):
            check_types(expression, {namespace: load_members_config(self._session.config_path).column_types})
        meaning = self._definitions.expanded(contract, expression, universe)
        permit_segment(contract, self._session.name, plan(meaning.expression, universe).subjects)

    def _change(self, contract: str, name: str, change: str, new_name: str) -> Segment:
        terms = self._session.accepted.active(contract, self._session.now())
        statement = SegmentChange(
            contract=contract,
            contract_digest=terms.digest(),
            segment=name,
            owner=self._session.name,
            change=change,
            new_name=new_name,
            at=self._session.now(),
        )
        message = wire.ChangeSegmentRequest(
            statement=to_wire(statement, wire.SegmentChange), signature=self._session.sign(statement)
        )
        answer = self._session.stub(SegmentServiceStub).ChangeSegment(message)
        self._session.receipts.keep(answer.receipt, statement, terms)
        facts: dict[Fact, str | int] = {Fact.SEGMENT: name, Fact.CHANGE: change}
        self._session.audit_log.note(contract, Event.SEGMENT_CHANGED, self._session.name, statement, facts)
        return from_wire(answer.segment, Segment)


def _all_channels(contract: Contract, universe: Universe) -> tuple[str, ...]:
    """Of those who have rows of the universe."""
    return tuple(
        channel.name
        for channel in contract.channels
        if universe is Universe.MATCHED or contract.party(channel.recipient).kind is PartyKind.PLATFORM
    )
