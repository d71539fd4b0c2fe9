"""The answer itself, whatever form it is asked in.

An answer may be used again for an hour at least, since platforms cache for no less. So nothing is said about an
audience in its last hour: no cached answer outlives the audience.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from miyun.answers.askers import Asker
from miyun.answers.config import HOUR
from miyun.answers.ids import AnswerId
from miyun.answers.key import AnswerKey
from miyun.answers.store import Generation

SHORTEST_CACHE: Final = HOUR
LONGEST_CACHE: Final = 7 * 24 * HOUR
MOST_IDS: Final = 32
"""How many ids one person or device may be asked about by."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``targets`` are what the asker calls the audiences. ``cache_seconds`` is from an hour to seven days."""

    targets: tuple[str, ...]
    cache_seconds: int


class Answering:
    """Answers from whatever generation is current; ``generation`` may be replaced while others ask."""

    def __init__(
        self, key: AnswerKey, generation: Generation, cache_seconds: int, clock: Callable[[], float] = time.time
    ) -> None:
        self.generation = generation
        self._key = key
        self._cache_seconds = min(max(cache_seconds, SHORTEST_CACHE), LONGEST_CACHE)
        self._clock = clock

    def answer(self, asker: Asker, ids: Iterable[AnswerId]) -> Answer:
        """In which of the asker's audiences any of these ids is."""
        digests = [self._key.digest(id_) for id_ in ids]
        audiences, now = self.generation.audiences, self._clock()
        targets, seconds = [], self._cache_seconds
        for name, target in asker.targets.items():
            audience = audiences.get(name)
            if audience is None or (left := audience.expires - now) < SHORTEST_CACHE:
                continue
            if not audience.is_for(asker.third_party):
                continue
            for digest in digests:
                if digest in audience.set:
                    targets.append(target)
                    seconds = min(seconds, int(left))
                    break
        return Answer(tuple(targets), seconds)
