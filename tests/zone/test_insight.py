"""Questions from end to end: keys, both circuits against a plaintext model, refusals, restarts, charges, erasure."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from miyun.aggregates import chunks, pages
from miyun.aggregates.layout import AggregateLayout
from miyun.aggregates.statements import Circuit, SegmentVersion, Totals
from miyun.contract.model import MATCHED
from miyun.errors import (
    BudgetExceededError,
    ContractError,
    InputError,
    MalformedError,
    MiyunError,
    NotFoundError,
    NotPermittedError,
    ReplayError,
    SignatureError,
    StateError,
    WaitingError,
)
from miyun.segments.statements import Refusal
from miyun.transport.codec import to_wire
from miyun.wire.v1 import agent_pb2, budget_pb2
from miyun.wire.v1 import insight_pb2 as wire
from miyun.zone.operations import insight
from miyun.zone.schema import insight_pages, insight_values, insights
from miyun.zone.worker import Worker, work
from tests.aggregates.world import two_slots
from tests.zone.asking import (
    EAGER_PAIRS,
    RHO,
    RICH_PAIRS,
    SEGMENTS,
    Owner,
    ask,
    asked_contract,
    count,
    get_selection,
    get_totals,
    insight_tasks,
    overlap,
    put_key,
    put_page,
    put_totals,
    put_values,
    question,
    read,
    reader_key,
    service,
    task_job,
    values_chunk,
)
from tests.zone.members import AMPLE, DAY, NOW, World, running
from tests.zone.test_segments import PAIRS, Fused, fuse

CHUNK = 32


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A zone of its own: many of these questions stay open."""
    with running(tmp_path_factory.mktemp("asked")) as world:
        yield world


@pytest.fixture(scope="module")
def shared_questions(shared_world: World) -> Fused:
    """One fused contract for the tests that only ask questions of their own."""
    return asked_contract(shared_world, "questions")


@pytest.fixture
def fused(shared_questions: Fused, world: World, monkeypatch: pytest.MonkeyPatch) -> Fused:
    assert shared_questions.world is world
    monkeypatch.setattr(chunks, "CHUNK_HANDLES", CHUNK)
    return shared_questions


def counting_owner(fused: Fused, job: str, **changes: object) -> Owner:
    """The platform, with a question of the merchant to answer."""
    asked = ask(fused.left.member, question(fused, job=job, **changes))
    assert (asked.kind, asked.state, asked.waiting_for) == ("insight", "waiting-for-party", ("chessboard",))
    return Owner(fused, fused.right, task_job(fused, fused.right.member, job))


def valued_owner(fused: Fused, job: str, **changes: object) -> Owner:
    """The merchant, with a question of its own about its own columns."""
    ask(fused.left.member, question(fused, Circuit.VALUES, job=job, **changes))
    return Owner(fused, fused.left, task_job(fused, fused.left.member, job))


def rho(number: int) -> int:
    """Questions that differ in nothing else are the same question."""
    return RHO + number


def end(fused: Fused, job: str) -> None:
    """Let nobody wait for a job any more."""
    platform = fused.right.member
    refusal = Refusal(contract=fused.contract.id, job=job, party=platform.name, code="state", reason="enough", at=NOW)
    platform.agent.RefuseTask(
        agent_pb2.RefuseTaskRequest(statement=to_wire(refusal, agent_pb2.Refusal), signature=platform.sign(refusal))
    )


def test_the_other_party_counts_what_it_can_t_see(fused: Fused) -> None:
    owner = counting_owner(fused, "counted")
    totals, data = count(owner)
    halfway = fused.left.member.job(fused.contract, "counted")
    assert (halfway.done, halfway.total) == (3, 4)
    put_totals(fused.right.member, totals, data)
    put_totals(fused.right.member, totals, data)

    job = fused.left.member.job(fused.contract, "counted")
    assert (job.state, job.subject) == ("done", "rich@1,matched@1")
    assert read(fused.left.member, owner.job) == owner.expected(owner.selected_rows())
    assert "counted" not in [task.request.job for task in insight_tasks(fused.right.member, fused.contract.id)]


