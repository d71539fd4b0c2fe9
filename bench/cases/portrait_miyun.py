"""Miyun's own portrait: a zone and both agents as warm processes, asked through the Python API by a user."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from bench.cases.case import Bout, Place
from bench.cases.own import CONTRACT, agree, measured, staged
from bench.environments import OwnEnvironment
from bench.portraits import DEFINITION, Portraits, compare_totals
from bench.processes import Deadline, Worker
from bench.results import Run
from demo.stage import Stage, write_party

CHARGE: Final = 5_000
"""Millionths of ρ: a drafted contract's budget is enough for 19 runs.

Each spends one more than the last: a question that was asked before costs no work.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MiyunPortrait:
    """Every run is another question about one segment, after the zone has its randomness ready again."""

    name: str
    backend: str
    largest: int | None = None
    environment: OwnEnvironment = field(default_factory=OwnEnvironment)

    @contextmanager
    def open(self, ground: Portraits, place: Place, deadline: Deadline) -> Iterator[Bout]:
        started = time.monotonic()
        with staged(place.folder / "stage", self.backend, partial(_set_up, ground)) as stage:
            task = {
                "contract": CONTRACT,
                "home": str(stage.merchant.home),
                "key": str(stage.merchant.key_file),
                "zone": str(stage.zone.home),
                "catalogue": str(ground.catalogue),
                "definition": DEFINITION,
                "users": ground.users,
                "answer": str(place.folder / "answer.npz"),
            }
            user = Worker("user", python=place.python, script="miyun_portrait", task=task, folder=place.folder)
            with user:
                ready = user.ready(deadline)
                apart = {"set-up": time.monotonic() - started}
                charges = itertools.count(CHARGE)

                def run(deadline: Deadline) -> Run:
                    return _run(stage, user, ground, next(charges), deadline)

                yield Bout(run=run, apart=apart, version=ready["version"])


def _run(stage: Stage, user: Worker, ground: Portraits, charge: int, deadline: Deadline) -> Run:
    user.start(do="fill")
    filled = user.done(deadline)
    answered, processes, wire = measured(stage, user, deadline, do="ask", charge=charge)
    with np.load(Path(answered["answer"])) as answer:
        for truth, name in ((ground.segment, "segment"), (ground.base, "base")):
            compare_totals(truth, answer[name], float(answer["scale"]))
    figures = {"seconds": answered["seconds"], "fill": filled["seconds"]}
    return Run(figures=figures, processes=processes, wire_bytes=wire)


def _set_up(ground: Portraits, stage: Stage) -> None:
    stage.make_homes()
    _write_parties(stage, ground)
    with (stage.zone.home / "zone.toml").open("a", encoding="utf-8") as file:
        file.write(f"pool_values = {ground.users}\n")
    agree(stage, "--identifier", f"phone:e164-cn:{ground.users}", "--insight", "tags")


def _write_parties(stage: Stage, ground: Portraits) -> None:
    phone = {"column": "phone", "profile": "e164-cn"}
    for actor, table, more in (
        (stage.merchant, ground.members, {"members.attributes.spend": {"type": "number"}}),
        (
            stage.platform,
            ground.platform,
            {
                "tags": {
                    "source": "parquet",
                    "path": str(ground.pairs),
                    "id": "id",
                    "tag": "tag",
                    "catalogue": str(ground.catalogue),
                }
            },
        ),
    ):
        members = {"source": "csv", "path": str(table), "id": "id"}
        write_party(actor, {"members": members, "members.identifiers.phone": phone, **more})
