"""Which keys of PAIR are in force on a day, as a pure value.

A key set is a sequence of *generations*: a salt and a key that make one name per person. PAIR rotates the salt every 30
days and the key every 180, and has a bid request carry one id, or two at most (PAIR 1.1, "Publishers", 4). Two clocks
that run beside each other would give three for a while. Here the key changes only together with a salt, so there are
two at most::

    day     0        30        60        90
    gen. 1  |current | overlaps|
    gen. 2           |current  | overlaps|
    gen. 3                     |current  | …

A generation is *current*, and new matches are made with it, until the next one comes into force or its salt is 30 days
old. From then on it *overlaps* for 30 days: its ids are still given out, for campaigns that run on them. Rotating late
makes no ids longer-lived; it leaves days without a current generation.

Days are those of UTC. A side accepts what is in force on the day before or the day after as well, as the other side's
clock or a message under way at midnight may be on either.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from miyun.errors import KeyAccessError, StateError
from miyun.pair.secrets import AdvertiserKey, PublisherKey, Salt
from miyun.records import Record

OVERLAP_DAYS: Final = 30
LEAD_DAYS: Final = 7
"""How long before it comes into force a generation may be made: its salt has to reach the advertisers."""
MOST_IN_FORCE: Final = 2
SKEW: Final = timedelta(days=1)


class Side(StrEnum):
    PUBLISHER = "publisher"
    ADVERTISER = "advertiser"


class Standing(StrEnum):
    COMING = "coming"
    CURRENT = "current"
    OVERLAPPING = "overlapping"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation(Record):
    """The numbers of its secrets, and its first day. ``withdrawn``: the day from which it is not used at all."""

    number: int
    salt: int
    key: int
    since: date
    withdrawn: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet(Record):
    """The generations that one side ever had with one publisher's salts, oldest first. Holds no secret.

    ``publisher`` is the party whose salts these are: on the publisher's side the owner itself.
    """

    name: str
    side: Side
    publisher: str
    generations: tuple[Generation, ...]

    def __post_init__(self) -> None:
        days = [generation.since for generation in self.generations]
        numbers = [generation.number for generation in self.generations]
        if not days or days != sorted(days) or numbers != list(range(1, len(days) + 1)):
            raise KeyAccessError(
                f"the PAIR keys {self.name} are damaged", hint="Restore the home from its newest backup."
            )

    @property
    def newest(self) -> Generation:
        return self.generations[-1]

    def standing(self, generation: Generation, at: date) -> Standing:
        if generation.withdrawn is not None and at >= generation.withdrawn:
            return Standing.WITHDRAWN
        if at < generation.since:
            return Standing.COMING
        if at < self.current_until(generation):
            return Standing.CURRENT
        return Standing.OVERLAPPING if at < self.in_force_until(generation) else Standing.ENDED

    def current_until(self, generation: Generation) -> date:
        """The first day on which no new matches are made with it."""
        later = self.generations[generation.number : generation.number + 1]
        return min([self.due(generation), *(next_.since for next_ in later)])

    def in_force_until(self, generation: Generation) -> date:
        """The first day on which its ids are given out no more."""
        ends = self.current_until(generation) + timedelta(days=OVERLAP_DAYS)
        return ends if generation.withdrawn is None else min(ends, generation.withdrawn)

    def due(self, generation: Generation) -> date:
        """The day on which its salt is too old for new matches, and the next generation should come into force."""
        first = min(other.since for other in self.generations if other.salt == generation.salt)
        return first + timedelta(days=Salt.DAYS)

    def current(self, at: date) -> Generation:
        """The one that new matches are made with.

        Raises:
            StateError: there is none: the rotation is overdue, or the first day is yet to come.
        """
        for generation in reversed(self.generations):
            if self.standing(generation, at) is Standing.CURRENT:
                return generation
        raise StateError(
            f"no generation of the PAIR keys {self.name} is current on {at}",
            hint=f"Rotate them: miyun pair keys rotate {self.name}",
        )

    def emitted(self, at: date) -> tuple[Generation, ...]:
        """Those whose ids are given out, newest first; two at most."""
        wanted = (Standing.CURRENT, Standing.OVERLAPPING)
        return tuple(one for one in reversed(self.generations) if self.standing(one, at) in wanted)

    def accepted(self, at: date) -> tuple[Generation, ...]:
        """Those whose ids are taken from the other side, newest first: emitted on this day or on one beside it."""
        near = {one.number for day in (at - SKEW, at, at + SKEW) for one in self.emitted(day)}
        return tuple(
            one
            for one in reversed(self.generations)
            if one.number in near and self.standing(one, at) is not Standing.WITHDRAWN
        )

    def needed(self, at: date) -> tuple[frozenset[int], frozenset[int]]:
        """The numbers of the salts and of the keys that may be used on this day or later."""
        over = (Standing.ENDED, Standing.WITHDRAWN)
        alive = [one for one in self.generations if self.standing(one, at - SKEW) not in over]
        alive = [one for one in alive if self.standing(one, at) is not Standing.WITHDRAWN]
        return frozenset(one.salt for one in alive), frozenset(one.key for one in alive)


def begun(name: str, side: Side, publisher: str, *, since: date, salt: int = 1) -> KeySet:
    """A key set with one generation. ``salt``: an advertiser's publisher may be further on."""
    return KeySet(
        name=name,
        side=side,
        publisher=publisher,
        generations=(Generation(number=1, salt=salt, key=1, since=since),),
    )


