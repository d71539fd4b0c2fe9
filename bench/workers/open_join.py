"""A join of two CSV files by phone in the open, by one of three engines: the ids of either side, file to file."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from bench.workers.channel import Answer, Work, serve

Files = list[str]


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``engine``, two ``inputs`` and two ``outputs``."""
    engine = task["engine"].lower()
    join: Callable[[Files, Files], None] = {"pandas": _pandas, "polars": _polars, "duckdb": _duckdb}[engine]()

    def work(_: Answer) -> Answer:
        join(task["inputs"], task["outputs"])
        return {}

    return {"version": version(engine)}, work


def _pandas() -> Callable[[Files, Files], None]:
    import pandas as pd

    def join(inputs: Files, outputs: Files) -> None:
        left, right = (pd.read_csv(path, engine="pyarrow") for path in inputs)
        merged = left.merge(right, on="phone")
        for column, path in zip(("id_x", "id_y"), outputs, strict=True):
            merged[[column]].to_csv(path, index=False)

    return join


def _polars() -> Callable[[Files, Files], None]:
    import polars as pl

    def join(inputs: Files, outputs: Files) -> None:
        left, right = (pl.read_csv(path) for path in inputs)
        merged = left.join(right, on="phone", suffix="_y")
        for column, path in zip(("id", "id_y"), outputs, strict=True):
            merged.select(column).write_csv(path)

    return join


def _duckdb() -> Callable[[Files, Files], None]:
    import duckdb

    def join(inputs: Files, outputs: Files) -> None:
        with duckdb.connect() as connection:
            left, right = (f"read_csv('{_quoted(path)}')" for path in inputs)
            connection.execute(
                f"CREATE TABLE merged AS SELECT l.id AS id_x, r.id AS id_y FROM {left} l JOIN {right} r USING (phone)"
            )
            for column, path in zip(("id_x", "id_y"), outputs, strict=True):
                connection.execute(f"COPY (SELECT {column} FROM merged) TO '{_quoted(path)}' (HEADER)")

    return join


def _quoted(path: Any) -> str:
    return str(path).replace("'", "''")


serve(prepare)
