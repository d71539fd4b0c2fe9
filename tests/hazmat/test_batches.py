"""Batches: order, splitting over threads, refusal of what is no batch."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.errors import InternalError, MalformedError
from miyun.hazmat.hashing import MessageExpander
from miyun.hazmat.ristretto import backend
from miyun.hazmat.scalars import SecretScalar

from .model import decodes
from .vectors import offsets

pytestmark = pytest.mark.usefixtures("each_backend")

DST = b"MIYUN-TEST"
ONE = SecretScalar.from_bytes((1).to_bytes(32, "little"))
COUNT = 200
"""Enough for several threads."""


def some_points(count: int) -> bytes:
    return backend().map_to_group(hashlib.shake_256(b"points").digest(64 * count))


def pieces(batch: bytes, size: int = 32) -> list[bytes]:
    return [batch[start : start + size] for start in range(0, len(batch), size)]


@given(st.lists(st.binary(max_size=40), max_size=12))
@settings(max_examples=30)
def test_hashing_a_batch_is_hashing_each(messages: list[bytes]) -> None:
    batch = backend().hash_to_group(b"".join(messages), offsets(messages), DST)
    expander = MessageExpander(DST, 64)
    assert pieces(batch) == [backend().map_to_group(expander.expand(message)) for message in messages]


def test_multiplying_a_batch_is_multiplying_each() -> None:
    points, factor = some_points(COUNT), SecretScalar.random()
    batch = backend().multiply(points, factor)
    assert pieces(batch) == [backend().multiply(point, factor) for point in pieces(points)]


def test_factors_commute_and_their_inverses_undo_them() -> None:
    points, m, p = some_points(COUNT), SecretScalar.random(), SecretScalar.random()
    both = backend().multiply(backend().multiply(points, m), p)
    assert both == backend().multiply(backend().multiply(points, p), m)
    assert backend().multiply(backend().multiply(both, p.inverse()), m.inverse()) == points


@pytest.mark.parametrize("bad", [(0,), (COUNT - 1,), (COUNT - 1, 3), (150, 20, 199)])
def test_the_first_bad_position_is_named_whatever_thread_found_it(bad: tuple[int, ...]) -> None:
    points = pieces(some_points(COUNT))
    for position in bad:
        points[position] = bytes(32)
    with pytest.raises(MalformedError, match=f"position {min(bad)} "):
        backend().multiply(b"".join(points), SecretScalar.random())


@given(
    st.one_of(st.binary(min_size=32, max_size=32), st.integers(0, 2**256 - 1).map(lambda n: n.to_bytes(32, "little")))
)
@settings(max_examples=300)
def test_an_encoding_is_refused_or_is_the_only_one_of_its_element(encoding: bytes) -> None:
    try:
        assert backend().multiply(encoding, ONE) == encoding
    except MalformedError:
        assert encoding == bytes(32) or not decodes(encoding)


@given(st.integers(0, 7), st.integers(0, 31), st.binary(min_size=64, max_size=64))
@settings(max_examples=100)
def test_a_flipped_bit_makes_another_element_or_none(bit: int, place: int, uniform: bytes) -> None:
    flipped = bytearray(backend().map_to_group(uniform))
    flipped[place] ^= 1 << bit
    if decodes(bytes(flipped)):
        assert backend().multiply(bytes(flipped), ONE) == flipped
    else:
        with pytest.raises(MalformedError):
            backend().multiply(bytes(flipped), ONE)


def test_the_second_encoding_that_libsodium_admits_is_refused() -> None:
    point = bytearray(some_points(1))
    point[31] |= 0x80
    with pytest.raises(MalformedError, match="position 0 "):
        backend().multiply(bytes(point), ONE)


def test_tokens_are_keyed_and_keep_their_order() -> None:
    points = some_points(3)
    tokens = pieces(backend().derive_tokens(points, b"k" * 32), 16)
    assert tokens == [hashlib.blake2b(p, key=b"k" * 32, digest_size=16).digest() for p in pieces(points)]
    assert not set(tokens) & set(pieces(backend().derive_tokens(points, b"l" * 32), 16))


def test_an_empty_batch_is_a_batch() -> None:
    assert backend().hash_to_group(b"", bytes(4), DST) == b""
    assert backend().multiply(b"", SecretScalar.random()) == b""
    assert backend().derive_tokens(b"", b"k") == b""


@pytest.mark.parametrize("bounds", [b"", b"\0\0\0", offsets([b"abc"]), offsets([b"a"])[4:], b"\0\0\0\0" * 2])
def test_offsets_that_do_not_fit_are_refused(bounds: bytes) -> None:
    with pytest.raises(InternalError):
        backend().hash_to_group(b"ab", bounds, DST)


def test_descending_offsets_are_refused() -> None:
    with pytest.raises(InternalError):
        backend().hash_to_group(b"ab", b"".join(n.to_bytes(4, "little") for n in (0, 2, 1, 2)), DST)


@pytest.mark.parametrize("size", [1, 31, 33])
def test_uneven_batches_are_refused(size: int) -> None:
    with pytest.raises(InternalError):
        backend().multiply(bytes(size), SecretScalar.random())


@pytest.mark.parametrize("key", [b"", b"k" * 65])
def test_token_keys_have_a_range(key: bytes) -> None:
    with pytest.raises(InternalError):
        backend().derive_tokens(some_points(1), key)
