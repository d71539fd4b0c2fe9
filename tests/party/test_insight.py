"""Questions between two parties and a zone in memory: answers against the plain rows, refusals, deaths."""

from contextlib import suppress
from dataclasses import replace
from functools import partial
from threading import Event
from typing import Any

import pytest

from miyun.aggregates import chunks, pages
from miyun.aggregates.layout import AggregateLayout
from miyun.aggregates.running import RunningTotals
from miyun.aggregates.statements import Circuit, InsightRequest, NumberRange, SegmentVersion
from miyun.contract.draft import DEFAULT_BUDGET
from miyun.contract.model import MATCHED
from miyun.errors import (
    ConfigError,
    InputError,
    MalformedError,
    NotFoundError,
    NotPermittedError,
    ReplayError,
    SignatureError,
    StateError,
)
from miyun.insight.origin import Audience
from miyun.insight.totals import NO_DIMENSION
from miyun.members.catalogue import Catalogue
from miyun.members.catalogue_file import read_catalogue
from miyun.paillier import pool_folder
from miyun.paillier.pool import Pool
from miyun.paillier.public import PublicKey
from miyun.party import reader_keys
from miyun.party.boards import board_of
from miyun.party.guard import Guard
from miyun.party.insight_views import labels_of
from miyun.party.leases import Leases
from miyun.party.progress import Phase, Progress, Warned, ignore
from miyun.party.tasks import aggregate, selections
from miyun.party.tasks.outcome import Outcome
from miyun.party.tasks.runner import TaskRunner
from miyun.party.upkeep import Upkeep
from miyun.privacy.quotes import InsightQuote
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import agent_pb2, insight_pb2
from tests.aggregates.world import two_slots
from tests.paillier.keys import private_key
from tests.party.insight_world import (
    MUCH,
    AgentsInTurn,
    InsightZone,
    client,
    grants,
    pairs_of_tags,
    ready,
    run_task,
    zone_of,
)
from tests.party.segments import define
from tests.party.world import DAY, MERCHANT, NOW, PLATFORM, Killed, World

BUDGET = replace(DEFAULT_BUDGET, rho_micro=100 * MUCH, lease_rho_micro=5 * MUCH)
FEW = frozenset({3, 4, 6, 9})
MATCH = frozenset(range(3, 10))
AGE = NumberRange(name="tags.age", low=0, high=100, step="1")
SPEND = NumberRange(name="spend", low=-100, high=2_000, step="0.01")
WON = NumberRange(name="members.won", low=0, high=1, step="1")

Make = Any


def fused_with_a_few(world: World) -> None:
    ready(world, segments={"few": set(FEW)})
    define(world, "few", "members.spend in (3, 4, 6, 9)")


@pytest.fixture
def make(make_world: Make) -> Make:
    def made(*subjects: str, **choices: Any) -> World:
        granted = grants(*(subjects or (MATCHED, "tags")))
        world: World = make_world(fused_with_a_few, budget=BUDGET, zone=InsightZone, grants=granted, **choices)
        return world

    return made


@pytest.fixture
def world(make: Make) -> World:
    made: World = make()
    return made


def catalogue(world: World) -> Catalogue:
    return read_catalogue(world.platform.path / "catalogue.csv")


def carriers(tag: str, value: str = "") -> set[int]:
    return {int(user[1:]) for user, of, cell in pairs_of_tags() if (of, cell) == (tag, value)}


def ask(world: World, **changes: Any) -> Any:
    asked: dict[str, Any] = {"catalogue": catalogue(world), "branches": ["gender", "interest"], "rho_micro": MUCH}
    return client(world).portrait("spring", **({"segments": ["few"]} | asked | changes))


