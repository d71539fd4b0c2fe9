"""Miyun's segments: a zone and both agents as warm processes, asked through the Python API by users."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench.cases.case import Bout, Place
from bench.cases.fusion_miyun import fusion_task, write_tables
from bench.cases.own import CAST, agree, measured, staged
from bench.environments import OwnEnvironment
from bench.processes import Deadline, Worker
from bench.results import Run
from bench.spenders import Spenders
from bench.tables import compare_ids
from demo.stage import Stage
from miyun.contract.model import Grant, Rung

GRANTS: Final = tuple(
    Grant(owner=owner, subject=f"{namespace}.spend", rung=rung, recipient=recipient)
    for owner, namespace, recipient in (
        (CAST.platform, "tags", CAST.merchant),
        (CAST.merchant, "members", CAST.platform),
    )
    for rung in (Rung.USE, Rung.ACTIVATE)
)
"""What a segment of both sides' spend needs, for either recipient."""
LEGS: Final = 200
"""More than the predicates of all runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MiyunSegment:
    """Every run is another segment over one fusion."""

    name: str
    backend: str
    largest: int | None = None
    environment: OwnEnvironment = field(default_factory=OwnEnvironment)

    @contextmanager
    def open(self, ground: Spenders, place: Place, deadline: Deadline) -> Iterator[Bout]:
        started = time.monotonic()
        with staged(place.folder / "stage", self.backend, partial(_set_up, ground)) as stage:
            task = fusion_task(stage, ground.rows)
            with Worker("user", python=place.python, script="miyun_fusion", task=task, folder=place.folder) as user:
                ready = user.ready(deadline)
                apart = {"set-up": time.monotonic() - started}
                user.start(do="fuse")
                apart["fusion"] = user.done(deadline)["seconds"]
                definitions = ground.definitions()
                yield Bout(
                    run=lambda deadline: _run(stage, user, *next(definitions), deadline),
                    apart=apart,
                    version=ready["version"],
                )


def _run(stage: Stage, user: Worker, definition: str, expected: tuple[Any, Any], deadline: Deadline) -> Run:
    created, processes, wire = measured(stage, user, deadline, do="create", definition=definition)
    user.start(do="deliver", segment=created["segment"])
    delivered = user.done(deadline)
    for ids, path in zip(expected, delivered["files"], strict=True):
        compare_ids(ids, Path(path))
    figures = {"seconds": created["seconds"], "delivery": delivered["seconds"]}
    return Run(figures=figures, processes=processes, wire_bytes=wire)


def _set_up(ground: Spenders, stage: Stage) -> None:
    stage.make_homes()
    write_tables(stage, ground.merchant, ground.platform, {"members.attributes.spend": {"type": "number"}})
    agree(stage, "--identifier", f"phone:e164-cn:{ground.rows}", "--legs", str(LEGS), grants=GRANTS)
