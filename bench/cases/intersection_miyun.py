"""Miyun's own intersection-sum: a zone and both agents as warm processes, asked through the Python API by users."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from bench.cases.case import Bout, Place
from bench.cases.own import CONTRACT, agree, measured, staged
from bench.environments import OwnEnvironment
from bench.failures import WrongResultError
from bench.intersections import LARGEST, Laid, Sides
from bench.processes import Deadline, Worker
from bench.results import Run
from demo.stage import Stage, write_party

CHARGE: Final = 10_000
"""Millionths of ρ for the totals: a drafted contract's budget is enough for nine runs."""
DUMMIES: Final = 10_000
"""More than are in any run."""
RUNS_WITHIN_CAP: Final = 10
BEYOND_NOISE: Final = 7.0
"""In standard deviations: noise goes so far about once in 4 · 10¹¹ results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MiyunIntersection:
    """Every run is a request of its own under one contract."""

    name: str
    backend: str
    largest: int | None = None
    environment: OwnEnvironment = field(default_factory=OwnEnvironment)

    @contextmanager
    def open(self, ground: Laid, place: Place, deadline: Deadline) -> Iterator[Bout]:
        started = time.monotonic()
        with staged(place.folder / "stage", self.backend, partial(_set_up, ground)) as stage:
            parties = (stage.merchant, stage.platform)
            task = {
                "contract": CONTRACT,
                "homes": [str(party.home) for party in parties],
                "keys": [str(party.key_file) for party in parties],
                "largest": LARGEST,
                "charge": CHARGE,
            }
            user = Worker("user", python=place.python, script="miyun_intersection", task=task, folder=place.folder)
            with user:
                ready = user.ready(deadline)
                apart = {"set-up": time.monotonic() - started}

                def run(deadline: Deadline) -> Run:
                    answer, processes, wire = measured(stage, user, deadline)
                    _compare(ground.sides, answer)
                    return Run(figures={"seconds": answer["seconds"]}, processes=processes, wire_bytes=wire)

                yield Bout(run=run, apart=apart, version=ready["version"])


def _set_up(ground: Laid, stage: Stage) -> None:
    stage.make_homes()
    for actor, table, attributes in (
        (stage.merchant, ground.members, {"members.attributes.spend": {"type": "number"}}),
        (stage.platform, ground.platform, {}),
    ):
        members = {"source": "csv", "path": str(table), "id": "id"}
        phone = {"column": "phone", "profile": "e164-cn"}
        write_party(actor, {"members": members, "members.identifiers.phone": phone, **attributes})
    cap = RUNS_WITHIN_CAP * (len(ground.sides.holder) + DUMMIES)
    agree(stage, "--identifier", f"phone:e164-cn:{cap}", "--insight", "matched")


def _compare(sides: Sides, answer: dict[str, Any]) -> None:
    """Raises: WrongResultError: a result is off by more than its noise can explain."""
    for name, truth in (("size", sides.matched), ("known", sides.matched), ("total", sides.total)):
        found, scale = answer[name]
        if (off := abs(found - truth) / scale) > BEYOND_NOISE:
            raise WrongResultError(f"{name} is off by {off:.1f} standard deviations of the noise")
