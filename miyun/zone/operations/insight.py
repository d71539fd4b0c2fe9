"""Questions as parties ask them: the keys that they read with, what a question is about, its price and its answer."""

from dataclasses import dataclass

from sqlalchemy import Connection

from miyun.aggregates.job import InsightJob, prove_key
from miyun.aggregates.question import MOST_SEGMENTS, require_countable
from miyun.aggregates.statements import Circuit, InsightRequest, ReaderKey, SegmentVersion
from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job, JobKind
from miyun.contract.model import MATCHED, Contract
from miyun.contract.permissions import permit_insight
from miyun.errors import InputError, MalformedError, NotFoundError, NotPermittedError, StateError, WaitingError
from miyun.privacy.quotes import InsightQuote
from miyun.segments.listing import SegmentState
from miyun.segments.parser import parse
from miyun.segments.planning import scored
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import (
    active_contract,
    contract_of_party,
    party_names,
    require_terms,
    verify_party,
)
from miyun.zone.operations.history import SignedReceipt, receipt, record_statement
from miyun.zone.operations.jobs import begin_job, held_job, move_job, require_job
from miyun.zone.operations.publishing import require_newest_catalogue
from miyun.zone.operations.releases import INSIGHT, charge_owners, is_charged, lease_book
from miyun.zone.operations.segments import require_live, require_segment
from miyun.zone.store import insights as store
from miyun.zone.store.fusions import joined_fusion, row_handles
from miyun.zone.store.insights import SignedKey, SignedTotals, StoredInsight
from miyun.zone.store.jobs import signed_request
from miyun.zone.store.segments import StoredSegment

MOST_KEYS = 16
"""Keys of one party under one contract, for as long as it lasts."""

MOST_ANSWER_BYTES = 128 << 20
"""Of one answer: 170,000 ciphertexts at 3072 bits. 300,000 tags of 8 segments take an eighth of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A page of the totals; ``totals`` is None until they are released, and the page empty."""

    insight: StoredInsight
    totals: SignedTotals | None
    page: bytes


def put_reader_key(core: Core, caller: str, statement: ReaderKey, signature: bytes) -> SignedReceipt:
    """Take a party's key, which its questions name from now on. Those that name an older one are answered under it.

    Raises:
        MalformedError: no key, or none that is proven for this contract and party.
        StateError: it is one more than :data:`MOST_KEYS`.
    """
    with core.reading() as connection:
        contract = contract_of_party(connection, statement.contract, caller).contract
    verify_party(contract, caller, statement.party, statement, signature)
    require_terms(contract, statement.contract_digest, statement)
    prove_key(contract, statement)
    with core.changing() as change:
        active_contract(change, contract.id, caller)
        if store.find_key(change.connection, contract.id, caller, statement.digest()) is None:
            _require_room_for_key(change, contract, caller)
            store.add_key(change.connection, SignedKey(statement=statement, signature=signature))
            record_statement(change, contract.id, Event.READER_KEY, caller, statement)
            change.work_for.add(contract.id)
        return receipt(core, change, contract.id, "", statement)


def get_reader_key(core: Core, caller: str, contract: str, party: str) -> SignedKey | None:
    """The newest key of a party of the contract; None before the first."""
    with core.reading() as connection:
        contract_of_party(connection, contract, caller)
        return store.newest_key(connection, contract, party)


def request_insight(core: Core, caller: str, request: InsightRequest, signature: bytes) -> tuple[Job, SignedReceipt]:
    """Charge a question to both owners and begin to answer it. One that was asked before is the job that it was.

    Raises:
        NotPermittedError: a grant is missing, or roles that must be apart are in one organisation.
        BudgetExceededError, WaitingError: no room in the contract's budget, or in an owner's leases.
        StateError: a segment is gone, or this version of it, or the owner of the tags has published another catalogue.
        InputError: nothing is asked, more than can be kept for an answer, or a segment is not one of matched pairs.
    """
    _prove_first(core, caller, request)
    with core.changing() as change:
        contract = active_contract(change, request.contract, caller)
        verify_party(contract, caller, request.requester, request, signature)
        require_terms(contract, request.contract_digest, request)
        job = held_job(change, request, Event.INSIGHT_REQUESTED, caller)
        if job is None:
            job = _asked_before(change, request) or _begin(core, change, contract, request, signature)
            facts: dict[Fact, str | int] = {Fact.JOB: job.id, Fact.RHO_MICRO: request.rho_micro}
            record_statement(change, contract.id, Event.INSIGHT_REQUESTED, caller, request, facts=facts)
        return job, receipt(core, change, contract.id, job.id, request)


