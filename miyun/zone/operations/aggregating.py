"""How a question is answered: selections for who counts, values of who decrypts, and the totals of either."""

from sqlalchemy import Connection

from miyun.aggregates.chunks import (
    chunk_count,
    chunk_range,
    make_selection_chunk,
    read_chunk,
)
from miyun.aggregates.job import InsightJob
from miyun.aggregates.noise import Noise
from miyun.aggregates.pages import check_totals, make_totals, read_page
from miyun.aggregates.release import release
from miyun.aggregates.selection import Selected, encrypt_selection
from miyun.aggregates.statements import Circuit, SelectionChunk, Totals, ValuesChunk
from miyun.aggregates.summing import Summing
from miyun.audit.events import Event, Fact
from miyun.bitmaps import to_bitmap, to_numbers
from miyun.contract.jobs import Job, JobKind
from miyun.contract.model import Contract
from miyun.errors import InternalError, MalformedError, NotPermittedError, ReplayError, StateError
from miyun.zone.bitmaps import read_bitmap
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import active_contract, contract_of_party, party_names, require_caller
from miyun.zone.operations.history import SignedReceipt, receipt, record_statement
from miyun.zone.operations.insight import insight_job, stored_insight
from miyun.zone.operations.jobs import finish_job, move_job, require_job
from miyun.zone.operations.restoring import raise_mark
from miyun.zone.pools import ShortOrUniform
from miyun.zone.store import insights as store
from miyun.zone.store.bulk import PAIRS, Handles, get_live, left_handles, right_handles
from miyun.zone.store.insights import SignedTotals, StoredInsight
from miyun.zone.store.segments import get_selection


def get_selection_chunk(
    core: Core, caller: str, contract_id: str, job_id: str, index: int
) -> tuple[SelectionChunk, bytes, bytes] | None:
    """A chunk of the encrypted selection, freshly encrypted, with the zone's signature, for the columns' owner.

    None where randomness for it was not all made in the time that a call has; the next call goes on.

    Raises:
        NotPermittedError: the caller is not that owner.
        StateError: the job is over, or has no selection.
        MalformedError: there is no such chunk.
    """
    with core.reading() as connection:
        signed = contract_of_party(connection, contract_id, caller)
        signed.require_active(core.clock())
        contract = signed.contract
        job, insight = _open(connection, contract, job_id)
        _require_owner(insight, caller)
        question = _require_circuit(insight_job(connection, contract, insight), Circuit.SELECTION)
        if index >= chunk_count(insight.handles):
            raise MalformedError(
                f"there is no chunk {index}", hint=f"Fetch chunks 0 to {chunk_count(insight.handles) - 1}."
            )
    low, high = chunk_range(insight.handles, index)
    of = ShortOrUniform(question.key, question.admits_short_exponents)
    randomness = core.pools.draw(of, high - low, (contract.id, job.id, index))
    if randomness is None:
        return None
    with core.reading() as connection:
        _require_open(require_job(connection, contract.id, job.id))
        selected = _selected(connection, question, insight, low, high)
    chunk, data = make_selection_chunk(question, encrypt_selection(question, selected, low, high, randomness))
    with core.changing() as change:
        current = require_job(change.connection, contract.id, job.id)
        _require_open(current)
        done = max(current.done, index + 1)
        move_job(change, current, waiting_for=current.waiting_for, done=done, total=chunk.chunks + 1)
    return chunk, core.signing_key.sign(chunk), data