def test_the_zone_sums_what_it_can_t_see(fused: Fused) -> None:
    owner = valued_owner(fused, "summed")
    total = chunks.chunk_count(owner.job.layout.handles)
    assert total == 3
    for index in range(total):
        chunk, data = values_chunk(owner, index)
        put_values(fused.left.member, chunk, data)
        put_values(fused.left.member, chunk, data)

    assert fused.world.finished(fused.contract, "summed").state == "done"
    put_values(fused.left.member, chunk, data)
    assert read(fused.left.member, owner.job) == owner.expected(owner.selected_rows())
    assert "summed" not in [task.request.job for task in insight_tasks(fused.left.member, fused.contract.id)]


@pytest.mark.parametrize("segments", [("rich", MATCHED), (MATCHED, "rich")])
def test_who_is_in_two_parts_counts_in_the_first(segments: tuple[str, str], fused: Fused) -> None:
    job = f"parts-of-{segments[0]}"
    versions = tuple(SegmentVersion(name=name, version=1) for name in segments)
    owner = counting_owner(fused, job, segments=versions, disjoint=2)
    put_totals(fused.right.member, *count(owner))

    rich, everybody = owner.selected_rows()
    assert rich < everybody
    parts = [rich, everybody - rich] if segments[0] == "rich" else [everybody, set()]
    assert read(fused.left.member, owner.job) == owner.expected(parts)


def test_history_tells_what_was_asked_and_released(fused: Fused) -> None:
    owner = valued_owner(fused, "told", rho_micro=rho(1))
    for index in range(3):
        put_values(fused.left.member, *values_chunk(owner, index))
    fused.world.finished(fused.contract, "told")

    entries = fused.left.member.entries(fused.contract).entries
    events = [entry.event for entry in entries if entry.facts.get("job") == "told"]
    assert events == ["insight-requested", *["values-received"] * 3, "totals-released"]
    assert "reader-key" in [entry.event for entry in entries]
    assert fused.world.zone.audit_verify()[fused.contract.id] >= len(entries)


def test_a_selection_is_encrypted_anew_each_time_and_signed(fused: Fused) -> None:
    owner = counting_owner(fused, "anew", rho_micro=rho(2))

    first, second = (get_selection(fused.right.member, owner.job, 0) for _ in range(2))

    assert first.ciphertexts != second.ciphertexts
    assert first.statement != second.statement
    with pytest.raises(MalformedError):
        get_selection(fused.right.member, owner.job, 3)
    with pytest.raises(NotPermittedError):
        get_selection(fused.left.member, owner.job, 0)
    with pytest.raises(NotFoundError):
        get_selection(fused.world.stranger, owner.job, 0)
    end(fused, "anew")
    with pytest.raises(StateError):
        get_selection(fused.right.member, owner.job, 0)


def test_the_same_question_is_one_job_and_charged_once(fused: Fused) -> None:
    request = question(fused, job="once", rho_micro=rho(3))
    ask(fused.left.member, request)
    charges = fused.left.member.charges(fused.contract).charges
    newest = charges[-1].statement
    assert (newest.purpose, newest.rho_micro) == ("insight", rho(3))
    assert newest.release == request.question_digest().hex()

    again = ask(fused.left.member, replace(request, at=NOW + DAY))
    other_id = ask(fused.left.member, replace(request, job="once-more"))

    assert again.id == other_id.id == "once"
    for party in fused.world.parties:
        assert len(party.charges(fused.contract).charges) == len(charges)
    with pytest.raises(StateError):
        ask(fused.left.member, replace(request, rho_micro=rho(4)))
    end(fused, "once")
    assert ask(fused.left.member, replace(request, job="once-more")).id == "once-more"
    assert len(fused.left.member.charges(fused.contract).charges) == len(charges)
    end(fused, "once-more")


