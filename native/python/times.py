"""Microseconds of CPU per element: the kernels beside Miyun's portable backend.

    .venv/bin/python native/python/times.py [elements]

CPU seconds of the whole process, the least of several runs, so that other processes disturb little.
"""

import hashlib
import itertools
import resource
import sys
from collections.abc import Callable

import miyun_native as native

from miyun.hazmat.portable import PortableBackend
from miyun.hazmat.scalars import SecretScalar

PORTABLE = PortableBackend()
DST = b"MIYUN-TIMES-ristretto255_XMD:SHA-512_R255MAP_RO_"


def messages(count: int, longest: int) -> tuple[bytes, bytes]:
    sizes = [(7 * number) % (longest + 1) for number in range(count)]
    bounds = b"".join(end.to_bytes(4, "little") for end in itertools.accumulate(sizes, initial=0))
    return hashlib.shake_256(b"messages").digest(sum(sizes)), bounds


def cpu_microseconds(work: Callable[[], object], count: int) -> float:
    def used() -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    def once() -> float:
        before = used()
        work()
        return used() - before

    return min(once() for _ in range(7)) / count * 1e6


def times(count: int) -> None:
    values, bounds = messages(count, 40)
    uniform = hashlib.shake_256(b"uniform").digest(64 * count)
    points = native.map_to_group(uniform)
    scalar = SecretScalar.random()
    raw, key = scalar.to_bytes(), b"k" * 32
    rows: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
        ("map_to_group", lambda: native.map_to_group(uniform), lambda: PORTABLE.map_to_group(uniform)),
        (
            "hash_to_group",
            lambda: native.hash_to_group(values, bounds, DST),
            lambda: PORTABLE.hash_to_group(values, bounds, DST),
        ),
        ("multiply", lambda: native.multiply(points, raw), lambda: PORTABLE.multiply(points, scalar)),
        (
            "blind",
            lambda: native.blind(values, bounds, DST, raw),
            lambda: PORTABLE.blind(values, bounds, DST, scalar),
        ),
        ("derive_tokens", lambda: native.derive_tokens(points, key), lambda: PORTABLE.derive_tokens(points, key)),
    ]
    print(f"µs of CPU per element   {native.KERNEL:>10}   portable   ratio")
    for name, ours, theirs in rows:
        fast, slow = cpu_microseconds(ours, count), cpu_microseconds(theirs, count)
        print(f"{name:<20} {fast:13.3f} {slow:10.2f} {slow / fast:7.1f}")


if __name__ == "__main__":
    times(int(sys.argv[1]) if len(sys.argv) > 1 else 8_192)
