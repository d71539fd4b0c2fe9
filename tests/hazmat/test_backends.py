"""Every backend gives the bytes of the portable one, and refuses what it refuses in the same words."""

import hashlib
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.errors import InternalError, MalformedError
from miyun.hazmat.portable import PortableBackend
from miyun.hazmat.ristretto import Backend, backend
from miyun.hazmat.scalars import ORDER, SecretScalar

from .vectors import load, offsets

pytestmark = pytest.mark.usefixtures("each_backend")

PORTABLE = PortableBackend()
P = 2**255 - 19
GOOD = PORTABLE.map_to_group(hashlib.shake_256(b"good").digest(64 * 300))
NEAR_THE_EDGE = [number % 2**256 for edge in (0, P, 2**255, 2**256) for number in range(edge - 3, edge + 4)]
INVALID = load("rfc9496_ristretto255")["invalid_encodings"]
ENCODINGS = [n.to_bytes(32, "little") for n in NEAR_THE_EDGE] + [
    bytes.fromhex(point) for points in INVALID.values() for point in points
]

messages = st.lists(st.binary(max_size=200), max_size=40)
tags = st.binary(min_size=1, max_size=300)
scalars = st.integers(1, ORDER - 1).map(lambda n: SecretScalar.from_bytes(n.to_bytes(32, "little")))
keys = st.binary(min_size=1, max_size=64)
encodings = st.one_of(st.sampled_from(ENCODINGS), st.binary(min_size=32, max_size=32))


def outcome(work: Callable[[Backend], bytes], backend: Backend) -> object:
    try:
        return work(backend)
    except MalformedError as error:
        return error.message, error.hint
    except InternalError:
        return InternalError


def check(work: Callable[[Backend], bytes]) -> object:
    """That both do the same; what they do."""
    expected = outcome(work, PORTABLE)
    assert outcome(work, backend()) == expected
    return expected


@given(messages, tags, scalars, keys)
@settings(max_examples=40)
def test_any_batch_gives_the_same_bytes(values: list[bytes], tag: bytes, scalar: SecretScalar, key: bytes) -> None:
    joined, bounds = b"".join(values), offsets(values)
    points = check(lambda b: b.hash_to_group(joined, bounds, tag))
    assert isinstance(points, bytes)
    products = check(lambda b: b.multiply(points, scalar))
    assert check(lambda b: b.blind(joined, bounds, tag, scalar)) == products
    check(lambda b: b.map_to_group(hashlib.shake_256(joined).digest(64 * len(values))))
    check(lambda b: b.derive_tokens(points, key))


@pytest.mark.parametrize("count", [1, 7, 8, 9, 255, 256, 257, 700])
def test_batches_of_every_size_give_the_same_bytes(count: int) -> None:
    values = [hashlib.shake_256(bytes([n % 256])).digest(7 * n % 301) for n in range(count)]
    scalar = SecretScalar.random()
    joined, bounds = b"".join(values), offsets(values)
    products = check(lambda b: b.blind(joined, bounds, b"tag", scalar))
    assert products == check(lambda b: b.multiply(b.hash_to_group(joined, bounds, b"tag"), scalar))
    check(lambda b: b.map_to_group(hashlib.shake_256(b"uniform").digest(64 * count)))
    check(lambda b: b.derive_tokens(GOOD[: 32 * count], b"key"))


@pytest.mark.parametrize("number", [1, 2, 8, 2**251, 2**252 - 1, ORDER // 2, ORDER // 2 + 1, ORDER - 2, ORDER - 1])
def test_scalars_at_their_ends_give_the_same_bytes(number: int) -> None:
    scalar = SecretScalar.from_bytes(number.to_bytes(32, "little"))
    check(lambda b: b.multiply(GOOD[: 32 * 17], scalar))


@given(st.lists(st.tuples(st.integers(0, 299), encodings), max_size=3))
@settings(max_examples=100)
def test_the_same_points_are_refused_in_the_same_words(placed: list[tuple[int, bytes]]) -> None:
    batch = bytearray(GOOD)
    for position, encoding in placed:
        batch[32 * position : 32 * position + 32] = encoding
    scalar = SecretScalar.random()
    check(lambda b: b.multiply(bytes(batch), scalar))


@pytest.mark.parametrize(("position", "encoding"), list(zip(itertools.cycle([0, 3, 8, 255, 256, 299]), ENCODINGS)))
def test_every_known_bad_encoding_is_refused_or_taken_by_both(position: int, encoding: bytes) -> None:
    batch = GOOD[: 32 * position] + encoding + GOOD[32 * position + 32 :]
    check(lambda b: b.multiply(batch, SecretScalar.from_bytes((1).to_bytes(32, "little"))))


@pytest.mark.parametrize(
    "work",
    [
        lambda b: b.hash_to_group(b"ab", b"", b"tag"),
        lambda b: b.hash_to_group(b"ab", bytes(4), b"tag"),
        lambda b: b.hash_to_group(b"", bytes(4), b""),
        lambda b: b.blind(b"ab", bytes(3), b"tag", SecretScalar.random()),
        lambda b: b.blind(b"ab", offsets([b"a", b"bc"]), b"tag", SecretScalar.random()),
        lambda b: b.map_to_group(bytes(63)),
        lambda b: b.multiply(GOOD[:-1], SecretScalar.random()),
        lambda b: b.derive_tokens(GOOD[:-1], b"k"),
        lambda b: b.derive_tokens(GOOD, b""),
        lambda b: b.derive_tokens(GOOD, bytes(65)),
    ],
)
def test_what_is_no_batch_is_a_defect_of_the_callers(work: Callable[[Backend], bytes]) -> None:
    assert check(work) is InternalError