def refusals(fused: Fused) -> dict[str, tuple[Callable[[], object], type[MiyunError]]]:
    merchant, platform = fused.left.member, fused.right.member
    request = question(fused, job="refused", rho_micro=rho(5))

    def asks(**changes: object) -> Callable[[], object]:
        return lambda: ask(merchant, replace(request, **changes))

    return {
        "forged": (lambda: ask(merchant, request, signer=platform), SignatureError),
        "in another's name": (lambda: ask(platform, request), SignatureError),
        "unknown contract": (lambda: ask(fused.world.stranger, request), NotFoundError),
        "another text": (asks(contract_digest=bytes(32)), ContractError),
        "unknown key": (asks(key_digest=bytes(32)), StateError),
        "no segment": (asks(segments=()), InputError),
        "a segment twice": (asks(segments=(SegmentVersion(name="rich", version=1),) * 2), InputError),
        "unknown segment": (asks(segments=(SegmentVersion(name="poor", version=1),)), NotFoundError),
        "another version": (asks(segments=(SegmentVersion(name="rich", version=2),)), StateError),
        "another epoch": (asks(segments=(SegmentVersion(name=MATCHED, version=2),)), StateError),
        "nothing": (asks(branches=(), tag_count=0, dimension_count=0, per_person=0, numbers=()), InputError),
        "too much": (asks(tag_count=200_000_000), InputError),
        "another's key": (
            lambda: ask(platform, replace(request, requester=platform.name)),
            StateError,
        ),
    }


def test_questions_that_are_refused(fused: Fused) -> None:
    before = fused.left.member.charges(fused.contract).spent_micro
    for name, (act, error) in refusals(fused).items():
        with pytest.raises(error) as refusal:
            act()
        assert refusal.value.hint, name
    assert fused.left.member.charges(fused.contract).spent_micro == before
    with pytest.raises(NotFoundError):
        fused.left.member.job(fused.contract, "refused")


def test_a_question_needs_grants_of_insight(world: World) -> None:
    granted = asked_contract(world, "asked-without-grants")
    put_key(world.platform, reader_key(granted, "chessboard"))
    by_platform = question(
        granted, requester="chessboard", key_digest=reader_key(granted, "chessboard").digest(), job="platform-asks"
    )
    with pytest.raises(NotPermittedError) as refusal:
        ask(world.platform, by_platform)
    assert refusal.value.clause == "grants"
    with pytest.raises(NotPermittedError, match=r"members\.spend"):
        ask(world.platform, replace(by_platform, circuit=Circuit.VALUES, catalogue_digest=b""))


def test_a_key_needs_its_proof_and_its_owner(fused: Fused) -> None:
    merchant, platform = fused.left.member, fused.right.member
    key = reader_key(fused)
    with pytest.raises(MalformedError):
        put_key(merchant, replace(key, proof=bytes(len(key.proof))))
    with pytest.raises(MalformedError):
        put_key(merchant, replace(key, modulus=key.modulus[:-1] + b"\1"))
    with pytest.raises(SignatureError):
        put_key(platform, key)
    with pytest.raises(ContractError):
        put_key(merchant, replace(key, contract_digest=bytes(32)))

    entries = len(merchant.entries(fused.contract).entries)
    put_key(merchant, key)
    assert len(merchant.entries(fused.contract).entries) == entries
    held = service(platform).GetReaderKey(wire.GetReaderKeyRequest(contract=fused.contract.id, party=merchant.name))
    assert held.statement == to_wire(key, wire.ReaderKey)
    none = service(merchant).GetReaderKey(wire.GetReaderKeyRequest(contract=fused.contract.id, party=platform.name))
    assert not none.HasField("statement")


def test_a_party_has_so_many_keys_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fused = asked_contract(world, "asked-with-keys")
    under_the_first = counting_owner(fused, "under-the-first")
    first, second = reader_key(fused), replace(reader_key(fused), short_exponents=False)
    monkeypatch.setattr(insight, "MOST_KEYS", 1)
    with pytest.raises(StateError, match="may have no more"):
        put_key(world.merchant, second)
    monkeypatch.setattr(insight, "MOST_KEYS", 2)
    put_key(world.merchant, second)
    put_key(world.merchant, first)
    held = service(world.platform).GetReaderKey(
        wire.GetReaderKeyRequest(contract=fused.contract.id, party=world.merchant.name)
    )
    assert held.statement == to_wire(second, wire.ReaderKey)
    events = [entry.event for entry in world.merchant.entries(fused.contract).entries]
    assert events.count("reader-key") == 2

    put_totals(world.platform, *count(under_the_first))
    assert read(world.merchant, under_the_first.job) == under_the_first.expected(under_the_first.selected_rows())


