"""Insight: what noised totals say about segments, read by this party alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event

from miyun.aggregates.statements import (
    InsightRequest,
    NumberRange,
    OverlapAnswer,
    OverlapRequest,
    ReaderKey,
    SegmentVersion,
)
from miyun.contract.model import MATCHED, Contract
from miyun.errors import InputError, ReplayError
from miyun.insight.board import Board
from miyun.insight.lift import Lift
from miyun.insight.overlap import Overlap
from miyun.insight.portrait import Portrait
from miyun.insight.sums import Sums
from miyun.keys.signing import VerifyKey
from miyun.members.catalogue import Catalogue
from miyun.party.asking import Asking
from miyun.party.background import BackgroundAgent
from miyun.party.boards import board_of
from miyun.party.catalogues import scored_by
from miyun.party.insight_views import View, overlap_of
from miyun.party.jobs import JobsClient
from miyun.party.progress import OnEvent, ignore
from miyun.party.questions import AskedTags, Questions
from miyun.party.schemas import known_catalogue
from miyun.party.session import Session
from miyun.privacy.quotes import InsightQuote
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import insight_pb2 as wire
from miyun.wire.v1.insight_pb2_grpc import InsightServiceStub

DEFAULT_PER_PERSON = 16
_ANY_TIME = datetime.fromtimestamp(0, UTC)


class InsightClient:
    """Segments go by ``name``, for the newest version, by ``name@version``, or ``matched``, for all pairs.

    A question is charged to both owners once, with what it may spend (``rho_micro``, in millionths of zCDP's rho);
    asked again it is answered from this party's database. Calls wait for the answer.
    """

    def __init__(
        self, session: Session, jobs: JobsClient, background_agent: Callable[[OnEvent], BackgroundAgent]
    ) -> None:
        self._session = session
        self._asking = Asking(session, jobs, background_agent)
        self._questions = Questions(session)

    def make_key(self, contract: str) -> ReaderKey:
        """The Paillier key that answers under a contract are encrypted with; the zone is told of it.

        It is made once, in the vault. The first question does it by itself.
        """
        return self._asking.key(self._active(contract)).statement

    def fill_pool(
        self,
        contract: str,
        values: int,
        on_progress: Callable[[int, int], None] | None = None,
        stop: Event | None = None,
    ) -> None:
        """Draw randomness in advance for so many of this party's own rows; ``sums`` over them then take less time.

        Raises:
            ConfigError: the file system of the home can't tell a file from its copy, so there is no safe place for it.
            StateError: another process does so now.
        """
        terms = self._active(contract)
        self._asking.key(terms)
        self._session.reader_keys.pool(terms).fill(values, on_progress, stop)

    def quote(self, contract: str, rho_micro: int) -> InsightQuote:
        """What a question of this charge would cost now, and what both owners' leases still allow."""
        message = wire.QuoteInsightRequest(contract=contract, rho_micro=rho_micro)
        return from_wire(self._session.stub(InsightServiceStub).QuoteInsight(message), InsightQuote)

    def catalogue(self, contract: str) -> Catalogue:
        """The other party's catalogue of tags, from the file that ``[catalogues]`` names, or else as published.

        Raises:
            ConfigError: no file is configured for that party, and it has published none.
            SourceError: the file can't be read, or is no catalogue.
        """
        return known_catalogue(self._session, self._session.accepted.get(contract).contract)

    def portrait(
        self,
        contract: str,
        segments: Sequence[str],
        *,
        base: str = MATCHED,
        catalogue: Catalogue,
        tags: Sequence[str] = (),
        branches: Sequence[str] = (),
        per_person: int = DEFAULT_PER_PERSON,
        rho_micro: int,
        on_event: OnEvent = ignore,
    ) -> tuple[Portrait, ...]:
        """What the people of each segment are like against ``base``, by the other party's tags.

        ``catalogue`` is the other party's, as it gave it, such as ``catalogue(contract)``. ``tags`` are single ones,
        ``branches`` all below; the branch
        "" is the whole catalogue. Of a person at most ``per_person`` of them are counted.

        Raises:
            NotPermittedError: a grant is missing; the clause is in the error.
            InputError: it can't be asked; the message says why.
            BudgetExceededError, WaitingError: no room in the contract's budget, or in an owner's leases.
            StateError: the job failed; the message says whose agent refused and why.
        """
        terms = self._active(contract)
        asked = AskedTags(catalogue=catalogue, tags=tags, branches=branches, per_person=per_person)
        names = [*segments, *([] if base in segments else [base])]
        question = self._questions.about_tags(
            terms, names, asked, rho_micro=rho_micro, key_digest=self._key_digest(terms)
        )
        answer = self._asking.answer(terms, question, asked.named(), on_event)
        view = View(terms, answer)
        return tuple(view.portrait(place, names.index(base)) for place in range(len(segments)))

    def sums(
        self,
        contract: str,
        segments: Sequence[str],
        numbers: Sequence[NumberRange],
        *,
        parts: Sequence[str] = (),
        rho_micro: int,
        on_event: OnEvent = ignore,
    ) -> tuple[Sums, ...]:
        """Sums and means, number by number, and of each number segment by segment.

        Numbers are this party's own or the other's, not both at once: ``members.spend``, ``tags.age``, or, without a
        namespace, an own column if there is one of this name. ``parts`` share out the one segment that is given then.
        Who is in several of them counts in the first that is named, so that ten parts cost no more than two.

        Raises:
            NotPermittedError, InputError, BudgetExceededError, WaitingError, StateError: as ``portrait``.
        """
        if parts and len(segments) != 1:
            raise InputError("parts of several segments", hint="Name the one segment that they share out.")
        view = self._numbers(contract, [*segments, *parts], numbers, rho_micro, on_event, parts=len(parts))
        places = range(len(segments), len(segments) + len(parts))
        return tuple(
            view.sums(number, whole, places) for number in range(len(numbers)) for whole in range(len(segments))
        )

    def measure(
        self,
        contract: str,
        exposed: str,
        control: str,
        *,
        converted: NumberRange,
        revenue: NumberRange | None = None,
        rho_micro: int,
        on_event: OnEvent = ignore,
    ) -> Lift:
        """What people who were reached did, against a control group.

        ``converted`` is 1 or 0, and ``revenue`` 0 for who bought nothing; everybody in either group has both. Who is in
        both groups counts as exposed.

        Raises:
            NotPermittedError, InputError, BudgetExceededError, WaitingError, StateError: as ``portrait``.
        """
        if (converted.low, converted.high) != (0, 1):
            raise InputError(f"{converted.name} doesn't run from 0 to 1", hint="Give it a range of one step, from 0.")
        numbers = [converted] if revenue is None else [converted, revenue]
        return self._numbers(contract, [exposed, control], numbers, rho_micro, on_event, parts=2).lift()

    def overlap(self, contract: str, segments: Sequence[str]) -> Overlap:
        """How many people each two segments have in common, and each has; charged once as one answer.

        Raises:
            NotPermittedError: a grant of sizes is missing.
            BudgetExceededError, WaitingError: no room in the contract's budget, or in an owner's leases.
        """
        terms = self._active(contract)
        asked = self._questions.segments(terms, segments)
        request = OverlapRequest(contract=contract, segments=asked, asker=self._session.name, at=self._session.now())
        question = replace(request, at=_ANY_TIME).digest()
        held = self._session.answers.overlap(contract, question)
        if held is None:
            held = self._ask_overlap(terms, request, question)
        return overlap_of(terms, question, held)

    def board(self, contract: str, segment: str) -> Board:
        """What was reported of a segment by date, from the answers that this party has; nothing is asked.

        Raises:
            NotFoundError: nothing was.
        """
        terms = self._session.accepted.get(contract).contract
        answers = self._session.answers
        portraits = [answer for answer in answers.of_tags(contract) if scored_by(answer.request) is None]
        return board_of(terms, segment, portraits, answers.overlaps(contract))

    def _numbers(
        self,
        contract: str,
        segments: Sequence[str],
        numbers: Sequence[NumberRange],
        rho_micro: int,
        on_event: OnEvent,
        *,
        parts: int,
    ) -> View:
        terms = self._active(contract)
        question: InsightRequest = self._questions.about_numbers(
            terms, segments, numbers, rho_micro=rho_micro, key_digest=self._key_digest(terms), parts=parts
        )
        return View(terms, self._asking.answer(terms, question, None, on_event))

    def _ask_overlap(self, contract: Contract, request: OverlapRequest, question: bytes) -> OverlapAnswer:
        message = wire.AskOverlapRequest(
            statement=to_wire(request, wire.OverlapRequest), signature=self._session.sign(request)
        )
        answered = self._session.stub(InsightServiceStub).AskOverlap(message)
        answer = from_wire(answered.statement, OverlapAnswer)
        VerifyKey(contract.zone.signing_key).verify(answer, answered.signature)
        _require_answer(answer, contract.id, request.segments)
        self._session.answers.put_overlap(question, answer, answered.signature)
        return answer

    def _key_digest(self, contract: Contract) -> bytes:
        return self._asking.key(contract).statement.digest()

    def _active(self, contract: str) -> Contract:
        return self._session.accepted.active(contract, self._session.now())


def _require_answer(answer: OverlapAnswer, contract: str, segments: tuple[SegmentVersion, ...]) -> None:
    sizes = len(segments) * (len(segments) + 1) // 2
    if (answer.contract, answer.segments, len(answer.sizes)) != (contract, segments, sizes):
        raise ReplayError(
            "the zone answered with the sizes of something else",
            hint="Ask again; if it stays so, talk to the zone's operator.",
        )
