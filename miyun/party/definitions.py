"""Definitions with the segments that they refer to written out."""

from miyun.contract.model import Contract
from miyun.errors import ContractError
from miyun.party.session import Session
from miyun.segments.expansion import expand
from miyun.segments.expression import Expression
from miyun.segments.parser import parse
from miyun.segments.planning import plan
from miyun.wire.v1.segment_pb2 import GetSegmentRequest
from miyun.wire.v1.segment_pb2_grpc import SegmentServiceStub

DEEPEST_REFERENCE = 32
Above = tuple[str, ...]
"""The segments on the way to this one."""
Known = dict[str, Expression]
"""What was written out already: a zone can't make one name be looked up more than once."""


class Definitions:
    """Definitions of other segments are the zone's word; what uses this party's columns must have been signed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def expanded(self, contract: Contract, expression: Expression) -> Expression:
        """The expression, naming columns only.

        Raises:
            ContractError: the zone gives a segment that it names a definition over this party's columns that no party
                signed.
            ExpressionError: written out it can't be read any more.
        """
        return self._expanded(contract, expression, (), {})

    def of_segment(self, contract: Contract, segment: str) -> Expression:
        """The same for a segment, by its name."""
        return self._of_segment(contract, segment, (), {})

    def _expanded(self, contract: Contract, expression: Expression, above: Above, known: Known) -> Expression:
        names = sorted(plan(expression).segments)
        return expand(expression, {name: self._of_segment(contract, name, above, known) for name in names})

    def _of_segment(self, contract: Contract, segment: str, above: Above, known: Known) -> Expression:
        if segment in above or len(above) == DEEPEST_REFERENCE:
            raise ContractError(
                f"the segment “{segment}” refers to itself, or through more than {DEEPEST_REFERENCE} others",
                hint="Create it anew.",
            )
        if segment not in known:
            answer = self._session.stub(SegmentServiceStub).GetSegment(
                GetSegmentRequest(contract=contract.id, name=segment)
            )
            expression = parse(answer.definition)
            self._require_signed(contract, segment, expression)
            known[segment] = self._expanded(contract, expression, (*above, segment), known)
        return known[segment]

    def _require_signed(self, contract: Contract, segment: str, expression: Expression) -> None:
        own = contract.party(self._session.name).kind.namespace
        if all(leg.namespace != own for leg in plan(expression).legs):
            return
        signed = {request.definition for request in self._session.requests.segments(contract.id)}
        if expression.text() not in signed:
            raise ContractError(
                f"nobody signed the definition that the zone gives for the segment “{segment}”",
                hint="Run `miyun audit verify`, and talk to the zone's operator.",
                clause="grants",
            )
