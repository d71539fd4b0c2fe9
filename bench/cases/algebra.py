"""Set algebra of segments at the zone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.cases.case import Case, Figure
from bench.cases.one_process import OneProcess
from bench.environments import OwnEnvironment
from bench.failures import WrongResultError

SEED: Final = 23
SEGMENTS: Final = 10
PAIRS_PER_MEMBER: Final = 10
"""How many matched pairs there are for each that is in a segment."""
DEFINITION: Final = "(s0 or s1 or s2 or s3) and not (s4 or s5) or (s6 or s7) and (s8 or not s9)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """Files with the members of each segment, numbers below ``universe``, and what the definition selects."""

    universe: int
    files: tuple[Path, ...]
    expected: Any


def _lay(folder: Path, members: int) -> Sets:
    random, universe = np.random.default_rng(SEED), PAIRS_PER_MEMBER * members
    files, masks = [], []
    for number in range(SEGMENTS):
        chosen = np.sort(random.choice(universe, members, replace=False)).astype(np.uint32)
        files.append(folder / f"s{number}.npy")
        np.save(files[-1], chosen)
        masks.append(np.zeros(universe, np.bool_))
        masks[-1][chosen] = True
    s = masks
    selected = (s[0] | s[1] | s[2] | s[3]) & ~(s[4] | s[5]) | (s[6] | s[7]) & (s[8] | ~s[9])
    return Sets(universe=universe, files=tuple(files), expected=np.flatnonzero(selected))


def _task(ground: Sets, folder: Path) -> dict[str, Any]:
    files = {file.stem: str(file) for file in ground.files}
    return {"definition": DEFINITION, "universe": ground.universe, "segments": files, "out": str(folder / "out.npy")}


def _check(ground: Sets, folder: Path, _: dict[str, Any]) -> None:
    if not np.array_equal(np.load(folder / "out.npy"), ground.expected):
        raise WrongResultError("the selection is not that of the plain sets")


CASE = Case[Sets](
    name="algebra",
    title="Algebra: ten segments united, intersected and subtracted",
    about=f"""\
What the zone does when all legs are in: ten segments, each a tenth of {PAIRS_PER_MEMBER} times as many matched pairs,
put together by `{DEFINITION}`.
From the bytes in which the database has the ten selections, each checked as if a stranger had sent it, to the bytes
that it gets back. Afterwards the result is compared with plain sets.""",
    sized="members of a segment",
    small=(100_000,),
    full=(1_000_000,),
    figures=(Figure("seconds", "time"),),
    contestants=(
        OneProcess[Sets](
            name="Miyun native",
            environment=OwnEnvironment(),
            script="miyun_algebra",
            task=_task,
            check=_check,
            tells=True,
        ),
    ),
    lay=_lay,
)
