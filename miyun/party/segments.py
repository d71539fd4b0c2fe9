"""Segments of the matched rows, or of all the platform's: created, listed, changed, and what became of them."""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job
from miyun.contract.model import Contract, PartyKind, Universe
from miyun.contract.permissions import permit_channels, permit_segment
from miyun.errors import StateError
from miyun.names import SEGMENT, check_code, check_name, job_id, new_key
from miyun.party.definitions import Definitions
from miyun.party.explaining import explain_segment
from miyun.party.schemas import check_columns
from miyun.party.session import Session
from miyun.party.versions import PastVersion, read_version
from miyun.segments.checking import pointing_into
from miyun.segments.explaining import Explanation
from miyun.segments.expression import Expression
from miyun.segments.listing import Segment, SegmentFilter
from miyun.segments.near import NO_PLACES, Places, permit_distances
from miyun.segments.parser import parse
from miyun.segments.planning import leaves, plan
from miyun.segments.statements import SegmentAction, SegmentChange, SegmentRequest
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import segment_pb2 as wire
from miyun.wire.v1.segment_pb2_grpc import SegmentServiceStub

EVERY_SEGMENT = SegmentFilter()
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
        code: str = "",
        hidden: bool = False,
        processable: bool = True,
        points: Places = NO_PLACES,
    ) -> Job:
        """Ask for a segment; does not wait. It is evaluated again, as a new version, whenever an epoch is fused.

        ``universe`` is what it selects from, and what ``not`` is taken against: the matched pairs, or all rows of the
        platform, matched or not. ``channels`` are those of the contract that it may be activated through; if left out
        all of them, or of rows of the platform all of the platform's. Without ``expires`` it lives as long as the
        contract.

        ``code`` is what a system of this party's own calls it: the same code and content again give the same job, and
        with it the same segment, for as long as there is the contract. The other party and the zone can read it.
        ``hidden`` ones are left out of lists, of both parties, unless they are asked for; that hides nothing from
        anybody who asks. No segment can be made of one that is not ``processable``.

        ``points`` are lists of latitude and longitude in WGS-84 that a text may name, as ``points('shops')``; what is
        signed and kept has them in full.

        Raises:
            ExpressionError: the definition can't be read, mixes universes, or doesn't fit the columns of the parties.
            NotPermittedError: a grant is missing; the clause is in the error.
            StateError: the name is taken, or the code stood for another segment before.
        """
        terms = self._session.accepted.active(contract, self._session.now())
        chosen = Universe(universe)
        text = definition if isinstance(definition, str) else definition.text()
        with pointing_into(text):
            expression = parse(text, points)
            self._check(terms, expression, chosen)
        request = SegmentRequest(
            contract=contract,
            contract_digest=terms.digest(),
            job=job_id(contract, self._session.name, SEGMENT, check_code(code) if code else new_key()),
            name=check_name(name),
            code=code,
            definition=expression.text(),
            universe=chosen,
            owner=self._session.name,
            channels=_all_channels(terms, chosen) if channels is None else channels,
            hidden=hidden,
            processable=processable,
            expires=min(expires or terms.expires, terms.expires),
            at=self._session.now(),
        )
        permit_channels(terms, request.channels)
        request = self._held(request) or request
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

    def list(
        self, contract: str, wanted: SegmentFilter = EVERY_SEGMENT, *, limit: int = 100, after: str = ""
    ) -> tuple[Segment, ...]:
        """Segments by name, a page at a time: give the last name as ``after`` for the next page.

        ``wanted`` narrows the list, by state, universe, owner and the name's beginning, or to these names or codes (at
        most 200 of them); hidden ones are in it where they are asked for.
        """
        request = wire.ListSegmentsRequest(
            contract=contract, limit=limit, after=after, filter=to_wire(wanted, wire.SegmentFilter)
        )
        answer = self._session.stub(SegmentServiceStub).ListSegments(request)
        return tuple(from_wire(segment, Segment) for segment in answer.segments)

    def history(self, contract: str, name: str, *, limit: int = 100, before: int = 0) -> tuple[PastVersion, ...]:
        """The versions of a segment, newest first, a page at a time; ``before`` is the last number of the page before.

        With the sizes that were told before, to either party or an analyst; the history itself is never charged.

        Raises:
            SignatureError, ReplayError: a size is not signed by the zone, or is another's.
        """
        terms = self._session.accepted.get(contract).contract
        request = wire.ListVersionsRequest(contract=contract, segment=name, limit=limit, before=before)
        answer = self._session.stub(SegmentServiceStub).ListVersions(request)
        return tuple(read_version(terms, name, entry) for entry in answer.versions)

    def rename(self, contract: str, name: str, new_name: str) -> Segment:
        """Give one's own segment another name."""
        return self._change(contract, name, SegmentAction.RENAME, new_name=check_name(new_name))

    def invalidate(self, contract: str, name: str) -> Segment:
        """End one's own segment; nothing can be activated or asked of it any more."""
        return self._change(contract, name, SegmentAction.INVALIDATE)

    def narrow(self, contract: str, name: str, channels: tuple[str, ...]) -> Segment:
        """Leave one's own segment only these of its channels. Activations that were asked for before go on."""
        return self._change(contract, name, SegmentAction.NARROW, channels=channels)

    def expire(self, contract: str, name: str, at: datetime) -> Segment:
        """Let one's own segment end sooner; not before what is made of it."""
        return self._change(contract, name, SegmentAction.EXPIRE, expires=at)

    def set_hidden(self, contract: str, name: str, hidden: bool) -> Segment:
        """Leave one's own segment out of lists, or let it be listed again."""
        return self._change(contract, name, SegmentAction.HIDE if hidden else SegmentAction.SHOW)

    def set_processable(self, contract: str, name: str, processable: bool) -> Segment:
        """Let segments be made of one's own segment, or no more of them; those that are stay."""
        return self._change(contract, name, SegmentAction.OPEN if processable else SegmentAction.CLOSE)

    def explain(
        self,
        contract: str,
        definition: str | Expression,
        *,
        universe: UniverseWord = "matched",
        points: Places = NO_PLACES,
    ) -> Explanation:
        """What a segment by this definition would need, cost and tell: asked before it is created, and for nothing.

        Grants that the contract lacks are in it, and no error.

        Raises:
            ExpressionError: the definition can't be read, mixes universes, or doesn't fit the columns of the parties.
            NotFoundError, StateError: a segment that it names is not there, closed, or over.
        """
        text = definition if isinstance(definition, str) else definition.text()
        return explain_segment(self._session, contract, text, Universe(universe), points)

    def _check(self, contract: Contract, expression: Expression, universe: Universe) -> None:
        permit_distances(contract, leaves(expression))
        check_columns(self._session, contract, expression)
        meaning = self._definitions.expanded(contract, expression, universe)
        permit_segment(contract, self._session.name, plan(meaning.expression, universe).subjects)

    def _held(self, request: SegmentRequest) -> SegmentRequest | None:
        """The request that was made by this code before, for a byte-equal repeat."""
        held = self._session.requests.segment(request.contract, request.job)
        if held is None:
            return None
        if replace(held, at=request.at) != request:
            raise StateError(
                f"the code {request.code} stood for segment {held.name} before, which is another",
                hint="Give another code, or ask again exactly as before.",
            )
        return held

    def _change(
        self,
        contract: str,
        name: str,
        change: SegmentAction,
        *,
        new_name: str = "",
        channels: tuple[str, ...] = (),
        expires: datetime | None = None,
    ) -> Segment:
        terms = self._session.accepted.active(contract, self._session.now())
        statement = SegmentChange(
            contract=contract,
            contract_digest=terms.digest(),
            segment=name,
            owner=self._session.name,
            change=change,
            new_name=new_name,
            channels=channels,
            expires=expires,
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