def rotated(keys: KeySet, at: date) -> KeySet:
    """A publisher's next generation, in force when it is due, from ``at`` where that is past.

    The same key set where the next one is there already or need not be made yet: call it daily.
    """
    due = keys.due(keys.newest)
    if at + timedelta(days=LEAD_DAYS) < due:
        return keys
    return appended(keys, since=max(at, due), salt=keys.newest.salt + 1)


def appended(keys: KeySet, *, since: date, salt: int) -> KeySet:
    """A further generation with a salt of its own, and with a new key where the old one would get too old.

    Raises:
        StateError: the salt or the day is not later than those before, or three would be in force at once.
    """
    newest = keys.newest
    require_later(keys, salt)
    if since <= newest.since:
        raise StateError(
            f"a generation from {since} on is not later than the newest, from {newest.since} on",
            hint="Rotate on a later day, or withdraw the earlier ones if they have leaked.",
        )
    began = min(one.since for one in keys.generations if one.key == newest.key)
    too_old = since + timedelta(days=Salt.DAYS) > began + timedelta(days=_key_days(keys.side))
    next_ = Generation(number=newest.number + 1, salt=salt, key=newest.key + 1 if too_old else newest.key, since=since)
    longer = replace(keys, generations=(*keys.generations, next_))
    if len(longer.emitted(since)) > MOST_IN_FORCE:
        earliest = min(keys.in_force_until(one) for one in longer.emitted(since)[1:])
        raise StateError(
            f"a generation from {since} on would be the third in force; a bid request carries two ids at most",
            hint=f"Rotate on {earliest} or later, or withdraw the earlier ones if they have leaked.",
        )
    return longer


def require_later(keys: KeySet, salt: int) -> None:
    """Raises: StateError: the keys have a salt of this number or a higher one already."""
    if salt <= keys.newest.salt:
        raise StateError(
            f"the PAIR keys {keys.name} have salt {keys.newest.salt} already; salt {salt} is not a later one",
            hint="Ask the publisher for its newest salt: miyun pair keys share",
        )


def withdrawn(keys: KeySet, at: date, *, salt: int | None = None) -> KeySet:
    """All that is in force or coming is used no more; a new key begins, and a new salt.

    ``salt``: the number of the one it begins with; on the publisher's side the next. An advertiser whose own key has
    leaked keeps its publisher's newest.
    """
    newest = keys.newest
    next_ = Generation(
        number=newest.number + 1, salt=newest.salt + 1 if salt is None else salt, key=newest.key + 1, since=at
    )
    return replace(keys, generations=(*(_without(keys, one, at) for one in keys.generations), next_))


def _without(keys: KeySet, generation: Generation, at: date) -> Generation:
    if keys.standing(generation, at) in (Standing.ENDED, Standing.WITHDRAWN):
        return generation
    return replace(generation, since=min(generation.since, at), withdrawn=at)


def _key_days(side: Side) -> int:
    return (PublisherKey if side is Side.PUBLISHER else AdvertiserKey).DAYS
