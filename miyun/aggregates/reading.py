"""The reader's part: its key with the proof, and what it decrypts. A zone never imports this."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from miyun.aggregates.job import InsightJob, reader_key_context
from miyun.aggregates.pages import check_totals, read_page
from miyun.aggregates.question import Question
from miyun.aggregates.statements import ReaderKey, Totals
from miyun.contract.model import Contract
from miyun.errors import InternalError
from miyun.paillier.private import PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberTotals:
    """Noised, in steps: the sum over the segment, and how many of its rows have the number."""

    name: str
    total: int
    known: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentTotals:
    """The noised totals of one segment. ``tags``, ``dimensions`` and ``everybody`` are empty and None without tags.

    Their noise has the standard deviations of :attr:`Question.parts`. Noise can make any of them negative.
    """

    tags: Sequence[int]
    dimensions: Sequence[int]
    everybody: int | None
    numbers: tuple[NumberTotals, ...]


def make_reader_key(contract: Contract, party: str, key: PrivateKey) -> ReaderKey:
    """The statement of a party about its key, for it to sign."""
    digest = contract.digest()
    return ReaderKey(
        contract=contract.id,
        contract_digest=digest,
        party=party,
        modulus=key.public_key.to_bytes(),
        short_exponents=key.admits_short_exponents,
        proof=key.prove(reader_key_context(digest, party)),
    )


def read_totals(
    job: InsightJob, totals: Totals, signature: bytes, pages: Iterable[bytes], key: PrivateKey
) -> tuple[SegmentTotals, ...]:
    """By segment, in the order of the request, what the reader asked for. Each page is decrypted as it comes.

    Raises:
        SignatureError: not signed by whoever computes in this job.
        ReplayError: of another job.
        MalformedError: another layout, pages that were not signed, or no totals.
    """
    if key.public_key != job.key:
        raise InternalError("this key can't read this job")
    check_totals(job, totals, signature)
    plaintexts: list[int] = []
    for index, page in enumerate(pages):
        plaintexts += key.decrypt(read_page(job, totals, index, page).data)
    return tuple(_segment(job.question, values) for values in job.layout.unpack(plaintexts))


def _segment(question: Question, values: Sequence[int]) -> SegmentTotals:
    tags, counts = question.tags, question.counts
    numbers = zip(question.numbers, values[counts::2], values[counts + 1 :: 2], strict=True)
    return SegmentTotals(
        tags=values[:tags],
        dimensions=values[tags : tags + question.dimensions],
        everybody=values[counts - 1] if counts else None,
        numbers=tuple(NumberTotals(name=number.name, total=total, known=known) for number, total, known in numbers),
    )
