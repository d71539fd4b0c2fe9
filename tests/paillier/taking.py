"""A process that takes values from a pool until it is killed, and says what it got: ``taking.py PARENT``."""

import os
import sys
from pathlib import Path

from miyun.paillier.pool import Pool
from miyun.paillier.public import Kind, PublicKey

from .keys import P, Q

SEGMENT = 8
MARK = b"made"


class Numbered:
    """Values that differ, and are no powers: pools don't look."""

    kind = Kind.SHORT
    public_key = PublicKey.from_number(P * Q)

    def __init__(self) -> None:
        self.made: list[bytes] = []

    def take(self, count: int) -> bytes:
        values = [MARK + os.urandom(self.public_key.ciphertext_bytes - len(MARK)) for _ in range(count)]
        self.made += values
        return b"".join(values)


def values(data: bytes) -> list[bytes]:
    width = Numbered.public_key.ciphertext_bytes
    return [data[start : start + width] for start in range(0, len(data), width)]


def pool_in(parent: Path, source: Numbered | None = None) -> tuple[Pool, list[str]]:
    """A pool, and what is said of values that it throws away."""
    said: list[str] = []
    return Pool(parent, source or Numbered(), segment=SEGMENT, on_discard=said.append), said


def main() -> None:
    pool, said = pool_in(Path(sys.argv[1]))
    turn = 0
    while not said:
        turn += 1
        for value in values(pool.take(1 + turn % (2 * SEGMENT))):
            os.write(1, value.hex().encode() + b"\n")


if __name__ == "__main__":
    main()
