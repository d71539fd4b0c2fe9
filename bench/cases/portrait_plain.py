"""The straightforward portrait: phe encrypts, adds and decrypts, number by number. Measured small, and scaled up."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.cases.one_process import OneProcess
from bench.environments import Environment
from bench.failures import WrongResultError
from bench.portraits import Carriers, Portraits, deal

BITS: Final = 3072
MOST_MEASURED: Final = 1_000
"""Users, and so encryptions."""
FEWEST_TAGS: Final = 50


def _sample(ground: Portraits) -> tuple[Carriers, list[int], int]:
    """Some of the users with as many tags each, of a catalogue that is smaller by the same factor: who has which tag,
    who is selected, and how many tags there are."""
    users = min(MOST_MEASURED, max(2, ground.users // 20))
    tags = min(ground.tags, max(FEWEST_TAGS, ground.tags * users // ground.users))
    return deal(users, tags), ground.selected[-users:].astype(int).tolist(), tags


def _task(ground: Portraits, _: Path) -> dict[str, Any]:
    carriers, selected, tags = _sample(ground)
    return {
        "bits": BITS,
        "selected": selected,
        "pairs": [carriers.people.tolist(), carriers.tags.tolist()],
        "tags": tags,
        "times": {
            "encrypt": ground.users / len(selected),
            "add": len(ground.carriers.tags) / len(carriers.tags),
            "decrypt": ground.tags / tags,
        },
    }


def _check(ground: Portraits, _: Path, answer: dict[str, Any]) -> None:
    carriers, selected, tags = _sample(ground)
    truth = np.bincount(carriers.of(np.array(selected, np.bool_)).tags, minlength=tags)
    if answer["counts"] != truth.tolist():
        raise WrongResultError("decrypted to other counts than the plain ones")


PLAIN = OneProcess[Portraits](
    name="phe, scaled",
    environment=Environment("phe"),
    script="phe_portrait",
    task=_task,
    check=_check,
    scaled=True,
)