@pytest.mark.parametrize("bucket", [1, 16])
def test_a_portrait_is_what_the_plain_rows_say(make: Make, bucket: int) -> None:
    world = make(bucket=bucket)
    (portrait,) = ask(world)
    assert zone_of(world).handles[PLATFORM] % bucket == 0
    expected = {
        "gender=男": ("gender", "男"),
        "gender=女": ("gender", "女"),
        "tea": ("tea", ""),
        "coffee": ("coffee", ""),
    }
    for totals, people in ((portrait.segment, FEW), (portrait.base, MATCH)):
        counts = dict(zip(totals.tags.ids, totals.counts.tolist(), strict=True))
        assert counts == {tag: len(carriers(*place) & people) for tag, place in expected.items()}
        known = dict(zip(totals.tags.dimensions, totals.known.tolist(), strict=True))
        anything = carriers("tea") | carriers("coffee")
        assert known == {"性别": len(people), "兴趣": len(anything & people)}
        assert totals.everybody == len(people)
    assert (portrait.segment.name, portrait.base.name, portrait.most_tags) == ("few", MATCHED, 4)
    assert portrait.segment.tags.names[:2] == ("性别/男", "性别/女")


def test_tags_above_all_dimensions_are_counted_among_everybody(world: World) -> None:
    (portrait,) = ask(world, tags=["vip"], branches=[])
    assert (portrait.segment.counts.tolist(), portrait.base.counts.tolist()) == ([1], [2])
    assert (portrait.segment.tags.dimensions, portrait.segment.tags.dimension_of.tolist()) == ((), [NO_DIMENSION])
    (row,) = portrait.rows()
    assert row.share.value == pytest.approx(1 / len(FEW))


def test_the_other_partys_numbers_come_by_encrypted_selection(world: World) -> None:
    told: list[Any] = []
    sums = client(world).sums("spring", ["few", MATCHED], [AGE], rho_micro=MUCH)
    ages = {3: 23, 4: 24, 6: 26, 7: 27, 8: 28, 9: 29}
    for result, people in zip(sums, (FEW, MATCH), strict=True):
        known = [age for person, age in ages.items() if person in people]
        assert (result.whole.total, result.whole.known) == (pytest.approx(sum(known), abs=3), len(known))
        assert (result.column, result.whole.name) == ("age", "few" if people is FEW else MATCHED)
    assert not told


def test_own_numbers_come_by_encrypted_values(world: World) -> None:
    (whole,) = client(world).sums("spring", [MATCHED], [SPEND], parts=["few"], rho_micro=MUCH)
    assert whole.whole.total == pytest.approx(100 * sum(MATCH), abs=100)
    assert whole.whole.known == len(MATCH)
    assert whole.parts[0].total == pytest.approx(100 * sum(FEW), abs=100)
    assert (whole.whole.low, whole.whole.high) == (-1.0, 20.0)
    assert zone_of(world).sent(MERCHANT, "PutValues")
    assert not zone_of(world).sent(PLATFORM, "PutTotals")
    assert not list((world.merchant.path / "aggregates").iterdir())


def test_who_was_reached_is_measured_against_a_control_group(world: World) -> None:
    config = world.merchant.path / "party.toml"
    config.write_text(config.read_text() + '[members.attributes.won]\ntype = "number"\n')
    members = world.merchant.path / "members.csv"
    lines = members.read_text().splitlines()
    won = {4, 6}
    members.write_text(
        "\n".join([lines[0] + ",won", *(f"{line},{int(n in won)}" for n, line in enumerate(lines[1:]))]) + "\n"
    )
    lift = client(world).measure("spring", "few", MATCHED, converted=WON, revenue=SPEND, rho_micro=MUCH)
    assert (lift.exposed.people, lift.exposed.conversions) == (4, 2)
    assert (lift.control.people, lift.control.conversions) == (3, 0)  # who is in both counts as exposed
    assert lift.exposed.revenue is not None
    assert lift.exposed.revenue.mean(2).value == pytest.approx(sum(FEW) / 4, abs=0.5)
    with pytest.raises(InputError, match="0 to 1"):
        client(world).measure("spring", "few", MATCHED, converted=AGE, rho_micro=MUCH)


