"""Intersection-sum with cardinality, between two parties."""

from pathlib import Path
from typing import Any, Final

from bench.cases.case import Case, Figure
from bench.cases.intersection_miyun import MiyunIntersection
from bench.cases.one_process import OneProcess
from bench.environments import Environment
from bench.failures import WrongResultError
from bench.intersections import Laid, Sides, deal_sides, lay_sides

BITS: Final = 3072
MOST_MEASURED: Final = 1_000


def _sample(ground: Laid) -> Sides:
    return deal_sides(min(MOST_MEASURED, max(2, len(ground.sides.holder) // 20)))


def _task(ground: Laid, _: Path) -> dict[str, Any]:
    sample = _sample(ground)
    return {
        "bits": BITS,
        "matcher": [str(phone) for phone in sample.matcher.tolist()],
        "holder": [str(phone) for phone in sample.holder.tolist()],
        "numbers": sample.numbers.tolist(),
        "times": len(ground.sides.holder) / len(sample.holder),
    }


def _check(ground: Laid, _: Path, answer: dict[str, Any]) -> None:
    sample = _sample(ground)
    if (answer["matched"], answer["total"]) != (sample.matched, sample.total):
        raise WrongResultError("size and sum are not those of the plain join")


CASE = Case[Laid](
    name="intersection-sum",
    title="Intersection-sum: two parties, and a zone that sees no match",
    about="""\
Each side has a CSV file of ids and phones, half of which are in both, and the merchant's has a number for each. The
platform learns how many people they share, the merchant the sum of their numbers (Ion et al. 2019), both with noise.
For Miyun this is the whole job as its users run it, from file to result: a zone that relays what is sealed end to end
and both agents as warm processes, from the moment that the merchant asks until both have their results. The key has
3072 bits; its randomness, with short exponents, is drawn as it goes. The results are compared with the plain ones,
within the noise.

*phe and libsodium, scaled* is the straightforward way, both parties in one process on one processor: the same points
row by row with libsodium, a uniform encryption by phe for each number; nothing is sent, sealed, signed, stored or
noised. It is measured with 1,000 rows a side (a twentieth of them where they are few), and scaled up by number.""",
    sized="rows a side",
    small=(1_000,),
    full=(100_000,),
    figures=(Figure("seconds", "time"),),
    contestants=(
        MiyunIntersection(name="Miyun native", backend="native"),
        OneProcess[Laid](
            name="phe and libsodium, scaled",
            environment=Environment("intersection"),
            script="phe_intersection",
            task=_task,
            check=_check,
            scaled=True,
        ),
    ),
    lay=lay_sides,
)
