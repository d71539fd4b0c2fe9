"""A job starts only as the contract and the signed statements say."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from miyun.aggregates.job import InsightJob, permit_circuit
from miyun.aggregates.reading import read_totals
from miyun.aggregates.statements import Circuit, SegmentVersion
from miyun.contract.model import Contract
from miyun.errors import ContractError, InputError, InternalError, MalformedError, NotPermittedError, SignatureError
from miyun.paillier.private import PrivateKey

from .world import (
    CONTRACT,
    MERCHANT,
    PLATFORM,
    REQUEST,
    ZONE,
    make_contract,
    make_job,
    reader,
    reader_key,
    sign,
)

MERCHANT_HOSTS = make_contract(zone="Teahouse")
NEUTRAL = make_contract(zone="Notary")
ONE_HAND = make_contract(merchant="Chessboard Ltd", platform="CHESSBOARD  ltd", zone="Notary")


@pytest.mark.parametrize(
    ("contract", "circuit", "reader", "clause"),
    [
        (CONTRACT, Circuit.SELECTION, MERCHANT, None),
        (CONTRACT, Circuit.VALUES, MERCHANT, None),
        (CONTRACT, Circuit.SELECTION, PLATFORM, "zone.organisation"),
        (CONTRACT, Circuit.VALUES, PLATFORM, "zone.organisation"),
        (MERCHANT_HOSTS, Circuit.SELECTION, MERCHANT, "zone.organisation"),
        (MERCHANT_HOSTS, Circuit.VALUES, MERCHANT, "zone.organisation"),
        (MERCHANT_HOSTS, Circuit.SELECTION, PLATFORM, None),
        (NEUTRAL, Circuit.SELECTION, PLATFORM, None),
        (NEUTRAL, Circuit.VALUES, PLATFORM, None),
        (ONE_HAND, Circuit.SELECTION, MERCHANT, "parties"),
        (ONE_HAND, Circuit.VALUES, MERCHANT, None),
        (CONTRACT, Circuit.SELECTION, "stranger", "parties"),
    ],
)
def test_roles_that_must_be_apart(contract: Contract, circuit: Circuit, reader: str, clause: str | None) -> None:
    if clause is None:
        permit_circuit(contract, circuit, reader)
        return
    with pytest.raises(NotPermittedError) as caught:
        permit_circuit(contract, circuit, reader)
    assert caught.value.clause == clause
    assert caught.value.hint
    assert ("miyun intersect" in caught.value.hint) is (clause == "zone.organisation")


def test_a_job_of_roles_that_must_be_apart_does_not_start() -> None:
    with pytest.raises(NotPermittedError):
        make_job(handles=10, contract=MERCHANT_HOSTS)


@pytest.mark.parametrize(
    ("circuit", "owner", "encrypts", "computes"),
    [(Circuit.SELECTION, PLATFORM, ZONE, PLATFORM), (Circuit.VALUES, MERCHANT, MERCHANT, ZONE)],
)
def test_who_does_what(circuit: Circuit, owner: str, encrypts: str, computes: str) -> None:
    job = make_job(handles=10, circuit=circuit)
    assert (job.owner, job.encrypts, job.computes, job.reader) == (owner, encrypts, computes, MERCHANT)
    assert job.admits_short_exponents
    assert job.key == reader().public_key


def test_the_same_question_has_the_same_digest() -> None:
    asked = REQUEST.question_digest()
    assert replace(REQUEST, job="another", at=REQUEST.at + timedelta(days=1)).question_digest() == asked
    for other in (
        replace(REQUEST, rho_micro=REQUEST.rho_micro + 1),
        replace(REQUEST, segments=(SegmentVersion(name="payers", version=4),)),
        replace(REQUEST, requester=PLATFORM),
        replace(REQUEST, contract="autumn"),
    ):
        assert other.question_digest() != asked


def start(request: Any = REQUEST, key: Any = None, **changes: Any) -> InsightJob:
    key = key or reader_key()
    arguments = {
        "request_signature": sign(MERCHANT, request),
        "key_signature": sign(MERCHANT, key),
        "epoch": 1,
        "handles": 10,
        **changes,
    }
    return InsightJob.of(CONTRACT, request, key=key, **arguments)


def test_a_job_starts() -> None:
    assert start().question.tags == REQUEST.tag_count


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"request": replace(REQUEST, contract="autumn")}, ContractError),
        ({"request": replace(REQUEST, contract_digest=bytes(32))}, ContractError),
        ({"request": replace(REQUEST, requester="stranger")}, NotPermittedError),
        ({"request": replace(REQUEST, requester=PLATFORM)}, SignatureError),
        ({"request": replace(REQUEST, tag_count=0)}, InputError),
        ({"request": replace(REQUEST, key_digest=bytes(32))}, MalformedError),
        ({"request_signature": sign(PLATFORM, REQUEST)}, SignatureError),
        ({"key_signature": sign(PLATFORM, reader_key())}, SignatureError),
        ({"key_signature": sign(MERCHANT, REQUEST)}, SignatureError),
        ({"epoch": 0}, ContractError),
        ({"handles": 0}, ContractError),
    ],
)
def test_a_job_that_does_not_start(changes: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        start(**changes)


@pytest.mark.parametrize(
    "change",
    [
        {"contract": "autumn"},
        {"contract_digest": NEUTRAL.digest()},
        {"party": PLATFORM},
        {"proof": b""},
        {"modulus": reader_key().modulus[::-1]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_key_for_another_place(change: dict[str, Any]) -> None:
    """The proof of the contract's own text does not serve under another one either."""
    key = replace(reader_key(), **change)
    with pytest.raises(MalformedError):
        start(replace(REQUEST, key_digest=key.digest()), key)


def test_a_key_is_proven_for_its_contract_and_party() -> None:
    other = replace(reader_key(NEUTRAL), contract_digest=CONTRACT.digest())
    with pytest.raises(MalformedError, match="not proven for this place"):
        start(replace(REQUEST, key_digest=other.digest()), other)


def test_another_private_key_reads_nothing() -> None:
    with pytest.raises(InternalError):
        read_totals(make_job(handles=10), None, b"", b"", PrivateKey.generate(2048))  # type: ignore[arg-type]