def test_totals_that_are_refused(fused: Fused) -> None:
    owner = counting_owner(fused, "totals-refused", rho_micro=rho(6))
    merchant, platform = fused.left.member, fused.right.member
    totals, data = count(owner)
    with pytest.raises(SignatureError):
        put_totals(platform, totals, data, signer=merchant)
    with pytest.raises(SignatureError):
        put_totals(merchant, totals, data)
    (page,) = data
    with pytest.raises(MalformedError):
        put_totals(platform, totals, [page[:-1] + bytes([page[-1] ^ 1])])
    with pytest.raises(MalformedError):
        put_totals(platform, *forged(totals, bytes(len(page))))
    with pytest.raises(MalformedError):
        put_page(platform, totals, 1, page)
    with pytest.raises(MalformedError):
        put_totals(platform, replace(totals, slot_bits=totals.slot_bits + 1), data)
    with pytest.raises(ReplayError):
        put_totals(platform, replace(totals, request_digest=bytes(32)), data)
    assert not get_totals(merchant, owner.job).HasField("statement")

    put_totals(platform, totals, data)
    with pytest.raises(ReplayError):
        put_totals(platform, *count_again(owner, totals))
    with pytest.raises(NotPermittedError):
        get_totals(platform, owner.job)
    with pytest.raises(MalformedError):
        get_totals(merchant, owner.job, page=1)
    assert read(merchant, owner.job) == owner.expected(owner.selected_rows())


def forged(totals: Totals, page: bytes) -> tuple[Totals, tuple[bytes, ...]]:
    return replace(totals, page_digests=(hashlib.sha256(page).digest(),)), (page,)


