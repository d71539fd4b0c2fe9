"""A party's own columns of one question, by row handle: drawn up once, and read again where a process goes on."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import repeat
from types import TracebackType
from typing import Self, TypeVar

from miyun.aggregates.columns import Columns
from miyun.errors import NotFoundError, StateError
from miyun.keys.home import Home
from miyun.members.config import MembersConfig, load_members_config
from miyun.members.numbers import NumberChunk, NumberRows
from miyun.members.reading import Progress
from miyun.members.roster import Roster
from miyun.members.tagged import TagChunk, TaggedRows
from miyun.party.insight_admission import InsightWork
from miyun.party.scoring import ScoredRows, scored_rows
from miyun.party.session import Session

_CHOICE_KEY = "tags/choice"
_CHOICE_KEY_BYTES = 32
_LOCK = "tag-choice"
_LOCK_SECONDS = 60

R = TypeVar("R", TaggedRows, NumberRows)


class OwnColumns:
    """Padding is in none of them."""

    def __init__(self, session: Session, work: InsightWork, on_progress: Progress) -> None:
        """Read the sources, unless that was done before for this job.

        Raises:
            ConfigError: a number that is asked for is neither a number attribute nor a number tag.
            SourceError: a source can't be read.
        """
        self._work = work
        self._handles = work.job.layout.handles
        self._held = ExitStack()
        config = load_members_config(session.config_path)
        try:
            with session.rosters.open(work.contract.id, work.job.epoch) as roster:
                self._tagged = self._scored_rows(session, on_progress) or self._tagged_rows(
                    session, config, roster, on_progress
                )
                self._numbers = self._number_rows(session, config, roster, on_progress)
        except BaseException:
            self._held.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def chunks(self, size: int, *, first: int) -> Iterator[Columns]:
        """Of ``size`` rows each, from the ``first``-th on."""
        counts, numbers = self._counts(size, first), self._number_chunks(size, first)
        for low in range(first * size, self._handles, size):
            high = min(low + size, self._handles)
            yield Columns(low=low, high=high, counts=next(counts), numbers=next(numbers))

    def _counts(self, size: int, first: int) -> Iterator[tuple[TagChunk, ...]]:
        """Who carries each tag; then who is known in each dimension, and everybody."""
        if self._tagged is None:
            return repeat(())
        return zip(
            self._tagged.chunks(size, first=first), self._tagged.dimension_chunks(size, first=first), strict=True
        )

    def _number_chunks(self, size: int, first: int) -> Iterator[tuple[NumberChunk, ...]]:
        return repeat(()) if self._numbers is None else self._numbers.chunks(size, first=first)

    def _scored_rows(self, session: Session, on_progress: Progress) -> ScoredRows | None:
        work = self._work
        if work.lookalike is None:
            return None
        scored = scored_rows(session, work.contract, work.job.epoch, work.lookalike, on_progress)
        return scored.first(self._handles)

    def _tagged_rows(
        self, session: Session, config: MembersConfig, roster: Roster, on_progress: Progress
    ) -> TaggedRows | None:
        catalogue, tags, request = self._work.catalogue, self._work.tags, self._work.job.request
        if catalogue is None or tags is None:
            return None
        path = session.aggregate_files.tagged(request.contract, request.job)
        return self._opened(
            lambda: TaggedRows.open(path),
            lambda: TaggedRows.build(
                path,
                config,
                roster,
                catalogue,
                tags=tags,
                per_person=request.per_person,
                key=_choice_key(session.home),
                on_progress=on_progress,
            ),
        )

    def _number_rows(
        self, session: Session, config: MembersConfig, roster: Roster, on_progress: Progress
    ) -> NumberRows | None:
        request = self._work.job.request
        if not request.numbers:
            return None
        path = session.aggregate_files.numbers(request.contract, request.job)
        return self._opened(
            lambda: NumberRows.open(path),
            lambda: NumberRows.build(
                path, config, roster, request.numbers, catalogue=self._work.catalogue, on_progress=on_progress
            ),
        )

    def _opened(self, open_: Callable[[], R], build: Callable[[], R]) -> R:
        try:
            rows = open_()
        except (NotFoundError, StateError):
            rows = build()
        self._held.callback(rows.close)
        return rows


def _choice_key(home: Home) -> bytes:
    """The secret by which this party chooses what counts of a person, the same for ever."""
    with home.lock(_LOCK, timeout=_LOCK_SECONDS):
        if _CHOICE_KEY not in home.vault.names():
            home.vault.put(_CHOICE_KEY, secrets.token_bytes(_CHOICE_KEY_BYTES))
        return home.vault.get(_CHOICE_KEY)
