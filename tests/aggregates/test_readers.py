"""A key holder who cheats to learn which rows the zone selected: with the protections taken away, and with them.

In the circuit of encrypted values the reader makes all ciphertexts, and knows or chooses their randomness.
"""

import math
import secrets
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from pyroaring import BitMap

from miyun.aggregates.encrypted import CompleteTotals, EncryptedRows
from miyun.aggregates.job import InsightJob, reader_key_context
from miyun.aggregates.noise import Noise
from miyun.aggregates.release import release
from miyun.aggregates.selection import Selected
from miyun.aggregates.statements import Circuit, ReaderKey
from miyun.aggregates.summing import Summing
from miyun.aggregates.values import encrypt_values
from miyun.errors import MalformedError
from miyun.paillier.proof import ProvenKey
from miyun.paillier.public import PublicKey
from tests.paillier.test_readers import (
    BAD,
    LABELS,
    LARGE,
    SMALL,
    generator,
    logarithm,
    power_to_n,
    rows_by_labels,
)

from .world import AGE, CONTRACT, MERCHANT, REQUEST, World, make_job, reader, sign

ROWS = 40
JOB = make_job(handles=ROWS, circuit=Circuit.VALUES, tag_count=0, dimension_count=0, per_person=0, numbers=(AGE,))


@cache
def power(label: int) -> bytes:
    return power_to_n(label).to_bytes(512, "little")


class Labels:
    """Randomness that tells whose it is: the n-th power of a small prime for each row."""

    def __init__(self, labels: list[int]) -> None:
        self.public_key: PublicKey = reader().public_key
        self.kind: Any = None
        self._labels = labels

    def take(self, count: int) -> bytes:
        assert count == len(self._labels)
        return b"".join(power(label) for label in self._labels)


def selection() -> set[int]:
    return {row for row in range(ROWS) if secrets.randbits(1)}


def summed(job: InsightJob, rows: EncryptedRows, chosen: set[int]) -> CompleteTotals:
    summing = Summing(job, Selected([BitMap(chosen)], ROWS))
    summing.add(rows)
    return summing.complete()


@pytest.fixture(scope="module")
def labelled() -> EncryptedRows:
    return encrypt_values(JOB, World.random(JOB, 1).columns(0, ROWS), Labels(LABELS[:ROWS]))


def test_without_rerandomisation_a_reader_finds_the_rows(labelled: EncryptedRows) -> None:
    """What :func:`release` does, but for its last step. All 40 bits of the selection are read, noise or not."""
    chosen = selection()
    complete = summed(JOB, labelled, chosen)
    packed = JOB.key.pack(complete.ciphertexts, JOB.layout.stride)
    noised = JOB.key.add_values(packed, JOB.layout.pack(Noise(JOB.question).draw()))

    assert rows_by_labels(noised.data) == chosen


def test_with_it_the_same_reader_finds_none(labelled: EncryptedRows) -> None:
    released = release(summed(JOB, labelled, selection()), Noise(JOB.question))

    assert rows_by_labels(released.ciphertexts.data) == set()


def test_a_single_row_can_not_be_told_better_than_by_a_coin() -> None:
    """The reader labels one row with a non-residue, in the sense of Jacobi's symbol, and all others with residues.

    That symbol survives products and n-th powers, n being odd. Before the release it always tells whether the row is
    in. After 100 releases, guesses by it are right in 50 ± 35 cases: a fair coin fails that with probability below
    2·exp(−2·35²/100) = 5·10⁻¹¹ (Hoeffding), and a reader who is right each time never passes.
    """
    by_symbol: dict[int, list[int]] = {1: [], -1: []}
    for prime in LABELS:
        by_symbol[jacobi(prime, JOB.key.n)].append(prime)
    labels = [by_symbol[-1][0], *[by_symbol[1][0]] * (ROWS - 1)]
    rows = encrypt_values(JOB, World.random(JOB, 2).columns(0, ROWS), Labels(labels))
    totals = {True: summed(JOB, rows, selection() | {0}), False: summed(JOB, rows, selection() - {0})}
    for within, total in totals.items():
        assert (symbol(total.ciphertexts.data) == -1) is within

    right = 0
    for _ in range(100):
        within = bool(secrets.randbits(1))
        guess = symbol(release(totals[within], Noise(JOB.question)).ciphertexts.data) == -1
        right += guess is within

    assert 15 <= right <= 85


def symbol(ciphertext: bytes) -> int:
    return jacobi(int.from_bytes(ciphertext, "little"), JOB.key.n)


def jacobi(number: int, modulus: int) -> int:
    number %= modulus
    sign_ = 1
    while number:
        while number % 2 == 0:
            number //= 2
            if modulus % 8 in (3, 5):
                sign_ = -sign_
        number, modulus = modulus, number
        if number % 4 == modulus % 4 == 3:
            sign_ = -sign_
        number %= modulus
    return sign_ if modulus == 1 else 0


class Unproven(ProvenKey):
    """A build without the proof of keys."""

    def __init__(self, raw: bytes) -> None:
        PublicKey.__init__(self, raw)


def test_without_the_proof_a_malicious_modulus_reads_all_rows_through_the_release() -> None:
    """Its n-th powers are few, so that a uniform one leaves the class of a ciphertext modulo them as it was.

    The reader numbers its rows in those classes by powers of two, and reads 40 bits from one total that was noised,
    packed and rerandomised by the same code as any other.
    """
    job = replace(JOB, key=Unproven(PublicKey.from_number(BAD).to_bytes()))
    g, cofactor, rest = generator(), (LARGE - 1) // math.prod(SMALL), BAD // LARGE
    numbers = [pow(g, 1 << row, LARGE) for row in range(ROWS)]
    crafted = [1 + rest * ((x - 1) * pow(rest, -1, LARGE) % LARGE) for x in numbers]
    rows = EncryptedRows(low=0, ciphertexts=job.key.read(b"".join(x.to_bytes(512, "little") for x in crafted)))
    chosen = selection()

    released = release(summed(job, rows, chosen), Noise(job.question)).ciphertexts.data

    residue, found, modulus = pow(int.from_bytes(released, "little"), cofactor, LARGE), 0, 1
    for small in SMALL:
        share = math.prod(SMALL) // small
        digit = logarithm(pow(residue, share, LARGE), pow(g, cofactor * share, LARGE), small)
        found += modulus * ((digit - found) * pow(modulus, -1, small) % small)
        modulus *= small
        if modulus >> ROWS:
            break
    assert {row for row in range(ROWS) if found >> row & 1} == chosen


@pytest.mark.parametrize("proof", ["none", "of another key"])
def test_with_it_the_job_never_starts(proof: str) -> None:
    context = reader_key_context(CONTRACT.digest(), MERCHANT)
    key = ReaderKey(
        contract=CONTRACT.id,
        contract_digest=CONTRACT.digest(),
        party=MERCHANT,
        modulus=PublicKey.from_number(BAD).to_bytes(),
        short_exponents=True,
        proof=bytes(10 * 256) if proof == "none" else reader().prove(context),
    )
    request = replace(REQUEST, circuit=Circuit.VALUES, key_digest=key.digest())
    with pytest.raises(MalformedError, match="key"):
        InsightJob.of(CONTRACT, request, sign(MERCHANT, request), key, sign(MERCHANT, key), epoch=1, handles=ROWS)
