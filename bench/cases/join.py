"""Joining 16-byte tokens in memory."""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.cases.case import Case, Figure
from bench.cases.one_process import OneProcess
from bench.cases.own import require_native
from bench.environments import Environment, OwnEnvironment
from bench.failures import WrongResultError

SEED = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Two files of tokens, 16 bytes each; a token's place is its handle. ``expected``: digest of the pairs."""

    left: Path
    right: Path
    expected: str


def _lay(folder: Path, rows: int) -> Tokens:
    """The pairs are known from how the tokens are dealt, without any join."""
    random = np.random.default_rng(SEED)
    tokens = random.integers(0, 2**64, size=(rows + rows // 2, 2), dtype=np.uint64)
    left, right = random.permutation(rows), random.permutation(rows) + rows // 2
    paths = (folder / "left.tokens", folder / "right.tokens")
    for path, people in zip(paths, (left, right), strict=True):
        tokens[people].tofile(path)
    place = np.zeros(len(tokens), np.uint32)
    place[right] = np.arange(rows)
    handles = np.flatnonzero(left >= rows // 2).astype(np.uint32)
    return Tokens(left=paths[0], right=paths[1], expected=digest(handles, place[left[handles]]))


def digest(left: Any, right: Any) -> str:
    """SHA-256 of the pairs by ascending left handle, each half as 32-bit numbers."""
    return hashlib.sha256(left.astype("<u4").tobytes() + right.astype("<u4").tobytes()).hexdigest()


def _task(ground: Tokens, _: Path) -> dict[str, Any]:
    return {"left": str(ground.left), "right": str(ground.right)}


def _check(ground: Tokens, _: Path, answer: dict[str, Any]) -> None:
    if answer["pairs"] != ground.expected:
        raise WrongResultError("the pairs are not those that were dealt")


_contestant = partial(OneProcess[Tokens], task=_task, check=_check, tells=True)
OPEN = Environment("open")

CASE = Case[Tokens](
    name="join",
    title="Join: equal tokens, in memory",
    about="""\
What the zone does at the end of a fusion: find the handles of equal 16-byte tokens. Tokens are in memory, in the form
that each engine likes best, before the clock starts; it stops with the pairs of handles in memory. Miyun also checks
that no token or handle is there twice, and gives the pairs in order. DuckDB takes a token as UHUGEINT, and once as
BLOB; polars as UInt128; pandas as two columns of 64 bits. All engines may use every core.""",
    sized="rows a side",
    small=(1_000_000,),
    full=(1_000_000, 10_000_000),
    figures=(Figure("seconds", "time"),),
    contestants=(
        _contestant(
            name="Miyun native",
            environment=OwnEnvironment(),
            script="miyun_join",
            variables={"MIYUN_BACKEND": "native"},
            requires=require_native,
        ),
        _contestant(
            name="Miyun portable",
            environment=OwnEnvironment(),
            script="miyun_join",
            variables={"MIYUN_BACKEND": "portable"},
        ),
        *(
            _contestant(name=name, environment=OPEN, script="open_token_join", constants={"engine": name})
            for name in ("DuckDB", "DuckDB BLOB", "polars", "pandas")
        ),
    ),
    lay=_lay,
)
