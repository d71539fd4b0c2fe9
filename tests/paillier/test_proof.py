"""The proof of a key: complete, sound where it has to be, bound to its place."""

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from miyun.errors import MalformedError
from miyun.paillier.private import PrivateKey
from miyun.paillier.private.primes import draw_primes
from miyun.paillier.proof import CHALLENGES, SMALL, ProvenKey, challenges
from miyun.paillier.public import PublicKey

from .keys import CONTEXT, P, Q, proven

SIZE = 256


VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "paillier_bad_moduli.json").read_text())
BAD = {entry["name"]: tuple(int(factor, 16) for factor in entry["factors"]) for entry in VECTORS["moduli"]}


def phi(primes: tuple[int, ...]) -> int:
    return math.prod(prime ** (primes.count(prime) - 1) * (prime - 1) for prime in set(primes))


def best_proof(primes: tuple[int, ...], context: bytes) -> tuple[bytes, int]:
    """What a cheater who knows the factors can do: the roots that there are, and how many."""
    key = PublicKey.from_number(math.prod(primes))
    order = phi(primes)
    exponent = pow(key.n, -1, order // math.gcd(key.n**9, order))
    roots = [pow(challenge, exponent, key.n) for challenge in challenges(key, context)]
    right = sum(
        pow(root, key.n, key.n) == challenge for root, challenge in zip(roots, challenges(key, context), strict=True)
    )
    return b"".join(root.to_bytes(SIZE, "little") for root in roots), right


def refused(primes: tuple[int, ...], proof: bytes, context: bytes, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        ProvenKey(math.prod(primes).to_bytes(SIZE, "little"), proof, context)


def test_a_good_key_is_proven(key: PrivateKey) -> None:
    assert proven(key) == key.public_key
    proof = key.prove(CONTEXT)
    assert len(proof) == CHALLENGES * SIZE
    assert proof == key.prove(CONTEXT)
    assert best_proof((P, Q), CONTEXT) == (proof, CHALLENGES)


def test_the_parameters_give_the_soundness_that_is_stated() -> None:
    assert SMALL**-CHALLENGES == 2.0**-160


def test_a_proof_is_for_one_place_and_one_key(key: PrivateKey) -> None:
    proof = key.prove(CONTEXT)
    refused((P, Q), key.prove(CONTEXT + b"\0"), CONTEXT, "not proven")
    refused((P, Q), key.prove(b""), CONTEXT, "not proven")
    refused(draw_primes(2048), proof, CONTEXT, "proof|not proven")


def test_labels_and_lengths_keep_challenges_apart(key: PrivateKey) -> None:
    seen = [challenges(key.public_key, context) for context in (b"", b"\0", b"\0\0", b"a", b"b")]
    flat = list(itertools.chain.from_iterable(seen))
    assert len(set(flat)) == len(flat) == 5 * CHALLENGES
    assert all(0 < challenge < key.public_key.n for challenge in flat)


def mutations(proof: bytes, n: int) -> Iterator[bytes]:
    for place in (0, 5 * SIZE + 100, len(proof) - 200):
        yield proof[:place] + bytes([proof[place] ^ 1]) + proof[place + 1 :]
    yield proof[SIZE:] + proof[:SIZE]
    first = int.from_bytes(proof[:SIZE], "little")
    yield (n - first).to_bytes(SIZE, "little") + proof[SIZE:]


def malformed(proof: bytes, n: int) -> Iterator[bytes]:
    yield b""
    yield proof[:-SIZE]
    yield proof[:-1]
    yield proof + proof[:SIZE]
    for number in (0, n, n + 1, 256**SIZE - 1):
        yield number.to_bytes(SIZE, "little") + proof[SIZE:]


def test_a_changed_proof_is_refused(key: PrivateKey) -> None:
    proof, n = key.prove(CONTEXT), key.public_key.n
    for changed in mutations(proof, n):
        refused((P, Q), changed, CONTEXT, "not proven")
    for changed in malformed(proof, n):
        refused((P, Q), changed, CONTEXT, "without a proof")


@pytest.mark.parametrize(
    "name",
    [
        "a prime of 17 bits divides the other less one",
        "a prime of 30 bits divides the other less one",
        "a prime of 1000 bits divides the other less one",
        "forty primes of 20 bits divide another less one",
        "a square and a prime",
        "a square",
    ],
)
def test_a_modulus_that_shares_a_factor_with_its_order_has_no_proof(name: str) -> None:
    proof, right = best_proof(BAD[name], CONTEXT)
    assert right < CHALLENGES
    refused(BAD[name], proof, CONTEXT, "not proven")


def test_a_small_factor_is_refused_although_there_may_be_roots() -> None:
    """If 3 divides n and p − 1, a third of the challenges has roots: without the look for small factors one cheats."""
    primes = BAD["three divides the other less one"]
    assert sum(best_proof(primes, bytes([trial]))[1] for trial in range(2)) > 1
    refused(primes, best_proof(primes, CONTEXT)[0], CONTEXT, "small factor")


@pytest.mark.parametrize("name", ["three", "65521"])
def test_small_factors_are_found_where_all_roots_are_there(name: str) -> None:
    proof, right = best_proof(BAD[name], CONTEXT)
    assert right == CHALLENGES
    refused(BAD[name], proof, CONTEXT, "small factor")


def test_a_prime_is_refused_although_it_has_all_roots() -> None:
    proof, right = best_proof(BAD["a prime"], CONTEXT)
    assert right == CHALLENGES
    refused(BAD["a prime"], proof, CONTEXT, "is a prime")


@pytest.mark.parametrize("n", range(3, 400, 2))
def test_the_theorem_holds_for_small_moduli(n: int) -> None:
    """Powers of units mod n are all units if gcd(n, φ(n)) = 1, else at most one in the least prime of the gcd."""
    units = [unit for unit in range(1, n) if math.gcd(unit, n) == 1]
    powers = {pow(unit, n, n) for unit in units}
    common = math.gcd(n, len(units))
    if common == 1:
        assert len(powers) == len(units)
    else:
        least = next(divisor for divisor in range(2, common + 1) if common % divisor == 0)
        assert len(powers) * least <= len(units)
