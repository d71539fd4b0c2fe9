"""The holder: brings rows with numbers, encrypted under its own key, and reads noised totals over the intersection."""

from collections.abc import Sequence

from miyun.contract.model import Contract
from miyun.errors import InternalError, MalformedError, StateError
from miyun.hazmat.ristretto import POINT_BYTES, backend
from miyun.hazmat.scalars import SecretScalar
from miyun.keys.unsealing import SealingKey
from miyun.paillier.private import PrivateKey
from miyun.paillier.public import Randomness
from miyun.psi.evaluation import SeenPoints
from miyun.psi.intersection_sum.context import IntersectionContext
from miyun.psi.intersection_sum.exchange import Exchange
from miyun.psi.intersection_sum.points import OwnPoints, require_ascending, sort_points
from miyun.psi.intersection_sum.statements import (
    IntersectionChunk,
    IntersectionOpening,
    IntersectionRequest,
    Step,
)
from miyun.psi.intersection_sum.totals import ColumnTotal, ColumnValues, TotalsPlan


class Holder:
    """The holder's side of one intersection. ``exchange`` says what is due.

    ``own``, ``scalar`` and ``reader`` are kept until the end. ``numbers`` are the request's columns by row position,
    as ``own`` counts rows. ``reader`` decrypts, ``randomness`` encrypts under its key: cheap randomness will do, as
    the matcher lacks the key. Without columns there are neither.
    """

    def __init__(
        self,
        contract: Contract,
        request: IntersectionRequest,
        own: OwnPoints,
        scalar: SecretScalar,
        key: SealingKey,
        *,
        subjects: frozenset[str],
        numbers: Sequence[ColumnValues] = (),
        reader: PrivateKey | None = None,
        randomness: Randomness | None = None,
    ) -> None:
        if len(numbers) != len(request.columns) or (reader is None) != (not request.columns):
            raise InternalError("numbers and a key for each column of the request, and for none else")
        rows = len(own.points) // POINT_BYTES
        opening = IntersectionOpening(
            contract=request.contract,
            job=request.job,
            request_digest=request.digest(),
            party=request.holder,
            rows=rows,
            modulus=reader.public_key.to_bytes() if reader else b"",
            proof=reader.prove(IntersectionContext.of(request).key_context()) if reader else b"",
        )
        self.exchange = Exchange(contract, request, opening, subjects=subjects)
        self._own = own
        self._scalar = scalar
        self._key = key
        self._numbers = numbers
        self._reader = reader
        self._randomness = randomness
        self._plan = TotalsPlan.of(request, rows=rows, key_bits=reader.public_key.bits) if reader else None
        self._points = b""
        self._last_point = b""
        self._answers: bytes | None = None
        self._totals: tuple[ColumnTotal, ...] | None = None

    def on_opening(self, opening: IntersectionOpening, signature: bytes) -> None:
        """The matcher's opening. Raises as :meth:`Exchange.verify_opening`."""
        if self.exchange.verify_opening(opening, signature):
            self.exchange.on_opening(opening)

    def message(self, step: Step, index: int) -> tuple[IntersectionChunk, bytes]:
        """The chunk that is due, for the holder to sign, and its sealed bytes."""
        start, end = self.exchange.rows(step, index)
        if step is Step.ANSWERS:
            # All at once: answers sorted chunk by chunk would tell which chunk a match came from.
            if self._answers is None:
                self._answers = sort_points(self._points)
            return self.exchange.seal(step, index, self._answers[start * POINT_BYTES : end * POINT_BYTES])
        points = self._own.points[start * POINT_BYTES : end * POINT_BYTES]
        return self.exchange.seal(step, index, points + self._encrypted(start, end))

    def take(self, chunk: IntersectionChunk, signature: bytes, sealed: bytes, seen: SeenPoints) -> None:
        """The matcher's chunk that is due, or one taken before.

        ``seen`` claims the matcher's points before the first is multiplied.

        Raises:
            SignatureError, ReplayError, MalformedError: as :meth:`Exchange.open`.
            ReplayError: a point comes twice or out of order.
            MalformedError: another number of bytes, a point that is none, a total that is no ciphertext.
            CapExceededError: the contract's evaluation cap.
        """
        content = self.exchange.open(chunk, signature, sealed, self._key)
        if content is None:
            return
        if chunk.step is Step.POINTS:
            self._take_points(chunk, content, seen)
        else:
            self._take_totals(content)
        self.exchange.on_taken(chunk)

    def totals(self) -> tuple[ColumnTotal, ...]:
        """What the holder learns. StateError before the totals are in."""
        if self._totals is None:
            raise StateError("the totals are not known yet", hint="Wait for the counterparty.")
        return self._totals

    def _take_points(self, chunk: IntersectionChunk, content: bytes, seen: SeenPoints) -> None:
        if len(content) != chunk.count * POINT_BYTES:
            raise MalformedError("more or fewer points than the chunk says")
        require_ascending(content, after=self._last_point)
        seen.claim(content)
        self._points += backend().multiply(content, self._scalar)
        self._last_point = content[-POINT_BYTES:]

    def _take_totals(self, content: bytes) -> None:
        if self._reader is None or self._plan is None:
            raise InternalError("totals without a key")
        if len(content) != self._reader.public_key.ciphertext_bytes:
            raise MalformedError("totals of more or fewer bytes than one ciphertext")
        (plaintext,) = self._reader.decrypt(content)
        self._totals = self._plan.read(plaintext, self._reader.public_key.n)

    def _encrypted(self, start: int, end: int) -> bytes:
        if self._reader is None or self._plan is None:
            return b""
        plaintexts = self._plan.encode(self._numbers, self._own.rows[start:end])
        return self._reader.public_key.encrypt(plaintexts, self._randomness or self._reader).data