def put_values(core: Core, caller: str, chunk: ValuesChunk, signature: bytes, data: bytes) -> SignedReceipt:
    """Take a chunk of the reader's encrypted values into the running totals, in order.

    Raises:
        ReplayError: not the next one, or another than before in its place.
        MalformedError, SignatureError: no such chunk of this job.
    """
    with core.reading() as connection:
        contract, insight, question = _incoming(core, connection, caller, chunk, Circuit.VALUES)
        held = store.find_values(connection, contract.id, insight.job, chunk.index)
        state = store.running_totals(connection, insight)
        finished = require_job(connection, contract.id, insight.job).state.ended
        low = min(chunk.low, insight.handles)
        high = min(low + chunk.count, insight.handles)
        selected = None if held or finished else _selected(connection, question, insight, low, high)
    question.verify(question.encrypts, chunk, signature)
    running = None
    if held is None and selected is not None:
        _require_next(insight, chunk)
        rows = read_chunk(question, chunk, signature, data)
        summing = Summing(question, selected, state)
        summing.add(rows)
        running = summing.to_bytes()
    with core.changing() as change:
        active_contract(change, contract.id, caller)
        held = store.find_values(change.connection, contract.id, insight.job, chunk.index)
        if held is None:
            job = require_job(change.connection, contract.id, insight.job)
            _require_open(job)
            _require_next(stored_insight(change.connection, contract.id, insight.job), chunk)
            if running is None:
                raise InternalError("a chunk of values was neither new nor held")
            _keep(change, insight, job, chunk, running)
        elif held != chunk:
            raise ReplayError("values that differ from those given before", hint="Send what was sent before.")
        return receipt(core, change, contract.id, insight.job, chunk)


def put_totals(
    core: Core, caller: str, totals: SignedTotals, page: int, data: bytes
) -> tuple[SignedReceipt | None, int]:
    """Take a page of the noised totals of the columns' owner, for the reader. In any order, and again.

    The receipt, once all are in; before, the first page that is missing.

    Raises:
        ReplayError: other totals than before, or another job's.
        MalformedError, SignatureError: no such totals of this job.
    """
    with core.reading() as connection:
        contract, insight, question = _incoming(core, connection, caller, totals.statement, Circuit.SELECTION)
    check_totals(question, totals.statement, totals.signature)
    read_page(question, totals.statement, page, data)
    with core.changing() as change:
        active_contract(change, contract.id, caller)
        held = stored_insight(change.connection, contract.id, insight.job)
        if held.totals is not None and held.totals.statement != totals.statement:
            raise ReplayError("totals that differ from those given before", hint="Send what was sent before.")
        if not held.released:
            missing = _take_page(change, held, totals, page, data)
            if missing:
                return None, min(missing)
            _release(core, change, insight, totals.statement, actor=caller)
        return receipt(core, change, contract.id, insight.job, totals.statement), 0


def release_sums(core: Core, contract: Contract, job: Job) -> bool:
    """Add noise to the totals over all of a reader's values and let it have them. False while values are missing."""
    with core.reading() as connection:
        insight = stored_insight(connection, contract.id, job.id)
        state = store.running_totals(connection, insight)
        if insight.released or state is None or insight.covered < insight.handles:
            return False
        question = insight_job(connection, contract, insight)
        selected = _selected(connection, question, insight, 0, 0)
    released = release(Summing(question, selected, state).complete(), Noise(question.question))
    with core.changing() as change:
        active_contract(change, contract.id, contract.parties[0].name)
        current = stored_insight(change.connection, contract.id, job.id)
        if current != insight or require_job(change.connection, contract.id, job.id).state.ended:
            return False
        totals, pages = make_totals(released, change.at)
        signed = SignedTotals(statement=totals, signature=core.signing_key.sign(totals))
        for page, data in enumerate(pages):
            _take_page(change, current, signed, page, data)
        _release(core, change, insight, totals, actor=core.name)
    return True


def _take_page(change: Change, insight: StoredInsight, totals: SignedTotals, page: int, data: bytes) -> set[int]:
    """Keep a page; gives those that are missing then."""
    _require_open(require_job(change.connection, insight.contract, insight.job))
    held = store.pages_held(change.connection, insight)
    if not held:
        store.begin_totals(change.connection, insight, totals)
    if page not in held:
        store.put_page(change.connection, insight, page, data)
    return set(range(len(totals.statement.page_digests))) - held - {page}


