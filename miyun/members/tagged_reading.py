"""The pairs of member and tag, read row by row into member ids and catalogue indices."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from miyun.contract.schema import ColumnType
from miyun.members.attributes import read_attributes
from miyun.members.catalogue import Catalogue, Indices
from miyun.members.catalogue_tree import TagType
from miyun.members.cells import is_broken
from miyun.members.config import TagsConfig
from miyun.members.quarantine import Quarantine
from miyun.members.reading import Progress, member_ids
from miyun.members.reasons import Reason, Rejected
from miyun.members.sources import SourceBatch, open_source
from miyun.members.tally import PART
from miyun.members.texts import fold, strip

MAX_QUARANTINED = 100_000
"""Lines of the quarantine file: a wrong catalogue must not copy the whole source. All are counted."""

_MAX_REMEMBERED = 1 << 18
_ABSENT = -1
_REASONS = tuple(Reason)
_EMPTY = Rejected(Reason.EMPTY)

Cell = str | None
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairBatch:
    """Pairs as parallel columns; ``tags`` are what is counted, ``values`` the cells beside them."""

    rows: npt.NDArray[np.int64]
    members: Sequence[str]
    tags: Indices
    values: Sequence[str | None]

    def only(self, mask: npt.NDArray[np.bool_]) -> "PairBatch":
        """The pairs where the mask holds."""
        places = np.flatnonzero(mask)
        chosen = places.tolist()
        return PairBatch(
            rows=self.rows[places],
            members=[self.members[place] for place in chosen],
            tags=self.tags[places],
            values=[self.values[place] for place in chosen],
        )


class PairReader:
    """One pass over the source. The counts are complete when ``batches`` is exhausted.

    ``absent`` counts flags that say no: they are right, and no pair.
    """

    def __init__(
        self,
        config: TagsConfig,
        catalogue: Catalogue,
        *,
        quarantine: Quarantine | None = None,
        on_progress: Progress | None = None,
    ) -> None:
        self._config = config
        self._quarantine = quarantine
        self._on_progress = on_progress
        meanings = _Meanings(catalogue)
        self._of_tag = _Codes[Cell](lambda tag: meanings.of(tag, None))
        self._of_pair = _Codes[tuple[Cell, Cell]](lambda cells: meanings.of(*cells))
        self.rows = 0
        self.absent = 0
        self.bad_rows: Counter[Reason] = Counter()
        self.rejected: Counter[Reason] = Counter()

    def batches(self) -> Iterator[PairBatch]:
        """Raises: SourceError: the source can't be read."""
        source = open_source(self._config, self._config.columns)
        for batch in source.batches:
            self.rows += len(batch.rows) + len(batch.bad)
            for bad in batch.bad:
                self.bad_rows[bad.reason] += 1
                self._set_aside(bad.row, "", bad.reason, bad.raw)
            yield self._pairs(batch)
            if self._on_progress:
                self._on_progress(self.rows, source.total)

    def _pairs(self, batch: SourceBatch) -> PairBatch:
        config = self._config
        members = member_ids(batch.columns[config.id])
        tags = batch.columns[config.tag]
        values = [None] * len(tags) if config.value is None else batch.columns[config.value]
        codes = self._read(tags, values)
        named = np.fromiter((isinstance(member, str) for member in members), np.bool_, len(members))
        self.absent += int(np.count_nonzero(named & (codes == _ABSENT)))
        for place in np.flatnonzero(~named | (codes < _ABSENT)).tolist():
            member = members[place]
            if isinstance(member, Rejected):
                self._reject(batch.rows[place], config.id, member.reason, batch.columns[config.id][place] or "")
            else:
                raw = PART.join(cell or "" for cell in (tags[place], values[place])[: len(config.columns) - 1])
                self._reject(batch.rows[place], config.tag, _reason(int(codes[place])), raw)
        pairs = PairBatch(
            rows=np.array(batch.rows, np.int64),
            members=members,  # type: ignore[arg-type]
            tags=codes.astype(np.uint32),
            values=values,
        )
        usable = named & (codes >= 0)
        return pairs if usable.all() else pairs.only(usable)

    def _read(self, tags: Sequence[Cell], values: Sequence[Cell]) -> npt.NDArray[np.int64]:
        codes = np.fromiter(map(self._of_tag.__getitem__, tags), np.int64, len(tags))
        for place, value in enumerate(values) if self._config.value else ():
            if value is not None:
                codes[place] = self._of_pair[tags[place], value]
        return codes

    def _reject(self, row: int, column: str, reason: Reason, raw: str) -> None:
        self.rejected[reason] += 1
        self._set_aside(row, column, reason, raw)

    def _set_aside(self, row: int, column: str, reason: Reason, raw: str) -> None:
        if self._quarantine and self._quarantine.entries < MAX_QUARANTINED:
            self._quarantine.add(row, column, reason, raw)


class _Codes(dict[Read, int]):
    """Meanings as numbers: a catalogue index, ``_ABSENT``, or below it a reason. The first ones are remembered."""

    def __init__(self, meaning: Callable[[Read], int | Rejected]) -> None:
        super().__init__()
        self._meaning = meaning

    def __missing__(self, cells: Read) -> int:
        found = self._meaning(cells)
        code = -2 - _REASONS.index(found.reason) if isinstance(found, Rejected) else found
        if len(self) < _MAX_REMEMBERED:
            self[cells] = code
        return code


class _Meanings:
    """What the cells of a tag and its value mean: a catalogue index, or ``_ABSENT``."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._options: dict[int, dict[str, int]] = {}

    def of(self, cell: Cell, value: Cell) -> int | Rejected:
        id_ = strip(cell or "")
        if not id_:
            return _EMPTY
        if is_broken(id_):
            return Rejected(Reason.BAD_ENCODING)
        index = self._catalogue.place_of(id_)
        match None if index is None else self._catalogue.type_of(index):
            case TagType.FLAG | TagType.CHOICE:
                return self._flag(index or 0, value)
            case TagType.OPTION:
                return self._option(index or 0, value)
            case TagType.NUMBER:
                return self._number(index or 0, value)
        return Rejected(Reason.UNKNOWN_TAG)

    def _flag(self, index: int, value: Cell) -> int | Rejected:
        [said] = read_attributes(ColumnType.BOOLEAN, [value])
        if said is True or said == _EMPTY:
            return index
        return _ABSENT if said is False else Rejected(Reason.NO_BOOLEAN)

    def _option(self, index: int, value: Cell) -> int | Rejected:
        if index not in self._options:
            self._options[index] = self._catalogue.options_of(index)
        option = fold(value or "")
        return self._options[index].get(option, Rejected(Reason.UNKNOWN_OPTION)) if option else _EMPTY

    def _number(self, index: int, value: Cell) -> int | Rejected:
        [number] = read_attributes(ColumnType.NUMBER, [value])
        if not isinstance(number, float):
            return number if isinstance(number, Rejected) else Rejected(Reason.NO_NUMBER)
        row = self._catalogue.row_of(index)
        if (row.low is not None and number < row.low) or (row.high is not None and number > row.high):
            return Rejected(Reason.OUT_OF_RANGE)
        return index


def _reason(code: int) -> Reason:
    return _REASONS[-2 - code]
