"""The delivery engine: queued once, sent with keys, through every death, refusal and pause."""

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Event
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from pyroaring import BitMap

from miyun.contract.jobs import Job, JobKind, JobState
from miyun.contract.model import Channel, Domain
from miyun.destinations import registry
from miyun.destinations.batches import Batch, BatchOutcome, Counted, Preview, Refused
from miyun.destinations.plugin import Destination, DestinationConfig
from miyun.errors import ConfigError, NotFoundError, NotPermittedError, ReplayError, StateError, UnavailableError
from miyun.members.objections import left_out_of
from miyun.party import destinations
from miyun.party.channels import example_order, open_destination, plan_of, report_path, work_folder
from miyun.party.deliveries import DeliveryRecord, DeliveryState
from miyun.party.delivery_queue import DeliveryQueue
from miyun.party.destinations import DeliveriesClient, DestinationsClient
from miyun.party.guard import DeliverWork
from miyun.party.sending import Sending
from miyun.party.tasks.deliver import deliver
from miyun.party.tasks.outcome import Outcome
from tests.party.test_deliver import Sealer, as_fused, fused, handles_of, request_of  # noqa: F401 - a fixture
from tests.party.world import MERCHANT, NOW, PLATFORM, Killed, World, row, write_members

TABLE = """
[destinations.member-messages]
kind = "scripted"
batch_rows = 2
batches_per_second = 1000
retry = { first_seconds = 4, attempts = 4, circuit_after = 3, circuit_seconds = 300 }
fields = { phone = { identifier = "phone" }, mail = { column = "email" } }
"""
EVERYBODY = tuple(f"m{number}" for number in range(10))


@dataclass
class Script:
    """The other side: it keeps keys, and before each call does what a test says."""

    steps: list[Callable[[Batch], BatchOutcome | None]] = field(default_factory=list)
    taken: dict[str, Batch] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    keeps_keys: bool = True
    third_party: str = ""

    @property
    def ids(self) -> list[str]:
        return sorted(member for batch in self.taken.values() for member in batch.ids)

    def take(self, batch: Batch) -> None:
        before = self.taken.setdefault(batch.key, batch)
        fewer = Scripted.takes_fewer and set(batch.ids) < set(before.ids)
        assert fewer or before == batch, "the same key with other rows"


class Scripted(Destination[DestinationConfig]):
    kind: ClassVar[str] = "scripted"
    Config: ClassVar[type[DestinationConfig]] = DestinationConfig
    script: ClassVar[Script]

    @property
    def keeps_keys(self) -> bool:
        return self.script.keeps_keys

    def dry_run(self, batch: Batch) -> Preview:
        return Preview(target="script", text=str(batch.rows("id")))

    def deliver(self, batch: Batch) -> BatchOutcome:
        self.script.calls.append(f"deliver {batch.index}")
        if self.script.steps and (outcome := self.script.steps.pop(0)(batch)) is not None:
            return outcome
        self.script.take(batch)
        return BatchOutcome()

    def poll(self, batch: Batch, handle: str) -> BatchOutcome:
        self.script.calls.append(f"poll {batch.index} {handle}")
        return (self.script.steps.pop(0)(batch) if self.script.steps else None) or BatchOutcome()


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    made = Script()
    monkeypatch.setitem(registry.BUILT_IN, "scripted", f"{__name__}:Scripted")  # type: ignore[arg-type]
    Scripted.script = made
    registry.load_kind.cache_clear()
    yield made
    Scripted.third_party = ""
    registry.load_kind.cache_clear()


def write(world: World, rows: list[dict[str, str]] | None = None, extra: str = "", table: str = TABLE) -> None:
    write_members(world.merchant.path, rows or [row(number) for number in range(10)], extra=extra + table)
    world.restart(MERCHANT)


@pytest.fixture
def sealer(fused: World, script: Script) -> Sealer:  # noqa: F811
    write(fused)
    return Sealer(fused, handles_of(fused, *EVERYBODY))


