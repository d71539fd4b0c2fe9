"""The portable kernels on moduli so small that everything can be tried."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miyun.paillier.portable import PortablePublic
from miyun.paillier.private.portable import PortablePrivate

PRIMES = [prime for prime in range(131, 256) if all(prime % d for d in range(2, 16))]


@st.composite
def kernels(draw: st.DrawFn) -> tuple[PortablePublic, PortablePrivate]:
    p, q = draw(st.permutations(PRIMES))[:2]
    return PortablePublic((p * q).to_bytes(2, "little")), PortablePrivate(bytes([p]), bytes([q]))


def values(count: int = 6) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 131 * 137 - 1), min_size=count, max_size=count)


def encrypted(public: PortablePublic, plain: list[int]) -> bytes:
    raw = b"".join(value.to_bytes(2, "little") for value in plain)
    return public.encrypt_with(raw, 2, public.make_randomness(len(plain)))


def decrypted(private: PortablePrivate, data: bytes) -> list[int]:
    return np.frombuffer(private.decrypt(data), "<u2").tolist()


@given(kernels(), values(), values(), st.lists(st.integers(-(2**20), 2**20), min_size=6, max_size=6))
def test_arithmetic(
    pair: tuple[PortablePublic, PortablePrivate], left: list[int], right: list[int], factors: list[int]
) -> None:
    public, private = pair
    n = public.n
    a, b = encrypted(public, left), encrypted(public, right)
    assert decrypted(private, a) == left
    assert decrypted(private, public.add(a, b)) == [(x + y) % n for x, y in zip(left, right, strict=True)]
    assert decrypted(private, public.negate(a)) == [-x % n for x in left]
    assert decrypted(private, public.rerandomise(a)) == left
    powers = public.power(a, np.array(factors, "<i8").tobytes(), 21, signed=True)
    assert decrypted(private, powers) == [x * f % n for x, f in zip(left, factors, strict=True)]


@given(kernels(), values(), st.lists(st.lists(st.integers(0, 5), max_size=9), max_size=9))
def test_products(pair: tuple[PortablePublic, PortablePrivate], plain: list[int], segments: list[list[int]]) -> None:
    public, private = pair
    offsets = np.cumsum([0] + [len(segment) for segment in segments]).astype("<u8").tobytes()
    indices = np.array([index for segment in segments for index in segment], "<u4").tobytes()
    totals = public.product(encrypted(public, plain), offsets, indices)
    assert decrypted(private, totals) == [sum(plain[index] for index in segment) % public.n for segment in segments]


@given(kernels(), values(7), st.integers(1, 4), st.integers(1, 3))
def test_packing(pair: tuple[PortablePublic, PortablePrivate], plain: list[int], slots: int, bits: int) -> None:
    public, private = pair
    packed = public.pack(encrypted(public, plain), slots, bits)
    groups = [plain[start : start + slots] for start in range(0, 7, slots)]
    expected = [sum(value << bits * place for place, value in enumerate(group)) % public.n for group in groups]
    assert decrypted(private, packed) == expected


@given(kernels())
def test_short_exponents(pair: tuple[PortablePublic, PortablePrivate]) -> None:
    public, private = pair
    base = public.fixed_base(public.make_base(), -(-public.n.bit_length() // 2))
    assert decrypted(private, base.make_randomness(20)) == [0] * 20


@pytest.mark.parametrize(("n", "proper"), [(15, True), (35, True), (33, True), (21, False), (9, False), (55, False)])
def test_only_a_modulus_prime_to_its_order_gives_every_unit_one_plaintext(n: int, *, proper: bool) -> None:
    """The theorem under the proof of keys: (m, r) ↦ (1 + n)ᵐ rⁿ is one to one on the units mod n², or it is not."""
    pairs = [(m, r) for m in range(n) for r in range(1, n) if math.gcd(r, n) == 1]
    images = {(1 + m * n) * pow(r, n, n * n) % (n * n) for m, r in pairs}
    units = sum(math.gcd(unit, n) == 1 for unit in range(n * n))
    assert len(pairs) == units
    assert (len(images) == units) is proper