def count_again(owner: Owner, totals: Totals) -> tuple[Totals, tuple[bytes, ...]]:
    """Other ciphertexts of the same totals."""
    answer = get_totals(owner.fused.left.member, owner.job)
    data = owner.job.key.rerandomise(owner.job.key.read(answer.ciphertexts)).data
    return forged(totals, data)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one ciphertext with two totals each."""
    monkeypatch.setattr(pages, "PAGE_CIPHERTEXTS", 1)
    monkeypatch.setattr(AggregateLayout, "stride", two_slots())


@pytest.mark.usefixtures("small_pages")
def test_pages_of_totals_come_in_any_order_and_the_reader_waits_for_the_last(fused: Fused) -> None:
    owner = counting_owner(fused, "in-pages", rho_micro=rho(20))
    merchant, platform = fused.left.member, fused.right.member
    totals, data = count(owner)
    order = [0, 3, 0, 2, 4, 1]
    assert len(data) == 5
    missing = []
    for page in order:
        assert not get_totals(merchant, owner.job).HasField("statement")
        answer = put_page(platform, totals, page, data[page])
        missing.append(None if answer.HasField("receipt") else answer.missing_page)
        if page == 3:
            with pytest.raises(ReplayError):
                put_totals(platform, *count_again_page(owner, totals, data))
    assert missing == [1, 1, 1, 1, 1, None]
    assert put_page(platform, totals, 2, data[2]).HasField("receipt")
    assert read(merchant, owner.job) == owner.expected(owner.selected_rows())


def count_again_page(owner: Owner, totals: Totals, data: Sequence[bytes]) -> tuple[Totals, tuple[bytes, ...]]:
    """Other ciphertexts of the same totals, in the first page."""
    first = owner.job.key.rerandomise(owner.job.key.read(data[0])).data
    other = replace(totals, page_digests=(hashlib.sha256(first).digest(), *totals.page_digests[1:]))
    return other, (first, *data[1:])


@pytest.mark.usefixtures("small_pages")
def test_sums_of_the_zone_come_in_pages_too(fused: Fused) -> None:
    owner = valued_owner(fused, "summed-in-pages", segments=(*SEGMENTS, EAGER_1), rho_micro=rho(21))
    for index in range(3):
        put_values(fused.left.member, *values_chunk(owner, index))
    assert fused.world.finished(fused.contract, "summed-in-pages").state == "done"
    assert len(get_totals(fused.left.member, owner.job).statement.page_digests) == 2
    assert read(fused.left.member, owner.job)[:2] == owner.expected(owner.selected_rows())


@pytest.mark.usefixtures("small_pages")
def test_pages_of_a_question_that_fails_are_erased(fused: Fused) -> None:
    owner = counting_owner(fused, "pages-in-vain", rho_micro=rho(22))
    totals, data = count(owner)
    put_page(fused.right.member, totals, 0, data[0])
    end(fused, "pages-in-vain")
    with pytest.raises(StateError):
        put_page(fused.right.member, totals, 1, data[1])
    with fused.world.zone._core.reading() as connection:
        held = select(func.count()).select_from(insight_pages).where(insight_pages.c.job == "pages-in-vain")
        assert connection.execute(held).scalar_one() == 0


def test_values_that_are_refused(fused: Fused) -> None:
    owner = valued_owner(fused, "values-refused", rho_micro=rho(7))
    merchant, platform = fused.left.member, fused.right.member
    first, second = values_chunk(owner, 0), values_chunk(owner, 1)
    with pytest.raises(ReplayError, match="due"):
        put_values(merchant, *second)
    with pytest.raises(SignatureError):
        put_values(merchant, *first, signer=platform)
    with pytest.raises(MalformedError):
        put_values(merchant, first[0], first[1][:-1] + bytes([first[1][-1] ^ 1]))
    with pytest.raises(StateError):
        get_selection(merchant, owner.job, 0)
    with pytest.raises(ReplayError):
        put_values(merchant, replace(first[0], low=2**32 - 1, count=2**32 - 1), first[1])
    with pytest.raises(MalformedError):
        put_values(merchant, replace(first[0], count=2**32 - 1), first[1])
    put_values(merchant, *first)
    with pytest.raises(ReplayError):
        put_values(merchant, *values_chunk(owner, 0))
    end(fused, "values-refused")
    with pytest.raises(StateError):
        put_values(merchant, *second)


def test_a_zone_that_stops_in_the_middle_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_HANDLES", CHUNK)
    fused = asked_contract(world, "asked-restart")
    owner = valued_owner(fused, "resumed")
    put_values(world.merchant, *values_chunk(owner, 0))
    world.restart()
    put_values(world.merchant, *values_chunk(owner, 1))
    with monkeypatch.context() as patch:
        patch.setattr(Worker, "start", lambda self, core: None)
        world.restart()
        put_values(world.merchant, *values_chunk(owner, 2))
        assert world.merchant.job(fused.contract, "resumed").state == "running"
    world.restart()

    assert world.finished(fused.contract, "resumed").state == "done"
    assert read(world.merchant, owner.job) == owner.expected(owner.selected_rows())
    before = get_totals(world.merchant, owner.job)
    world.restart()
    assert get_totals(world.merchant, owner.job) == before


def test_a_new_epoch_ends_open_questions_and_keeps_answers_for_the_agreed_days(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_HANDLES", CHUNK)
    fused = asked_contract(world, "asked-epochs", retention_days=2)
    answered = valued_owner(fused, "answered")
    for index in range(3):
        put_values(world.merchant, *values_chunk(answered, index))
    world.finished(fused.contract, "answered")
    begun = valued_owner(fused, "begun", rho_micro=rho(8))
    put_values(world.merchant, *values_chunk(begun, 0))

    fuse(world, fused.contract, epoch=2)

    assert world.merchant.job(fused.contract, "begun").error_code == "state"
    with world.zone._core.reading() as connection:
        kept = connection.execute(select(insights.c.running).where(insights.c.contract == fused.contract.id)).scalars()
        assert set(kept) == {None}
        assert (
            connection.execute(
                select(func.count()).select_from(insight_values).where(insight_values.c.contract == fused.contract.id)
            ).scalar_one()
            == 0
        )
    assert read(world.merchant, answered.job) == answered.expected(answered.selected_rows())
    world.clock.now = NOW + 2 * DAY
    work(world.zone._core)
    with pytest.raises(StateError, match="erased"):
        get_totals(world.merchant, answered.job)


def test_an_invalidated_segment_ends_the_questions_about_it(world: World) -> None:
    fused = asked_contract(world, "asked-invalidated")
    counting_owner(fused, "about-rich")

    world.merchant.change_segment(fused.contract, "rich", "invalidate")

    assert world.merchant.job(fused.contract, "about-rich").state == "failed"
    assert insight_tasks(world.platform, fused.contract.id) == []


def test_a_question_waits_for_leases_and_ends_with_the_budget(world: World) -> None:
    tight = replace(AMPLE, rho_micro=4_000, size_rho_micro=1_000, match_report_rho_micro=1_000, lease_rho_micro=2_000)
    fused = asked_contract(world, "asked-budget", budget=tight)
    quote = service(world.merchant).QuoteInsight(wire.QuoteInsightRequest(contract=fused.contract.id, rho_micro=1_500))
    assert (quote.rho_micro, quote.remaining_micro) == (1_500, 1_000)
    request = question(fused, rho_micro=1_500)
    with pytest.raises(WaitingError):
        ask(world.merchant, request)
    for party in world.parties:
        party.lease(fused.contract, 2, 2_000)
        assert party.charges(fused.contract).spent_micro == 1_000
    ask(world.merchant, request)
    for party in world.parties:
        assert party.charges(fused.contract).spent_micro == 2_500
    with pytest.raises(BudgetExceededError):
        ask(world.merchant, replace(request, job="dear", rho_micro=3_000))


def test_an_analyst_reaches_none_of_it(fused: Fused) -> None:
    stub = service(fused.world.analyst)
    for method in wire.DESCRIPTOR.services_by_name["InsightService"].methods:
        message = getattr(wire, method.input_type.name)()
        with pytest.raises(NotPermittedError):
            getattr(stub, method.name)(message)


RICH_1, EAGER_1 = SegmentVersion(name="rich", version=1), SegmentVersion(name="eager", version=1)
ALL_1 = SegmentVersion(name=MATCHED, version=1)


def test_what_segments_share_is_one_release(fused: Fused) -> None:
    merchant = fused.left.member
    answer = overlap(merchant, fused, RICH_1, EAGER_1, ALL_1)
    charges = len(merchant.charges(fused.contract).charges)
    newest = merchant.charges(fused.contract).charges[-1].statement
    assert (newest.purpose, newest.rho_micro) == ("overlap", fused.contract.budget.size_rho_micro)

    both = len(RICH_PAIRS & EAGER_PAIRS)
    rich, eager, everybody = len(RICH_PAIRS), len(EAGER_PAIRS), len(PAIRS)
    assert answer.sizes == (rich, both, rich, eager, eager, everybody)
    turned = overlap(fused.right.member, fused, ALL_1, EAGER_1, RICH_1)
    assert turned.sizes == (everybody, eager, rich, eager, both, rich)
    assert (turned.at, turned.scale_milli) == (answer.at, answer.scale_milli)
    assert len(merchant.charges(fused.contract).charges) == charges
    with pytest.raises(StateError):
        overlap(merchant, fused, SegmentVersion(name="rich", version=2))
    with pytest.raises(NotFoundError):
        overlap(fused.world.stranger, fused, RICH_1)


def test_overlaps_have_the_noise_of_all_their_sizes_together(world: World) -> None:
    tight = replace(AMPLE, rho_micro=40_000, size_rho_micro=2_000, match_report_rho_micro=1_000, lease_rho_micro=40_000)
    fused = asked_contract(world, "overlap-noise", budget=tight)

    one = overlap(world.merchant, fused, RICH_1)
    three = overlap(world.merchant, fused, RICH_1, EAGER_1, ALL_1)

    assert one.scale_milli == pytest.approx(1000 * (1 / (2 * 0.002)) ** 0.5, abs=2)
    assert three.scale_milli == pytest.approx(one.scale_milli * 6**0.5, abs=3)
    assert overlap(world.merchant, fused, RICH_1) == one
    assert overlap(world.platform, fused, RICH_1, EAGER_1, ALL_1) == three


class Backup:
    """The zone's database as it was, put back later. The home is as it is."""

    def __init__(self, world: World) -> None:
        world.zone.close()
        self._world = world
        self._database = world.folder / "meeting-place" / "zone.sqlite"
        self._copy = shutil.copy(self._database, world.folder / "backup.sqlite")
        world.restart()

    def restore(self) -> None:
        self._world.zone.close()
        shutil.copy(self._copy, self._database)
        self._world.restart()


