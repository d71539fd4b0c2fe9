"""Whoever receives ciphertexts refuses what is not of its job, its place, its layout or its sender."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from miyun.aggregates import chunks
from miyun.aggregates.chunks import (
    chunk_count,
    chunk_range,
    make_selection_chunk,
    make_values_chunk,
    read_chunk,
)
from miyun.aggregates.encrypted import EncryptedRows, join_rows
from miyun.aggregates.selection import Selected, encrypt_selection
from miyun.aggregates.statements import Circuit, SelectionChunk, ValuesChunk
from miyun.aggregates.values import encrypt_values
from miyun.errors import InternalError, MalformedError, ReplayError, SignatureError

from .world import MERCHANT, PLATFORM, ZONE, World, make_job, reader, sign

HANDLES = 10
JOB = make_job(handles=HANDLES)
VALUES = make_job(handles=HANDLES, circuit=Circuit.VALUES)
WORLD = World.random(JOB, 1)
WIDTH = JOB.key.ciphertext_bytes
ELSEWHERE: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"contract": "autumn"}, ReplayError),
    ({"job": "portrait-2"}, ReplayError),
    ({"epoch": 3}, ReplayError),
    ({"request_digest": bytes(32)}, ReplayError),
    ({"owner": MERCHANT}, MalformedError),
    ({"key_digest": bytes(32)}, MalformedError),
    ({"handles": HANDLES + 1}, MalformedError),
    ({"slot_bits": 9}, MalformedError),
    ({"count": 3}, MalformedError),
    ({"ciphertexts_digest": bytes(32)}, MalformedError),
]
MISPLACED: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"index": 1}, MalformedError),
    ({"index": 3}, MalformedError),
    ({"chunks": 4}, MalformedError),
    ({"low": 1}, MalformedError),
]


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_HANDLES", 4)


@pytest.fixture(scope="module")
def rows() -> EncryptedRows:
    """The first chunk."""
    return encrypt_selection(JOB, Selected(WORLD.bitmaps(), HANDLES), 0, 4, reader())


def signed(chunk: SelectionChunk | ValuesChunk, signer: str = ZONE) -> bytes:
    return sign(signer, chunk)


def test_chunks_cover_all_rows() -> None:
    assert [chunk_range(HANDLES, index) for index in range(chunk_count(HANDLES))] == [(0, 4), (4, 8), (8, 10)]


def test_a_chunk_is_read(rows: EncryptedRows) -> None:
    chunk, data = make_selection_chunk(JOB, rows)
    assert read_chunk(JOB, chunk, signed(chunk), data) == rows


@pytest.mark.parametrize(("change", "error"), [*ELSEWHERE, *MISPLACED], ids=str)
def test_a_chunk_of_elsewhere_is_refused(rows: EncryptedRows, change: dict[str, Any], error: type[Exception]) -> None:
    chunk, data = make_selection_chunk(JOB, rows)
    other = replace(chunk, **change)
    with pytest.raises(error):
        read_chunk(JOB, other, signed(other), data)


@pytest.mark.parametrize("signer", [MERCHANT, PLATFORM])
def test_a_chunk_that_another_signed_is_refused(rows: EncryptedRows, signer: str) -> None:
    chunk, data = make_selection_chunk(JOB, rows)
    with pytest.raises(SignatureError):
        read_chunk(JOB, chunk, signed(chunk, signer), data)


@pytest.mark.parametrize(
    "ciphertext",
    [bytes(WIDTH), b"\xff" * WIDTH, (2 * JOB.key.n).to_bytes(WIDTH, "little")],
    ids=["zero", "too large", "not prime to n"],
)
def test_what_is_no_ciphertext_is_refused(rows: EncryptedRows, ciphertext: bytes) -> None:
    chunk, data = make_selection_chunk(JOB, rows)
    data = data[:WIDTH] + ciphertext + data[2 * WIDTH :]
    chunk = replace(chunk, ciphertexts_digest=hashlib.sha256(data).digest())
    with pytest.raises(MalformedError, match="position 1"):
        read_chunk(JOB, chunk, signed(chunk), data)


def test_chunks_of_the_other_circuit_are_refused(rows: EncryptedRows) -> None:
    chunk, data = make_selection_chunk(JOB, rows)
    with pytest.raises(MalformedError, match="other circuit"):
        read_chunk(VALUES, chunk, signed(chunk), data)
    with pytest.raises(InternalError):
        make_values_chunk(JOB, rows)
    with pytest.raises(InternalError):
        make_selection_chunk(VALUES, rows)
    values = encrypt_values(VALUES, WORLD.columns(0, 4), reader())
    other, data = make_values_chunk(VALUES, values)
    assert read_chunk(VALUES, other, signed(other, MERCHANT), data) == values
    with pytest.raises(SignatureError):
        read_chunk(VALUES, other, signed(other), data)


def test_only_whole_chunks_are_sent(rows: EncryptedRows) -> None:
    for wrong in (
        replace(rows, low=1),
        replace(rows, ciphertexts=rows.ciphertexts.part(0, 3)),
        replace(rows, low=8),
    ):
        with pytest.raises(InternalError):
            make_selection_chunk(JOB, wrong)


def test_only_consecutive_rows_are_joined(rows: EncryptedRows) -> None:
    joined = join_rows([rows, replace(rows, low=4)])
    assert (joined.low, joined.high) == (0, 8)
    with pytest.raises(InternalError):
        join_rows([rows, replace(rows, low=5)])
