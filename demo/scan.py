"""Looks for people in bytes: every identifier of both tables, and every unkeyed hash of one, in all of a folder.

It finds identifiers as text, and their SHA-256 in hexadecimal or raw, at any offset.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demo.reference import Person
from demo.results import LeakScan

BLOCK_BYTES = 1 << 22
OVERLAP_BYTES = 320
FIRST_BITS = 24
"""Of eight bytes, which rule out almost all of them at once."""

SHORTEST_ID = 6
"""Shorter ids turn up in random bytes by chance."""

WORDS = re.compile(
    rb"(?<![0-9])1[3-9][0-9]{9}(?![0-9])|[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+|\b[A-Za-z][0-9]{5,}\b|[0-9a-f]{64}"
)
PHONE_IN_E164 = re.compile(rb"(?<![0-9])86(1[3-9][0-9]{9})(?![0-9])")


class Wanted:
    """What must not turn up."""

    def __init__(self, people: Iterable[Person]) -> None:
        self.texts: set[bytes] = set()
        hashed: set[bytes] = set()
        for person in people:
            if len(person.id) >= SHORTEST_ID:
                self.texts.add(person.id.encode())
            if person.email:
                self.texts.add(person.email.encode())
                hashed.add(hashlib.sha256(person.email.encode()).digest())
            if person.phone:
                self.texts.add(person.phone.encode())
                spellings = (person.phone, f"86{person.phone}", f"+86{person.phone}")
                hashed |= {hashlib.sha256(spelling.encode()).digest() for spelling in spellings}
        self.identifiers = len(self.texts)
        self.texts |= {digest.hex().encode() for digest in hashed}
        heads = np.frombuffer(b"".join(digest[:8] for digest in hashed), dtype="<u8")
        self.heads: NDArray[np.uint64] = np.sort(heads)
        self._first_bits = np.zeros(1 << FIRST_BITS, np.bool_)
        self._first_bits[heads >> np.uint64(64 - FIRST_BITS)] = True

    def found_in(self, block: bytes) -> set[bytes]:
        """What of it turns up in these bytes."""
        words = set(WORDS.findall(block))
        words |= {word.lower() for word in words}
        words |= {match[1] for match in PHONE_IN_E164.finditer(block)}
        return (words & self.texts) | set(self._raw(block))

    def _raw(self, block: bytes) -> Iterator[bytes]:
        for offset in range(min(8, max(0, len(block) - 7))):
            count = (len(block) - offset) // 8
            windows = np.frombuffer(block, dtype="<u8", count=count, offset=offset)
            windows = windows[self._first_bits[windows >> np.uint64(64 - FIRST_BITS)]]
            places = np.searchsorted(self.heads, windows)
            places[places == len(self.heads)] = 0
            yield from (head.tobytes() for head in windows[self.heads[places] == windows])


def scan(folder: Path, people: Iterable[Person]) -> LeakScan:
    """Search every file under ``folder``."""
    wanted = Wanted(people)
    total, found = 0, set[bytes]()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total += path.stat().st_size
        for block in _blocks(path):
            found |= wanted.found_in(block)
    return LeakScan(bytes=total, identifiers=wanted.identifiers, found=len(found))


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        tail = b""
        while block := file.read(BLOCK_BYTES):
            yield tail + block
            tail = block[-OVERLAP_BYTES:]
