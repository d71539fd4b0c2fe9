"""How fast a list of hashed phone numbers falls: the way that Miyun refuses.

A slice of all mainland numbers is hashed and compared with the list, for as long as a time limit allows; whoever in
the list has a number inside the slice is found, exactly. The rest is arithmetic on the measured rate.
"""

import hashlib
import os
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

NUMBER_SPACE = 10**10
"""Every eleven-digit number that begins with 1."""

GRAPHICS_CARD_RATE = 22e9
"""SHA-256 a second on one RTX 4090, rounded, as published hashcat benchmarks have it. Not measured here."""

RUN_DIGITS = 4
RUNS_PER_TASK = 20
TAILS = tuple(f"{tail:0{RUN_DIGITS}d}".encode() for tail in range(10**RUN_DIGITS))


@dataclass(frozen=True, slots=True, kw_only=True)
class BruteForce:
    """``tried`` consecutive numbers from ``first``; ``recovered`` of the ``expected`` listed numbers among them."""

    listed: int
    first: int
    tried: int
    seconds: float
    processes: int
    recovered: int
    expected: int
    graphics_card_rate: float = GRAPHICS_CARD_RATE

    @property
    def rate(self) -> float:
        """Numbers hashed and compared a second."""
        return self.tried / self.seconds

    @property
    def seconds_for_all(self) -> float:
        """How long all 10¹⁰ numbers take at this rate, here, in Python."""
        return NUMBER_SPACE / self.rate

    @property
    def seconds_on_a_graphics_card(self) -> float:
        """The same at the published rate of one graphics card."""
        return NUMBER_SPACE / self.graphics_card_rate


def hash_phone(number: int) -> bytes:
    """What an upload of hashed numbers holds: SHA-256 of the number in E.164."""
    return hashlib.sha256(b"+86%d" % number).digest()


def attack(numbers: Iterable[int], *, seconds: float, first: int = 13_800_000_000) -> BruteForce:
    """Hash ``numbers``, forget them, and find them again by trying everything from ``first`` on."""
    truth = set(numbers)
    digests = frozenset(map(hash_phone, truth))
    processes = os.cpu_count() or 1
    step = RUNS_PER_TASK * 10**RUN_DIGITS
    found: set[int] = set()
    tried = 0
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=_remember, initargs=(digests,)) as pool:
        list(pool.map(_search, [0] * processes))
        started = time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            starts = [first + tried + place * step for place in range(processes * 2)]
            for hits in pool.map(_search, starts):
                found.update(hits)
            tried += step * len(starts)
        elapsed = time.perf_counter() - started
    expected = {number for number in truth if first <= number < first + tried}
    return BruteForce(
        listed=len(truth),
        first=first,
        tried=tried,
        seconds=elapsed,
        processes=processes,
        recovered=len(found & expected),
        expected=len(expected),
    )


_digests: frozenset[bytes] = frozenset()


def _remember(digests: frozenset[bytes]) -> None:
    global _digests  # noqa: PLW0603  (one list per worker process, sent once)
    _digests = digests


def _search(start: int) -> list[int]:
    hits: list[int] = []
    digests, sha256 = _digests, hashlib.sha256
    for head in range(start // 10**RUN_DIGITS, start // 10**RUN_DIGITS + RUNS_PER_TASK):
        prefix = b"+86%d" % head
        for place, tail in enumerate(TAILS):
            if sha256(prefix + tail).digest() in digests:
                hits.append(head * 10**RUN_DIGITS + place)
    return hits
