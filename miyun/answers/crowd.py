"""The connections of a port: of those that never showed a good token the oldest gives way to one too many."""

from collections.abc import Iterator
from typing import Final, Protocol

STRANGER_SECONDS: Final = 5.0
"""How long a connection may last without a good token."""


class Guest(Protocol):
    """A connection."""

    def check_time(self) -> None:
        """Close it if it has taken too long."""
        ...

    def finish(self) -> bool:
        """Let what is under way come to its end, and nothing begin; whether nothing is."""
        ...

    def abort(self) -> None:
        """Close it whatever is under way."""
        ...


class Crowd:
    """At most ``most`` connections."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._strangers: dict[Guest, None] = {}
        self._known: set[Guest] = set()

    def __len__(self) -> int:
        return len(self._strangers) + len(self._known)

    def __iter__(self) -> Iterator[Guest]:
        """Those that are there now."""
        return iter([*self._strangers, *self._known])

    def enter(self, guest: Guest) -> bool:
        """Take it in, as a stranger; False where all that are there have shown a good token."""
        if len(self) >= self._most:
            oldest = next(iter(self._strangers), None)
            if oldest is None:
                return False
            del self._strangers[oldest]
            oldest.abort()
        self._strangers[guest] = None
        return True

    def recognise(self, guest: Guest) -> None:
        """It has shown a good token."""
        if guest in self._strangers:
            del self._strangers[guest]
            self._known.add(guest)

    def knows(self, guest: Guest) -> bool:
        return guest in self._known

    def leave(self, guest: Guest) -> None:
        self._strangers.pop(guest, None)
        self._known.discard(guest)
