"""Miyun's deltas: a fusion, then changes of its rows, by warm processes that are asked through the Python API."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from bench.cases.case import Bout, Place
from bench.cases.fusion_miyun import RUNS_WITHIN_CAP, fusion_task, write_tables
from bench.cases.own import agree, measured, staged
from bench.changing import CHANGED, Changing
from bench.environments import OwnEnvironment
from bench.processes import Deadline, Worker
from bench.results import Run
from bench.tables import compare_ids
from demo.stage import Stage

ROUND: Final = 3
"""Digits after the point of a second of processor time; the system counts hundredths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MiyunDelta:
    """Every run is the next delta of one epoch."""

    name: str
    backend: str
    largest: int | None = None
    environment: OwnEnvironment = field(default_factory=OwnEnvironment)

    @contextmanager
    def open(self, ground: Changing, place: Place, deadline: Deadline) -> Iterator[Bout]:
        started = time.monotonic()
        ground = ground.with_own_table(place.folder / "members.csv")
        with staged(place.folder / "stage", self.backend, partial(_set_up, ground)) as stage:
            task = fusion_task(stage, ground.tables.rows)
            with Worker("user", python=place.python, script="miyun_fusion", task=task, folder=place.folder) as user:
                ready = user.ready(deadline)
                apart = {"set-up": time.monotonic() - started}
                bout = _Bout(stage, user, ground, place.folder)
                bout.fuse(deadline)
                yield Bout(run=bout.run, apart=apart, version=ready["version"])


class _Bout:
    def __init__(self, stage: Stage, user: Worker, ground: Changing, folder: Path) -> None:
        self._stage = stage
        self._user = user
        self._ground = ground
        self._folder = folder
        self._fusing: dict[str, float] = {}

    def fuse(self, deadline: Deadline) -> None:
        answer, processes, _ = measured(self._stage, self._user, deadline, do="fuse")
        processor = round(sum(process.cpu_seconds for process in processes), ROUND)
        self._fusing = {"fusing": answer["seconds"], "fusing_processor": processor}

    def run(self, deadline: Deadline) -> Run:
        add, remove = self._folder / "add.csv", self._folder / "remove.csv"
        self._ground = self._ground.changed(add, remove)
        answer, processes, wire = measured(
            self._stage, self._user, deadline, do="change", add=str(add), remove=str(remove)
        )
        self._user.start(do="deliver")
        delivered = self._user.done(deadline)
        for expected, path in zip(self._ground.matched(), delivered["files"], strict=True):
            compare_ids(expected, Path(path))
        processor = round(sum(process.cpu_seconds for process in processes), ROUND)
        figures = {"seconds": answer["seconds"], "processor": processor, **self._fusing}
        return Run(figures=figures, processes=processes, wire_bytes=wire)


def _set_up(ground: Changing, stage: Stage) -> None:
    stage.make_homes()
    write_tables(stage, ground.tables.merchant, ground.tables.platform)
    cap = RUNS_WITHIN_CAP * (ground.tables.rows + CHANGED)
    agree(stage, "--identifier", f"phone:e164-cn:{cap}", "--deltas", str(CHANGED))
