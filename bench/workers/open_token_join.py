"""A join of 16-byte tokens by one of three engines. A token's place is its handle."""

import hashlib
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.workers.channel import Answer, Work, serve

Tokens = NDArray[np.uint64]
Handles = NDArray[np.uint32]
Join = Callable[[], tuple[Handles, Handles]]


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``engine``; ``left`` and ``right``: files of tokens."""
    columns = tuple(np.fromfile(task[side], "<u8").reshape(-1, 2) for side in ("left", "right"))
    engines = {"DuckDB": _duckdb_numbers, "DuckDB BLOB": _duckdb_blobs, "polars": _polars, "pandas": _pandas}
    join = engines[task["engine"]](*columns)
    del columns

    found: list[tuple[Handles, Handles]] = []

    def work(request: Answer) -> Answer:
        if request["do"] == "tell":
            return {"pairs": _digest(*found.pop())}
        begun = time.monotonic()
        found.append(join())
        return {"figures": {"seconds": time.monotonic() - begun}}

    return {"version": version(task["engine"].partition(" ")[0].lower())}, work


def _digest(left: Handles, right: Handles) -> str:
    order = np.argsort(left)
    pairs = left[order].astype("<u4").tobytes() + right[order].astype("<u4").tobytes()
    return hashlib.sha256(pairs).hexdigest()


def _duckdb_numbers(left: Tokens, right: Tokens) -> Join:
    return _duckdb(left, right, "hi::UHUGEINT * 18446744073709551616::UHUGEINT + lo::UHUGEINT", _arrow_numbers)


def _duckdb_blobs(left: Tokens, right: Tokens) -> Join:
    return _duckdb(left, right, "token", _arrow_blobs)


def _duckdb(left: Tokens, right: Tokens, token: str, arrow: Callable[[Tokens], object]) -> Join:
    import duckdb

    connection = duckdb.connect()
    for name, tokens in (("l", left), ("r", right)):
        connection.register("given", arrow(tokens))
        connection.execute(f"CREATE TABLE {name} AS SELECT {token} AS token, handle FROM given")
        connection.unregister("given")

    def join() -> tuple[Handles, Handles]:
        found: dict[str, Any] = connection.execute(
            "SELECT l.handle AS a, r.handle AS b FROM l JOIN r USING (token)"
        ).fetchnumpy()
        return found["a"], found["b"]

    return join


def _polars(left: Tokens, right: Tokens) -> Join:
    import polars as pl

    frames = [
        pl.DataFrame({"token": pl.Series(table["token"]), "handle": pl.Series(table["handle"])}).with_columns(
            pl.col("token").bin.reinterpret(dtype=pl.UInt128, endianness="little")
        )
        for table in (_arrow_blobs(left), _arrow_blobs(right))
    ]

    def join() -> tuple[Handles, Handles]:
        found = frames[0].join(frames[1], on="token")
        return found["handle"].to_numpy(), found["handle_right"].to_numpy()

    return join


def _pandas(left: Tokens, right: Tokens) -> Join:
    import pandas as pd

    frames = [
        pd.DataFrame({"lo": tokens[:, 0].copy(), "hi": tokens[:, 1].copy(), "handle": _handles(tokens)})
        for tokens in (left, right)
    ]

    def join() -> tuple[Handles, Handles]:
        found = frames[0].merge(frames[1], on=["lo", "hi"])
        return found["handle_x"].to_numpy(), found["handle_y"].to_numpy()

    return join


def _arrow_numbers(tokens: Tokens) -> Any:
    import pyarrow as pa

    return pa.table({"lo": tokens[:, 0].copy(), "hi": tokens[:, 1].copy(), "handle": _handles(tokens)})


def _arrow_blobs(tokens: Tokens) -> Any:
    import pyarrow as pa

    column = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(tokens), [None, pa.py_buffer(tokens.tobytes())])
    return pa.table({"token": column, "handle": _handles(tokens)})


def _handles(tokens: Tokens) -> Handles:
    return np.arange(len(tokens), dtype=np.uint32)


serve(prepare)
