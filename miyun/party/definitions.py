"""Definitions with the segments that they refer to written out."""

from collections.abc import Iterable

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
Known = dict[str, Meaning]
"""What was written out already: a zone can't make one name be looked up more than once."""


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
        return self._expanded(contract, expression, universe, (), {})

    def of_segment(self, contract: Contract, segment: str) -> Meaning:
        """The same for a segment, by its name."""
        return self._of_segment(contract, segment, (), {})

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

    def _expanded(
        self, contract: Contract, expression: Expression, universe: Universe, above: Above, known: Known
    ) -> Meaning:
        names = sorted(plan(expression, universe).segments)
        return expand(expression, universe, {name: self._of_segment(contract, name, above, known) for name in names})

    def _of_segment(self, contract: Contract, segment: str, above: Above, known: Known) -> Meaning:
        if segment in above or len(above) == DEEPEST_REFERENCE:
            raise ContractError(
                f"the segment “{segment}” refers to itself, or through more than {DEEPEST_REFERENCE} others",
                hint="Create it anew.",
            )
        if segment not in known:
            if len(known) + len(above) >= MOST_REFERENCES:
                raise ContractError(
                    f"a definition is made of more than {MOST_REFERENCES} segments", hint="Simplify it."
                )
            answer = self._session.stub(SegmentServiceStub).GetSegment(
                GetSegmentRequest(contract=contract.id, name=segment)
            )
            expression, universe = parse(answer.definition), _universe(answer.universe)
            self._require_signed(contract, segment, expression, universe)
            known[segment] = self._expanded(contract, expression, universe, (*above, segment), known)
        return known[segment]

    def _require_signed(self, contract: Contract, segment: str, expression: Expression, universe: Universe) -> None:
        own = contract.party(self._session.name).kind.namespace
        if all(leg.namespace != own for leg in plan(expression, universe).legs):
            return
        requests = self._session.requests.segments(contract.id)
        if (expression.text(), universe) not in {(request.definition, request.universe) for request in requests}:
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
