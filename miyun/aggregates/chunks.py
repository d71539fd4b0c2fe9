"""Rows' ciphertexts as they travel, by chunks of row handles. Both ends make and check them here."""

import hashlib
from typing import TypeVar

from miyun.aggregates.encrypted import EncryptedRows
from miyun.aggregates.job import InsightJob
from miyun.aggregates.statements import Circuit, SelectionChunk, Totals, ValuesChunk
from miyun.errors import InternalError, MalformedError, ReplayError

CHUNK_HANDLES = 8_192
"""Rows of a full chunk: 6 MiB under a key of 3072 bits, 8 MiB at most. Only the last one may hold fewer."""

C = TypeVar("C", SelectionChunk, ValuesChunk)

ASK = "Ask the other side which version of Miyun it runs, and look into the audit log."


def chunk_range(handles: int, index: int) -> tuple[int, int]:
    """The first row of a chunk, and the first one after it."""
    low = index * CHUNK_HANDLES
    return low, min(handles, low + CHUNK_HANDLES)


def chunk_count(handles: int) -> int:
    """How many chunks so many rows take."""
    return -(-handles // CHUNK_HANDLES)


def make_selection_chunk(job: InsightJob, rows: EncryptedRows) -> tuple[SelectionChunk, bytes]:
    """The statement that the zone signs, and the bytes beside it."""
    if job.request.circuit is not Circuit.SELECTION:
        raise InternalError("this job has no encrypted selection")
    return _make(SelectionChunk, job, rows)


def make_values_chunk(job: InsightJob, rows: EncryptedRows) -> tuple[ValuesChunk, bytes]:
    """The statement that the columns' owner signs, and the bytes beside it."""
    if job.request.circuit is not Circuit.VALUES:
        raise InternalError("this job has no encrypted values")
    return _make(ValuesChunk, job, rows)


def read_chunk(job: InsightJob, chunk: SelectionChunk | ValuesChunk, signature: bytes, data: bytes) -> EncryptedRows:
    """The rows of a chunk, for whoever computes.

    Raises:
        SignatureError: not signed by whoever encrypts in this job.
        ReplayError: of another job.
        MalformedError: another layout or place, bytes that were not signed, or no ciphertexts under the reader's key.
    """
    expected = SelectionChunk if job.request.circuit is Circuit.SELECTION else ValuesChunk
    if not isinstance(chunk, expected):
        raise MalformedError(f"a {chunk.KIND} in a job of the other circuit", hint=ASK)
    job.verify(job.encrypts, chunk, signature)
    check_place(job, chunk)
    low, high = chunk_range(job.layout.handles, chunk.index)
    if chunk.chunks != chunk_count(job.layout.handles) or not 0 <= chunk.index < chunk.chunks:
        raise MalformedError(f"a {chunk.KIND} that has no place among the row handles", hint=ASK)
    if (chunk.low, chunk.count) != (low, high - low):
        raise MalformedError(f"a {chunk.KIND} of other rows than its place has", hint=ASK)
    _check_bytes(chunk, data, job.key.ciphertext_bytes)
    return EncryptedRows(low=low, ciphertexts=job.key.read(data))


def _make(kind: type[C], job: InsightJob, rows: EncryptedRows) -> tuple[C, bytes]:
    handles, index = job.layout.handles, rows.low // CHUNK_HANDLES
    if (rows.low, rows.high) != chunk_range(handles, index):
        raise InternalError("rows that are no chunk")
    data = rows.ciphertexts.data
    statement = kind(
        contract=job.contract.id,
        job=job.request.job,
        epoch=job.epoch,
        owner=job.owner,
        request_digest=job.request.digest(),
        key_digest=job.request.key_digest,
        handles=handles,
        slot_bits=job.layout.slot_bits,
        index=index,
        chunks=chunk_count(handles),
        low=rows.low,
        count=len(rows.ciphertexts),
        ciphertexts_digest=hashlib.sha256(data).digest(),
    )
    return statement, data


def check_place(job: InsightJob, statement: SelectionChunk | ValuesChunk | Totals) -> None:
    """Refuse what belongs to another job, or is laid out otherwise.

    Raises:
        ReplayError, MalformedError.
    """
    if (statement.contract, statement.job, statement.epoch, statement.request_digest) != (
        job.contract.id,
        job.request.job,
        job.epoch,
        job.request.digest(),
    ):
        raise ReplayError(f"a {statement.KIND} that belongs to another job", hint=ASK)
    if (statement.owner, statement.key_digest, statement.handles, statement.slot_bits) != (
        job.owner,
        job.request.key_digest,
        job.layout.handles,
        job.layout.slot_bits,
    ):
        raise MalformedError(f"a {statement.KIND} that is not laid out as the question asks", hint=ASK)


def _check_bytes(statement: SelectionChunk | ValuesChunk, data: bytes, width: int) -> None:
    if len(data) != statement.count * width:
        raise MalformedError(f"{len(data):,} bytes of {statement.KIND} instead of {statement.count * width:,}")
    if hashlib.sha256(data).digest() != statement.ciphertexts_digest:
        raise MalformedError(f"a {statement.KIND} whose ciphertexts are not the ones that were signed", hint=ASK)
