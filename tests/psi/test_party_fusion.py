"""A party's machine: it acts on nothing that the counterparty has not signed, and within the caps."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from miyun.chunking import CHUNK_POINTS
from miyun.errors import (
    CapExceededError,
    ContractError,
    InternalError,
    MalformedError,
    MiyunError,
    ReplayError,
    SignatureError,
    StateError,
)
from miyun.psi.party_fusion import (
    Announce,
    AwaitAnnouncement,
    AwaitReport,
    FetchChunk,
    Finished,
    PartyFusion,
    PartyFusionState,
    SendChunk,
)
from miyun.psi.statements import FusionReport, PointsChunk, TypeMatches

from .world import MERCHANT, NOW, PLATFORM, TYPES, ZONE, make_announcement, make_contract, make_request, signing_key

CONTRACT = make_contract(cap=100_000)
REQUEST = make_request(CONTRACT)
OWN = make_announcement(REQUEST, MERCHANT, (CHUNK_POINTS + 1, 4), CHUNK_POINTS + 1)
THEIRS = make_announcement(REQUEST, PLATFORM, (2 * CHUNK_POINTS, 0), 2 * CHUNK_POINTS)
REPORT = FusionReport(
    contract=CONTRACT.id,
    job=REQUEST.job,
    epoch=1,
    matches=tuple(TypeMatches(type=type_, matched=-3) for type_ in TYPES),
    noise_scale_milli=5000,
    at=NOW,
)


def fusion(progress: dict[str, tuple[int, int]] | None = None, before: dict[str, int] | None = None) -> PartyFusion:
    return PartyFusion(CONTRACT, REQUEST, MERCHANT, OWN, progress or {}, evaluated_before=before or {})


def exchanging(progress: dict[str, tuple[int, int]] | None = None) -> PartyFusion:
    machine = fusion(progress)
    machine.on_announced()
    machine.on_counterpart(THEIRS, signing_key(PLATFORM).sign(THEIRS))
    return machine


def theirs(index: int = 0, **fields: object) -> PointsChunk:
    chunk = PointsChunk(
        contract=CONTRACT.id,
        job=REQUEST.job,
        epoch=1,
        type="phone",
        sender=PLATFORM,
        receiver=MERCHANT,
        index=index,
        chunks=2,
        count=CHUNK_POINTS,
        sealed_digest=bytes(32),
    )
    return replace(chunk, **fields)


def signed(chunk: PointsChunk, signer: str = PLATFORM) -> tuple[PointsChunk, bytes]:
    return chunk, signing_key(signer).sign(chunk)


def evaluate(machine: PartyFusion, index: int) -> None:
    assert machine.next_action() == FetchChunk("phone", index)
    machine.on_points(*signed(theirs(index)))
    machine.on_evaluated("phone", index)


def send(machine: PartyFusion, type_: str, index: int) -> None:
    assert machine.next_action() == SendChunk(type_, index)
    machine.on_sent(type_, index)


def test_a_fusion_goes_through_its_states_sending_and_evaluating_by_turns() -> None:
    machine = fusion()
    assert machine.next_action() == Announce(OWN)
    assert machine.progress() == (0, 0)
    machine.on_announced()
    assert machine.next_action() == AwaitAnnouncement(PLATFORM)
    machine.on_counterpart(THEIRS, signing_key(PLATFORM).sign(THEIRS))
    assert machine.state is PartyFusionState.EXCHANGING
    send(machine, "phone", 0)
    evaluate(machine, 0)
    send(machine, "phone", 1)
    evaluate(machine, 1)
    assert machine.progress() == (4, 5)
    send(machine, "openid", 0)
    assert (machine.next_action(), machine.progress()) == (AwaitReport(), (5, 5))
    machine.on_report(REPORT, signing_key(ZONE).sign(REPORT))
    assert (machine.state, machine.next_action()) == (PartyFusionState.FINISHED, Finished())
    with pytest.raises(StateError):
        machine.fail()


def test_a_slow_counterparty_does_not_stop_sending() -> None:
    machine = exchanging()
    for type_, index in (("phone", 0), ("phone", 1), ("openid", 0)):
        send(machine, type_, index)
        assert machine.next_action() == FetchChunk("phone", 0)
        machine.on_absent("phone", 0)
    evaluate(machine, 0)
    evaluate(machine, 1)
    assert machine.state is PartyFusionState.AWAITING_REPORT


def test_a_restart_goes_on_where_progress_says() -> None:
    machine = exchanging({"phone": (1, 1)})
    send(machine, "phone", 1)
    evaluate(machine, 1)
    send(machine, "openid", 0)
    assert machine.next_action() == AwaitReport()
    assert exchanging({"phone": (2, 2), "openid": (1, 0)}).next_action() == AwaitReport()


def test_caps_are_for_life() -> None:
    signature = signing_key(PLATFORM).sign(THEIRS)
    for before, fits in ((100_000 - 2 * CHUNK_POINTS, True), (100_000 - 2 * CHUNK_POINTS + 1, False)):
        machine = fusion(before={"phone": before})
        machine.on_announced()
        if fits:
            machine.on_counterpart(THEIRS, signature)
        else:
            with pytest.raises(CapExceededError) as caught:
                machine.on_counterpart(THEIRS, signature)
            assert caught.value.clause == "identifiers[0].evaluation_cap"
            assert machine.state is PartyFusionState.AWAITING_ANNOUNCEMENT


def test_a_request_or_an_own_announcement_under_other_terms_is_refused() -> None:
    with pytest.raises(ContractError):
        PartyFusion(CONTRACT, replace(REQUEST, contract_digest=bytes(32)), MERCHANT, OWN, {}, evaluated_before={})
    with pytest.raises(ReplayError):
        PartyFusion(CONTRACT, REQUEST, MERCHANT, replace(OWN, job="job-0"), {}, evaluated_before={})
    with pytest.raises(InternalError):
        PartyFusion(CONTRACT, REQUEST, PLATFORM, OWN, {}, evaluated_before={})


@pytest.mark.parametrize("signer", [ZONE, MERCHANT])
def test_a_zone_that_poses_as_the_counterparty_announces_in_vain(signer: str) -> None:
    machine = fusion()
    machine.on_announced()
    with pytest.raises(SignatureError):
        machine.on_counterpart(THEIRS, signing_key(signer).sign(THEIRS))
    with pytest.raises(MalformedError):
        machine.on_counterpart(OWN, signing_key(MERCHANT).sign(OWN))
    assert machine.next_action() == AwaitAnnouncement(PLATFORM)


def test_a_counterparty_announces_once() -> None:
    machine = exchanging()
    machine.on_counterpart(THEIRS, signing_key(PLATFORM).sign(THEIRS))
    fewer = make_announcement(REQUEST, PLATFORM, (1, 0), 1)
    with pytest.raises(ReplayError):
        machine.on_counterpart(fewer, signing_key(PLATFORM).sign(fewer))


BAD_POINTS: dict[str, tuple[Callable[[], tuple[PointsChunk, bytes]], type[MiyunError]]] = {
    "unsigned": (lambda: (theirs(), b""), SignatureError),
    "the zone posing as the counterparty": (lambda: signed(theirs(), ZONE), SignatureError),
    "the own signature": (lambda: signed(theirs(), MERCHANT), SignatureError),
    "an own chunk reflected": (lambda: signed(theirs(sender=MERCHANT, receiver=PLATFORM), MERCHANT), MalformedError),
    "from the zone": (lambda: signed(theirs(sender=ZONE), ZONE), MalformedError),
    "for another receiver": (lambda: signed(theirs(receiver=ZONE)), MalformedError),
    "of another job": (lambda: signed(theirs(job="job-0")), ReplayError),
    "of another epoch": (lambda: signed(theirs(epoch=7)), ReplayError),
    "of another contract": (lambda: signed(theirs(contract="autumn")), ReplayError),
    "reordered": (lambda: signed(theirs(1)), ReplayError),
    "of an unknown type": (lambda: signed(theirs(type="email")), MalformedError),
    "of a type without points": (lambda: signed(theirs(type="openid")), MalformedError),
    "beyond the announcement": (lambda: signed(theirs(2)), MalformedError),
    "another total": (lambda: signed(theirs(chunks=3)), MalformedError),
    "oversized": (lambda: signed(theirs(count=CHUNK_POINTS + 1)), MalformedError),
    "empty": (lambda: signed(theirs(count=0)), MalformedError),
}


@pytest.mark.parametrize("name", BAD_POINTS)
def test_bad_points_are_refused_and_change_nothing(name: str) -> None:
    machine = exchanging()
    make, error = BAD_POINTS[name]
    with pytest.raises(error):
        machine.on_points(*make())
    assert (machine.state, machine.progress()) == (PartyFusionState.EXCHANGING, (0, 5))
    with pytest.raises(StateError):
        machine.on_evaluated("phone", 0)
    machine.on_sent("phone", 0)
    evaluate(machine, 0)


def test_two_chunks_for_one_place_are_refused() -> None:
    machine = exchanging()
    machine.on_points(*signed(theirs()))
    machine.on_points(*signed(theirs()))
    with pytest.raises(ReplayError):
        machine.on_points(*signed(theirs(sealed_digest=b"\1" * 32)))


@pytest.mark.parametrize(
    ("report", "signer", "error"),
    [
        (REPORT, PLATFORM, SignatureError),
        (replace(REPORT, job="job-0"), ZONE, ReplayError),
        (replace(REPORT, epoch=2), ZONE, ReplayError),
        (replace(REPORT, matches=REPORT.matches[:1]), ZONE, MalformedError),
    ],
)
def test_bad_reports_are_refused(report: FusionReport, signer: str, error: type[MiyunError]) -> None:
    machine = exchanging({"phone": (2, 2), "openid": (1, 0)})
    with pytest.raises(error):
        machine.on_report(report, signing_key(signer).sign(report))
    assert machine.state is PartyFusionState.AWAITING_REPORT


def test_events_out_of_turn_are_refused() -> None:
    out_of_turn: list[Callable[[PartyFusion], None]] = [
        lambda machine: machine.on_announced(),
        lambda machine: machine.on_sent("phone", 1),
        lambda machine: machine.on_sent("openid", 0),
        lambda machine: machine.on_absent("phone", 1),
        lambda machine: machine.on_evaluated("phone", 0),
        lambda machine: machine.on_report(REPORT, signing_key(ZONE).sign(REPORT)),
    ]
    for event in out_of_turn:
        machine = exchanging()
        with pytest.raises(StateError):
            event(machine)
        assert machine.progress() == (0, 5)


def test_a_failed_fusion_does_nothing_more() -> None:
    machine = exchanging()
    machine.fail()
    with pytest.raises(StateError):
        machine.next_action()
    with pytest.raises(StateError):
        machine.on_points(*signed(theirs()))


def test_the_requester_of_a_delta_does_not_wait_for_the_other_one_to_announce_nothing() -> None:
    contract = replace(CONTRACT, delta_bucket=2)
    request = replace(REQUEST, contract_digest=contract.digest(), sequence=1)
    own, nothing = make_announcement(request, MERCHANT, (2, 2), 2), make_announcement(request, PLATFORM, (0, 0), 0)
    machine = PartyFusion(contract, request, MERCHANT, own, {}, evaluated_before={})
    with pytest.raises(StateError):
        machine.on_sent(TYPES[0], 0)
    machine.on_announced()
    for type_ in TYPES:
        assert machine.next_action() == SendChunk(type_, 0)
        machine.on_sent(type_, 0)
    assert machine.next_action() == AwaitAnnouncement(PLATFORM)

    machine.on_counterpart(nothing, signing_key(PLATFORM).sign(nothing))

    assert machine.next_action() == AwaitReport()
