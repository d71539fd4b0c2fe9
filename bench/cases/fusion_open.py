"""Matching with no privacy at all: one process reads both files."""

from pathlib import Path
from typing import Any

from bench.cases.one_process import OneProcess
from bench.environments import Environment
from bench.tables import Tables, compare_ids

OPEN = Environment("open")


def _task(ground: Tables, folder: Path) -> dict[str, Any]:
    outputs = (folder / "merchant-ids.csv", folder / "platform-ids.csv")
    return {"inputs": [str(ground.merchant), str(ground.platform)], "outputs": [str(path) for path in outputs]}


def _check(ground: Tables, folder: Path, _: dict[str, Any]) -> None:
    for expected, name in ((ground.merchant_ids, "merchant-ids.csv"), (ground.platform_ids, "platform-ids.csv")):
        compare_ids(expected, folder / name)
        (folder / name).unlink()


OPEN_JOINS = tuple(
    OneProcess[Tables](
        name=f"{engine} (no privacy)",
        environment=OPEN,
        script="open_join",
        task=_task,
        check=_check,
        constants={"engine": engine},
    )
    for engine in ("pandas", "polars", "DuckDB")
)
