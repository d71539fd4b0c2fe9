"""Intersection-sum with cardinality, between two parties."""

from pathlib import Path
from typing import Any, Final

from bench.cases.case import Case, Figure
from bench.cases.one_process import OneProcess
from bench.cases.own import require_native
from bench.environments import Environment, OwnEnvironment
from bench.failures import WrongResultError
from bench.intersections import Sides, as_task, deal_sides

BITS: Final = 3072
MOST_MEASURED: Final = 1_000
BEYOND_NOISE: Final = 7.0
"""In standard deviations."""


def _lay(_: Path, rows: int) -> Sides:
    return deal_sides(rows)


def _task(ground: Sides, _: Path) -> dict[str, Any]:
    return {"bits": BITS, **as_task(ground)}


def _check(ground: Sides, _: Path, answer: dict[str, Any]) -> None:
    for name, truth in (("matched", ground.matched), ("total", ground.total), ("known", ground.matched)):
        found, scale = answer[name]
        if (off := abs(found - truth) / scale) > BEYOND_NOISE:
            raise WrongResultError(f"{name} is off by {off:.1f} standard deviations of the noise")


def _sample(ground: Sides) -> Sides:
    return deal_sides(min(MOST_MEASURED, max(2, len(ground.holder) // 20)))


def _plain_task(ground: Sides, _: Path) -> dict[str, Any]:
    sample = _sample(ground)
    return {"bits": BITS, "times": len(ground.holder) / len(sample.holder), **as_task(sample)}


def _plain_check(ground: Sides, _: Path, answer: dict[str, Any]) -> None:
    sample = _sample(ground)
    if (answer["matched"], answer["total"]) != (sample.matched, sample.total):
        raise WrongResultError("size and sum are not those of the plain join")


CASE = Case[Sides](
    name="intersection-sum",
    title="Intersection-sum: two parties, no zone that could learn the match",
    about="""\
Both sides have phones, half of them in common, and one side a number for each: the other learns how many they share,
and it the sum over them (Ion et al. 2019). For Miyun it is the protocol from the normalised phones to both noised
results, its messages sealed and signed, with short-exponent randomness that is drawn as it goes, at 3072 bits. Both
parties' machines are in one process here: without tables, disk or network. The results are compared with the plain
ones, within the noise.

*phe and libsodium, scaled* is the straightforward way in one process on one processor: the same points row by row with
libsodium, a uniform encryption by phe for each number, nothing sealed, signed, padded or noised. It is measured with
1,000 rows a side (with a twentieth where there are few), and scaled up by their number.""",
    sized="rows a side",
    small=(1_000,),
    full=(100_000,),
    figures=(Figure("seconds", "time"),),
    contestants=(
        OneProcess[Sides](
            name="Miyun native",
            environment=OwnEnvironment(),
            script="miyun_intersection",
            task=_task,
            check=_check,
            variables={"MIYUN_BACKEND": "native"},
            requires=require_native,
        ),
        OneProcess[Sides](
            name="phe and libsodium, scaled",
            environment=Environment("intersection"),
            script="phe_intersection",
            task=_plain_task,
            check=_plain_check,
            scaled=True,
        ),
    ),
    lay=_lay,
)
