"""A segment explained: read and checked here, and quoted by the zone. Nothing is created, drawn or charged."""

from miyun.contract.model import Contract, Universe
from miyun.errors import ReplayError
from miyun.keys.signing import VerifyKey
from miyun.party.definitions import Definitions
from miyun.party.schemas import check_columns
from miyun.party.session import Session
from miyun.segments.checking import pointing_into
from miyun.segments.expansion import Meaning
from miyun.segments.explaining import Explanation, explained
from miyun.segments.near import NO_PLACES, Places, permit_distances
from miyun.segments.parser import parse
from miyun.segments.planning import Plan, leaves, plan
from miyun.segments.quotes import SegmentQuote
from miyun.transport.codec import from_wire
from miyun.wire.v1 import segment_pb2 as wire
from miyun.wire.v1.segment_pb2_grpc import SegmentServiceStub


def explain_segment(
    session: Session, contract: str, text: str, universe: Universe, points: Places = NO_PLACES
) -> Explanation:
    """What a segment by this definition would need, cost and tell.

    Raises:
        ExpressionError: the definition can't be read, mixes universes, or doesn't fit the columns of the parties.
        NotPermittedError: a condition by distance reaches less far than the contract wants.
        NotFoundError, StateError: a segment or a lookalike that it names is not there, closed, or over.
        SignatureError, ReplayError: the zone didn't sign its answer, or answers something else.
    """
    terms = session.accepted.active(contract, session.now())
    with pointing_into(text):
        expression = parse(text, points)
        planned = plan(expression, universe)
        permit_distances(terms, leaves(expression))
        check_columns(session, terms, expression)
        meaning = Definitions(session).expanded(terms, expression, universe)
    quote = _quoted(session, terms, expression.text(), universe)
    _require_same(terms, quote, planned, meaning)
    return explained(terms, session.name, quote, planned, plan(meaning.expression, meaning.universe))


def _quoted(session: Session, contract: Contract, definition: str, universe: Universe) -> SegmentQuote:
    request = wire.QuoteSegmentRequest(contract=contract.id, definition=definition, universe=universe)
    answer = session.stub(SegmentServiceStub).QuoteSegment(request)
    quote = from_wire(answer.statement, SegmentQuote)
    VerifyKey(contract.zone.signing_key).verify(quote, answer.signature)
    if (quote.contract, quote.contract_digest, quote.definition, quote.universe) != (
        contract.id,
        contract.digest(),
        definition,
        universe,
    ):
        raise _something_else()
    return quote


def _require_same(contract: Contract, quote: SegmentQuote, planned: Plan, meaning: Meaning) -> None:
    """The zone reads the definition as it is read here."""
    legs = [(contract.owner_of(leg.namespace).name, leg.predicate.text()) for leg in planned.legs]
    if (
        [(leg.party, leg.predicate) for leg in quote.legs] != legs
        or quote.meaning != meaning.expression.text()
        or [share.party for share in quote.owners] != [party.name for party in contract.parties]
    ):
        raise _something_else()


def _something_else() -> ReplayError:
    return ReplayError(
        "the zone quotes another segment than was asked about",
        hint="Ask again; if it stays so, talk to the zone's operator.",
    )
