"""The backend that runs everywhere, and the reference: libsodium through ctypes, one call per element, in threads.

libsodium 1.0.18 ignores the highest bit of an encoding, so that every element has a second one, by which a repeated
point would look like a new one. It is checked here.
"""

import ctypes
import hashlib
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np

from miyun.errors import InternalError
from miyun.hazmat.hashing import MessageExpander
from miyun.hazmat.ristretto import POINT_BYTES, TOKEN_BYTES, UNIFORM_BYTES, refused_point
from miyun.hazmat.scalars import SCALAR_BYTES, SecretScalar
from miyun.hazmat.sodium import sodium

_WORTH_A_THREAD: Final = 64
_HIGH_BIT: Final = 0x80


class PortableBackend:
    """See :class:`miyun.hazmat.ristretto.Backend`."""

    name = "portable"

    def hash_to_group(self, values: bytes, offsets: bytes, dst: bytes) -> bytes:
        bounds = _bounds(values, offsets)
        expander = MessageExpander(dst, UNIFORM_BYTES)
        view = memoryview(values)
        uniform = bytearray(UNIFORM_BYTES * (len(bounds) - 1))
        for index, (start, end) in enumerate(itertools.pairwise(bounds)):
            uniform[UNIFORM_BYTES * index : UNIFORM_BYTES * (index + 1)] = expander.expand(view[start:end])
        return self.map_to_group(bytes(uniform))

    def map_to_group(self, uniform: bytes) -> bytes:
        count = _count(uniform, UNIFORM_BYTES)
        source = np.frombuffer(uniform, np.uint8)
        result = np.empty(count * POINT_BYTES, np.uint8)
        read, write, call = source.ctypes.data, result.ctypes.data, sodium().map

        def work(start: int, end: int) -> None:
            for index in range(start, end):
                call(write + POINT_BYTES * index, read + UNIFORM_BYTES * index)

        _spread(count, work)
        return result.tobytes()

    def multiply(self, points: bytes, scalar: SecretScalar) -> bytes:
        count = _count(points, POINT_BYTES)
        source = np.frombuffer(points, np.uint8)
        result = np.empty(count * POINT_BYTES, np.uint8)
        factor = ctypes.create_string_buffer(scalar.to_bytes(), SCALAR_BYTES)
        read, write, times, call = source.ctypes.data, result.ctypes.data, ctypes.addressof(factor), sodium().multiply
        refused = [int(index) for index in np.flatnonzero(source[POINT_BYTES - 1 :: POINT_BYTES] & _HIGH_BIT)]

        def work(start: int, end: int) -> None:
            for index in range(start, end):
                if call(write + POINT_BYTES * index, times, read + POINT_BYTES * index) != 0:
                    refused.append(index)
                    return

        _spread(count, work)
        ctypes.memset(factor, 0, SCALAR_BYTES)
        if refused:
            raise refused_point(min(refused))
        return result.tobytes()

    def blind(self, values: bytes, offsets: bytes, dst: bytes, scalar: SecretScalar) -> bytes:
        return self.multiply(self.hash_to_group(values, offsets, dst), scalar)

    def derive_tokens(self, points: bytes, key: bytes) -> bytes:
        if not 0 < len(key) <= hashlib.blake2b.MAX_KEY_SIZE:
            raise InternalError("a token key has 1 to 64 bytes")
        keyed = hashlib.blake2b(key=key, digest_size=TOKEN_BYTES)
        view = memoryview(points)
        tokens = []
        for start in range(0, _count(points, POINT_BYTES) * POINT_BYTES, POINT_BYTES):
            state = keyed.copy()
            state.update(view[start : start + POINT_BYTES])
            tokens.append(state.digest())
        return b"".join(tokens)


def _count(batch: bytes, size: int) -> int:
    if len(batch) % size:
        raise InternalError(f"a batch of {len(batch)} bytes is no multiple of {size}")
    return len(batch) // size


def _bounds(values: bytes, offsets: bytes) -> list[int]:
    if len(offsets) % 4 == 0 and offsets:
        bounds = np.frombuffer(offsets, "<u4")
        if bounds[0] == 0 and bounds[-1] == len(values) and bool(np.all(bounds[1:] >= bounds[:-1])):
            return [int(bound) for bound in bounds]
    raise InternalError("the offsets do not fit the values")


def _spread(count: int, work: Callable[[int, int], None]) -> None:
    """Call ``work(start, end)`` on slices of ``range(count)``, in as many threads as there are processors."""
    threads = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 32)
    slices = min(threads, max(1, count // _WORTH_A_THREAD))
    if slices == 1:
        work(0, count)
        return
    edges = [count * part // slices for part in range(slices + 1)]
    with ThreadPoolExecutor(slices, "ristretto") as pool:
        for done in [pool.submit(work, *pair) for pair in itertools.pairwise(edges)]:
            done.result()
