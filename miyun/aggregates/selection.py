"""The zone's part of an encrypted selection: for each row handle of the columns' owner, which segments it is in.

One plaintext holds a bit for each segment, as far apart as the totals are wide: Σ bit · 2^(s · slot bits). Every
row has a ciphertext with randomness of its own, so that the owner, which lacks the key, can't tell which are selected.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from miyun.aggregates.encrypted import EncryptedRows
from miyun.aggregates.job import InsightJob
from miyun.aggregates.statements import Circuit
from miyun.bitmaps import to_numbers
from miyun.errors import InternalError
from miyun.paillier.public import Randomness


class Selected:
    """Which row handles of one owner are in each of several segments, of the rows in ``span`` or of all.

    The last ``disjoint`` are made so: a handle is left in the first of them that has it. The noise counts on it.
    """

    def __init__(
        self, segments: Sequence[BitMap], handles: int, disjoint: int = 0, *, span: tuple[int, int] | None = None
    ) -> None:
        self.handles = handles
        self._low, self._high = span or (0, handles)
        self._bits = np.zeros((len(segments), self._high - self._low), np.bool_)
        for bits, segment in zip(self._bits, segments, strict=True):
            numbers = to_numbers(segment)
            first, behind = np.searchsorted(numbers, [self._low, self._high])
            bits[numbers[first:behind] - np.uint32(self._low)] = True
        taken = np.zeros(self._high - self._low, np.bool_)
        for place in range(len(segments) - disjoint, len(segments)):
            self._bits[place] &= ~taken
            taken |= self._bits[place]

    @property
    def segments(self) -> int:
        return len(self._bits)

    def rows(self, low: int, high: int) -> npt.NDArray[np.bool_]:
        """By segment, of each handle from ``low`` to before ``high`` whether it is in."""
        if not self._low <= low <= high <= self._high:
            raise InternalError("rows outside of the span that was read")
        return self._bits[:, low - self._low : high - self._low]


def encrypt_selection(
    job: InsightJob, selected: Selected, low: int, high: int, randomness: Randomness
) -> EncryptedRows:
    """The rows from ``low`` to before ``high``, under the reader's key, for the columns' owner.

    ``randomness`` may have short exponents where the key admits them: see :mod:`miyun.paillier.fixed_base`.
    """
    layout = job.layout
    if layout.circuit is not Circuit.SELECTION:
        raise InternalError("this job has no encrypted selection")
    if (selected.segments, selected.handles) != (layout.inner, layout.handles):
        raise InternalError("a selection of other rows or segments than the job has")
    bits = selected.rows(low, high)
    if len(bits) == 1:
        return EncryptedRows(low=low, ciphertexts=job.key.encrypt(bits[0], randomness))
    places = [1 << segment * layout.slot_bits for segment in range(len(bits))]
    plaintexts = [
        sum(place for segment, place in enumerate(places) if pattern >> segment & 1)
        for pattern in range(1 << len(bits))
    ]
    patterns = np.packbits(bits, axis=0, bitorder="little")[0].tolist()
    return EncryptedRows(low=low, ciphertexts=job.key.encrypt([plaintexts[row] for row in patterns], randomness))
