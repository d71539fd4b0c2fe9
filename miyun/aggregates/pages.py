"""Totals as they travel: signed as a whole, in pages of which each is checked by itself. Both ends do so here."""

import hashlib
from datetime import datetime

from miyun.aggregates.chunks import ASK, check_place
from miyun.aggregates.job import InsightJob
from miyun.aggregates.release import ReleasedTotals
from miyun.aggregates.statements import Totals
from miyun.errors import MalformedError
from miyun.paillier.ciphertexts import Ciphertexts

PAGE_CIPHERTEXTS = 8_192
"""Ciphertexts of a full page: 6 MiB under a key of 3072 bits, 8 MiB at most. Only the last one may hold fewer."""


def make_totals(released: ReleasedTotals, at: datetime) -> tuple[Totals, tuple[bytes, ...]]:
    """The statement that whoever computed signs, and the pages beside it."""
    job, data = released.job, released.ciphertexts.data
    step = PAGE_CIPHERTEXTS * job.key.ciphertext_bytes
    pages = tuple(data[start : start + step] for start in range(0, len(data), step))
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
        page_digests=tuple(hashlib.sha256(page).digest() for page in pages),
        at=at,
    )
    return statement, pages


def check_totals(job: InsightJob, totals: Totals, signature: bytes) -> None:
    """Refuse totals that are not those of the job. What is in them, only the reader can tell.

    Raises:
        SignatureError: not signed by whoever computes in this job.
        ReplayError: of another job.
        MalformedError: another layout.
    """
    job.verify(job.computes, totals, signature)
    check_place(job, totals)
    if totals.reader != job.reader or totals.count != job.layout.ciphertexts:
        raise MalformedError("totals that are not laid out as the question asks", hint=ASK)
    if len(totals.page_digests) != -(-totals.count // PAGE_CIPHERTEXTS):
        raise MalformedError("totals in another number of pages than they take", hint=ASK)


def read_page(job: InsightJob, totals: Totals, index: int, data: bytes) -> Ciphertexts:
    """A page of totals that were checked.

    Raises:
        MalformedError: no page of theirs, or no ciphertexts under the reader's key.
    """
    pages = len(totals.page_digests)
    if not 0 <= index < pages:
        raise MalformedError(f"there is no page {index} of these totals", hint=f"They have pages 0 to {pages - 1}.")
    count = min(totals.count - index * PAGE_CIPHERTEXTS, PAGE_CIPHERTEXTS)
    if len(data) != count * job.key.ciphertext_bytes:
        raise MalformedError(f"a page of totals of {len(data):,} bytes", hint=ASK)
    if hashlib.sha256(data).digest() != totals.page_digests[index]:
        raise MalformedError("a page of totals that is not the one that was signed", hint=ASK)
    return job.key.read(data)
