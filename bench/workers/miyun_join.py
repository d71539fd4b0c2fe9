"""The zone's join of one identifier type."""

import hashlib
import time
from pathlib import Path

import numpy as np

from bench.workers.channel import Answer, Work, serve
from miyun.kernels import kernels
from miyun.psi.join import TokenColumn, join


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``left`` and ``right``: files of tokens."""
    left, right = (_column(task[side]) for side in ("left", "right"))

    def work(_: Answer) -> Answer:
        begun = time.monotonic()
        matches = join([(left, right)])
        seconds = time.monotonic() - begun
        pairs = hashlib.sha256(matches.left.astype("<u4").tobytes() + matches.right.astype("<u4").tobytes())
        return {"figures": {"seconds": seconds}, "pairs": pairs.hexdigest()}

    return {"version": kernels().words}, work


def _column(path: str) -> TokenColumn:
    tokens = Path(path).read_bytes()
    return TokenColumn(tokens=tokens, handles=np.arange(len(tokens) // 16, dtype=np.uint32))


serve(prepare)
