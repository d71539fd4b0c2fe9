"""Audiences that the platform curates among its own rows: published by it, found and used by the merchant."""

from dataclasses import dataclass

from miyun.audit.events import Event, Fact
from miyun.contract.model import MATCHED, Contract, PartyKind, Universe
from miyun.contract.permissions import permit_segment
from miyun.errors import MalformedError, NotFoundError, NotPermittedError, ReplayError
from miyun.keys.signing import VerifyKey
from miyun.party.session import Session
from miyun.segments.audiences import Audience, Publication, Withdrawal
from miyun.segments.listing import Segment
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import audience_pb2 as wire
from miyun.wire.v1.audience_pb2_grpc import AudienceServiceStub
from miyun.words import Words

NOTHING = Words(en="", zh="")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedAudience:
    """What the platform signed about a segment of its rows. ``lacking`` says which grant this party lacks, or nothing.

    Without anything lacking, ``name`` can be named in a definition that ends with ``within matched``.
    """

    segment: Segment
    title: Words
    description: Words
    category: str
    lacking: str

    @property
    def name(self) -> str:
        """The segment's."""
        return self.segment.name


class AudiencesClient:
    def __init__(self, session: Session) -> None:
        self._session = session

    def publish(
        self, contract: str, segment: str, *, title: Words, category: str, description: Words = NOTHING
    ) -> None:
        """Let the merchant find one's own segment of the universe ``platform``; new words take the place of old ones.

        The merchant and the zone read the words. While it is published, a segment keeps its name and stays open.

        Raises:
            InputError: a title or the category is missing, or too long.
            NotPermittedError: it is not this party's, or not of the platform's rows.
            StateError: it is over, hidden, or closed to definitions.
        """
        terms = self._session.accepted.active(contract, self._session.now())
        statement = Publication(
            contract=contract,
            contract_digest=terms.digest(),
            segment=segment,
            owner=self._session.name,
            title_en=title.en,
            title_zh=title.zh,
            description_en=description.en,
            description_zh=description.zh,
            category=category,
            at=self._session.now(),
        )
        statement.check_words()
        message = wire.PublishAudienceRequest(
            statement=to_wire(statement, wire.Publication), signature=self._session.sign(statement)
        )
        receipt = self._session.stub(AudienceServiceStub).PublishAudience(message)
        self._session.receipts.keep(receipt, statement, terms)
        facts = {Fact.SEGMENT: segment}
        self._session.audit_log.note(contract, Event.AUDIENCE_PUBLISHED, self._session.name, statement, facts)

    def withdraw(self, contract: str, segment: str) -> None:
        """List it no more. The segment stays, and so does what is made of it.

        Raises:
            StateError: it is not published.
        """
        terms = self._session.accepted.active(contract, self._session.now())
        statement = Withdrawal(
            contract=contract,
            contract_digest=terms.digest(),
            segment=segment,
            owner=self._session.name,
            at=self._session.now(),
        )
        message = wire.WithdrawAudienceRequest(
            statement=to_wire(statement, wire.Withdrawal), signature=self._session.sign(statement)
        )
        receipt = self._session.stub(AudienceServiceStub).WithdrawAudience(message)
        self._session.receipts.keep(receipt, statement, terms)
        facts = {Fact.SEGMENT: segment}
        self._session.audit_log.note(contract, Event.AUDIENCE_WITHDRAWN, self._session.name, statement, facts)

    def list(
        self, contract: str, words: str = "", *, category: str = "", limit: int = 100, after: str = ""
    ) -> tuple[PublishedAudience, ...]:
        """Audiences by their segment's name, a page at a time: give the last name as ``after`` for the next page.

        ``words`` all have to be in the name, a title, a description or the category; letters great or small.

        Raises:
            SignatureError, ReplayError: the platform did not sign these words for this segment.
        """
        request = wire.ListAudiencesRequest(contract=contract, words=words, category=category, limit=limit, after=after)
        return self._asked(contract, request)

    def get(self, contract: str, segment: str) -> PublishedAudience:
        """One audience, by its segment's name.

        Raises:
            NotFoundError: there is none, or it was withdrawn or is over.
        """
        found = self._asked(contract, wire.ListAudiencesRequest(contract=contract, name=segment, limit=1))
        if not found:
            raise NotFoundError(f"there is no audience {segment}", hint="List them: miyun audience list")
        if found[0].segment.name != segment:
            raise ReplayError("the zone answered with another audience", hint="Talk to the zone's operator.")
        return found[0]

    def _asked(self, contract: str, request: wire.ListAudiencesRequest) -> tuple[PublishedAudience, ...]:
        terms = self._session.accepted.get(contract).contract
        answer = self._session.stub(AudienceServiceStub).ListAudiences(request)
        return tuple(self._read(terms, from_wire(audience, Audience)) for audience in answer.audiences)

    def _read(self, contract: Contract, audience: Audience) -> PublishedAudience:
        segment, said = audience.segment, audience.publication
        platform = contract.owner_of(PartyKind.PLATFORM.namespace)
        VerifyKey(platform.signing_key).verify(said, audience.signature)
        same = (said.contract, said.contract_digest, said.segment, said.owner)
        if same != (contract.id, contract.digest(), segment.name, platform.name):
            raise ReplayError("words that were signed for another segment", hint="Talk to the zone's operator.")
        if segment.universe is not Universe.PLATFORM or segment.owner != platform.name:
            raise MalformedError("an audience that is no segment of the platform's rows", hint="Tell the operator.")
        said.check_words()
        return PublishedAudience(
            segment=segment,
            title=Words(en=said.title_en, zh=said.title_zh),
            description=Words(en=said.description_en, zh=said.description_zh),
            category=said.category,
            lacking=self._lacking(contract, frozenset(audience.subjects)),
        )

    def _lacking(self, contract: Contract, subjects: frozenset[str]) -> str:
        """What stands against making a matched segment of it. The zone checks again, as does the platform's agent."""
        try:
            permit_segment(contract, self._session.name, subjects | {MATCHED})
        except NotPermittedError as error:
            return error.message
        return ""
