"""Sizes as noisy bands."""

from miyun.contract.model import Contract
from miyun.errors import ReplayError
from miyun.keys.signing import VerifyKey
from miyun.party.session import Session
from miyun.privacy.quotes import SizeQuote
from miyun.privacy.statements import SizeBand, SizeRequest
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import size_pb2 as wire
from miyun.wire.v1.size_pb2_grpc import SizeServiceStub


class SizesClient:
    def __init__(self, session: Session) -> None:
        self._session = session

    def size(self, contract: str, segment: str, version: int) -> SizeBand:
        """The band, its signature checked with the zone key that the contract pins."""
        terms = self._session.accepted.active(contract, self._session.now())
        request = SizeRequest(
            contract=contract, segment=segment, version=version, asker=self._session.name, at=self._session.now()
        )
        message = wire.AskSizeRequest(
            statement=to_wire(request, wire.SizeRequest), signature=self._session.sign(request)
        )
        answer = self._session.stub(SizeServiceStub).AskSize(message)
        band = from_wire(answer.statement, SizeBand)
        VerifyKey(terms.zone.signing_key).verify(band, answer.signature)
        _require_answer(band, request, terms)
        return band

    def quote(self, contract: str, segment: str) -> SizeQuote:
        message = wire.QuoteSizeRequest(contract=contract, segment=segment)
        return from_wire(self._session.stub(SizeServiceStub).QuoteSize(message), SizeQuote)


def _require_answer(band: SizeBand, request: SizeRequest, contract: Contract) -> None:
    same = (band.contract, band.segment) == (contract.id, request.segment)
    if not same or request.version not in (0, band.version):
        raise ReplayError(
            "the zone answered with the size of something else",
            hint="Ask again; if it stays so, talk to the zone's operator.",
        )
