"""What the owner of columns checks in a signed question before it computes anything."""

from dataclasses import dataclass

import numpy as np

from miyun.aggregates.job import InsightJob
from miyun.aggregates.lookalikes import LookalikeRelease
from miyun.aggregates.statements import Circuit, InsightRequest, ReaderKey
from miyun.contract.model import Contract
from miyun.contract.permissions import permit_insight
from miyun.errors import ContractError, MalformedError, NotPermittedError, ReplayError, WaitingError
from miyun.members.catalogue import Catalogue, Indices
from miyun.members.config import load_members_config
from miyun.party.catalogues import asked_tags, own_catalogue, permit_attribute, permit_tags, score_catalogue, scored_by
from miyun.party.definitions import Definitions
from miyun.party.leases import Leases
from miyun.party.lookalike_store import ReceivedLookalike
from miyun.party.progress import OnEvent
from miyun.party.scoring import require_received
from miyun.party.session import Session
from miyun.transport.codec import from_wire
from miyun.wire.v1 import agent_pb2 as wire

INSIGHT = "insight"
"""The purpose of the charges for questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightWork:
    """``tags`` are what is asked about, in ``catalogue``; a question about numbers of the member table has neither.

    A question about parts by score has the ``lookalike`` that scores, and a catalogue of the parts.
    """

    contract: Contract
    job: InsightJob
    catalogue: Catalogue | None
    tags: Indices | None
    lookalike: ReceivedLookalike | None = None


class InsightAdmission:
    """One contract's questions, as seen from the columns' owner."""

    def __init__(self, session: Session, contract: Contract, on_event: OnEvent) -> None:
        self._session = session
        self._contract = contract
        self._on_event = on_event

    def admit(self, task: wire.InsightTask, request: InsightRequest) -> InsightWork:
        """The work that a task stands for; ``request``'s own signature was checked.

        Raises:
            NotPermittedError: a grant is missing, or roles that must be apart are in one organisation.
            SignatureError, MalformedError: no proven key of the reader, or another count of rows than was announced.
            ContractError: the question counts on another catalogue than this party has.
            BudgetExceededError: the contract's budget for this party's data is used up.
            WaitingError: the zone has not charged the question to this party's leases yet.
        """
        job = InsightJob.of(
            self._contract,
            request,
            task.signature,
            from_wire(task.key, ReaderKey),
            task.key_signature,
            epoch=task.epoch,
            handles=task.handles,
        )
        self._require_own_columns(job)
        self._require_own_rows(job)
        name = scored_by(request)
        if name is not None:
            return self._admit_scores(request, job, name)
        catalogue, tags = self._columns(request)
        if request.circuit is Circuit.SELECTION:
            self._permit(request, catalogue, tags)
            self._require_charge(request)
        return InsightWork(contract=self._contract, job=job, catalogue=catalogue, tags=tags)

    def _admit_scores(self, request: InsightRequest, job: InsightJob, name: str) -> InsightWork:
        """Parts by score tell about the tags that are weighed, so these are what the reader needs grants of."""
        lookalike = require_received(self._session, self._contract.id, name)
        catalogue = score_catalogue(name)
        parts = catalogue.branch()
        counted = (request.circuit, request.tag_count, request.dimension_count, request.per_person, request.numbers)
        if counted != (Circuit.SELECTION, len(parts), 1, 1, ()):
            raise _other_catalogue(request, catalogue)
        own = own_catalogue(load_members_config(self._session.config_path))
        weighed = [place for tag in lookalike.weights if (place := own.place_of(tag)) is not None]
        self._permit(request, own, np.array(sorted(weighed), np.uint32))
        self._require_charge(request)
        return InsightWork(contract=self._contract, job=job, catalogue=catalogue, tags=parts, lookalike=lookalike)

    def _require_own_columns(self, job: InsightJob) -> None:
        if job.owner != self._session.name:
            raise NotPermittedError(
                f"this question is about columns of {job.owner}, not of {self._session.name}",
                hint="Talk to the zone's operator.",
                clause="parties",
            )

    def _require_own_rows(self, job: InsightJob) -> None:
        about_to_finish = self._session.fusions.under_way(self._contract.id, job.epoch)
        if self._session.fusions.handles(self._contract.id, job.epoch) == job.layout.handles:
            return
        if about_to_finish:
            raise WaitingError("this party is about to finish a delta", hint="Wait a moment.")
        raise MalformedError(
            "a question over another number of rows than this party announced",
            hint="Run `miyun audit verify`, and talk to the zone's operator.",
        )

    def _columns(self, request: InsightRequest) -> tuple[Catalogue | None, Indices | None]:
        """The catalogue, where one is needed, and the tags that are asked about."""
        config = load_members_config(self._session.config_path)
        catalogue = None if config.tags is None else own_catalogue(config)
        if not request.tag_count:
            if request.tags or request.branches:
                raise _other_catalogue(request, catalogue)
            return catalogue, None
        if catalogue is None or catalogue.digest() != request.catalogue_digest:
            raise _other_catalogue(request, catalogue)
        tags = asked_tags(catalogue, request.tags, request.branches)
        if (len(tags), len(catalogue.dimensions(tags))) != (request.tag_count, request.dimension_count):
            raise _other_catalogue(request, catalogue)
        return catalogue, tags

    def _permit(self, request: InsightRequest, catalogue: Catalogue | None, tags: Indices | None) -> None:
        reader = request.requester
        segments = (segment.name for segment in request.segments)
        subjects = Definitions(self._session).counted(self._contract, segments)
        permit_insight(self._contract, reader, frozenset(), subjects)
        if catalogue is not None and tags is not None:
            permit_tags(self._contract, reader, catalogue, tags)
        for number in request.numbers:
            place = catalogue.place_of(number.name) if catalogue is not None else None
            if catalogue is not None and place is not None:
                permit_tags(self._contract, reader, catalogue, catalogue.branch(number.name))
            else:
                permit_attribute(self._contract, reader, number.name)

    def _require_charge(self, request: InsightRequest) -> None:
        """The zone has charged exactly this question, once, and the leases that this party signed hold it."""
        if self._session.aggregations.totals(request.contract, request.job) is not None:
            return
        self._session.aggregations.marks.require_whole(request.contract)
        self._require_unanswered(request)
        Leases(self._session, self._contract, self._on_event).require_charged(
            release=request.question_digest().hex(), purpose=INSIGHT, rho_micro=request.rho_micro
        )

    def _require_unanswered(self, request: InsightRequest) -> None:
        """One charge pays for one answer."""
        for earlier, _ in self._session.requests.insights(request.contract, request.question_digest()):
            if self._session.aggregations.totals(request.contract, earlier.job) is not None:
                raise ReplayError(
                    f"this question was answered before, as job {earlier.job}", hint="Ask for that job's answer."
                )


def weighed_tags(session: Session, release: LookalikeRelease) -> tuple[str, ...]:
    """The ids of the tags that a release weighs: those of a portrait of its seed and base that this party answered.

    Raises:
        ContractError: it answered none, or has another catalogue than then.
    """
    answered = [
        request
        for request, _ in session.requests.insights(release.contract, release.question)
        if session.aggregations.totals(release.contract, request.job) is not None
    ]
    if not answered or not {release.seed, release.base} <= set(answered[0].segments):
        raise ContractError(
            f"the weights are not of a portrait of this seed and base that {session.name} answered",
            hint="Ask for the portrait first, then release.",
        )
    request = answered[0]
    catalogue = own_catalogue(load_members_config(session.config_path))
    if catalogue.digest() != request.catalogue_digest:
        raise _other_catalogue(request, catalogue)
    tags = asked_tags(catalogue, request.tags, request.branches)
    return tuple(catalogue.id_of(tag) for tag in tags.tolist())


def _other_catalogue(request: InsightRequest, catalogue: Catalogue | None) -> ContractError:
    own = "none" if catalogue is None else f"{catalogue.digest().hex()[:8]}…"
    return ContractError(
        f"the question counts on another catalogue of tags ({request.catalogue_digest.hex()[:8]}…) than this party has "
        f"({own})",
        hint=f"Give {request.requester} the catalogue's file as it is now, and ask again; `miyun catalogue show` tells "
        "both sides their digest.",
    )
