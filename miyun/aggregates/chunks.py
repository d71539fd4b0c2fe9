"""Ciphertexts as they travel: by chunks of row handles, and as totals. Both ends make and check them here."""

import hashlib
from datetime import datetime
from typing import TypeVar

from miyun.aggregates.encrypted import EncryptedRows
from miyun.aggregates.job import InsightJob
from miyun.aggregates.release import ReleasedTotals
from miyun.aggregates.statements import Circuit, SelectionChunk, Totals, ValuesChunk
from miyun.errors import InternalError, MalformedError, ReplayError

CHUNK_HANDLES = 8_192
"""Rows of a full chunk: 6 MiB under a key of 3072 bits, 8 MiB at most. Only the last one may hold fewer."""

C = TypeVar("C", SelectionChunk, ValuesChunk)

_ASK = "Ask the other side which version of Miyun it runs, and look into the audit log."


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
        raise MalformedError(f"a {chunk.KIND} in a job of the other circuit", hint=_ASK)
    job.verify(job.encrypts, chunk, signature)
    _check_place(job, chunk)
    low, high = chunk_range(job.layout.handles, chunk.index)
    if chunk.chunks != chunk_count(job.layout.handles) or not 0 <= chunk.index < chunk.chunks:
        raise MalformedError(f"a {chunk.KIND} that has no place among the row handles", hint=_ASK)
    if (chunk.low, chunk.count) != (low, high - low):
        raise MalformedError(f"a {chunk.KIND} of other rows than its place has", hint=_ASK)
    _check_bytes(chunk, data, job.key.ciphertext_bytes)
    return EncryptedRows(low=low, ciphertexts=job.key.read(data))


def make_totals(released: ReleasedTotals, at: datetime) -> tuple[Totals, bytes]:
    """The statement that whoever computed signs, and the bytes beside it."""
    job, data = released.job, released.ciphertexts.data
    statement = Totals(
        contract=job.contract.id,
        job=job.request.job,
        epoch=job.epoch,
        owner=job.owner,
        reader=job.reader,
        request_digest=job.request.digest(),
        key_digest=job.request.key_digest,
        handles=job.layout.handles,
        slot_bits=job.layout.slot_bits,
        count=len(released.ciphertexts),
        ciphertexts_digest=hashlib.sha256(data).digest(),
        at=at,
    )
    return statement, data


def check_totals(job: InsightJob, totals: Totals, signature: bytes, data: bytes) -> None:
    """Refuse totals that are not those of the job. What is in them, only the reader can tell.

    Raises:
        SignatureError: not signed by whoever computes in this job.
        ReplayError: of another job.
        MalformedError: another layout, or bytes that were not signed.
    """
    job.verify(job.computes, totals, signature)
    _check_place(job, totals)
    if totals.reader != job.reader or totals.count != job.layout.ciphertexts:
        raise MalformedError("totals that are not laid out as the question asks", hint=_ASK)
    _check_bytes(totals, data, job.key.ciphertext_bytes)


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


def _check_place(job: InsightJob, statement: SelectionChunk | ValuesChunk | Totals) -> None:
    if (statement.contract, statement.job, statement.epoch, statement.request_digest) != (
        job.contract.id,
        job.request.job,
        job.epoch,
        job.request.digest(),
    ):
        raise ReplayError(f"a {statement.KIND} that belongs to another job", hint=_ASK)
    if (statement.owner, statement.key_digest, statement.handles, statement.slot_bits) != (
        job.owner,
        job.request.key_digest,
        job.layout.handles,
        job.layout.slot_bits,
    ):
        raise MalformedError(f"a {statement.KIND} that is not laid out as the question asks", hint=_ASK)


def _check_bytes(statement: SelectionChunk | ValuesChunk | Totals, data: bytes, width: int) -> None:
    if len(data) != statement.count * width:
        raise MalformedError(f"{len(data):,} bytes of {statement.KIND} instead of {statement.count * width:,}")
    if hashlib.sha256(data).digest() != statement.ciphertexts_digest:
        raise MalformedError(f"a {statement.KIND} whose ciphertexts are not the ones that were signed", hint=_ASK)
