"""Where nothing is drawn, the kernels give the bytes of the portable code, and refuse what it refuses."""

import hashlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.errors import InternalError, MalformedError
from miyun.kernels import kernels
from miyun.paillier.backend import PublicKernel
from miyun.paillier.portable import PortablePublic
from miyun.paillier.private.backend import PrivateKernel
from miyun.paillier.private.portable import PortablePrivate

from .keys import P, Q

if not kernels().native:
    pytest.skip("the kernels are not installed", allow_module_level=True)

from miyun.paillier.native import NativePublic
from miyun.paillier.private.native import NativePrivate

N = P * Q
WIDTH = 512
PUBLIC = [kernel(N.to_bytes(256, "little")) for kernel in (PortablePublic, NativePublic)]
PRIVATE = [kernel(P.to_bytes(128, "little"), Q.to_bytes(128, "little")) for kernel in (PortablePrivate, NativePrivate)]
UNITS = [int.from_bytes(hashlib.shake_256(bytes([place])).digest(WIDTH), "little") % N**2 for place in range(24)]
EDGES = [1, 2, N - 1, N + 1, N**2 - 1, N**2 - 2]
BAD = [0, P, N, Q * Q, N**2, N**2 + 5, 256**WIDTH - 1]

numbers = st.lists(st.sampled_from(UNITS + EDGES), max_size=20)
looked_at = st.lists(st.sampled_from(UNITS * 3 + EDGES + BAD), max_size=20)


def batch(values: list[int], width: int = WIDTH) -> bytes:
    return b"".join(value.to_bytes(width, "little") for value in values)


def outcome(work: Callable[[], object]) -> object:
    try:
        return work()
    except MalformedError as error:
        return error.message, error.hint
    except InternalError:
        return InternalError


def same(work: Callable[[PublicKernel], object]) -> object:
    one, other = (outcome(lambda kernel=kernel: work(kernel)) for kernel in PUBLIC)
    assert one == other
    return one


def same_private(work: Callable[[PrivateKernel], object]) -> object:
    one, other = (outcome(lambda kernel=kernel: work(kernel)) for kernel in PRIVATE)
    assert one == other
    return one


@given(looked_at, looked_at)
@settings(max_examples=60)
def test_sums_and_negatives(left: list[int], right: list[int]) -> None:
    same(lambda kernel: kernel.add(batch(left), batch(right)))
    same(lambda kernel: kernel.add(batch(left), batch(left[::-1])))
    same(lambda kernel: kernel.negate(batch(left)))
    same(lambda kernel: kernel.check(batch(left)))


@given(st.lists(st.tuples(st.sampled_from([0, 1, N // 2, N - 1, N, 2**2048 - 1]), st.sampled_from(UNITS + BAD))))
@settings(max_examples=40)
def test_encryption_with_given_randomness(pairs: list[tuple[int, int]]) -> None:
    plain, randomness = batch([m for m, _ in pairs], 256), batch([x for _, x in pairs])
    same(lambda kernel: kernel.encrypt_with(plain, 256, randomness))
    same(lambda kernel: kernel.encrypt_with(plain[: 256 * len(pairs) // 2], 128, randomness))
    same(lambda kernel: kernel.encrypt_with(bytes(range(len(pairs))), 1, randomness))


@given(st.lists(st.sampled_from([0, 1, P, N // 2, N - 1, N, 2**2048 - 1]), max_size=3), st.sampled_from([0, 1]))
@settings(max_examples=12)
def test_powers_to_n(values: list[int], cut: int) -> None:
    plain = batch(values, 256)
    same(lambda kernel: kernel.raise_to_n(plain[cut:]))


@pytest.mark.parametrize("size", [0, 257])
def test_plaintexts_of_other_sizes(size: int) -> None:
    assert same(lambda kernel: kernel.encrypt_with(bytes(size), size, batch(UNITS[:1]))) is InternalError


@given(st.lists(st.lists(st.integers(0, 25), max_size=70), max_size=12))
@settings(max_examples=25)
def test_products(segments: list[list[int]]) -> None:
    ciphertexts = batch(UNITS)
    offsets = np.cumsum([0] + [len(segment) for segment in segments]).astype("<u8").tobytes()
    indices = np.array([index for segment in segments for index in segment], "<u4").tobytes()
    same(lambda kernel: kernel.product(ciphertexts, offsets, indices))


@pytest.mark.parametrize("offsets", [[], [0], [1], [0, 3], [0, 2, 1, 2], [1, 2], [0, 2**63], [0, 1], [0, 0, 2]])
def test_offsets(offsets: list[int]) -> None:
    raw = np.array(offsets, "<u8").tobytes()
    same(lambda kernel: kernel.product(batch(UNITS), raw, np.array([1, 2], "<u4").tobytes()))
    same(lambda kernel: kernel.product(batch(UNITS), raw + b"\0", b""))


@given(st.lists(st.tuples(st.sampled_from(UNITS + EDGES), st.integers(0, 2**64 - 1)), max_size=6), st.integers(0, 65))
@settings(max_examples=25)
def test_powers(pairs: list[tuple[int, int]], bits: int) -> None:
    numbers = batch([number for number, _ in pairs])
    for signed in (False, True):
        whole = np.array([exponent for _, exponent in pairs], "<u8").tobytes()
        cut = np.array([exponent >> 64 - min(bits, 64) for _, exponent in pairs if bits], "<u8").tobytes()
        for exponents in (whole, cut):
            same(lambda kernel, e=exponents, s=signed: kernel.power(numbers, e, bits, signed=s))


@given(numbers, st.integers(0, 9), st.sampled_from([0, 1, 7, 40, 227, 255, 2047, 2048]))
@settings(max_examples=20)
def test_packing(values: list[int], slots: int, bits: int) -> None:
    same(lambda kernel: kernel.pack(batch(values), slots, bits))


@given(looked_at)
@settings(max_examples=15)
def test_decryption(values: list[int]) -> None:
    same_private(lambda kernel: kernel.decrypt(batch(values)))


def test_what_is_no_batch() -> None:
    cut = batch(UNITS)[:-1]
    for work in (
        lambda kernel: kernel.add(cut, cut),
        lambda kernel: kernel.negate(cut),
        lambda kernel: kernel.check(cut),
        lambda kernel: kernel.pack(cut, 2, 8),
        lambda kernel: kernel.rerandomise(cut),
        lambda kernel: kernel.encrypt_with(b"12", 1, cut),
        lambda kernel: kernel.fixed_base(batch([P]), 1024),
        lambda kernel: kernel.fixed_base(batch(UNITS[:1]), 1023),
        lambda kernel: kernel.fixed_base(batch(UNITS[:1]), 2049),
        lambda kernel: kernel.fixed_base(batch(UNITS[:2]), 1024),
        lambda kernel: kernel.fixed_base(batch([N**2]), 1024),
    ):
        assert same(work) is InternalError
    assert same_private(lambda kernel: kernel.decrypt(cut)) is InternalError
