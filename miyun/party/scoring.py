"""Scores of this party's rows by a lookalike: the sum of the weights of the tags that a row carries today.

A row has one score in an epoch: the best of it, however many, and the parts of a report are cut from the same scores.
Nothing of a person's tags is left out here, as the owner scores for itself; what leaves are bits and noised totals.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from miyun.contract.model import Contract
from miyun.errors import NotFoundError
from miyun.insight.lookalike import PARTS, Weights, best, parts
from miyun.keys.files import write_private
from miyun.members.config import MembersConfig, load_members_config
from miyun.members.reading import Progress
from miyun.members.roster import Roster
from miyun.members.tagged import TagChunk, TaggedRows
from miyun.party.catalogues import own_catalogue
from miyun.party.lookalike_store import ReceivedLookalike
from miyun.party.session import Session

Scores = npt.NDArray[np.int32]

_CHUNK_HANDLES = 65_536
_LARGEST = (1 << 31) - 1
_PADDING = -_LARGEST - 1
"""In the place of a score."""


def require_received(session: Session, contract: str, name: str) -> ReceivedLookalike:
    """A lookalike that this party was given.

    Raises:
        NotFoundError: it was given none of this name.
    """
    received = session.lookalikes.received(contract, name)
    if received is None:
        raise NotFoundError(
            f"{session.name} has no lookalike {name[:80]} under contract {contract}", hint="Release it first."
        )
    return received


def scored_rows(
    session: Session, contract: Contract, epoch: int, lookalike: ReceivedLookalike, on_progress: Progress | None = None
) -> "ScoredRows":
    """The scores of all rows of an epoch, computed when they are first asked for.

    Raises:
        ConfigError: there is no ``[tags]``.
        SourceError: the tags can't be read.
        ReplayError: this party has no rows of this epoch.
    """
    path = session.aggregate_files.scores(contract.id, epoch, lookalike.release.name)
    with session.lookalikes.scoring, session.rosters.open(contract.id, epoch) as roster:
        raw = path.read_bytes() if path.is_file() else b""
        if len(raw) != 4 * roster.universe:
            config = load_members_config(session.config_path)
            scores = _score(path.with_name(f"{path.name}.tags"), config, roster, lookalike, on_progress)
            raw = scores.astype("<i4").tobytes()
            write_private(path, raw)
        return ScoredRows(np.frombuffer(raw, "<i4"), lookalike.edges)


class ScoredRows:
    """Padding has no score, and counts nowhere."""

    def __init__(self, scores: Scores, edges: tuple[int, ...]) -> None:
        self._scores = scores
        self._edges = edges

    def best(self, count: int, roster: Roster) -> BitMap:
        """The handles of the ``count`` best rows, of equal ones the first; and of the padding that copies them."""
        (real,) = np.nonzero(self._scores != _PADDING)
        return roster.with_copies(BitMap(real[best(self._scores[real], count)].astype(np.uint32)))

    def chunks(self, handles_per_chunk: int, *, first: int = 0) -> Iterator[TagChunk]:
        """Who is in each part by score, as :meth:`TaggedRows.chunks` has it of tags."""
        for low, handles in self._real(handles_per_chunk, first):
            places = parts(self._scores[handles], self._edges)
            yield TagChunk.of(low, self._high(low, handles_per_chunk), handles, places, PARTS)

    def dimension_chunks(self, handles_per_chunk: int, *, first: int = 0) -> Iterator[TagChunk]:
        """Everybody has a score, and is there: as :meth:`TaggedRows.dimension_chunks` has it."""
        for low, handles in self._real(handles_per_chunk, first):
            places = np.repeat(np.arange(2, dtype=np.uint8), len(handles))
            yield TagChunk.of(low, self._high(low, handles_per_chunk), np.tile(handles, 2), places, 2)

    def close(self) -> None:
        """Nothing is open."""

    def _real(self, size: int, first: int) -> Iterator[tuple[int, npt.NDArray[np.uint32]]]:
        for low in range(first * size, len(self._scores), size):
            (real,) = np.nonzero(self._scores[low : low + size] != _PADDING)
            yield low, (real + low).astype(np.uint32)

    def _high(self, low: int, size: int) -> int:
        return min(low + size, len(self._scores))


def _score(
    path: Path, config: MembersConfig, roster: Roster, lookalike: ReceivedLookalike, on_progress: Progress | None
) -> Scores:
    """By handle; tags that are not in the catalogue any more weigh nothing. Working files begin with ``path``."""
    catalogue = own_catalogue(config)
    places = {place: tag for tag in lookalike.weights if (place := catalogue.place_of(tag)) is not None}
    tags = np.intersect1d(np.array(list(places), np.uint32), catalogue.branch()).astype(np.uint32)
    scores = np.zeros(roster.universe, np.int32)
    if len(tags):
        ids = tuple(places[place] for place in tags.tolist())
        weights = Weights(tags=ids, thousandths=np.array([lookalike.weights[tag] for tag in ids], np.int64))
        rows = TaggedRows.build(
            path,
            config,
            roster,
            catalogue,
            tags=tags,
            per_person=len(tags),
            key=secrets.token_bytes(32),  # decides between more tags than may count: all may
            on_progress=on_progress,
        )
        with rows:
            for chunk in rows.chunks(_CHUNK_HANDLES):
                scored = weights.score(chunk.offsets, chunk.handles, chunk.high - chunk.low)
                scores[chunk.low : chunk.high] = np.clip(scored, -_LARGEST, _LARGEST)
        path.unlink()
    scores[roster.padding()] = _PADDING
    return scores