def quote_insight(core: Core, caller: str, contract_id: str, rho_micro: int) -> InsightQuote:
    """What a question of this charge would cost each owner, beside what their leases hold. Costs nothing."""
    with core.reading() as connection:
        signed = contract_of_party(connection, contract_id, caller)
        now = core.clock()
        signed.require_active(now)
        books = [lease_book(connection, signed.contract, owner) for owner in party_names(signed.contract)]
        return InsightQuote(rho_micro=rho_micro, remaining_micro=min(book.remaining(now) for book in books))


def get_totals(core: Core, caller: str, contract: str, job: str, page: int) -> Answer:
    """A page of the answer to a question, for its reader.

    Raises:
        NotPermittedError: somebody else asked.
        MalformedError: there is no such page.
        StateError: the answer is erased.
    """
    with core.reading() as connection:
        contract_of_party(connection, contract, caller).require_active(core.clock())
        held = require_job(connection, contract, job, JobKind.INSIGHT)
        if held.requester != caller:
            raise NotPermittedError(
                f"this answer is for {held.requester}", hint="Ask a question of your own.", clause="parties"
            )
        insight = stored_insight(connection, contract, job)
        if insight.totals is None or not insight.released:
            return Answer(insight=insight, totals=None, page=b"")
        pages = len(insight.totals.statement.page_digests)
        if page >= pages:
            raise MalformedError(f"there is no page {page}", hint=f"Fetch pages 0 to {pages - 1}.")
        ciphertexts = store.find_page(connection, insight, page)
        if ciphertexts is None:
            raise StateError(
                f"the answer about epoch {insight.epoch} is erased", hint="Ask about a segment of the newest epoch."
            )
        return Answer(insight=insight, totals=insight.totals, page=ciphertexts)


def stored_insight(connection: Connection, contract: str, job: str) -> StoredInsight:
    """A question by its job.

    Raises:
        NotFoundError: there is none.
    """
    insight = store.find_insight(connection, contract, job)
    if insight is None:
        raise NotFoundError(f"there is no question {job[:80]} under contract {contract}", hint="List the jobs.")
    return insight


def insight_job(connection: Connection, contract: Contract, insight: StoredInsight) -> InsightJob:
    """What all who take part derive from the statements of a question."""
    signed = signed_request(connection, contract.id, insight.job)
    request = InsightRequest.from_canonical(signed.request)
    return _job(connection, contract, request, signed.signature, epoch=insight.epoch, handles=insight.handles)


def resolve_segments(
    change: Change, contract: Contract, asked: tuple[SegmentVersion, ...]
) -> tuple[int, tuple[StoredSegment | None, ...]]:
    """The epoch that all the segments are of, and the segments; None for all pairs.

    Raises:
        StateError: nothing is fused yet, a segment is gone or has another version.
        WaitingError: one is being evaluated.
        InputError: too many, or one twice.
    """
    if not 1 <= len(asked) <= MOST_SEGMENTS or len({segment.name for segment in asked}) != len(asked):
        raise InputError(
            f"{len(asked)} segments in one question, or one of them twice",
            hint=f"Ask about 1 to {MOST_SEGMENTS} different segments at a time.",
        )
    fusion = joined_fusion(change.connection, contract.id)
    if fusion is None:
        raise StateError(f"nothing is fused yet under contract {contract.id}", hint="Fuse first.")
    return fusion.epoch, tuple(_resolve(change, contract, segment, fusion.epoch) for segment in asked)


def _resolve(change: Change, contract: Contract, asked: SegmentVersion, epoch: int) -> StoredSegment | None:
    if asked.name == MATCHED:
        newest, segment = epoch, None
    else:
        segment = require_segment(change.connection, contract.id, asked.name)
        require_live(segment, change.at)
        newest = segment.version
        if asked.version == newest and segment.state is not SegmentState.READY:
            raise WaitingError(
                f"segment {segment.name} is being evaluated", hint="Wait until its job is done: miyun job list"
            )
    if asked.version != newest:
        raise StateError(
            f"version {asked.version} of segment {asked.name} is not there, version {newest} is",
            hint="Ask about the newest version.",
        )
    return segment