def test_a_question_is_asked_once_and_then_answered_from_the_store(world: World) -> None:
    (first,) = ask(world)
    calls = len(zone_of(world).calls)
    world.restart(MERCHANT)
    (again,) = ask(world)
    assert again.to_json() == first.to_json()
    names = {name for _, name, _ in zone_of(world).calls[calls:]}
    assert names <= {"GetSegment", "GetProgress"}
    assert len(zone_of(world).charged[PLATFORM]) == 1
    ask(world, rho_micro=MUCH - 1)
    assert len(zone_of(world).charged[PLATFORM]) == 2


def test_totals_are_stored_before_they_are_sent_and_sent_again_byte_for_byte(world: World) -> None:
    zone = zone_of(world)

    def die(caller: str, method: str, message: Any) -> None:
        if method == "PutTotals":
            raise Killed

    zone.before = die
    with pytest.raises(Killed):
        ask(world)
    world.restart(PLATFORM)
    with pytest.raises(Killed):
        AgentsInTurn(world).attend()
    zone.before = lambda caller, method, message: None
    world.restart(PLATFORM)
    AgentsInTurn(world).attend()
    sent = zone.sent(PLATFORM, "PutTotals")
    assert len(sent) == 3
    assert len(set(sent)) == 1
    ask(world)
    assert len(zone.requests) == 1


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one ciphertext with two totals each, so that an answer has more of them."""
    for module in (pages, aggregate):
        monkeypatch.setattr(module, "PAGE_CIPHERTEXTS", 1)
    monkeypatch.setattr(AggregateLayout, "stride", two_slots())


@pytest.mark.usefixtures("small_pages")
def test_an_answer_goes_page_by_page_and_on_from_where_it_was(world: World) -> None:
    task, zone = open_task(world), zone_of(world)

    def die(caller: str, method: str, message: Any) -> None:
        if method == "PutTotals" and message.page == 2:
            raise Killed

    zone.after = die
    with pytest.raises(Killed):
        run_task(world, PLATFORM, task)
    zone.after = lambda caller, method, message: None
    world.restart(PLATFORM)
    told: list[Any] = []
    assert run_task(world, PLATFORM, task, told) is Outcome.DONE
    progress = [event.done for event in told if isinstance(event, Progress) and event.phase is Phase.RELEASE]
    assert progress == [3]
    sent = [insight_pb2.PutTotalsRequest.FromString(message).page for message in zone.sent(PLATFORM, "PutTotals")]
    assert sent == [0, 1, 2, 0, 3]
    assert ask(world)[0].segment.everybody == len(FEW)
    asked = [insight_pb2.GetTotalsRequest.FromString(message).page for message in zone.sent(MERCHANT, "GetTotals")]
    assert asked == [0, 1, 2, 3]


@pytest.mark.usefixtures("small_pages")
def test_a_zone_that_wants_the_same_page_for_ever_is_refused_it(world: World) -> None:
    task = open_task(world)

    def never_enough(caller: str, method: str, answer: Any) -> Any:
        return insight_pb2.PutTotalsResponse(missing_page=1) if method == "PutTotals" else answer

    zone_of(world).change = never_enough
    assert refused(world, task) == "replay"


def open_task(world: World, **changes: Any) -> Any:
    """The task of a question that nobody has worked on."""

    def die() -> None:
        raise Killed

    insight = client(world)
    agents = AgentsInTurn(world)
    agents.attend = die  # type: ignore[method-assign]
    insight._asking._background_agent = insight._asking._jobs._background_agent = lambda on_event: agents  # type: ignore
    asked: dict[str, Any] = {"catalogue": catalogue(world), "branches": ["gender", "interest"], "rho_micro": MUCH}
    with pytest.raises(Killed):
        insight.portrait("spring", ["few"], **(asked | changes))
    (task,) = zone_of(world).open_tasks(PLATFORM)
    return task


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 3 rows, so that 10 rows are 4 chunks."""
    for module in (chunks, aggregate, selections):
        monkeypatch.setattr(module, "CHUNK_HANDLES", 3)
    monkeypatch.setattr(aggregate, "STRETCH_CHUNKS", 1)
    monkeypatch.setattr(aggregate, "SAVE_SECONDS", 0.0)