def hold_charges(fused: Fused) -> dict[str, list[budget_pb2.SignedBudgetCharge]]:
    return {party.name: list(party.charges(fused.contract).charges) for party in fused.world.parties}


def give_back(fused: Fused, held: dict[str, list[budget_pb2.SignedBudgetCharge]]) -> None:
    for party in fused.world.parties:
        charges = held[party.name]
        party.budget.PutCharges(budget_pb2.PutChargesRequest(contract=fused.contract.id, charges=charges))
        party.check_in(fused.contract, *charges)


def purposes(fused: Fused) -> list[list[str]]:
    return [
        [charge.statement.purpose for charge in party.charges(fused.contract).charges] for party in fused.world.parties
    ]


@pytest.mark.parametrize("answered", [False, True])
def test_a_restored_zone_charges_a_question_of_the_other_partys_columns_once(
    world: World, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_HANDLES", CHUNK)
    fused = asked_contract(world, f"asked-restored-{answered}".lower())
    backup = Backup(world)
    owner = counting_owner(fused, "forgotten")
    totals, data = count(owner)
    before = None
    if answered:
        put_totals(world.platform, totals, data)
        before = get_totals(world.merchant, owner.job)
    held = hold_charges(fused)
    backup.restore()

    put_key(world.merchant, reader_key(fused))
    with pytest.raises(WaitingError):
        ask(world.merchant, question(fused, job="forgotten"))
    give_back(fused, held)
    ask(world.merchant, question(fused, job="forgotten"))
    assert purposes(fused) == [["match-report", "insight"]] * 2
    put_totals(world.platform, totals, data)
    assert before is None or get_totals(world.merchant, owner.job) == before
    assert read(world.merchant, owner.job) == owner.expected(owner.selected_rows())


def test_a_restored_zone_charges_a_question_of_own_columns_again(world: World) -> None:
    fused = asked_contract(world, "asked-restored-own")
    backup = Backup(world)
    owner = valued_owner(fused, "forgotten")
    held = hold_charges(fused)
    backup.restore()
    give_back(fused, held)
    ask(world.merchant, question(fused, Circuit.VALUES, job=owner.job.request.job))
    assert purposes(fused) == [["match-report", "insight", "insight"]] * 2


def test_a_restored_zone_adds_no_noise_for_what_was_paid_before(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No charge is lost here, only the answer: the mark alone tells."""
    monkeypatch.setattr(chunks, "CHUNK_HANDLES", CHUNK)
    fused = asked_contract(world, "asked-restored-open")
    owner = valued_owner(fused, "answered")
    put_values(world.merchant, *values_chunk(owner, 0))
    backup = Backup(world)
    for index in (1, 2):
        put_values(world.merchant, *values_chunk(owner, index))
    assert world.finished(fused.contract, "answered").state == "done"
    held = hold_charges(fused)
    backup.restore()

    job = world.merchant.job(fused.contract, "answered")
    assert (job.state, "restored" in job.error) == ("failed", True)
    with pytest.raises(StateError):
        put_values(world.merchant, *values_chunk(owner, 1))
    give_back(fused, held)
    ask(world.merchant, question(fused, Circuit.VALUES, job="answered-again"))
    assert purposes(fused) == [["match-report", "insight", "insight"]] * 2
