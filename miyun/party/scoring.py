"""Scores of this party's rows by a lookalike: the sum of the weights of the tags that a row carries today.

A row has one score in a generation of the data: the best of it, however many, and the parts of a report are cut from
the same scores. A delta's rows are scored beside them: those among the best are added, and nobody goes before the next
generation. Nothing of a person's tags is left out here, as the owner scores for itself; what leaves are bits and noised
totals.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from miyun.contract.model import Contract
from miyun.errors import NotFoundError
from miyun.insight.lookalike import PARTS, best, parts
from miyun.keys.files import write_private
from miyun.members.config import MembersConfig, load_members_config
from miyun.members.reading import Progress
from miyun.members.roster import Roster
from miyun.members.tagged import TagChunk
from miyun.party.catalogues import own_catalogue
from miyun.party.lookalike_store import ReceivedLookalike
from miyun.party.session import Session

Scores = npt.NDArray[np.int32]
Handles = npt.NDArray[np.uint32]

_LARGEST = (1 << 31) - 1


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
    """The scores of all rows of an epoch, computed when they are first asked for; and of what a delta added, then.

    Raises:
        ConfigError: there is no ``[tags]``.
        SourceError: the tags can't be read.
        ReplayError: this party has no rows of this epoch.
    """
    generation = session.generations.current(contract.id, epoch)
    path = session.aggregate_files.scores(contract.id, epoch, generation, lookalike.release.name)
    with session.lookalikes.scoring, session.rosters.open(contract.id, epoch) as roster:
        held = np.frombuffer(path.read_bytes() if path.is_file() else b"", "<i4")
        if len(held) < roster.universe:
            scores = _scores(load_members_config(session.config_path), roster, lookalike, on_progress)
            scores[: len(held)] = held
            held = scores
            write_private(path, held.tobytes())
        return ScoredRows(held, roster.live(), lookalike.edges)


def scored_today(session: Session, roster: Roster, lookalike: ReceivedLookalike) -> "ScoredRows":
    """The scores of a roster's rows as the tags are today, whatever was told of them; they are not kept.

    Raises:
        ConfigError, SourceError: as `scored_rows`.
    """
    scores = _scores(load_members_config(session.config_path), roster, lookalike)
    return ScoredRows(scores, roster.live(), lookalike.edges)


class ScoredRows:
    """Padding, and rows that were removed, count nowhere."""

    def __init__(self, scores: Scores, live: Handles, edges: tuple[int, ...]) -> None:
        self._scores = scores
        self._live = live
        self._edges = edges

    def best(self, count: int, roster: Roster) -> BitMap:
        """The handles of the ``count`` best rows, of equal ones the first; and of the padding that copies them."""
        return roster.with_copies(BitMap(self._live[best(self._scores[self._live], count)]))

    def first(self, handles: int) -> "ScoredRows":
        """The same of the first so many row handles."""
        return ScoredRows(self._scores[:handles], self._live[self._live < handles], self._edges)

    def chunks(self, handles_per_chunk: int, *, first: int = 0) -> Iterator[TagChunk]:
        """Who is in each part by score, as :meth:`TaggedRows.chunks` has it of tags."""
        for low, high, handles in self._ranges(handles_per_chunk, first):
            yield TagChunk.of(low, high, handles, parts(self._scores[handles], self._edges), PARTS)

    def dimension_chunks(self, handles_per_chunk: int, *, first: int = 0) -> Iterator[TagChunk]:
        """Everybody has a score, and is there: as :meth:`TaggedRows.dimension_chunks` has it."""
        for low, high, handles in self._ranges(handles_per_chunk, first):
            places = np.repeat(np.arange(2, dtype=np.uint8), len(handles))
            yield TagChunk.of(low, high, np.tile(handles, 2), places, 2)

    def close(self) -> None:
        """Nothing is open."""

    def _ranges(self, size: int, first: int) -> Iterator[tuple[int, int, Handles]]:
        for low in range(first * size, len(self._scores), size):
            high = min(low + size, len(self._scores))
            yield low, high, self._live[slice(*np.searchsorted(self._live, [low, high]))]


def _scores(
    config: MembersConfig, roster: Roster, lookalike: ReceivedLookalike, on_progress: Progress | None = None
) -> Scores:
    """By handle. Tags that the catalogue has no more, or not to be carried, weigh nothing."""
    catalogue = own_catalogue(config)
    assert config.tags is not None  # noqa: S101
    carried = set(catalogue.branch().tolist())
    weights = {
        place: weight
        for tag, weight in lookalike.weights.items()
        if (place := catalogue.place_of(tag)) is not None and place in carried
    }
    scores = np.zeros(roster.universe, "<i4")
    handles, scored = roster.scores(config.tags, catalogue, weights, on_progress)
    scores[handles] = np.clip(scored, -_LARGEST, _LARGEST)
    return scores
