"""What a segment's definition names, through the segments that it refers to."""

from miyun.contract.model import Contract
from miyun.errors import ContractError
from miyun.party.session import Session
from miyun.segments.expression import Expression
from miyun.segments.parser import parse
from miyun.segments.planning import plan
from miyun.wire.v1.segment_pb2 import GetSegmentRequest
from miyun.wire.v1.segment_pb2_grpc import SegmentServiceStub


class Definitions:
    """Definitions of other segments are the zone's word; what uses this party's columns must have been signed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def subjects(self, contract: Contract, expression: Expression) -> frozenset[str]:
        """Everything that the expression and the segments it refers to need a grant for."""
        return self._subjects(contract, expression, frozenset())

    def segment_subjects(self, contract: Contract, segment: str) -> frozenset[str]:
        """The same for a segment, by its name.

        Raises:
            ContractError: the zone gives it a definition over this party's columns that no party signed.
        """
        return self._segment_subjects(contract, segment, frozenset())

    def _subjects(self, contract: Contract, expression: Expression, above: frozenset[str]) -> frozenset[str]:
        planned = plan(expression)
        referred = (self._segment_subjects(contract, name, above) for name in sorted(planned.segments))
        return planned.subjects.union(*referred)

    def _segment_subjects(self, contract: Contract, segment: str, above: frozenset[str]) -> frozenset[str]:
        if segment in above:
            raise ContractError(f"the segment “{segment}” refers to itself", hint="Create it anew.")
        answer = self._session.stub(SegmentServiceStub).GetSegment(
            GetSegmentRequest(contract=contract.id, name=segment)
        )
        expression = parse(answer.definition)
        self._require_signed(contract, segment, expression)
        return self._subjects(contract, expression, above | {segment})

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