def _release(core: Core, change: Change, insight: StoredInsight, totals: Totals, *, actor: str) -> None:
    job = require_job(change.connection, insight.contract, insight.job)
    store.release_totals(change.connection, insight)
    raise_mark(core, change.connection)
    finish_job(change, job)
    facts: dict[Fact, str | int] = {Fact.JOB: job.id, Fact.EPOCH: insight.epoch}
    record_statement(change, insight.contract, Event.TOTALS_RELEASED, actor, totals, facts=facts)


def _keep(change: Change, insight: StoredInsight, job: Job, chunk: ValuesChunk, running: bytes) -> None:
    store.put_running(change.connection, insight, chunk, running)
    complete = chunk.low + chunk.count == insight.handles
    waiting_for = () if complete else (insight.owner,)
    move_job(change, job, waiting_for=waiting_for, done=chunk.index + 1, total=chunk.chunks + 1)
    facts: dict[Fact, str | int] = {Fact.JOB: job.id, Fact.EPOCH: insight.epoch, Fact.CHUNK: chunk.index}
    record_statement(change, insight.contract, Event.VALUES_RECEIVED, insight.owner, chunk, facts=facts)
    if complete:
        change.work_for.add(insight.contract)


def _incoming(
    core: Core, connection: Connection, caller: str, statement: ValuesChunk | Totals, circuit: Circuit
) -> tuple[Contract, StoredInsight, InsightJob]:
    """The job that the columns' owner brings a statement for."""
    signed = contract_of_party(connection, statement.contract, caller)
    signed.require_active(core.clock())
    require_caller(signed.contract, caller, statement.owner, statement)
    require_job(connection, signed.contract.id, statement.job, JobKind.INSIGHT)
    insight = stored_insight(connection, signed.contract.id, statement.job)
    _require_owner(insight, caller)
    question = _require_circuit(insight_job(connection, signed.contract, insight), circuit)
    return signed.contract, insight, question


def _open(connection: Connection, contract: Contract, job_id: str) -> tuple[Job, StoredInsight]:
    job = require_job(connection, contract.id, job_id, JobKind.INSIGHT)
    _require_open(job)
    return job, stored_insight(connection, contract.id, job_id)


def _require_open(job: Job) -> None:
    if job.state.ended:
        raise StateError(f"job {job.id} is {job.state}", hint="Ask for tasks again.")


def _require_owner(insight: StoredInsight, caller: str) -> None:
    if insight.owner != caller:
        raise NotPermittedError(
            f"this question is about columns of {insight.owner}", hint="Let its agent answer.", clause="parties"
        )


def _require_circuit(question: InsightJob, circuit: Circuit) -> InsightJob:
    if question.request.circuit is not circuit:
        raise StateError(
            f"this question is answered by {question.request.circuit}, not by {circuit}", hint="Ask for tasks again."
        )
    return question


def _require_next(insight: StoredInsight, chunk: ValuesChunk) -> None:
    if chunk.low != insight.covered:
        raise ReplayError(
            f"values of rows from {chunk.low:,}, where those from {insight.covered:,} are due",
            hint="Send the chunks in order.",
        )


def _selected(connection: Connection, question: InsightJob, insight: StoredInsight, low: int, high: int) -> Selected:
    """Which of the columns' owner's rows from ``low`` to before ``high`` are in each segment."""
    read = (left_handles, right_handles)[party_names(question.contract).index(insight.owner)]
    handles = read(connection, insight.contract, insight.epoch)
    segments = [_rows(connection, insight, segment_job, handles) for segment_job in insight.segment_jobs]
    inside = [to_bitmap(rows[(rows >= low) & (rows < high)]) for rows in segments]
    return Selected(inside, insight.handles, question.question.disjoint, span=(low, high))


def _rows(connection: Connection, insight: StoredInsight, segment_job: str, handles: Handles) -> Handles:
    if not segment_job:
        live = get_live(connection, insight.contract, insight.epoch, PAIRS)
        return handles if live is None else handles[to_numbers(live)]
    selection = get_selection(connection, insight.contract, segment_job, insight.epoch)
    if selection is None:
        raise StateError("the segment that was asked about is erased", hint="Ask about its newest version.")
    return handles[to_numbers(read_bitmap(selection, handles.size))]