def queue(sealer: Sealer, **changes: Any) -> DeliveryRecord:
    session = sealer.world.session(MERCHANT)
    request = replace(request_of(sealer.world), **changes)
    assert deliver(session, DeliverWork(contract=sealer.world.contract, request=request), Event()) is Outcome.DONE
    return known(sealer, request.job)


def known(sealer: Sealer, job: str = "activate-1") -> DeliveryRecord:
    found = sealer.world.session(MERCHANT).deliveries.get("spring", job)
    assert found is not None
    return found


def send(sealer: Sealer, job: str = "activate-1") -> Outcome:
    return Sending(sealer.world.session(MERCHANT), known(sealer, job), Event()).run()


def wait(sealer: Sealer, **time: float) -> None:
    sealer.world.clock.now += timedelta(**time)


def unavailable(**options: Any) -> Callable[[Batch], BatchOutcome | None]:
    def fail(_: Batch) -> None:
        raise UnavailableError("not now", **options)

    return fail


def test_the_zone_is_told_when_the_queue_is_complete_and_nothing_of_the_sending(sealer: Sealer, script: Script) -> None:
    queued = queue(sealer)
    assert (queued.state, queued.queued, queued.batches) == (DeliveryState.SENDING, 10, 5)
    assert len(sealer.deliveries) == 1
    assert script.calls == []
    assert send(sealer) is Outcome.DONE
    done = known(sealer)
    assert (done.state, done.accepted) == (DeliveryState.DONE, 10)
    assert script.ids == sorted(EVERYBODY)
    one = {row["id"]: row for batch in script.taken.values() for row in batch.rows("id")}["m3"]
    assert one == {"id": "m3", "phone": "+8613800000003", "mail": "person3@example.com"}
    assert len(sealer.deliveries) == 1
    assert send(sealer) is Outcome.DONE
    assert len(script.calls) == 5


def test_no_row_stays_in_the_queue_once_it_is_settled(sealer: Sealer, script: Script) -> None:
    queue(sealer)
    send(sealer)
    database = sealer.world.merchant.path / "party.sqlite"
    sealer.world.session(MERCHANT).close()
    assert b"person3@example.com" not in database.read_bytes()
    assert not work_folder(sealer.world.session(MERCHANT), known(sealer).order).exists()


def go_through(sealer: Sealer) -> None:
    queue(sealer)
    send(sealer)


def points_of_death() -> Iterator[tuple[str, str, int]]:
    for method in ("add", "send", "settle"):
        for when in ("before", "after"):
            for call in (1, 3, 5):
                yield method, when, call


