"""A reader who cheats to learn which rows went into a total, without the protections and with them."""

import itertools
import json
import math
import secrets
from pathlib import Path

import numpy as np
import pytest

from miyun.errors import MalformedError
from miyun.paillier.ciphertexts import Ciphertexts, Rerandomised
from miyun.paillier.portable import PortablePublic
from miyun.paillier.private import PrivateKey
from miyun.paillier.proof import ProvenKey
from miyun.paillier.public import PublicKey

from .keys import CONTEXT, P, Q, proven

ROWS = 60
VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "paillier_bad_moduli.json").read_text())
(FACTORS,) = [entry["factors"] for entry in VECTORS["moduli"] if entry["name"].startswith("forty")]
*SMALL, LARGE = (int(factor, 16) for factor in FACTORS)
BAD = math.prod(SMALL) * LARGE
LABELS = [prime for prime in range(2, 1000) if all(prime % d for d in range(2, math.isqrt(prime) + 1))][:ROWS]


def selection() -> set[int]:
    return {row for row in range(ROWS) if secrets.randbits(1)}


def total(public: PublicKey, rows: Ciphertexts, chosen: set[int]) -> Ciphertexts:
    return public.product(rows, np.array([0, len(chosen)]), np.array(sorted(chosen)))


@pytest.fixture(scope="module")
def labelled(key: PrivateKey) -> Ciphertexts:
    """A reader's own rows, each encrypted with a small prime for r."""
    public = key.public_key
    powers = b"".join(power_to_n(label).to_bytes(512, "little") for label in LABELS)
    return public.read(public.encrypt_with(range(ROWS), powers).data)


def power_to_n(label: int) -> int:
    left, right = (pow(label, P * Q % (prime * (prime - 1)), prime**2) for prime in (P, Q))
    return left + P**2 * ((right - left) * pow(P, -2, Q**2) % Q**2)


def rows_by_labels(ciphertext: bytes) -> set[int]:
    """Which labels divide what is left of a total: the n-th root, mod n, of the ciphertext mod n."""
    n = P * Q
    left = pow(int.from_bytes(ciphertext, "little"), pow(n, -1, (P - 1) * (Q - 1)), n)
    rows = {row for row, label in enumerate(LABELS) if left % label == 0}
    return rows if math.prod(LABELS[row] for row in rows) == left else set()


def test_without_rerandomisation_a_reader_finds_its_rows(key: PrivateKey, labelled: Ciphertexts) -> None:
    chosen = selection()
    assert rows_by_labels(total(key.public_key, labelled, chosen).data) == chosen


def test_with_it_only_the_total_is_there(key: PrivateKey, labelled: Ciphertexts) -> None:
    chosen = selection()
    released = proven(key).rerandomise(total(key.public_key, labelled, chosen))
    assert key.decrypt(released.data) == [sum(chosen)]
    assert rows_by_labels(released.data) == set()


def generator() -> int:
    """A number mod the large factor whose (LARGE − 1) / ∏ SMALL-th power has order ∏ SMALL."""
    for candidate in itertools.count(2):
        if all(pow(candidate, (LARGE - 1) // small, LARGE) != 1 for small in SMALL):
            return candidate
    raise AssertionError


def logarithm(number: int, base: int, order: int) -> int:
    """By baby steps and giant steps."""
    stride = math.isqrt(order) + 1
    steps = {pow(base, step, LARGE): step for step in range(stride)}
    giant = pow(base, -stride, LARGE)
    for count in range(stride):
        if number in steps:
            return (count * stride + steps[number]) % order
        number = number * giant % LARGE
    raise AssertionError


def test_under_a_modulus_without_proof_rerandomisation_hides_nothing() -> None:
    """Its n-th powers are few: the ciphertexts' classes modulo them survive, and the reader numbered its rows there."""
    public = PublicKey.from_number(BAD)
    kernel = PortablePublic(public.to_bytes())
    g, cofactor, rest = generator(), (LARGE - 1) // math.prod(SMALL), BAD // LARGE
    numbers = [pow(g, 1 << row, LARGE) for row in range(ROWS)]
    crafted = [1 + rest * ((x - 1) * pow(rest, -1, LARGE) % LARGE) for x in numbers]
    rows = public.read(b"".join(number.to_bytes(512, "little") for number in crafted))
    chosen = selection()

    released = kernel.rerandomise(total(public, rows, chosen).data)

    residue, found, modulus = pow(int.from_bytes(released, "little"), cofactor, LARGE), 0, 1
    for small in SMALL:
        share = math.prod(SMALL) // small
        digit = logarithm(pow(residue, share, LARGE), pow(g, cofactor * share, LARGE), small)
        found += modulus * ((digit - found) * pow(modulus, -1, small) % small)
        modulus *= small
    assert {row for row in range(ROWS) if found >> row & 1} == chosen
    with pytest.raises(MalformedError):
        ProvenKey(public.to_bytes(), bytes(10 * 256), CONTEXT)


def test_only_a_proven_key_makes_what_may_be_released(key: PrivateKey) -> None:
    assert not hasattr(PublicKey, "rerandomise")
    with pytest.raises(TypeError):
        Rerandomised()
    batch = key.encrypt([3, -4])
    released = proven(key).rerandomise(batch)
    assert type(released) is Rerandomised
    assert len(released) == 2
    assert key.decrypt(released.data) == [3, -4]
    assert released.data[:512] != batch.data[:512]
