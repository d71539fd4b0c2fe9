"""Waking long polls: who waits for news of whom, and at most how many at once."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

Found = TypeVar("Found")


class Bell:
    """Rings for parties by name. At most ``places`` waiters are parked; a further one is turned away at once."""

    def __init__(self, places: int) -> None:
        self._condition = threading.Condition()
        self._rung: Counter[str] = Counter()
        self._free = places
        self._closed = False

    def ring(self, names: Iterable[str]) -> None:
        with self._condition:
            self._rung.update(names)
            self._condition.notify_all()

    def close(self) -> None:
        """Wake everybody for good."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def listen(self, name: str) -> "Listener":
        """Begin to listen: a ring from now on is not missed, even before ``wait``."""
        with self._condition:
            return Listener(self, name, self._rung[name])

    def hold(self, name: str, find: Callable[[], Found | None], seconds: float) -> Found | None:
        """What ``find`` gives, looked for again at each ring; None where it is not there after the time."""
        deadline = time.monotonic() + seconds
        listener = self.listen(name)
        while True:
            found = find()
            left = deadline - time.monotonic()
            if found is not None or left <= 0 or not listener.wait(left):
                return found

    def _wait(self, name: str, seen: int, seconds: float) -> int | None:
        with self._condition:
            if self._free == 0 or self._closed:
                return None
            self._free -= 1
            try:
                self._condition.wait_for(lambda: self._closed or self._rung[name] != seen, timeout=seconds)
            finally:
                self._free += 1
            return self._rung[name]


class Listener:
    def __init__(self, bell: Bell, name: str, seen: int) -> None:
        self._bell = bell
        self._name = name
        self._seen = seen

    def wait(self, seconds: float) -> bool:
        """Park until it rings or the time is over; False at once where no place is free or the zone stops."""
        seen = self._bell._wait(self._name, self._seen, seconds)
        if seen is None:
            return False
        self._seen = seen
        return True