@pytest.mark.usefixtures("small_chunks")
def test_counting_goes_on_where_the_process_died(world: World) -> None:
    task, zone = open_task(world), zone_of(world)
    covered: list[int] = []

    def die(event: object) -> None:
        if isinstance(event, Progress) and event.phase is Phase.COUNT:
            covered.append(event.done)
            raise Killed

    while True:
        runner = TaskRunner(world.restart(PLATFORM), Event(), die)
        with suppress(Killed):
            if runner.run(task) is Outcome.DONE:
                break
    assert covered == [3, 6, 9, 10]
    (portrait,) = ask(world)
    assert portrait.segment.everybody == len(FEW)
    assert not list((world.platform.path / "aggregates").iterdir())
    assert len(zone.sent(PLATFORM, "PutTotals")) == 1


@pytest.mark.usefixtures("small_chunks")
def test_an_agent_asks_again_for_what_the_zone_is_still_encrypting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selections, "PAUSE_SECONDS", 0.0)
    task, zone = open_task(world), zone_of(world)
    cold = {0: 2, 2: 1}

    def not_yet(caller: str, method: str, answer: Any) -> Any:
        if method == "GetSelection" and cold.get(answer.statement.index):
            cold[answer.statement.index] -= 1
            return insight_pb2.GetSelectionResponse()
        return answer

    zone.change = not_yet
    assert run_task(world, PLATFORM, task) is Outcome.DONE
    assert len(zone.sent(PLATFORM, "GetSelection")) == 4 + 3
    assert ask(world)[0].segment.everybody == len(FEW)


