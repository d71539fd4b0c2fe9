"""Labels: nothing of another contract, epoch, type or place fits."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.chunking import CHUNK_POINTS, chunk_count, chunk_points
from miyun.errors import MalformedError, ReplayError
from miyun.hazmat import ristretto
from miyun.hazmat.scalars import SecretScalar
from miyun.psi.blinding import blind, make_points_chunk, open_chunk
from miyun.psi.chunks import read_handles
from miyun.psi.context import POINT_BYTES, TOKEN_BYTES, FusionContext
from miyun.psi.evaluation import evaluate
from miyun.psi.statements import HandlesChunk

from .world import MERCHANT, PLATFORM, SeenInMemory, make_contract, sealing_key

pytestmark = pytest.mark.usefixtures("each_backend")

CONTRACT = make_contract()
CONTEXT = FusionContext.of(CONTRACT, 1, "phone")
VALUES = [b"phone:1", b"phone:2", None, b"phone:3"]

contexts = st.builds(
    FusionContext,
    contract_digest=st.binary(min_size=32, max_size=32),
    epoch=st.integers(1, 2**32 - 1),
    type=st.from_regex(r"[a-z0-9-]{1,63}", fullmatch=True),
)


def sealed_chunk(points: bytes, context: FusionContext = CONTEXT):
    return make_points_chunk(
        context,
        points,
        contract=CONTRACT.id,
        job="job-1",
        sender=MERCHANT,
        receiver=CONTRACT.party(PLATFORM),
        index=0,
        chunks=1,
    )


def test_layers_that_cannot_see_each_other_agree_on_sizes() -> None:
    assert (ristretto.POINT_BYTES, ristretto.TOKEN_BYTES) == (POINT_BYTES, TOKEN_BYTES)


@given(contexts, contexts)
def test_labels_are_injective_and_tags_fit_rfc_9380(one: FusionContext, two: FusionContext) -> None:
    assert len(one.dst()) <= 255
    assert (one == two) == (one.dst() == two.dst()) == (one.token_key() == two.token_key())


@given(st.integers(0, 10**6))
def test_chunks_add_up(points: int) -> None:
    sizes = [chunk_points(points, index) for index in range(chunk_count(points))]
    assert sum(sizes) == points
    assert all(size == CHUNK_POINTS for size in sizes[:-1])
    assert all(0 < size <= CHUNK_POINTS for size in sizes)


@pytest.mark.parametrize(
    "elsewhere",
    [replace(CONTEXT, contract_digest=bytes(32)), replace(CONTEXT, epoch=2), replace(CONTEXT, type="openid")],
    ids=["contract", "epoch", "type"],
)
def test_the_same_value_under_the_same_scalar_never_compares_elsewhere(elsewhere: FusionContext) -> None:
    scalar = SecretScalar.random()
    here, there = blind(CONTEXT, [b"v"], scalar), blind(elsewhere, [b"v"], scalar)
    assert here != there
    assert evaluate(CONTEXT, here, scalar, SeenInMemory()) != evaluate(elsewhere, here, scalar, SeenInMemory())


def test_equal_values_meet_in_equal_tokens_and_padding_meets_nothing() -> None:
    m, p = SecretScalar.random(), SecretScalar.random()
    left = evaluate(CONTEXT, blind(CONTEXT, VALUES, m), p, SeenInMemory())
    right = evaluate(CONTEXT, blind(CONTEXT, [b"phone:3", None, b"phone:1"], p), m, SeenInMemory())
    tokens = [[side[i : i + 16] for i in range(0, len(side), 16)] for side in (left, right)]
    equal = {(i, j) for i, one in enumerate(tokens[0]) for j, two in enumerate(tokens[1]) if one == two}
    assert equal == {(0, 2), (3, 0)}


def test_a_sealed_chunk_opens_at_its_own_place_only() -> None:
    points = blind(CONTEXT, VALUES, SecretScalar.random())
    chunk, sealed = sealed_chunk(points)
    assert open_chunk(CONTEXT, chunk, sealed, sealing_key(PLATFORM)) == points
    moved = [
        replace(chunk, job="job-2"),
        replace(chunk, index=1),
        replace(chunk, chunks=2),
        replace(chunk, sender=PLATFORM, receiver=MERCHANT),
        replace(chunk, type="openid"),
        replace(chunk, contract="autumn"),
        replace(chunk, count=3),
    ]
    for elsewhere in moved:
        with pytest.raises(MalformedError):
            open_chunk(CONTEXT, elsewhere, sealed, sealing_key(PLATFORM))
    for context in (replace(CONTEXT, epoch=2), replace(CONTEXT, contract_digest=bytes(32))):
        with pytest.raises(MalformedError):
            open_chunk(context, replace(chunk, epoch=context.epoch), sealed, sealing_key(PLATFORM))
    with pytest.raises(MalformedError):
        open_chunk(CONTEXT, chunk, sealed, sealing_key(MERCHANT))


@given(st.data())
@settings(max_examples=40)
def test_damaged_sealed_bytes_are_refused(data: st.DataObject) -> None:
    chunk, sealed = sealed_chunk(blind(CONTEXT, VALUES, SecretScalar.random()))
    damaged = bytearray(sealed)
    damaged[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    for bad in (bytes(damaged), sealed[: data.draw(st.integers(0, len(sealed) - 1))], sealed + b"\0"):
        with pytest.raises(MalformedError):
            open_chunk(CONTEXT, chunk, bad, sealing_key(PLATFORM))


@given(st.lists(st.integers(0, 30), max_size=8), st.integers(0, 30), st.binary(max_size=5))
def test_handles_are_read_whole_in_range_and_distinct_or_not_at_all(
    handles: list[int], universe: int, tail: bytes
) -> None:
    data = np.array(handles, "<u4").tobytes() + tail
    statement = HandlesChunk(
        contract="c",
        job="j",
        epoch=1,
        type="phone",
        party=MERCHANT,
        index=0,
        chunks=1,
        count=len(handles),
        handles_digest=hashlib.sha256(data).digest(),
    )
    if not tail and len(set(handles)) == len(handles) and all(handle < universe for handle in handles):
        assert read_handles(statement, data, universe).tolist() == handles
        with pytest.raises(MalformedError):
            read_handles(replace(statement, handles_digest=bytes(32)), data, universe)
    else:
        with pytest.raises(MalformedError):
            read_handles(statement, data, universe)


def test_points_that_no_evaluator_may_multiply() -> None:
    scalar = SecretScalar.random()
    good = blind(CONTEXT, [b"a", b"b"], scalar)
    seen = SeenInMemory()
    for bad in (good + bytes(32), good + b"\xff" * 32, bytes(32)):
        with pytest.raises(MalformedError, match="position"):
            evaluate(CONTEXT, bad, scalar, SeenInMemory())
    with pytest.raises(ReplayError, match="position 2 repeats the one at position 0"):
        evaluate(CONTEXT, good + good[:32], scalar, seen)
    assert not seen.seen
    evaluate(CONTEXT, good, scalar, seen)
    with pytest.raises(ReplayError):
        evaluate(CONTEXT, blind(CONTEXT, [b"c"], scalar) + good[32:], scalar, seen)
