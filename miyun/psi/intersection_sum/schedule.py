"""Which chunks an intersection-sum consists of: in what order, from whom, and of how many bytes."""

from dataclasses import dataclass
from typing import Self

from miyun.errors import InternalError
from miyun.psi.context import POINT_BYTES
from miyun.psi.intersection_sum.statements import IntersectionChunk, IntersectionOpening, IntersectionRequest, Step

CHUNK_ROWS = 8_192
"""Rows of a full chunk: 6.6 MB with ciphertexts at 3072 bits."""

Place = tuple[Step, int]
"""A step, and the index of a chunk in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What follows from both openings, alike for both parties and for who relays between them."""

    request: IntersectionRequest
    holder: IntersectionOpening
    matcher: IntersectionOpening

    @classmethod
    def of(cls, request: IntersectionRequest, one: IntersectionOpening, other: IntersectionOpening) -> Self:
        """The schedule of the two openings, in either order."""
        by_role = {opening.party == request.holder: opening for opening in (one, other)}
        if len(by_role) != 2:
            raise InternalError("two openings of one party")
        return cls(request=request, holder=by_role[True], matcher=by_role[False])

    def places(self) -> list[Place]:
        """Every chunk, in the order in which they follow one another."""
        return [(step, index) for step in Step for index in range(-(-self._rows(step) // CHUNK_ROWS))]

    def sender(self, step: Step) -> str:
        return self._at(step, sending=True)

    def receiver(self, step: Step) -> str:
        return self._at(step, sending=False)

    def span(self, step: Step, index: int) -> tuple[int, int]:
        """Where the rows of a chunk begin and end in its step."""
        start = index * CHUNK_ROWS
        return start, min(self._rows(step), start + CHUNK_ROWS)

    def header(self, step: Step, index: int) -> IntersectionChunk:
        """What its sender states of a chunk, but for the digest of the sealed bytes."""
        start, end = self.span(step, index)
        return IntersectionChunk(
            contract=self.request.contract,
            job=self.request.job,
            step=step,
            sender=self.sender(step),
            receiver=self.receiver(step),
            index=index,
            chunks=-(-self._rows(step) // CHUNK_ROWS),
            count=end - start,
            sealed_digest=b"",
        )

    def content_bytes(self, step: Step, index: int) -> int:
        """How long a chunk is before it is sealed."""
        start, end = self.span(step, index)
        ciphertext = 2 * len(self.holder.modulus)
        match step:
            case Step.POINTS | Step.ANSWERS:
                return (end - start) * POINT_BYTES
            case Step.ROWS:
                return (end - start) * (POINT_BYTES + ciphertext)
            case Step.TOTALS:
                return ciphertext

    def _at(self, step: Step, *, sending: bool) -> str:
        by_holder = step in {Step.ANSWERS, Step.ROWS}
        return (self.holder if by_holder is sending else self.matcher).party

    def _rows(self, step: Step) -> int:
        if step is Step.TOTALS:
            return 1 if self.request.columns else 0
        return (self.holder if step is Step.ROWS else self.matcher).rows
