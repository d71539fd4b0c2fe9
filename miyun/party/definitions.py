"""Definitions with the segments that they refer to written out."""

from collections.abc import Iterable
from functools import cached_property

from miyun.aggregates.question import require_countable
from miyun.contract.model import MATCHED, Contract, Universe
from miyun.errors import ContractError, MalformedError
from miyun.names import check_name
from miyun.party.session import Session
from miyun.segments.expansion import Meaning, expand
from miyun.segments.expression import Expression
from miyun.segments.parser import parse
from miyun.segments.planning import plan
from miyun.wire.v1.segment_pb2 import GetSegmentRequest
from miyun.wire.v1.segment_pb2_grpc import SegmentServiceStub

DEEPEST_REFERENCE = 32
MOST_REFERENCES = 1000
"""As many segments as can be live under a contract."""
Above = tuple[str, ...]
"""The segments on the way to this one."""


class Definitions:
    """Definitions of other segments are the zone's word; what uses this party's columns must have been signed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def expanded(self, contract: Contract, expression: Expression, universe: Universe) -> Meaning:
        """What the expression means over the universe, naming columns only.

        Raises:
            ContractError: the zone gives a segment that it names a definition over this party's columns that no party
                signed.
            ExpressionError: it mixes universes, or written out it can't be read any more.
        """
        return _Expansion(self._session, contract).expanded(expression, universe, ())

    def of_segment(self, contract: Contract, segment: str) -> Meaning:
        """The same for a segment, by its name."""
        return _Expansion(self._session, contract).of_segment(segment, ())

    def counted(self, contract: Contract, segments: Iterable[str]) -> frozenset[str]:
        """What segments are made of whose totals are asked for; `MATCHED` stands for all pairs.

        Raises:
            InputError: totals of one of them are not told.
        """
        subjects = {MATCHED}
        for segment in segments:
            if segment != MATCHED:
                meaning = self.of_segment(contract, check_name(segment))
                planned = plan(meaning.expression, meaning.universe)
                require_countable(segment, planned.universe, ranked=bool(planned.best))
                subjects |= planned.subjects
        return frozenset(subjects)


class _Expansion:
    """Of one definition. Each segment is written out once: a zone can't make one name be looked up more often."""

    def __init__(self, session: Session, contract: Contract) -> None:
        self._session = session
        self._contract = contract
        self._known: dict[str, Meaning] = {}

    def expanded(self, expression: Expression, universe: Universe, above: Above) -> Meaning:
        names = sorted(plan(expression, universe).segments)
        return expand(expression, universe, {name: self.of_segment(name, above) for name in names})

    def of_segment(self, segment: str, above: Above) -> Meaning:
        if segment in above or len(above) == DEEPEST_REFERENCE:
            raise ContractError(
                f"the segment “{segment}” refers to itself, or through more than {DEEPEST_REFERENCE} others",
                hint="Create it anew.",
            )
        if segment not in self._known:
            if len(self._known) + len(above) >= MOST_REFERENCES:
                raise ContractError(
                    f"a definition is made of more than {MOST_REFERENCES} segments", hint="Simplify it."
                )
            answer = self._session.stub(SegmentServiceStub).GetSegment(
                GetSegmentRequest(contract=self._contract.id, name=segment)
            )
            expression, universe = parse(answer.definition), _universe(answer.universe)
            self._require_signed(segment, expression, universe)
            self._known[segment] = self.expanded(expression, universe, (*above, segment))
        return self._known[segment]

    @cached_property
    def _signed(self) -> frozenset[tuple[str, Universe]]:
        """The definitions that parties signed."""
        requests = self._session.requests.segments(self._contract.id)
        return frozenset((request.definition, request.universe) for request in requests)

    def _require_signed(self, segment: str, expression: Expression, universe: Universe) -> None:
        own = self._contract.party(self._session.name).kind.namespace
        if all(leg.namespace != own for leg in plan(expression, universe).legs):
            return
        if (expression.text(), universe) not in self._signed:
            raise ContractError(
                f"nobody signed the definition that the zone gives for the segment “{segment}”",
                hint="Run `miyun audit verify`, and talk to the zone's operator.",
                clause="grants",
            )


def _universe(word: str) -> Universe:
    try:
        return Universe(word)
    except ValueError:
        raise MalformedError("a segment of a universe that there is not", hint="Update this agent.") from None
