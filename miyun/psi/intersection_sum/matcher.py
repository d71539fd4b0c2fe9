"""The matcher: brings rows without numbers, finds the intersection, and returns noised totals that it can't read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from miyun.contract.model import Contract
from miyun.errors import InternalError, MalformedError, StateError
from miyun.hazmat.ristretto import POINT_BYTES, backend
from miyun.hazmat.scalars import SecretScalar
from miyun.keys.unsealing import SealingKey
from miyun.paillier.ciphertexts import Ciphertexts
from miyun.paillier.proof import ProvenKey
from miyun.psi.evaluation import SeenPoints
from miyun.psi.intersection_sum.context import IntersectionContext
from miyun.psi.intersection_sum.dummies import DummyPool
from miyun.psi.intersection_sum.exchange import Exchange, ExchangeState
from miyun.psi.intersection_sum.points import OwnPoints, PointSet, require_ascending
from miyun.psi.intersection_sum.statements import (
    IntersectionChunk,
    IntersectionOpening,
    IntersectionRequest,
    Step,
)
from miyun.psi.intersection_sum.totals import TotalsPlan, draw_noise


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedSize:
    """The size of the intersection, noised with this standard deviation; it can come out negative. 0: exact."""

    size: int
    scale: float


class Matcher:
    """The matcher's side of one intersection. ``exchange`` says what is due.

    ``own`` and ``scalar`` are kept until the end. ``noise`` gives one draw for each standard deviation.
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
        noise: Callable[[Sequence[float]], list[int]] = draw_noise,
    ) -> None:
        opening = IntersectionOpening(
            contract=request.contract,
            job=request.job,
            request_digest=request.digest(),
            party=contract.counterparty(request.holder).name,
            rows=len(own.points) // POINT_BYTES,
        )
        self.exchange = Exchange(contract, request, opening, subjects=subjects)
        self._request = request
        self._own = own.points
        self._scalar = scalar
        self._key = key
        self._noise = noise
        self._reader: ProvenKey | None = None
        self._plan: TotalsPlan | None = None
        self._answers = b""
        self._last_row = b""
        self._matched = 0
        self._sum: Ciphertexts | None = None
        self._totals: tuple[IntersectionChunk, bytes] | None = None

    def on_opening(self, opening: IntersectionOpening, signature: bytes) -> None:
        """The holder's opening.

        Raises:
            SignatureError, ReplayError, MalformedError, CapExceededError: as :meth:`Exchange.verify_opening`.
            MalformedError: a key that is not proven for this intersection.
            InputError: its plaintexts don't hold the columns.
        """
        if not self.exchange.verify_opening(opening, signature):
            return
        if self._request.columns:
            context = IntersectionContext.of(self._request).key_context()
            reader = ProvenKey(opening.modulus, opening.proof, context)
            self._plan = TotalsPlan.of(self._request, rows=opening.rows, key_bits=reader.bits)
            self._reader = reader
        self.exchange.on_opening(opening)

    def message(self, step: Step, index: int) -> tuple[IntersectionChunk, bytes]:
        """The chunk that is due, for the matcher to sign, and its sealed bytes."""
        if step is Step.TOTALS:
            if self._totals is None:
                self._totals = self.exchange.seal(step, index, self._release())
            return self._totals
        start, end = self.exchange.rows(step, index)
        return self.exchange.seal(step, index, self._own[start * POINT_BYTES : end * POINT_BYTES])

    def take(self, chunk: IntersectionChunk, signature: bytes, sealed: bytes, seen: SeenPoints) -> None:
        """The holder's chunk that is due, or one taken before.

        ``seen`` claims the points of the holder's rows before the first is multiplied. Answers are points that are
        compared and nothing else, so that they are not decoded.

        Raises:
            SignatureError, ReplayError, MalformedError: as :meth:`Exchange.open`.
            ReplayError: a point comes twice or out of order.
            MalformedError: another number of bytes, a point that is none, a ciphertext that is none.
            CapExceededError: the contract's evaluation cap.
        """
        content = self.exchange.open(chunk, signature, sealed, self._key)
        if content is None:
            return
        if chunk.step is Step.ANSWERS:
            self._take_answers(chunk, content)
        else:
            self._take_rows(chunk, content, seen)
        self.exchange.on_taken(chunk)

    def size(self) -> MatchedSize:
        """What the matcher learns. StateError before all rows are in."""
        if self.exchange.state not in {ExchangeState.TOTALS, ExchangeState.FINISHED}:
            raise StateError("the intersection is not known yet", hint="Wait for the counterparty's rows.")
        pool = DummyPool.of(self._request.size_rho_micro)
        return MatchedSize(size=self._matched - pool.tail, scale=pool.scale)

    def _take_answers(self, chunk: IntersectionChunk, content: bytes) -> None:
        if len(content) != chunk.count * POINT_BYTES:
            raise MalformedError("answers to more or fewer points than were sent")
        require_ascending(content, after=self._answers[-POINT_BYTES:])
        self._answers += content

    def _take_rows(self, chunk: IntersectionChunk, content: bytes, seen: SeenPoints) -> None:
        width = self._reader.ciphertext_bytes if self._reader else 0
        if len(content) != chunk.count * (POINT_BYTES + width):
            raise MalformedError("rows of more or fewer bytes than they should have")
        points, numbers = content[: chunk.count * POINT_BYTES], content[chunk.count * POINT_BYTES :]
        require_ascending(points, after=self._last_row)
        ciphertexts = self._reader.read(numbers) if self._reader else None
        seen.claim(points)
        found = PointSet(self._answers).find(backend().multiply(points, self._scalar))
        if self._reader is not None and ciphertexts is not None:
            self._sum = self._added(self._reader, ciphertexts, found)
        self._matched += int(np.count_nonzero(found))
        self._last_row = points[-POINT_BYTES:]

    def _added(self, reader: ProvenKey, ciphertexts: Ciphertexts, found: npt.NDArray[np.bool_]) -> Ciphertexts:
        indices = np.flatnonzero(found).astype(np.uint32)
        part = reader.product(ciphertexts, np.array([0, indices.size], np.uint64), indices)
        return part if self._sum is None else reader.add(self._sum, part)

    def _release(self) -> bytes:
        """The ciphertext for the holder: the sum with noise, covered above its slots, rerandomised."""
        reader, plan = self._reader, self._plan
        if reader is None or plan is None:
            raise InternalError("totals without a key")
        total = reader.encrypt([0]) if self._sum is None else self._sum
        covered = reader.add_values(total, [plan.cover(self._noise(plan.scales), reader.n)])
        return reader.rerandomise(covered).data
