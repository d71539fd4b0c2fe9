"""Lookalikes: weights from a portrait, given to the platform with noise of one's own, and how well they tell."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from miyun.aggregates.lookalikes import Lookalike, LookalikeRelease, weights_info
from miyun.aggregates.question import Question
from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job
from miyun.contract.model import MATCHED, Contract, Universe
from miyun.contract.permissions import permit_activation, permit_lookalike
from miyun.errors import InputError, NotFoundError, NotPermittedError, ReplayError, StateError
from miyun.insight.lookalike import Scoring, edges, weigh, with_own_noise
from miyun.insight.separation import Separation
from miyun.keys.sealing import SealingPublicKey
from miyun.members.catalogue import Catalogue
from miyun.names import check_name, job_id
from miyun.party.asking import Asking
from miyun.party.background import BackgroundAgent
from miyun.party.definitions import Definitions
from miyun.party.insight_answers import Answer
from miyun.party.insight_views import View
from miyun.party.insights import DEFAULT_PER_PERSON
from miyun.party.jobs import JobsClient
from miyun.party.lookalike_store import LOOKALIKE, ReleasedLookalike
from miyun.party.paging import paged
from miyun.party.patience import patiently
from miyun.party.progress import OnEvent, ignore
from miyun.party.questions import AskedTags, Questions
from miyun.party.segments import SegmentsClient
from miyun.party.session import Session
from miyun.segments.expression import Best, Matched, SegmentRef, best
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import lookalike_pb2 as wire
from miyun.wire.v1.lookalike_pb2_grpc import LookalikeServiceStub


class Seed(StrEnum):
    """What becomes of a lookalike's seed in an audience. The platform knows who scores best, so that it sees who is
    added or taken away: both disclose the seed, as far as that differs.
    """

    AS_SCORED = "as-scored"
    """In it are those of the seed who score well enough themselves."""
    WITH = "with"
    WITHOUT = "without"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookalikeWeights:
    """What was released: ``weights`` by the paths of tags, the heaviest first, in thousandths of log-odds.

    Of ``tags`` tags those that are not listed weigh nothing.
    """

    name: str
    job: Job
    tags: int
    weights: Mapping[str, int]


class LookalikeClient:
    """The merchant releases weights; the platform's agent scores its users by them, wherever a segment says
    ``tags.best(100000, 'name')``.
    """

    def __init__(
        self, session: Session, jobs: JobsClient, background_agent: Callable[[OnEvent], BackgroundAgent]
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._background_agent = background_agent
        self._asking = Asking(session, jobs, background_agent)
        self._questions = Questions(session)
        self._definitions = Definitions(session)
        self._segments = SegmentsClient(session)

    def release(
        self,
        contract: str,
        name: str,
        *,
        seed: str,
        base: str = MATCHED,
        catalogue: Catalogue,
        tags: Sequence[str] = (),
        branches: Sequence[str] = (),
        per_person: int = DEFAULT_PER_PERSON,
        portrait_rho_micro: int,
        rho_micro: int,
        on_event: OnEvent = ignore,
    ) -> LookalikeWeights:
        """Give the platform weights of its tags that tell ``seed`` from ``base``, and wait until its agent has them.

        The portrait of both is asked for first, as ``InsightClient.portrait`` does, for ``portrait_rho_micro`` of both
        owners' budgets; one that was answered costs nothing. The platform knows the noise in it, so that this party
        adds its own, for ``rho_micro`` of its own rows' budget: once, and before anything is sent. The same name again
        sends the same bytes and costs nothing.

        Raises:
            NotPermittedError: a grant is missing; the clause is in the error.
            InputError: it can't be asked; the message says why.
            StateError: the name stands for another release, or a job failed; the message says why.
            BudgetExceededError, WaitingError: no room in the contract's budget, or in an owner's leases.
        """
        terms = self._session.accepted.active(contract, self._session.now())
        held = self._session.lookalikes.released(contract, check_name(name))
        if held is None:
            permit_lookalike(terms, self._session.name, self._definitions.counted(terms, map(_bare, (seed, base))))
            _require_lease(terms, rho_micro)
            self._session.lookalikes.marks.require_whole(contract)
            asked = AskedTags(catalogue=catalogue, tags=tags, branches=branches, per_person=per_person)
            question = self._questions.about_tags(
                terms,
                [seed, base],
                asked,
                rho_micro=portrait_rho_micro,
                key_digest=self._asking.key(terms).statement.digest(),
            )
            answer = self._asking.answer(terms, question, asked.named(), on_event)
            held = self._draw(terms, name, answer, rho_micro)
        _require_same(held.statement, seed=seed, base=base, rho_micro=rho_micro)
        with self._background_agent(on_event) as agent:
            job = self._ask(terms, held, agent)
            job = self._jobs.wait(contract, job.id, on_event)
        return self._told(held, job)

    def create(
        self,
        contract: str,
        segment: str,
        lookalike: str,
        *,
        count: int,
        seed: Seed = Seed.AS_SCORED,
        channels: tuple[str, ...] | None = None,
        expires: datetime | None = None,
    ) -> Job:
        """Ask for a segment of the platform's users, matched or not: the ``count`` that score best; does not wait.

        ``channels`` are those of the platform's that it may be activated through, all of them if left out.

        Raises:
            NotFoundError: there is no such lookalike.
            NotPermittedError: a grant is missing; for an audience with or without the seed, also of what the platform
                would see of the seed when it is handed the audience.
        """
        terms = self._session.accepted.active(contract, self._session.now())
        platform = terms.owner_of(Best.NAMESPACE).name
        ways_out = tuple(channel.name for channel in terms.channels if channel.recipient == platform)
        chosen = ways_out if channels is None else channels
        found = self.get(contract, lookalike)
        expression = best(count, lookalike)
        if seed is not Seed.AS_SCORED:
            self._require_disclosable(terms, found.seed.name, seed, [name for name in chosen if name in ways_out])
            members = Matched() if found.seed.name == MATCHED else SegmentRef(name=found.seed.name)
            expression = expression | members if seed is Seed.WITH else expression & ~members
        return self._segments.create(
            contract, segment, expression, universe=Universe.PLATFORM, channels=chosen, expires=expires
        )

    def list(self, contract: str, *, limit: int = 100, after: str = "") -> tuple[Lookalike, ...]:
        """Lookalikes by name, a page at a time: give the last name as ``after`` for the next page."""
        request = wire.ListLookalikesRequest(contract=contract, limit=limit, after=after)
        answer = self._session.stub(LookalikeServiceStub).ListLookalikes(request)
        return tuple(from_wire(lookalike, Lookalike) for lookalike in answer.lookalikes)

    def get(self, contract: str, name: str) -> Lookalike:
        """One lookalike.

        Raises:
            NotFoundError: there is none of this name.
        """
        for lookalike in paged(lambda after: self.list(contract, after=after)):
            if lookalike.name == name:
                return lookalike
        raise NotFoundError(f"there is no lookalike {name[:80]}", hint="List them: miyun lookalike list")

    def report(self, contract: str, name: str, *, rho_micro: int, on_event: OnEvent = ignore) -> Separation:
        """How well the score tells the seed from the base: people of both by parts of the score.

        It is a question about the newest versions of both, as a portrait of ten tags is, and charged to both owners.

        Raises:
            NotPermittedError, InputError, BudgetExceededError, WaitingError, StateError: as ``release``.
        """
        terms = self._session.accepted.active(contract, self._session.now())
        lookalike = self.get(contract, name)
        question, parts = self._questions.about_scores(
            terms,
            [lookalike.seed.name, lookalike.base.name],
            name,
            rho_micro=rho_micro,
            key_digest=self._asking.key(terms).statement.digest(),
        )
        return View(terms, self._asking.answer(terms, question, parts, on_event)).separation(name)

    def _require_disclosable(self, contract: Contract, members: str, seed: Seed, channels: Sequence[str]) -> None:
        platform = contract.owner_of(Best.NAMESPACE).name
        subjects = self._definitions.counted(contract, [members])
        for channel in channels:
            try:
                permit_activation(contract, self._session.name, platform, channel, subjects, universe=Universe.PLATFORM)
            except NotPermittedError as error:
                raise NotPermittedError(
                    f"{seed} its seed, the audience would show {platform}, which knows who scores best, who of its "
                    f"users is in {members}: {error.message}",
                    hint=f"Create it {Seed.AS_SCORED}. {error.hint}",
                    clause=error.clause,
                ) from None

    def _draw(self, contract: Contract, name: str, answer: Answer, rho_micro: int) -> ReleasedLookalike:
        """The own noise, and what comes of it, stored. What is stored by another call meanwhile counts."""
        view, request = View(contract, answer), answer.request
        sensitivity = Question.of(contract, request).parts[0].sensitivity
        seed, base = (
            with_own_noise(view.tags(place), rho_micro=rho_micro, sensitivity=sensitivity) for place in (0, 1)
        )
        weights = weigh(seed, base)
        scoring = Scoring(weights=weights, edges=edges(weights, base)).to_bytes()
        recipient = contract.counterparty(self._session.name)
        job = job_id(contract.id, self._session.name, LOOKALIKE, name)
        info = weights_info(
            contract=contract.id,
            job=job,
            name=name,
            party=self._session.name,
            recipient=recipient.name,
            question=request.question_digest(),
        )
        sealed = SealingPublicKey(recipient.sealing_key).seal(scoring, info)
        statement = LookalikeRelease(
            contract=contract.id,
            contract_digest=contract.digest(),
            job=job,
            name=name,
            party=self._session.name,
            question=request.question_digest(),
            seed=request.segments[0],
            base=request.segments[1],
            rho_micro=rho_micro,
            sealed_digest=hashlib.sha256(sealed).digest(),
            at=self._session.now(),
        )
        signature = self._session.sign(statement)
        self._session.lookalikes.put_released(
            ReleasedLookalike(statement=statement, signature=signature, sealed=sealed, scoring=scoring)
        )
        stored = self._session.lookalikes.released(contract.id, name)
        assert stored is not None  # noqa: S101
        return stored

    def _ask(self, contract: Contract, released: ReleasedLookalike, agent: BackgroundAgent) -> Job:
        statement, signature = released.statement, released.signature
        self._session.requests.keep(statement, signature, subject=statement.name)
        message = wire.ReleaseLookalikeRequest(statement=to_wire(statement, wire.LookalikeRelease), signature=signature)
        stub = self._session.stub(LookalikeServiceStub)
        answer = patiently(self._session, agent, lambda: stub.ReleaseLookalike(message))
        self._session.receipts.keep(answer.receipt, statement, contract)
        facts: dict[Fact, str | int] = {Fact.JOB: statement.job, Fact.LOOKALIKE: statement.name}
        self._session.audit_log.note(contract.id, Event.LOOKALIKE_RELEASED, self._session.name, statement, facts)
        job = from_wire(answer.job, Job)
        if job.id != statement.job:
            raise ReplayError("the zone answered a release with another job", hint="Run `miyun audit verify`.")
        return job

    def _told(self, released: ReleasedLookalike, job: Job) -> LookalikeWeights:
        answer = self._session.answers.get(released.statement.contract, released.statement.question)
        if answer is None or answer.tags is None:
            raise StateError(
                "this home has lost the portrait that was weighed", hint="The platform has the weights; use them."
            )
        tags = answer.tags
        scoring = Scoring.from_bytes(tags.names, released.scoring)
        return LookalikeWeights(
            name=released.statement.name, job=job, tags=len(tags.names), weights=scoring.weights.heavy()
        )


def _require_lease(contract: Contract, rho_micro: int) -> None:
    if not 1 <= rho_micro <= contract.budget.lease_rho_micro:
        raise InputError(
            f"a release of {rho_micro:,} micro-rho, and owners lease {contract.budget.lease_rho_micro:,} at a time",
            hint="Spend at least one, and no more than a lease, on one release.",
        )


def _require_same(held: LookalikeRelease, *, seed: str, base: str, rho_micro: int) -> None:
    """What is asked for is what the name stands for; a version that is not given is the one that was."""
    for asked, segment in ((seed, held.seed), (base, held.base)):
        if asked not in {segment.name, f"{segment.name}@{segment.version}"} or rho_micro != held.rho_micro:
            raise StateError(
                f"lookalike {held.name} was released from {held.seed.name}@{held.seed.version} against "
                f"{held.base.name}@{held.base.version} for {held.rho_micro:,} micro-rho, and stays that",
                hint="Release this one by another name.",
            )


def _bare(segment: str) -> str:
    return segment.partition("@")[0]
