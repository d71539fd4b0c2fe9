"""What is signed about encrypted aggregates. Digests are SHA-256; numbers of a column are whole steps of it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar

from miyun.records import Record, Statement

_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class Circuit(StrEnum):
    """Who encrypts what. Whoever decrypts never sees the selection; whoever selects never decrypts."""

    SELECTION = "encrypted-selection"
    """The zone encrypts who is selected; the other party, whose columns they are, computes and adds noise."""

    VALUES = "encrypted-values"
    """The reader encrypts its own columns; the zone, which knows who is selected, computes and adds noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderKey(Statement):
    """A party's Paillier key under one contract, with the proof that it hides what is rerandomised under it.

    ``short_exponents`` is the party's word that the primes admit cheap randomness.
    """

    KIND: ClassVar[str] = "reader-key"

    contract: str
    contract_digest: bytes
    party: str
    modulus: bytes
    short_exponents: bool
    proof: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentVersion(Record):
    name: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRange(Record):
    """A numeric column: every value is clipped to ``low`` to ``high`` steps. ``step`` is a decimal number."""

    name: str
    low: int
    high: int
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightRequest(Statement):
    """A question of ``requester``, who will read the answer, about segments of one epoch.

    The last ``disjoint`` of the ``segments`` are parts: a row counts in the first part that it is in, and in no other.
    ``tags`` and ``branches`` name tags of the catalogue with ``catalogue_digest``; together they are ``tag_count`` tags
    in ``dimension_count`` dimensions, of which a row counts for at most ``per_person``.
    """

    KIND: ClassVar[str] = "insight-request"

    contract: str
    contract_digest: bytes
    job: str
    requester: str
    circuit: Circuit
    segments: tuple[SegmentVersion, ...]
    disjoint: int
    catalogue_digest: bytes
    tags: tuple[str, ...]
    branches: tuple[str, ...]
    tag_count: int
    dimension_count: int
    per_person: int
    numbers: tuple[NumberRange, ...]
    rho_micro: int
    key_digest: bytes
    at: datetime

    def question_digest(self) -> bytes:
        """What is asked, in whichever job and whenever: SHA-256 of the request without those two."""
        return replace(self, job="", at=_ANY_TIME).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionChunk(Statement):
    """Signed by the zone, for the owner of the columns: for each of its rows, encrypted, which segments it is in.

    It holds the rows from ``low`` to before ``low + count``. ``handles`` counts the owner's rows.
    """

    KIND: ClassVar[str] = "selection-chunk"

    contract: str
    job: str
    epoch: int
    owner: str
    request_digest: bytes
    key_digest: bytes
    handles: int
    slot_bits: int
    index: int
    chunks: int
    low: int
    count: int
    ciphertexts_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesChunk(Statement):
    """Signed by their owner, who will read the totals: its values, encrypted, of the rows as in a selection's chunk."""

    KIND: ClassVar[str] = "values-chunk"

    contract: str
    job: str
    epoch: int
    owner: str
    request_digest: bytes
    key_digest: bytes
    handles: int
    slot_bits: int
    index: int
    chunks: int
    low: int
    count: int
    ciphertexts_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals(Statement):
    """Signed by whoever computed them and added the noise: the columns' owner, or the zone.

    They travel in pages; ``page_digests`` are those of each page's ciphertexts.
    """

    KIND: ClassVar[str] = "totals"

    contract: str
    job: str
    epoch: int
    owner: str
    reader: str
    request_digest: bytes
    key_digest: bytes
    handles: int
    slot_bits: int
    count: int
    page_digests: tuple[bytes, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapRequest(Statement):
    """A party asks for the sizes of all these segments and of what each two share."""

    KIND: ClassVar[str] = "overlap-request"

    contract: str
    segments: tuple[SegmentVersion, ...]
    asker: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapAnswer(Statement):
    """Signed by the zone: noised ``sizes``, the upper triangle of the matrix with its diagonal, row by row.

    ``scale_milli`` is the standard deviation of the noise of each, in thousandths.
    """

    KIND: ClassVar[str] = "overlap-answer"

    contract: str
    segments: tuple[SegmentVersion, ...]
    sizes: tuple[int, ...]
    scale_milli: int
    at: datetime
