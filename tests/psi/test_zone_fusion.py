"""The zone's machine: what it takes, what it refuses, and that a refusal changes nothing."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from miyun.chunking import CHUNK_POINTS, chunk_count, chunk_points
from miyun.errors import (
    CapExceededError,
    ContractError,
    MalformedError,
    MiyunError,
    ReplayError,
    SignatureError,
    StateError,
)
from miyun.psi.chunks import make_tokens_chunk
from miyun.psi.statements import PointsChunk
from miyun.psi.zone_fusion import Verdict, ZoneFusion, ZoneFusionState

from .world import (
    MERCHANT,
    PLATFORM,
    ZONE,
    SentChunk,
    SentTokens,
    make_announcement,
    make_contract,
    make_request,
    other,
    sign_chunk,
    signing_key,
)

POINTS = 2 * CHUNK_POINTS + 5
COUNTS = {MERCHANT: (POINTS, 7), PLATFORM: (3, 0)}
CONTRACT = make_contract()
REQUEST = make_request(CONTRACT)


def announcement(party: str):
    return make_announcement(REQUEST, party, COUNTS[party], max(COUNTS[party]))


def chunk(
    sender: str = MERCHANT, type_: str = "phone", index: int = 0, *, signer: str = "", salt: str = ""
) -> SentChunk:
    points = dict(zip(("phone", "openid"), COUNTS[sender], strict=True))[type_]
    count = chunk_points(points, index)
    sealed = f"sealed {sender} {type_} {index} {salt}".encode()
    header = PointsChunk(
        contract=CONTRACT.id,
        job=REQUEST.job,
        epoch=1,
        type=type_,
        sender=sender,
        receiver=other(sender),
        index=index,
        chunks=-(-points // CHUNK_POINTS),
        count=count,
        sealed_digest=hashlib.sha256(sealed).digest(),
    )
    handles = np.arange(index * CHUNK_POINTS, index * CHUNK_POINTS + count, dtype=np.uint32)
    return sign_chunk(signer or sender, header, sealed, handles)


def tokens(points: PointsChunk, *, signer: str = "", salt: bytes = b"") -> SentTokens:
    data = hashlib.shake_256(points.digest() + salt).digest(16 * points.count)
    statement = make_tokens_chunk(points, data)
    return SentTokens(statement, signing_key(signer or points.receiver).sign(statement), data)


def announced() -> ZoneFusion:
    fusion = ZoneFusion(CONTRACT, REQUEST)
    for party in (MERCHANT, PLATFORM):
        assert fusion.accept_announcement(announcement(party), signing_key(party).sign(announcement(party))) == "new"
    return fusion


def every_place() -> list[tuple[str, str, int]]:
    return [(MERCHANT, "phone", index) for index in range(3)] + [(MERCHANT, "openid", 0), (PLATFORM, "phone", 0)]


def resign(sent: SentChunk, *, signer: str = "", **fields: object) -> SentChunk:
    points = replace(sent.points, **fields)
    return replace(sent, points=points, points_signature=signing_key(signer or points.sender).sign(points))


def resign_handles(sent: SentChunk, values: bytes, **fields: object) -> SentChunk:
    handles = replace(sent.handles, handles_digest=hashlib.sha256(values).digest(), **fields)
    return replace(sent, handles=handles, handles_signature=signing_key(MERCHANT).sign(handles), handle_values=values)


def resign_tokens(sent: SentTokens, *, signer: str = "", **fields: object) -> SentTokens:
    statement = replace(sent.statement, **fields)
    return replace(sent, statement=statement, signature=signing_key(signer or statement.evaluator).sign(statement))


def test_a_fusion_goes_through_its_states() -> None:
    fusion = ZoneFusion(CONTRACT, REQUEST)
    assert (fusion.state, fusion.waiting_for(), fusion.progress()) == (
        ZoneFusionState.WAITING_FOR_PARTY,
        (MERCHANT, PLATFORM),
        (0, 0),
    )
    first = announcement(PLATFORM)
    fusion.accept_announcement(first, signing_key(PLATFORM).sign(first))
    assert (fusion.state, fusion.waiting_for()) == (ZoneFusionState.WAITING_FOR_PARTY, (MERCHANT,))
    fusion = announced()
    assert (fusion.state, fusion.waiting_for(), fusion.progress()) == (
        ZoneFusionState.EXCHANGING,
        (MERCHANT, PLATFORM),
        (0, 10),
    )
    sent = {place: chunk(*place) for place in every_place()}
    sent[PLATFORM, "phone", 0].put(fusion)
    assert fusion.waiting_for() == (MERCHANT,)
    for place in every_place()[:4]:
        assert sent[place].put(fusion) is Verdict.NEW
    tokens(sent[PLATFORM, "phone", 0].points).put(fusion)
    assert fusion.waiting_for() == (PLATFORM,)
    for place in every_place()[:4]:
        assert not fusion.complete
        assert tokens(sent[place].points).put(fusion) is Verdict.NEW
    assert (fusion.state, fusion.complete, fusion.waiting_for(), fusion.progress()) == (
        ZoneFusionState.JOINING,
        True,
        (),
        (10, 10),
    )
    fusion.mark_joined()
    assert (fusion.state, fusion.complete) == (ZoneFusionState.JOINED, True)
    assert sent[MERCHANT, "phone", 1].put(fusion) is Verdict.DUPLICATE
    with pytest.raises(StateError):
        fusion.mark_failed()


def test_a_fusion_without_a_single_point_is_complete_at_once() -> None:
    fusion = ZoneFusion(CONTRACT, REQUEST)
    for party in (MERCHANT, PLATFORM):
        empty = make_announcement(REQUEST, party, (0, 0), 0)
        fusion.accept_announcement(empty, signing_key(party).sign(empty))
    assert fusion.state is ZoneFusionState.JOINING


def test_nothing_is_joined_before_it_is_complete_and_nothing_is_taken_after_a_failure() -> None:
    fusion = announced()
    with pytest.raises(StateError):
        fusion.mark_joined()
    fusion.mark_failed()
    with pytest.raises(StateError):
        chunk().put(fusion)
    assert (fusion.state, fusion.waiting_for()) == (ZoneFusionState.FAILED, ())


@pytest.mark.parametrize(
    "fields", [{"contract": "autumn"}, {"contract_digest": bytes(32)}, {"requester": ZONE}, {"epoch": 0}]
)
def test_a_request_under_other_terms_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ContractError):
        ZoneFusion(CONTRACT, replace(REQUEST, **fields))


def counts(**fields: int):
    first, second = announcement(MERCHANT).counts
    return {"counts": (replace(first, **fields), second)}


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"job": "job-0"}, ReplayError),
        ({"epoch": 2}, ReplayError),
        ({"contract": "autumn"}, ReplayError),
        ({"counts": announcement(MERCHANT).counts[:1]}, MalformedError),
        ({"counts": announcement(MERCHANT).counts[::-1]}, MalformedError),
        (counts(chunks=2), MalformedError),
        (counts(points=POINTS + 1), MalformedError),
        (counts(points=-1, chunks=0), MalformedError),
        ({"handles": POINTS - 1}, MalformedError),
        ({"handles": 2**32 - 1}, MalformedError),
        ({"handles": 1_000_001, **counts(points=1_000_001, chunks=chunk_count(1_000_001))}, CapExceededError),
    ],
)
def test_announcements_that_do_not_fit_are_refused(fields: dict[str, object], error: type[MiyunError]) -> None:
    fusion = ZoneFusion(CONTRACT, REQUEST)
    bad = replace(announcement(MERCHANT), **fields)
    with pytest.raises(error):
        fusion.accept_announcement(bad, signing_key(MERCHANT).sign(bad))
    assert fusion.waiting_for() == (MERCHANT, PLATFORM)


def test_the_cap_names_its_clause() -> None:
    contract = make_contract(cap=6)
    request = make_request(contract)
    bad = make_announcement(request, MERCHANT, (6, 7), 7)
    with pytest.raises(CapExceededError) as caught:
        ZoneFusion(contract, request).accept_announcement(bad, signing_key(MERCHANT).sign(bad))
    assert caught.value.clause == "identifiers[1].evaluation_cap"


@pytest.mark.parametrize(("points", "handles"), [((25, 10), 30), ((20, 10), 25), ((15, 15), 25)])
def test_counts_are_padded_as_the_contract_says(points: tuple[int, int], handles: int) -> None:
    contract = make_contract(bucket=10)
    request = make_request(contract)
    fusion = ZoneFusion(contract, request)
    bad = make_announcement(request, MERCHANT, points, handles)
    with pytest.raises(MalformedError, match="not padded"):
        fusion.accept_announcement(bad, signing_key(MERCHANT).sign(bad))
    good = make_announcement(request, MERCHANT, (20, 10), 30)
    assert fusion.accept_announcement(good, signing_key(MERCHANT).sign(good)) is Verdict.NEW


def test_an_announcement_counts_once() -> None:
    fusion = announced()
    again = announcement(MERCHANT)
    assert fusion.accept_announcement(again, signing_key(MERCHANT).sign(again)) is Verdict.DUPLICATE
    other_one = make_announcement(REQUEST, MERCHANT, (POINTS - 1, 7), POINTS)
    with pytest.raises(ReplayError):
        fusion.accept_announcement(other_one, signing_key(MERCHANT).sign(other_one))


def test_points_wait_for_both_announcements() -> None:
    fusion = ZoneFusion(CONTRACT, REQUEST)
    with pytest.raises(ReplayError):
        chunk().put(fusion)
    fusion.accept_announcement(announcement(MERCHANT), signing_key(MERCHANT).sign(announcement(MERCHANT)))
    with pytest.raises(ReplayError):
        chunk().put(fusion)


GOOD = chunk()
BAD_CHUNKS: dict[str, tuple[Callable[[], SentChunk], type[MiyunError]]] = {
    "unsigned points": (lambda: replace(GOOD, points_signature=bytes(64)), SignatureError),
    "empty signature": (lambda: replace(GOOD, points_signature=b""), SignatureError),
    "unsigned handles": (lambda: replace(GOOD, handles_signature=bytes(64)), SignatureError),
    "swapped signatures": (
        lambda: replace(GOOD, points_signature=GOOD.handles_signature, handles_signature=GOOD.points_signature),
        SignatureError,
    ),
    "signed by the counterparty": (lambda: chunk(signer=PLATFORM), SignatureError),
    "signed by the zone": (lambda: chunk(signer=ZONE), SignatureError),
    "in the zone's name": (lambda: resign(GOOD, sender=ZONE), SignatureError),
    "handles of the other party": (
        lambda: replace(GOOD, handles=chunk(PLATFORM).handles, handles_signature=chunk(PLATFORM).handles_signature),
        SignatureError,
    ),
    "changed after signing": (lambda: replace(GOOD, points=replace(GOOD.points, index=1)), SignatureError),
    "another job": (lambda: resign(GOOD, job="job-0"), ReplayError),
    "another epoch": (lambda: resign(GOOD, epoch=2), ReplayError),
    "another contract": (lambda: resign(GOOD, contract="autumn"), ReplayError),
    "out of order": (lambda: chunk(index=1), ReplayError),
    "unknown type": (lambda: resign(GOOD, type="email"), MalformedError),
    "to itself": (lambda: resign(GOOD, receiver=MERCHANT), MalformedError),
    "to the zone": (lambda: resign(GOOD, receiver=ZONE), MalformedError),
    "another total": (lambda: resign(GOOD, chunks=4), MalformedError),
    "beyond the total": (lambda: resign(GOOD, index=3), MalformedError),
    "negative place": (lambda: resign(GOOD, index=-1), MalformedError),
    "too few points": (lambda: resign(GOOD, count=CHUNK_POINTS - 1), MalformedError),
    "oversized": (lambda: resign(GOOD, count=CHUNK_POINTS + 1), MalformedError),
    "truncated sealed": (lambda: replace(GOOD, sealed=GOOD.sealed[:-1]), MalformedError),
    "other sealed": (lambda: replace(GOOD, sealed=b"other"), MalformedError),
    "truncated handles": (lambda: resign_handles(GOOD, GOOD.handle_values[:-4]), MalformedError),
    "uneven handles": (lambda: resign_handles(GOOD, GOOD.handle_values[:-1]), MalformedError),
    "oversized handles": (lambda: resign_handles(GOOD, GOOD.handle_values * 2, count=2 * CHUNK_POINTS), MalformedError),
    "handles beyond": (
        lambda: resign_handles(GOOD, POINTS.to_bytes(4, "little") + GOOD.handle_values[4:]),
        MalformedError,
    ),
    "a handle twice": (lambda: resign_handles(GOOD, GOOD.handle_values[:4] + GOOD.handle_values[:-4]), MalformedError),
    "handles of another place": (
        lambda: replace(
            GOOD,
            handles=chunk(index=1).handles,
            handles_signature=chunk(index=1).handles_signature,
            handle_values=chunk(index=1).handle_values,
        ),
        MalformedError,
    ),
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_bad_chunks_are_refused_and_change_nothing(name: str) -> None:
    fusion = announced()
    make, error = BAD_CHUNKS[name]
    with pytest.raises(error):
        make().put(fusion)
    assert (fusion.state, fusion.progress()) == (ZoneFusionState.EXCHANGING, (0, 10))
    assert GOOD.put(fusion) is Verdict.NEW


def test_a_place_holds_one_chunk_for_ever() -> None:
    fusion = announced()
    assert GOOD.put(fusion) is Verdict.NEW
    assert GOOD.put(fusion) is Verdict.DUPLICATE
    reordered = np.frombuffer(GOOD.handle_values, "<u4")[::-1].astype(np.uint32)
    for different in (chunk(salt="again"), sign_chunk(MERCHANT, GOOD.points, GOOD.sealed, reordered)):
        with pytest.raises(ReplayError):
            different.put(fusion)
    assert fusion.progress() == (1, 10)


ANSWER = tokens(GOOD.points)
BAD_TOKENS: dict[str, tuple[Callable[[], SentTokens], type[MiyunError]]] = {
    "unsigned": (lambda: replace(ANSWER, signature=bytes(64)), SignatureError),
    "signed by the sender": (lambda: tokens(GOOD.points, signer=MERCHANT), SignatureError),
    "signed by the zone": (lambda: tokens(GOOD.points, signer=ZONE), SignatureError),
    "from the zone": (lambda: resign_tokens(ANSWER, evaluator=ZONE), SignatureError),
    "from the sender itself": (lambda: resign_tokens(ANSWER, evaluator=MERCHANT), MalformedError),
    "another job": (lambda: resign_tokens(ANSWER, job="job-0"), ReplayError),
    "not sent yet": (lambda: tokens(chunk(index=1).points), ReplayError),
    "other points": (lambda: tokens(chunk(salt="other").points), ReplayError),
    "of an unknown sender": (lambda: resign_tokens(ANSWER, sender=ZONE), ReplayError),
    "truncated": (lambda: replace(ANSWER, tokens=ANSWER.tokens[:-16]), MalformedError),
    "oversized": (lambda: replace(ANSWER, tokens=ANSWER.tokens + bytes(16)), MalformedError),
    "changed": (lambda: replace(ANSWER, tokens=bytes(16) + ANSWER.tokens[16:]), MalformedError),
    "another count": (lambda: resign_tokens(ANSWER, count=3), MalformedError),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_bad_tokens_are_refused_and_change_nothing(name: str) -> None:
    fusion = announced()
    GOOD.put(fusion)
    make, error = BAD_TOKENS[name]
    with pytest.raises(error):
        make().put(fusion)
    assert fusion.progress() == (1, 10)
    assert ANSWER.put(fusion) is Verdict.NEW
    assert ANSWER.put(fusion) is Verdict.DUPLICATE
    with pytest.raises(ReplayError):
        tokens(GOOD.points, salt=b"other").put(fusion)
