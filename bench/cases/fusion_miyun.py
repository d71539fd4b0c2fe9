"""Miyun's own fusion: a zone and two agents as warm processes, asked through the Python API by a third."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bench.cases.case import Bout, Place
from bench.cases.own import CONTRACT, agree, measured, staged
from bench.environments import OwnEnvironment
from bench.processes import Deadline, Worker
from bench.results import Run
from bench.tables import Tables, compare_ids
from demo.stage import Stage, write_party

RUNS_WITHIN_CAP = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class MiyunFusion:
    """Every run is the next epoch of one contract."""

    name: str
    backend: str
    largest: int | None = None
    environment: OwnEnvironment = field(default_factory=OwnEnvironment)

    @contextmanager
    def open(self, ground: Tables, place: Place, deadline: Deadline) -> Iterator[Bout]:
        started = time.monotonic()
        with staged(place.folder / "stage", self.backend, partial(_set_up, ground)) as stage:
            set_up = time.monotonic() - started
            task = fusion_task(stage, ground.rows)
            user = Worker("user", python=place.python, script="miyun_fusion", task=task, folder=place.folder)
            with user:
                ready = user.ready(deadline)
                apart = {"set-up": set_up, "start-up": time.monotonic() - started - set_up}
                yield Bout(
                    run=lambda deadline: _run(stage, user, ground, deadline), apart=apart, version=ready["version"]
                )


def _run(stage: Stage, user: Worker, ground: Tables, deadline: Deadline) -> Run:
    fused, processes, wire = measured(stage, user, deadline, do="fuse")
    user.start(do="deliver")
    delivered = user.done(deadline)
    for expected, path in zip((ground.merchant_ids, ground.platform_ids), delivered["files"], strict=True):
        compare_ids(expected, Path(path))
    figures = {"seconds": fused["seconds"], "delivery": delivered["seconds"]}
    own = tuple(process for process in processes if process.name != user.name)  # who asks has no part in it
    return Run(figures=figures, processes=own, wire_bytes=wire)


def _set_up(ground: Tables, stage: Stage) -> None:
    stage.make_homes()
    write_tables(stage, ground.merchant, ground.platform)
    agree(stage, "--identifier", f"phone:e164-cn:{RUNS_WITHIN_CAP * ground.rows}")


def write_tables(
    stage: Stage, merchant: Path, platform: Path, attributes: Mapping[str, dict[str, Any]] = MappingProxyType({})
) -> None:
    """Tell both parties which table is theirs, with the same ``attributes``, tables of the configuration."""
    for actor, table in ((stage.merchant, merchant), (stage.platform, platform)):
        members = {"source": "csv", "path": str(table), "id": "id"}
        phone = {"column": "phone", "profile": "e164-cn"}
        write_party(actor, {"members": members, "members.identifiers.phone": phone, **attributes})


def fusion_task(stage: Stage, rows: int) -> dict[str, object]:
    """What the worker of the parties' users is told."""
    parties = (stage.merchant, stage.platform)
    return {
        "contract": CONTRACT,
        "homes": [str(party.home) for party in parties],
        "keys": [str(party.key_file) for party in parties],
        "logs": [str(party.log) for party in parties],
        "rows": rows,
    }
