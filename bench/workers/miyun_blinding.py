"""Hashes to the group, multiplies and blinds, on one processor."""

import hashlib
import time
from collections.abc import Callable

from bench.workers.channel import Answer, Work, serve, stay_on_one_processor
from miyun.hazmat.ristretto import POINT_BYTES, backend
from miyun.hazmat.scalars import SecretScalar
from miyun.kernels import kernels


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``values``, ``offsets``, ``dst`` and ``scalar`` in hexadecimal; how many points at the ``ends`` are told."""
    stay_on_one_processor()
    group = backend()
    values, offsets, dst = (bytes.fromhex(task[name]) for name in ("values", "offsets", "dst"))
    scalar = SecretScalar.from_bytes(bytes.fromhex(task["scalar"]))
    count = len(offsets) // 4 - 1
    group.blind(values[: int.from_bytes(offsets[4:8], "little")], offsets[:8], dst, scalar)

    def work(_: Answer) -> Answer:
        points, hashing = _timed(lambda: group.hash_to_group(values, offsets, dst))
        multiplied, multiplying = _timed(lambda: group.multiply(points, scalar))
        blinded, blinding = _timed(lambda: group.blind(values, offsets, dst, scalar))
        end = task["ends"] * POINT_BYTES
        return {
            "figures": {"blind": blinding / count, "hash": hashing / count, "multiply": multiplying / count},
            "ends": hashlib.sha256(blinded[:end] + blinded[-end:]).hexdigest(),
            "blinded": hashlib.sha256(blinded).hexdigest(),
            "multiplied": hashlib.sha256(multiplied).hexdigest(),
        }

    return {"version": kernels().words}, work


def _timed(call: Callable[[], bytes]) -> tuple[bytes, float]:
    before = time.process_time()
    result = call()
    return result, time.process_time() - before


serve(prepare)