@pytest.mark.usefixtures("small_chunks")
def test_an_agent_does_not_wait_for_ever_for_a_selection(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selections, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(selections, "MOST_CALLS", 3)
    task, told = open_task(world), list[Any]()

    def not_yet(caller: str, method: str, answer: Any) -> Any:
        late = method == "GetSelection" and answer.statement.index == 2
        return insight_pb2.GetSelectionResponse() if late else answer

    zone_of(world).change = not_yet
    assert run_task(world, PLATFORM, task, told) is Outcome.IDLE
    assert any("still encrypting" in event.message for event in told if isinstance(event, Warned))
    assert world.session(PLATFORM).aggregate_files.state("spring", task.job) is not None


@pytest.mark.usefixtures("small_chunks")
def test_totals_that_were_caught_in_the_middle_are_not_put_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    task, multiply, calls = open_task(world), RunningTotals.multiply, list[int]()

    def fails_once(self: RunningTotals, *arguments: Any, **choices: Any) -> None:
        calls.append(self.covered)
        if len(calls) == 2:
            raise MemoryError
        multiply(self, *arguments, **choices)

    monkeypatch.setattr(RunningTotals, "multiply", fails_once)
    session = world.session(PLATFORM)
    guard = Guard(session)
    with pytest.raises(MemoryError):
        aggregate.aggregate(session, guard.insight(task.insight), Event(), ignore)
    assert run_task(world, PLATFORM, task) is Outcome.DONE
    assert calls == [3, 6, 6, 9, 10]
    assert ask(world)[0].segment.everybody == len(FEW)


@pytest.mark.usefixtures("small_chunks")
def test_an_agent_that_is_told_to_stop_puts_its_totals_down(world: World) -> None:
    task, stop = open_task(world), Event()

    def tell(event: object) -> None:
        if isinstance(event, Progress) and event.phase is Phase.COUNT:
            stop.set()

    assert TaskRunner(world.session(PLATFORM), stop, tell).run(task) is Outcome.MOVED
    assert world.session(PLATFORM).aggregate_files.state("spring", task.job) is not None
    assert run_task(world, PLATFORM, task) is Outcome.DONE
    assert ask(world)[0].segment.everybody == len(FEW)


@pytest.mark.usefixtures("small_chunks")
def test_values_are_sent_again_byte_for_byte(world: World) -> None:
    zone = zone_of(world)
    died: list[bytes] = []

    def die(caller: str, method: str, message: Any) -> None:
        if method == "PutValues" and message.statement.index == 1 and len(died) < 2:
            died.append(message.SerializeToString(deterministic=True))
            raise Killed

    zone.after = die
    for _ in range(2):
        with pytest.raises(Killed):
            client(world).sums("spring", [MATCHED], [SPEND], rho_micro=MUCH)
        world.restart(MERCHANT)
    (sums,) = client(world).sums("spring", [MATCHED], [SPEND], rho_micro=MUCH)
    assert sums.whole.known == len(MATCH)
    sent = zone.sent(MERCHANT, "PutValues")
    assert len(set(sent)) == 4
    assert sent.count(died[0]) == 3
    assert len(zone.requests) == 1


def refused(world: World, task: Any) -> str:
    before = len(world.zone.refusals)
    assert run_task(world, PLATFORM, task) is Outcome.DONE
    assert len(world.zone.refusals) == before + 1
    code: str = world.zone.refusals[-1].code
    return code


def resigned(world: World, task: Any, **changes: Any) -> Any:
    """The task as if the merchant had signed another question."""
    request = replace(from_wire(task.insight.request, InsightRequest), **changes)
    task.job = request.job
    task.insight.request.CopyFrom(to_wire(request, insight_pb2.InsightRequest))
    task.insight.signature = world.merchant.signing_key.sign(request)
    zone_of(world).requests[request.job] = request, task.insight.signature
    zone_of(world).charge_both(request.question_digest().hex(), request.rho_micro)
    return task


UNFIT: list[tuple[dict[str, Any], str]] = [
    ({"tag_count": 5}, "contract"),
    ({"dimension_count": 1}, "contract"),
    ({"catalogue_digest": bytes(32)}, "contract"),
    ({"branches": ("gender", "health")}, "contract"),
    ({"branches": ("gender", "health"), "tag_count": 3, "per_person": 3}, "not-permitted"),
    ({"key_digest": bytes(32)}, "malformed"),
    ({"contract_digest": bytes(32)}, "contract"),
    ({"circuit": Circuit.VALUES}, "not-permitted"),
]


def test_a_question_that_does_not_fit_is_refused(world: World) -> None:
    task = open_task(world)
    for number, (changes, code) in enumerate(UNFIT):
        other = agent_pb2.Task.FromString(task.SerializeToString())
        assert refused(world, resigned(world, other, job=f"insight-{number}", **changes)) == code, changes
    assert not zone_of(world).sent(PLATFORM, "GetSelection")


def test_nothing_is_computed_unsigned_or_over_other_rows(world: World) -> None:
    task = open_task(world)
    forged = agent_pb2.Task.FromString(task.SerializeToString())
    forged.insight.signature = bytes(64)
    assert refused(world, forged) == "signature"
    other_rows = agent_pb2.Task.FromString(task.SerializeToString())
    other_rows.insight.handles += 1
    assert refused(world, other_rows) == "malformed"
    other_epoch = agent_pb2.Task.FromString(task.SerializeToString())
    other_epoch.insight.epoch = 2
    assert refused(world, other_epoch) == "replay"
    other_key = agent_pb2.Task.FromString(task.SerializeToString())
    other_key.insight.key.proof = bytes(len(other_key.insight.key.proof))
    assert refused(world, other_key) in {"signature", "malformed"}


def test_a_question_that_was_not_charged_waits(world: World) -> None:
    zone = zone_of(world)
    zone.charges_questions = False
    task, told = open_task(world), list[Any]()
    assert run_task(world, PLATFORM, task, told) is Outcome.IDLE
    assert any("charged" in event.message for event in told if isinstance(event, Warned))
    zone.charge_both(from_wire(task.insight.request, InsightRequest).question_digest().hex(), MUCH - 1)
    assert refused(world, task) == "state"


def test_a_budget_that_is_used_up_is_a_refusal(world: World) -> None:
    zone = zone_of(world)
    zone.charges_questions = False
    task = open_task(world)
    for number in range(100):
        zone.charge_both(f"{number:064x}", MUCH)
        Leases(world.session(PLATFORM), world.contract, ignore).settle()
    assert refused(world, task) == "budget-exceeded"


def test_one_charge_pays_for_one_answer(world: World) -> None:
    task = open_task(world)
    assert run_task(world, PLATFORM, task) is Outcome.DONE
    request = replace(from_wire(task.insight.request, InsightRequest), job="insight-again")
    task.job = request.job
    task.insight.request.CopyFrom(to_wire(request, insight_pb2.InsightRequest))
    task.insight.signature = world.merchant.signing_key.sign(request)
    assert refused(world, task) == "replay"


def test_an_owner_whose_database_was_restored_draws_no_noise_for_what_it_may_have_answered(world: World) -> None:
    task = open_task(world)
    database = world.platform.path / "party.sqlite"
    world.session(PLATFORM).close()
    backup = database.read_bytes()
    world.restart(PLATFORM)
    assert run_task(world, PLATFORM, task) is Outcome.DONE
    world.session(PLATFORM).close()
    for path in database.parent.glob("party.sqlite*"):
        path.unlink()
    database.write_bytes(backup)
    world.restart(PLATFORM)
    assert refused(world, task) == "state"
    assert "restored" in zone_of(world).refused[task.job]
    assert len(zone_of(world).sent(PLATFORM, "PutTotals")) == 1


def test_what_is_sensitive_needs_its_own_grant(make: Make) -> None:
    world = make(MATCHED, "tags", "tags.health")
    assert ask(world, branches=[""])[0].segment.everybody == len(FEW)


def test_what_is_not_granted_is_refused_by_reader_and_owner(world: World) -> None:
    with pytest.raises(NotPermittedError) as stopped:
        ask(world, branches=["health"])
    assert stopped.value.clause == "grants"
    task = open_task(world)
    sensitive = {"branches": ("health",), "tag_count": 1, "dimension_count": 1, "per_person": 1}
    assert refused(world, resigned(world, task, job="insight-other", **sensitive)) == "not-permitted"


def test_the_match_needs_a_grant_of_insight(make: Make) -> None:
    with pytest.raises(NotPermittedError, match="matched"):
        ask(make("tags"))


def test_a_number_needs_its_grant(make: Make) -> None:
    world = make(MATCHED, "tags.gender")
    task_failed = pytest.raises((NotPermittedError, StateError), match="age")
    with task_failed:
        client(world).sums("spring", [MATCHED], [AGE], rho_micro=MUCH)
    assert not zone_of(world).totals


UNASKABLE: list[tuple[dict[str, Any], str]] = [
    ({"branches": [], "tags": []}, "without columns"),
    ({"branches": [], "tags": ["interest"]}, "as a branch"),
    ({"branches": ["nothing"]}, "no tag"),
    ({"rho_micro": 6 * MUCH}, "larger leases"),
    ({"per_person": 0}, "tags"),
    ({"base": "few@x"}, "version"),
]


def test_what_cannot_be_asked_is_told_before_anything_is_sent(world: World) -> None:
    for changes, words in UNASKABLE:
        with pytest.raises(InputError) as stopped:
            ask(world, **changes)
        assert words in f"{stopped.value.message} {stopped.value.hint}", changes
    assert not zone_of(world).requests


def test_the_catalogue_that_the_other_party_gave_is_configured(world: World) -> None:
    with pytest.raises(ConfigError) as missing:
        client(world).catalogue("spring")
    assert PLATFORM in missing.value.message
    assert "[catalogues]" in missing.value.hint
    config = world.merchant.path / "party.toml"
    config.write_text(config.read_text() + f'[catalogues]\n{PLATFORM} = "theirs.csv"\n')
    (world.merchant.path / "theirs.csv").write_text((world.platform.path / "catalogue.csv").read_text())
    assert client(world).catalogue("spring").digest() == catalogue(world).digest()


def test_a_number_that_the_other_party_has_not_is_no_question(world: World) -> None:
    config = world.merchant.path / "party.toml"
    config.write_text(config.read_text() + f'[catalogues]\n{PLATFORM} = "theirs.csv"\n')
    (world.merchant.path / "theirs.csv").write_text((world.platform.path / "catalogue.csv").read_text())
    world.restart(MERCHANT)
    with pytest.raises(NotFoundError, match="wealth"):
        client(world).sums("spring", [MATCHED], [replace(AGE, name="tags.wealth")], rho_micro=MUCH)
    assert not zone_of(world).requests
    assert client(world).sums("spring", [MATCHED], [AGE], rho_micro=MUCH)


def test_how_far_the_other_party_is_shows(world: World) -> None:
    def state_waiting(caller: str, method: str, answer: Any) -> Any:
        if method == "GetJob" and answer.state == "running":
            answer.state, answer.done, answer.total = "waiting-for-party", 2, 5
            answer.waiting_for[:] = [PLATFORM]
        return answer

    zone_of(world).change = state_waiting
    told: list[Any] = []
    ask(world, on_event=told.append)
    waits = [event for event in told if isinstance(event, Progress) and event.phase is Phase.WAIT]
    assert [(event.done, event.total) for event in waits] == [(2, 5)]


def test_an_outdated_catalogue_fails_the_job_with_a_reason(world: World) -> None:
    old = catalogue(world)
    path = world.platform.path / "catalogue.csv"
    path.write_text(path.read_text() + "wine,酒,interest,flag,,,\n")
    with pytest.raises(StateError, match="another catalogue") as failed:
        ask(world, catalogue=old)
    for seen in (old, catalogue(world)):
        assert seen.digest().hex()[:8] in failed.value.message
    assert ask(world)[0].segment.everybody == len(FEW)


def test_sizes_of_what_segments_share(world: World) -> None:
    overlap = client(world).overlap("spring", ["few", MATCHED])
    assert (overlap.people("few", MATCHED).value, overlap.people(MATCHED, MATCHED).value) == (4, 7)
    assert overlap.scale == 1.5
    client(world).overlap("spring", ["few", MATCHED])
    assert len(zone_of(world).sent(MERCHANT, "AskOverlap")) == 1

    def swap(caller: str, method: str, answer: Any) -> Any:
        if method == "AskOverlap":
            answer.statement.sizes[0] += 1
        return answer

    zone_of(world).change = swap
    with pytest.raises(SignatureError):
        client(world).overlap("spring", [MATCHED])


def test_a_board_shows_what_was_reported_by_date(world: World) -> None:
    insight = client(world)
    with pytest.raises(NotFoundError):
        insight.board("spring", "few")
    insight.overlap("spring", [MATCHED, "few"])
    assert [day.totals.everybody for day in insight.board("spring", "few").days] == [4]
    ask(world)
    world.clock.now = NOW + DAY
    ask(world, rho_micro=MUCH - 1)
    board = insight.board("spring", "few")
    assert [day.date.isoformat() for day in board.days] == ["2026-11-22", "2026-11-23"]
    assert [day.totals.everybody for day in board.days] == [4, 4]
    assert len(board.composition()) == 4


def test_a_board_lines_up_what_was_asked_in_different_ways(world: World) -> None:
    insight = client(world)
    ask(world, tags=["vip"])
    world.clock.now = NOW + DAY
    ask(world, per_person=1)
    insight.overlap("spring", ["few", MATCHED])
    world.clock.now = NOW + 2 * DAY
    ask(world)
    board = insight.board("spring", "few")
    assert [(day.version, day.totals.everybody) for day in board.days] == [(1, 4)] * 3
    # Other tags, or fewer of a person, are other counts: of these days there is a size.
    assert [day.date.isoformat() for day in board.followed] == ["2026-11-24"]
    assert [day.totals.everybody for day in insight.board("spring", MATCHED).days] == [7, 7, 7]


def test_an_old_version_is_no_report_of_a_later_date(world: World) -> None:
    answer = client(world).overlap("spring", ["few", MATCHED])
    (kept,) = world.session(MERCHANT).answers.overlaps("spring")
    reports = [
        replace(kept, segments=(SegmentVersion(name="few", version=version),), sizes=(size,), at=NOW + day * DAY)
        for version, size, day in [(1, 4, 0), (3, 30, 1), (2, 20, 1), (1, 5, 2), (3, 31, 3)]
    ]
    board = board_of(world.contract, "few", (), reports)
    assert [(day.version, day.totals.everybody) for day in board.days] == [(1, 4), (3, 30), (3, 31)]
    assert answer.origin is not None
    assert answer.origin.audiences["segments"] == (Audience(name="few", version=1), Audience(name=MATCHED, version=1))


def test_a_result_says_what_was_asked_and_what_it_cost(world: World) -> None:
    (portrait,) = ask(world, segments=["few@1"])
    plain = portrait.to_plain()
    assert plain["segment"] == {"name": "few", "version": 1}
    assert plain["base"] == {"name": MATCHED, "version": 1}
    assert (plain["contract"], plain["epoch"]) == ("spring", 1)
    assert plain["question"]["branches"] == ["gender", "interest"]
    assert plain["charge"]["rho_micro"] == MUCH
    assert plain["charge"]["delta"] == 10.0**-BUDGET.delta_exponent
    (sums,) = client(world).sums("spring", ["few"], [AGE], rho_micro=MUCH)
    assert sums.to_frame().attrs["question"]["numbers"] == [{"name": "age", "low": 0, "high": 100, "step": 1}]


def test_versions_of_one_segment_are_told_apart() -> None:
    versions = [SegmentVersion(name=name, version=version) for name, version in (("a", 1), ("b", 1), ("a", 2))]
    assert labels_of(versions) == ["a@1", "b", "a@2"]


def test_a_key_is_made_once_and_told_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = client(world).make_key("spring")
    assert client(world).make_key("spring") == key
    assert len(zone_of(world).sent(MERCHANT, "PutReaderKey")) == 1
    assert PublicKey(key.modulus) == private_key().public_key
    monkeypatch.setattr(reader_keys, "Pool", partial(Pool, segment=8))
    client(world).fill_pool("spring", 5)
    assert world.session(MERCHANT).reader_keys.pool(world.contract).available() == 8
    assert client(world).quote("spring", 9) == InsightQuote(rho_micro=9, remaining_micro=7)


def test_a_pool_that_has_no_safe_place_is_told_and_done_without(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_folder, "identify", lambda descriptor: None)
    with pytest.raises(ConfigError, match="does not say when a file was made") as told:
        client(world).fill_pool("spring", 5)
    assert "another file system" in told.value.hint
    (sums,) = client(world).sums("spring", [MATCHED], [SPEND], rho_micro=MUCH)
    assert sums.whole.known == len(MATCH)


def test_an_answer_to_another_question_is_refused(world: World) -> None:
    ask(world)
    (earlier,) = zone_of(world).requests

    def swap(caller: str, method: str, answer: Any) -> Any:
        if method == "RequestInsight":
            answer.job.id = earlier
        return answer

    zone_of(world).change = swap
    with pytest.raises(ReplayError, match="something else was asked"):
        ask(world, rho_micro=MUCH - 1)


def test_nobody_reads_with_a_forged_answer(world: World) -> None:
    def forge(caller: str, method: str, answer: Any) -> Any:
        if method == "GetTotals":
            answer.ciphertexts = answer.ciphertexts[::-1]
        return answer

    zone_of(world).change = forge
    with pytest.raises(MalformedError):
        ask(world)
    zone_of(world).change = lambda caller, method, answer: answer
    assert ask(world)[0].segment.everybody == len(FEW)


def test_a_contract_that_is_over_leaves_no_key_and_no_files(world: World) -> None:
    ask(world)
    session = world.session(MERCHANT)
    assert session.reader_keys.pool(world.contract).available() == 0
    world.clock.now = NOW + 31 * DAY
    Upkeep(session, ignore).run()
    assert "paillier/spring" not in world.merchant.vault.names()
    assert not list((world.merchant.path / "pools").iterdir())
    assert client(world).board("spring", "few").days