def _require_room_for_key(change: Change, contract: Contract, party: str) -> None:
    held = store.count_keys(change.connection, contract.id, party)
    if held >= MOST_KEYS:
        raise StateError(
            f"{party} has handed in {held} keys under contract {contract.id}, and may have no more",
            hint="Restore the home's newest backup, which has the key of before, or agree on a new contract.",
        )


def _prove_first(core: Core, caller: str, request: InsightRequest) -> None:
    """Check the key's proof, which takes half a second once, while nobody waits for the database."""
    with core.reading() as connection:
        contract = contract_of_party(connection, request.contract, caller).contract
        signed = _key(connection, contract, request)
    prove_key(contract, signed.statement)


def _asked_before(change: Change, request: InsightRequest) -> Job | None:
    job = store.job_of_question(change.connection, request.contract, request.question_digest())
    return None if job is None else require_job(change.connection, request.contract, job)


def _begin(core: Core, change: Change, contract: Contract, request: InsightRequest, signature: bytes) -> Job:
    epoch, segments = resolve_segments(change, contract, request.segments)
    for segment in segments:
        if segment is not None:
            require_countable(segment.name, segment.universe, ranked=bool(scored(parse(segment.meaning))))
    owner = _permit(contract, request, segments)
    handles = _handles(change.connection, contract, epoch, owner)
    job = _job(change.connection, contract, request, signature, epoch=epoch, handles=handles)
    largest = job.layout.ciphertexts * job.key.ciphertext_bytes
    if largest > MOST_ANSWER_BYTES:
        raise InputError(
            f"the answer would take {largest >> 20:,} MiB, and may take {MOST_ANSWER_BYTES >> 20}",
            hint="Ask about fewer tags or segments at a time.",
        )
    release = request.question_digest()
    if not _is_paid(change.connection, contract, request):
        require_newest_catalogue(change.connection, request, owner)
        charge_owners(
            core,
            change,
            contract,
            release=release.hex(),
            purpose=INSIGHT,
            rho_micro=request.rho_micro,
            owners=party_names(contract),
        )
    subject = ",".join(f"{segment.name}@{segment.version}" for segment in request.segments)
    begun = begin_job(change, request, signature, requester=request.requester, subject=subject)
    insight = StoredInsight(
        contract=contract.id,
        job=request.job,
        question=release,
        epoch=epoch,
        owner=owner,
        handles=handles,
        segment_jobs=tuple("" if segment is None else segment.job for segment in segments),
    )
    store.add_insight(change.connection, insight)
    change.work_for.add(contract.id)
    return move_job(change, begun, waiting_for=[owner])


def _is_paid(connection: Connection, contract: Contract, request: InsightRequest) -> bool:
    """Whether a charge of before pays for the one answer to this question; see `restoring` for what it is after one."""
    question = request.question_digest()
    if request.circuit is Circuit.SELECTION:
        return is_charged(connection, contract, release=question.hex(), purpose=INSIGHT)
    return store.is_paid(connection, contract.id, question)


def _permit(contract: Contract, request: InsightRequest, segments: tuple[StoredSegment | None, ...]) -> str:
    """Who has the columns, where the requester may have totals of them."""
    reader = request.requester
    other = contract.counterparty(reader)
    owner = other if request.circuit is Circuit.SELECTION else contract.party(reader)
    namespace = owner.kind.namespace
    numbers = {f"{namespace}.{number.name}" for number in request.numbers}
    tags = {f"{namespace}.{name}" for name in (*request.tags, *request.branches) if name}
    if "" in request.branches:
        tags.add(namespace)
    subjects = frozenset[str]().union(*(segment.subjects for segment in segments if segment is not None))
    permit_insight(contract, reader, (), subjects, tags=tags | numbers)
    return owner.name


def _job(
    connection: Connection, contract: Contract, request: InsightRequest, signature: bytes, *, epoch: int, handles: int
) -> InsightJob:
    key = _key(connection, contract, request)
    return InsightJob.of(contract, request, signature, key.statement, key.signature, epoch=epoch, handles=handles)


def _key(connection: Connection, contract: Contract, request: InsightRequest) -> SignedKey:
    signed = store.find_key(connection, contract.id, request.requester, request.key_digest)
    if signed is None:
        raise StateError(
            "the question names a key that the zone doesn't have", hint="Hand the key in first: miyun insight key"
        )
    return signed


def _handles(connection: Connection, contract: Contract, epoch: int, owner: str) -> int:
    return row_handles(connection, contract.id, epoch)[owner]