@pytest.mark.parametrize(("method", "when", "call"), list(points_of_death()))
def test_whoever_dies_loses_and_doubles_nothing(
    sealer: Sealer, script: Script, monkeypatch: pytest.MonkeyPatch, method: str, when: str, call: int
) -> None:
    monkeypatch.setattr("miyun.party.enqueuing._CHUNK_ROWS", 2)
    original, calls = getattr(DeliveryQueue, method), 0

    def dying(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and when == "before":
            raise Killed
        result = original(*args, **options)
        if calls == call:
            raise Killed
        return result

    monkeypatch.setattr(DeliveryQueue, method, dying)
    with pytest.raises(Killed):
        go_through(sealer)
    sealer.world.restart(MERCHANT)
    sealer.attend()
    queue(sealer)
    send(sealer)
    done = known(sealer)
    assert (done.state, done.queued, done.accepted) == (DeliveryState.DONE, 10, 10)
    assert script.ids == sorted(EVERYBODY)
    assert len({statement.digest() for statement in sealer.deliveries}) == 1


def test_a_receiver_that_is_away_is_asked_again_with_patience(sealer: Sealer, script: Script) -> None:
    queue(sealer)
    script.steps = [unavailable(), unavailable(after_seconds=50), unavailable()]
    deliveries = sealer.world.session(MERCHANT).deliveries
    waits = []
    for _ in range(3):
        assert send(sealer) is Outcome.IDLE
        waits.append(deliveries.due_at(known(sealer)) - sealer.world.clock.now.timestamp())
        assert known(sealer).problem == "not now"
        wait(sealer, seconds=waits[-1] + 1)
    assert 2 <= waits[0] <= 4
    assert waits[1] == 50, "Retry-After is obeyed"
    assert waits[2] == 300, "the circuit opens"
    script.steps = [lambda _: None, unavailable()]
    assert send(sealer) is Outcome.IDLE
    assert deliveries.receiver("member-messages").failures == 1, "one that is taken closes the circuit"
    wait(sealer, seconds=5)
    assert send(sealer) is Outcome.DONE
    assert known(sealer).problem == ""
    assert script.calls[:4] == ["deliver 0"] * 4
    assert script.ids == sorted(EVERYBODY)


def test_after_enough_attempts_a_person_is_asked(sealer: Sealer, script: Script) -> None:
    queue(sealer)
    script.steps = [unavailable()] * 4
    for _ in range(5):
        send(sealer)
        wait(sealer, hours=1)
    stopped = known(sealer)
    assert stopped.state is DeliveryState.STOPPED
    assert "4 attempts" in stopped.problem
    assert sealer.world.session(MERCHANT).deliveries.under_way() == ()


def test_rows_are_refused_and_others_are_sent_later(sealer: Sealer, script: Script) -> None:
    queue(sealer)

    def partly(batch: Batch) -> BatchOutcome:
        return BatchOutcome(refused=(Refused(row=0, code="gone", words="has left"),), later=(1,))

    script.steps = [partly]
    assert send(sealer) is Outcome.IDLE
    wait(sealer, seconds=5)
    assert send(sealer) is Outcome.DONE
    done = known(sealer)
    assert (done.accepted, done.batches, done.state) == (9, 6, DeliveryState.DONE)
    session = sealer.world.session(MERCHANT)
    assert session.deliveries.refused(done.order) == {"gone": 1}
    with report_path(session, done.order).open(encoding="utf-8", newline="") as file:
        [refused] = csv.DictReader(file)
    assert (refused["code"], refused["words"]) == ("gone", "has left")
    assert script.ids == sorted(set(EVERYBODY) - {refused["id"]})


def test_no_word_of_a_receiver_becomes_a_formula_in_a_spreadsheet(sealer: Sealer, script: Script) -> None:
    queue(sealer)
    script.steps = [lambda _: BatchOutcome(refused=(Refused(row=0, code="+gone", words="=HYPERLINK(A1)"),))]
    assert send(sealer) is Outcome.DONE
    with report_path(sealer.world.session(MERCHANT), known(sealer).order).open(encoding="utf-8", newline="") as file:
        [refused] = csv.DictReader(file)
    assert (refused["code"], refused["words"]) == ("'+gone", "'=HYPERLINK(A1)")
    assert refused["id"] in EVERYBODY


def test_rows_that_a_receiver_only_counts(sealer: Sealer, script: Script) -> None:
    queue(sealer)
    script.steps = [
        lambda _: BatchOutcome(
            refused=(Refused(row=0, code="gone", words="has left"),), counted=(Counted(code="odd", rows=1, words="x"),)
        ),
        lambda _: BatchOutcome(
            counted=(Counted(code="odd", rows=2, words="x"), Counted(code="gone", rows=2, words="y"))
        ),
    ]
    assert send(sealer) is Outcome.DONE
    done, session = known(sealer), sealer.world.session(MERCHANT)
    assert (done.queued, done.accepted) == (10, 6)
    assert session.deliveries.refused(done.order) == {"gone": 3, "odd": 3}
    with report_path(session, done.order).open(encoding="utf-8", newline="") as file:
        named, *counted = csv.DictReader(file)
    assert (named["code"], named["batch"], named["rows"]) == ("gone", "", "1")
    lines = [(row["id"], row["code"], row["batch"], row["rows"]) for row in counted]
    assert lines == [("", "odd", "0", "1"), ("", "gone", "1", "2"), ("", "odd", "1", "2")]
    session.deliveries.end("spring")
    assert session.deliveries.refused(done.order) == {}


def test_a_receiver_at_work_is_polled(sealer: Sealer, script: Script) -> None:
    queue(sealer)
    script.steps = [lambda batch: script.take(batch) or BatchOutcome(handle="ticket")]
    assert send(sealer) is Outcome.IDLE, "the other batches are sent meanwhile"
    assert script.calls == [f"deliver {index}" for index in range(5)]
    sealer.world.restart(MERCHANT)
    wait(sealer, seconds=5)
    assert send(sealer) is Outcome.DONE
    assert script.calls[-1] == "poll 0 ticket"


@pytest.mark.parametrize(
    "outcome",
    [
        BatchOutcome(later=(2,)),
        BatchOutcome(later=(-1,)),
        BatchOutcome(later=(0, 0)),
        BatchOutcome(later=(0,), handle="h"),
        BatchOutcome(counted=(Counted(code="gone", rows=3, words=""),)),
    ],
)
def test_an_outcome_that_can_not_be_stops(sealer: Sealer, script: Script, outcome: BatchOutcome) -> None:
    queue(sealer)
    script.steps = [lambda _: outcome]
    send(sealer)
    assert known(sealer).state is DeliveryState.STOPPED
    assert known(sealer).accepted == 0


def test_a_plug_in_that_fails_stops_and_shows_no_row(
    sealer: Sealer, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    queue(sealer)

    def fail(batch: Batch) -> None:
        raise RuntimeError(batch.ids)

    script.steps = [fail]
    send(sealer)
    assert known(sealer).problem == "the destination plug-in failed (RuntimeError)"
    assert not [member for member in EVERYBODY if member in caplog.text]


def test_without_keys_what_may_have_arrived_waits_for_a_person(sealer: Sealer, script: Script) -> None:
    script.keeps_keys = False
    queue(sealer)
    script.steps = [unavailable(untouched=True), unavailable()]
    send(sealer)
    wait(sealer, hours=1)
    send(sealer)
    wait(sealer, hours=1)
    send(sealer)
    assert script.calls == ["deliver 0"] * 2
    assert known(sealer).state is DeliveryState.STOPPED
    session = sealer.world.session(MERCHANT)
    assert session.queue(known(sealer).order).unclear() == 1
    session.queue(known(sealer).order).take_unclear_as_arrived()
    session.deliveries.move(known(sealer).order, DeliveryState.SENDING)
    assert send(sealer) is Outcome.DONE
    assert known(sealer).accepted == 10
    assert len(script.ids) == 8


def test_nothing_is_sent_under_a_contract_that_is_over(sealer: Sealer, script: Script) -> None:
    queue(sealer)
    wait(sealer, days=100)
    send(sealer)
    assert script.calls == []
    assert known(sealer).state is DeliveryState.STOPPED
    session = sealer.world.session(MERCHANT)
    session.deliveries.end("spring")
    assert known(sealer).state is DeliveryState.ABANDONED
    assert session.queue(known(sealer).order).open() == 0


def test_what_was_not_sent_when_the_segment_ended_stays_unsent(sealer: Sealer, script: Script) -> None:
    queue(sealer)
    script.steps = [lambda _: None, lambda _: BatchOutcome(handle="ticket"), unavailable(untouched=True)]
    send(sealer)
    wait(sealer, days=20)
    assert send(sealer) is Outcome.DONE
    assert script.calls[3:] == ["poll 1 ticket"], "what became of a batch that was sent is still asked"
    done = known(sealer)
    assert (done.state, done.accepted, done.left_out) == (DeliveryState.DONE, 4, {"segment-ended": 6})


def test_what_may_have_arrived_when_the_segment_ended_waits_for_a_person(sealer: Sealer, script: Script) -> None:
    queue(sealer)
    script.steps = [unavailable()]
    send(sealer)
    wait(sealer, days=20)
    send(sealer)
    stopped = known(sealer)
    assert (stopped.state, "has ended" in stopped.problem) == (DeliveryState.STOPPED, True)
    assert script.calls == ["deliver 0"]
    session = sealer.world.session(MERCHANT)
    session.queue(stopped.order).send_unclear_again()
    session.deliveries.move(stopped.order, DeliveryState.SENDING)
    assert send(sealer) is Outcome.DONE
    assert script.calls == ["deliver 0"]
    assert known(sealer).left_out == {"segment-ended": 10}


def test_a_required_field_that_is_missing_is_refused_here(fused: World, script: Script) -> None:  # noqa: F811
    write(fused)
    sealer = Sealer(fused, handles_of(fused, *EVERYBODY))
    write(fused, [row(number, **({"phone": "12"} if number == 3 else {})) for number in range(10)])
    sealer.attend()
    queue(sealer)
    send(sealer)
    assert (known(sealer).queued, known(sealer).accepted) == (10, 9)
    assert fused.session(MERCHANT).deliveries.refused(known(sealer).order) == {"phone-too-short": 1}


def test_who_is_left_out_is_counted_by_reason(fused: World, script: Script) -> None:  # noqa: F811
    sealer = Sealer(fused, handles_of(fused, *EVERYBODY))
    lists = '[suppression.lists.do-not-contact]\nfile = "dnc.csv"\n[suppression.lists.risk]\nfile = "risk.csv"\n'
    (fused.merchant.path / "dnc.csv").write_text("phone\n138 0000 0001\n13800000002\n", encoding="utf-8")
    (fused.merchant.path / "risk.csv").write_text("id\nm2\nm3\n", encoding="utf-8")
    write(fused, [row(number, opted_out=str(number == 4).lower()) for number in range(9)], extra=lists)
    sealer.attend()
    queue(sealer)
    send(sealer)
    assert known(sealer).left_out == {"opt-out": 1, "do-not-contact": 2, "risk": 1, "no-longer-a-member": 1}
    assert script.ids == ["m0", "m5", "m6", "m7", "m8"]


def test_who_objects_before_it_is_sent_is_not_reached(fused: World, script: Script) -> None:  # noqa: F811
    write(fused, table=TABLE + CAP)
    sealer = Sealer(fused, handles_of(fused, *EVERYBODY))
    queue(sealer)
    first, second = [
        member for batch in fused.session(MERCHANT).queue(known(sealer).order).batches() for member in batch.ids
    ][:2]
    late = fused.session(MERCHANT).queue(known(sealer).order).batches()
    objecting = {first, list(late)[3].ids[1]}
    script.steps = [lambda batch: script.take(batch) or BatchOutcome(), unavailable(untouched=True)]
    send(sealer)
    write(fused, [row(n, opted_out=str(f"m{n}" in objecting).lower()) for n in range(10)], table=TABLE + CAP)
    sealer.attend()
    wait(sealer, hours=2)
    assert send(sealer) is Outcome.DONE
    assert script.ids == sorted(set(EVERYBODY) - (objecting - {first})), "what was sent before stays sent"
    assert second in script.ids
    done = known(sealer)
    assert (done.queued, done.accepted, done.left_out) == (9, 9, {"opt-out": 1})
    again = Sealer(fused, handles_of(fused, *EVERYBODY), job="activate-2")
    queue(again, job="activate-2")
    assert known(again, "activate-2").left_out == {"opt-out": 2, "frequency-cap": 8}, "it is not counted"


def test_who_objects_is_not_reached_by_what_a_person_sends_again_while_it_is_looked(
    sealer: Sealer, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.keeps_keys = False
    queue(sealer)
    session = sealer.world.session(MERCHANT)
    queued = [batch.ids for batch in session.queue(known(sealer).order).batches()]
    script.steps = [unavailable()]
    send(sealer)
    objecting = {queued[0][1], queued[3][0]}
    write(sealer.world, [row(n, opted_out=str(f"m{n}" in objecting).lower()) for n in range(10)])
    sealer.attend()
    wait(sealer, hours=2)

    def looked(*arguments: Any) -> dict[str, str]:
        found = left_out_of(*arguments)
        sealer.world.session(MERCHANT).queue(known(sealer).order).send_unclear_again()
        return found

    monkeypatch.setattr("miyun.party.sending.left_out_of", looked)

    assert send(sealer) is Outcome.DONE
    assert script.ids == sorted(set(EVERYBODY) - objecting)
    assert known(sealer).left_out == {"opt-out": 2}


@pytest.mark.parametrize("arrived", [False, True])
def test_who_objects_is_left_out_of_a_batch_that_may_have_arrived(
    sealer: Sealer, script: Script, monkeypatch: pytest.MonkeyPatch, *, arrived: bool
) -> None:
    monkeypatch.setattr(Scripted, "takes_fewer", True)
    queue(sealer)
    first, second = list(sealer.world.session(MERCHANT).queue(known(sealer).order).batches())[:2]
    script.steps = [sent(script, arrived=arrived)]
    send(sealer)
    object_to(sealer, first.ids[0], *second.ids)
    assert send(sealer) is Outcome.DONE
    reached = {first.ids[0]} if arrived else set()
    assert script.ids == sorted(set(EVERYBODY) - {first.ids[0], *second.ids} | reached)
    assert len(script.taken) == 4
    done = known(sealer)
    assert (done.state, done.queued, done.accepted, done.left_out) == (DeliveryState.DONE, 7, 7, {"opt-out": 3})


@pytest.mark.parametrize("arrived", [False, True])
def test_a_batch_whose_people_all_object_is_not_sent_again(
    sealer: Sealer, script: Script, monkeypatch: pytest.MonkeyPatch, *, arrived: bool
) -> None:
    monkeypatch.setattr(Scripted, "takes_fewer", True)
    queue(sealer)
    first = next(sealer.world.session(MERCHANT).queue(known(sealer).order).batches())
    script.steps = [sent(script, arrived=arrived)]
    send(sealer)
    object_to(sealer, *first.ids)
    assert send(sealer) is Outcome.DONE
    assert script.calls.count("deliver 0") == 1
    assert (known(sealer).state, known(sealer).accepted) == (DeliveryState.DONE, 8)


@pytest.mark.parametrize("again", [False, True])
def test_where_only_the_same_rows_can_be_sent_again_a_person_is_asked(
    sealer: Sealer, script: Script, *, again: bool
) -> None:
    queue(sealer)
    first, *_, last = sealer.world.session(MERCHANT).queue(known(sealer).order).batches()
    script.steps = [sent(script, arrived=not again)]
    send(sealer)
    object_to(sealer, first.ids[0], last.ids[0])
    for _ in range(2):
        assert send(sealer) is Outcome.DONE
        assert known(sealer).state is DeliveryState.STOPPED
        assert "object by now" in known(sealer).problem
        sealer.world.session(MERCHANT).deliveries.move(known(sealer).order, DeliveryState.SENDING)
    assert script.calls == ["deliver 0"]

    held = sealer.world.session(MERCHANT).queue(known(sealer).order)
    held.send_unclear_again() if again else held.take_unclear_as_arrived()
    assert send(sealer) is Outcome.DONE
    reached = set() if again else {first.ids[0]}
    assert script.ids == sorted(set(EVERYBODY) - {first.ids[0], last.ids[0]} | reached)
    assert known(sealer).left_out == {"opt-out": 1 + again}


def sent(script: Script, *, arrived: bool) -> Callable[[Batch], BatchOutcome | None]:
    """A batch whose answer is lost."""

    def lose(batch: Batch) -> None:
        if arrived:
            script.take(batch)
        raise UnavailableError("no answer")

    return lose


def object_to(sealer: Sealer, *members: str) -> None:
    write(sealer.world, [row(n, opted_out=str(f"m{n}" in members).lower()) for n in range(10)])
    sealer.attend()
    wait(sealer, hours=2)


CAP = "frequency_cap = { deliveries = 1, days = 7 }\n"


def test_a_cap_counts_what_was_queued_and_not_what_was_refused(fused: World, script: Script) -> None:  # noqa: F811
    write(fused, table=TABLE + CAP)

    def refuse_first(_: Batch) -> BatchOutcome:
        return BatchOutcome(refused=(Refused(row=0, code="gone", words=""),))

    script.steps = [refuse_first]
    left_out = []
    for number, days in enumerate((0, 1, 6)):
        wait_world(fused, days)
        job = f"activate-{number}"
        sealer = Sealer(fused, handles_of(fused, *EVERYBODY), job=job)
        queue(sealer, job=job)
        send(sealer, job)
        left_out.append(known(sealer, job).left_out)
    assert left_out == [{}, {"frequency-cap": 9}, {"frequency-cap": 1}]


def third_party_world(make_world: Callable[..., World], third_party: str) -> World:
    channel = Channel(name="member-messages", domain=Domain.PRIVATE, recipient=MERCHANT, third_party=third_party)
    world = as_fused(make_world(channels=(channel,)))
    write(world)
    return world


def wait_world(world: World, days: int) -> None:
    world.clock.now += timedelta(days=days)


def test_what_was_given_up_unsent_is_not_counted(fused: World, script: Script) -> None:  # noqa: F811
    write(fused, table=TABLE + CAP)
    sealer = Sealer(fused, handles_of(fused, *EVERYBODY))
    queue(sealer)
    script.steps = [lambda _: None, unavailable()]
    send(sealer)
    fused.session(MERCHANT).deliveries.abandon("spring", "activate-1")
    with pytest.raises(StateError):
        queue(sealer)
    second = Sealer(fused, handles_of(fused, *EVERYBODY), job="activate-2")
    queue(second, job="activate-2")
    assert known(second, "activate-2").left_out == {"frequency-cap": 4}, "two arrived, two may have"


@pytest.mark.parametrize("named", ["", "google"])
def test_a_third_party_that_the_contract_does_not_name(
    make_world: Callable[..., World], script: Script, named: str
) -> None:
    world = third_party_world(make_world, named)
    sealer = Sealer(world, handles_of(world, *EVERYBODY))
    Scripted.third_party = "meta"
    with pytest.raises(NotPermittedError, match=f"names {named or 'no third party'}, .* discloses to meta"):
        queue(sealer)
    assert sealer.deliveries == []


@pytest.mark.parametrize("plugin", ["", "google"])
def test_a_third_party_that_the_contract_names(make_world: Callable[..., World], script: Script, plugin: str) -> None:
    world = third_party_world(make_world, "google")
    sealer = Sealer(world, handles_of(world, *EVERYBODY))
    Scripted.third_party = plugin
    queue(sealer)
    assert send(sealer) is Outcome.DONE
    assert script.ids == sorted(EVERYBODY)


def test_a_queue_that_another_destination_would_take_to_a_third_party(sealer: Sealer, script: Script) -> None:
    """The configuration changed after the audience was queued."""
    queue(sealer)
    Scripted.third_party = "google"
    assert send(sealer) is Outcome.DONE
    stopped = known(sealer)
    assert (stopped.state, "discloses to google" in stopped.problem) == (DeliveryState.STOPPED, True)
    assert script.calls == []


def test_a_channel_that_the_contract_does_not_have_names_nobody(fused: World, script: Script) -> None:  # noqa: F811
    write(fused, table=TABLE.replace("member-messages", "search-ads"))
    Scripted.third_party = "google"
    session = fused.session(MERCHANT)
    with pytest.raises(NotPermittedError, match="no third party"):
        open_destination(session, plan_of(session, "search-ads"), example_order("spring", "search-ads"))


def test_rehearsals_ask_the_contracts_that_have_the_channel(fused: World, script: Script) -> None:  # noqa: F811
    other = TABLE.replace("member-messages", "search-ads")
    write(fused, table=TABLE + other)
    Scripted.third_party = "google"
    clients = DestinationsClient(fused.session(MERCHANT))
    problems = {view.channel: view.problem for view in clients.list()}
    assert "names no third party" in problems["member-messages"]
    assert problems["search-ads"] == "", "no contract has it yet"
    with pytest.raises(NotPermittedError, match="google"):
        clients.dry_run("member-messages")
    assert clients.dry_run("search-ads").text
    fused.clock.now = fused.contract.expires
    assert clients.dry_run("member-messages").text, "the contract is over"


class Waited:
    """A client that waits, with whom a job is what ``states`` say, and an agent that does a step whenever attended."""

    def __init__(self, sealer: Sealer, *steps: Callable[[], Any], states: Iterable[Job] = ()) -> None:
        self.steps, self.states = list(steps), list(states)
        jobs: Any = SimpleNamespace(get=lambda contract, job: self.states.pop(0))
        self.client = DeliveriesClient(sealer.world.session(MERCHANT), jobs, self.agent)

    @contextmanager
    def agent(self, _: Any) -> Iterator[Any]:
        yield self

    def attend(self) -> None:
        self.steps.pop(0)()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destinations, "_PAUSE_SECONDS", 0)


def job_of(state: JobState, kind: JobKind = JobKind.ACTIVATE) -> Job:
    return Job(
        id="activate-1",
        contract="spring",
        kind=kind,
        state=state,
        requester=MERCHANT,
        created=NOW,
        updated=NOW,
        subject="s@1",
        error="no grant",
    )


def test_a_delivery_is_waited_for_from_before_it_is_queued(sealer: Sealer, script: Script, at_once: None) -> None:
    running = job_of(JobState.RUNNING)
    steps = (lambda: None, lambda: queue(sealer), lambda: send(sealer))
    waited = Waited(sealer, *steps, states=[running, running])
    assert waited.client.wait("spring", "activate-1").state is DeliveryState.DONE
    assert script.ids == sorted(EVERYBODY)
    assert waited.states == waited.steps == []


def test_a_delivery_that_is_queued_just_when_its_job_is_done(sealer: Sealer, script: Script, at_once: None) -> None:
    waited = Waited(sealer, lambda: send(sealer))
    waited.client._jobs.get = lambda *_: queue(sealer) and job_of(JobState.DONE)  # type: ignore[assignment, method-assign]
    assert waited.client.wait("spring", "activate-1").state is DeliveryState.DONE


def test_what_will_never_be_a_delivery_is_not_waited_for(sealer: Sealer, at_once: None) -> None:
    with pytest.raises(StateError, match="no grant"):
        Waited(sealer, states=[job_of(JobState.FAILED)]).client.wait("spring", "activate-1")
    for job in (job_of(JobState.DONE), job_of(JobState.RUNNING, JobKind.SEGMENT)):
        with pytest.raises(NotFoundError, match="delivers no job"):
            Waited(sealer, states=[job]).client.wait("spring", "activate-1")
    session, request = sealer.world.session(MERCHANT), replace(request_of(sealer.world), recipient=PLATFORM)
    session.requests.keep(request, session.sign(request), subject=request.segment)
    with pytest.raises(NotFoundError, match="delivers no job"):
        Waited(sealer).client.wait("spring", request.job)


def test_waiting_for_what_is_not_queued_ends_with_the_time(sealer: Sealer, at_once: None) -> None:
    waited = Waited(sealer, states=[job_of(JobState.RUNNING)])
    with pytest.raises(StateError, match="not done yet"):
        waited.client.wait("spring", "activate-1", timeout=0)


def test_another_audience_than_the_one_that_was_begun(
    sealer: Sealer, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = DeliveryQueue.add

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    monkeypatch.setattr(DeliveryQueue, "add", die)
    with pytest.raises(Killed):
        queue(sealer)
    monkeypatch.setattr(DeliveryQueue, "add", original)
    other = Sealer(sealer.world, handles_of(sealer.world, "m1"))
    with pytest.raises(ReplayError, match="before"):
        queue(other)


def test_a_table_that_can_not_be_used_refuses_before_anything_is_fetched(fused: World, script: Script) -> None:  # noqa: F811
    for table in (
        '[destinations.member-messages]\nkind = "nothing"\n',
        '[destinations.member-messages]\nkind = "scripted"\nfields = { x = { identifier = "openid" } }\n',
        '[destinations.member-messages]\nkind = "scripted"\nid_name = ""\nfields = { id = { column = "email" } }\n',
        '[destinations.member-messages]\nkind = "webhook"\nurl = "https://example.com"\nsigning_secret = "missing"\n',
    ):
        write(fused, table=table)
        sealer = Sealer(fused, BitMap())
        with pytest.raises(ConfigError):
            queue(sealer)
        assert sealer.deliveries == []
        assert fused.session(MERCHANT).deliveries.of("spring") == ()
