"""The zone's join of one identifier type."""

import hashlib
import time
from pathlib import Path

import numpy as np

from bench.workers.channel import Answer, Work, serve
from miyun.kernels import kernels
from miyun.psi.join import Matches, TokenColumn, join


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``left`` and ``right``: files of tokens."""
    left, right = (_column(task[side]) for side in ("left", "right"))

    found: list[Matches] = []

    def work(request: Answer) -> Answer:
        if request["do"] == "tell":
            return {"pairs": _digest(found.pop())}
        begun = time.monotonic()
        found.append(join([(left, right)]))
        return {"figures": {"seconds": time.monotonic() - begun}}

    return {"version": kernels().words}, work


def _digest(matches: Matches) -> str:
    pairs = matches.left.astype("<u4").tobytes() + matches.right.astype("<u4").tobytes()
    return hashlib.sha256(pairs).hexdigest()


def _column(path: str) -> TokenColumn:
    tokens = Path(path).read_bytes()
    return TokenColumn(tokens=tokens, handles=np.arange(len(tokens) // 16, dtype=np.uint32))


serve(prepare)
