"""What Miyun means to reach beside the others, and whether the results show it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bench.results import Outcome, Results, Trial
from bench.table import peaks, spread_of
from bench.words import amount, number
from bench.words import time as time_words

OURS: Final = "Miyun native"
MOST_MEMORY: Final = 1 << 30
LINEAR: Final = 1.1
"""A row among many may cost so many times a row among few and still count as linear."""


class Verdict(StrEnum):
    REACHED = "reached"
    MISSED = "missed"
    ELSEWHERE = "another size"
    UNKNOWN = "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """``ours`` is to be at least ``times`` as fast as ``theirs``, by medians. ``size`` 0: whatever was measured."""

    words: str
    case: str
    theirs: str
    times: float
    size: int = 0
    figure: str = "seconds"
    against: str = ""
    """The figure of theirs, where it is another one; so ours can be compared with itself."""


TARGETS: Final = (
    Target(words="fusion, beside openmined-psi", case="fusion", size=1_000_000, theirs="openmined-psi", times=15),
    Target(words="fusion, beside SecretFlow's ECDH", case="fusion", size=1_000_000, theirs="SecretFlow ECDH", times=1),
    Target(
        words="fusion, beside SecretFlow's sound ECDH",
        case="fusion",
        size=100_000,
        theirs="SecretFlow ECDH Elligator2",
        times=15,
    ),
    Target(words="blinding, beside libsodium", case="blinding", theirs="Miyun portable", times=6, figure="blind"),
    Target(words="Paillier, encrypt, beside phe", case="paillier", theirs="phe", times=50, figure="encrypt"),
    Target(words="Paillier, encrypt, beside sf-heu", case="paillier", theirs="sf-heu", times=4, figure="encrypt"),
    Target(
        words="Paillier, encrypt warm, beside phe",
        case="paillier",
        theirs="phe",
        times=3_000,
        figure="warm",
        against="encrypt",
    ),
    Target(words="Paillier, add, beside phe", case="paillier", theirs="phe", times=4, figure="add"),
    Target(words="Paillier, add, beside sf-heu", case="paillier", theirs="sf-heu", times=4, figure="add"),
    Target(words="Paillier, decrypt, beside phe", case="paillier", theirs="phe", times=3, figure="decrypt"),
    Target(words="Paillier, decrypt, beside sf-heu", case="paillier", theirs="sf-heu", times=3, figure="decrypt"),
    Target(words="join, beside DuckDB", case="join", size=10_000_000, theirs="DuckDB", times=1),
    Target(
        words="intersection-sum, beside phe and libsodium",
        case="intersection-sum",
        size=100_000,
        theirs="phe and libsodium, scaled",
        times=50,
    ),
    Target(words="delta, beside fusing again", case="delta", size=1_000_000, theirs=OURS, times=100, against="fusing"),
    Target(
        words="delta, beside fusing again, processor time",
        case="delta",
        size=1_000_000,
        theirs=OURS,
        times=100,
        figure="processor",
        against="fusing_processor",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What ours may take at a size: seconds, by the median, and bytes in the largest process (None: not limited)."""

    words: str
    case: str
    size: int
    seconds: float
    memory: int | None = None
    figure: str = "seconds"
    contestant: str = OURS


LIMITS: Final = (
    Limit(words="portrait over 100,000 tags", case="portrait", size=1_000_000, seconds=120, memory=2 << 30),
    Limit(words="portrait over 50 tags", case="few-tags", size=1_000_000, seconds=60, memory=2 << 30),
    Limit(words="segment of both sides' predicates", case="segment", size=1_000_000, seconds=5),
    Limit(words="algebra of ten segments", case="algebra", size=1_000_000, seconds=0.1),
    *(
        Limit(
            words=f"{form} answers, 99 %", case="answers", size=1_000_000, seconds=0.005, figure="p99", contestant=form
        )
        for form in ("RTA", "JSON", "gRPC")
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A target as it turned out, in words."""

    words: str
    wanted: str
    found: str
    verdict: Verdict


def judge(results: Results) -> Iterator[Judged]:
    """Every target and limit, then whether the fusion's cost is linear and its memory bounded."""
    for target in TARGETS:
        yield _judge(target, results)
    for limit in LIMITS:
        yield from _judge_limit(limit, results)
    yield from _judge_scaling(_right(results, "scaling"))


def _judge(target: Target, results: Results) -> Judged:
    trials = _trials(results, target.case)
    ratios = {
        trial.size: ratio
        for trial in trials
        if trial.contestant == OURS and (ratio := _ratio(target, trial, trials)) is not None
    }
    at = f" at {target.size:,}" if target.size else ""
    wanted = f"{number(target.times)} times as fast{at}" if target.times != 1 else f"no slower{at}"
    if not ratios:
        return Judged(words=target.words, wanted=wanted, found="–", verdict=Verdict.UNKNOWN)
    size = target.size if target.size in ratios else max(ratios)
    found = f"{number(ratios[size])} times" + (f" at {size:,}" if target.size else "")
    if target.size not in (0, size):
        return Judged(words=target.words, wanted=wanted, found=found, verdict=Verdict.ELSEWHERE)
    verdict = Verdict.REACHED if ratios[size] >= target.times else Verdict.MISSED
    return Judged(words=target.words, wanted=wanted, found=found, verdict=verdict)


def _ratio(target: Target, ours: Trial, trials: Iterable[Trial]) -> float | None:
    beside = [trial for trial in trials if trial.contestant == target.theirs and trial.size == ours.size]
    mine = spread_of(ours, target.figure)
    theirs = spread_of(beside[0], target.against or target.figure) if beside else None
    return theirs.median / mine.median if mine and theirs else None


def _judge_limit(limit: Limit, results: Results) -> Iterator[Judged]:
    """The time, then the memory."""
    ours = {trial.size: trial for trial in _right(results, limit.case) if trial.contestant == limit.contestant}
    seconds = {size: spread.median for size, trial in ours.items() if (spread := spread_of(trial, limit.figure))}
    yield _judge_most(limit.words, limit.size, seconds, limit.seconds, time_words)
    if limit.memory is not None:
        yield _judge_most(f"{limit.words}, memory", limit.size, _held(ours.values()), limit.memory, amount)


def _judge_most(
    words: str, size: int, found: Mapping[int, float], most: float, words_of: Callable[[float], str]
) -> Judged:
    """Whether what was found at a size, or at the largest where that was not measured, is at most so much."""
    wanted = f"at most {words_of(most)} at {size:,}"
    if not found:
        return Judged(words=words, wanted=wanted, found="–", verdict=Verdict.UNKNOWN)
    at = size if size in found else max(found)
    verdict = Verdict.REACHED if found[at] <= most else Verdict.MISSED
    return Judged(
        words=words,
        wanted=wanted,
        found=f"{words_of(found[at])} at {at:,}",
        verdict=verdict if at == size else Verdict.ELSEWHERE,
    )


def _judge_scaling(trials: list[Trial]) -> Iterator[Judged]:
    linear = Judged(words="fusion, a row's cost as tables grow", wanted="no more", found="–", verdict=Verdict.UNKNOWN)
    costs = {trial.size: spread.median / trial.size for trial in trials if (spread := spread_of(trial, "seconds"))}
    if len(costs) > 1:
        small, large = min(costs), max(costs)
        ratio = costs[large] / costs[small]
        linear = Judged(
            words=linear.words,
            wanted=linear.wanted,
            found=f"{number(ratio)} times at {large:,} what it is at {small:,}",
            verdict=Verdict.REACHED if ratio <= LINEAR else Verdict.MISSED,
        )
    yield linear
    held = _held(trials)
    if held:
        size = max(held)
        verdict = Verdict.REACHED if held[size] < MOST_MEMORY else Verdict.MISSED
        found_words = f"{amount(held[size])} at {size:,}"
    else:
        verdict, found_words = Verdict.UNKNOWN, "–"
    yield Judged(
        words="fusion, memory of the largest process",
        wanted=f"below {amount(MOST_MEMORY)}",
        found=found_words,
        verdict=verdict,
    )


def _held(trials: Iterable[Trial]) -> dict[int, int]:
    """By size, the most that any process held."""
    return {trial.size: max(found.values()) for trial in trials if (found := peaks(trial))}


def _right(results: Results, case: str) -> list[Trial]:
    return [trial for trial in _trials(results, case) if trial.outcome is Outcome.RIGHT]


def _trials(results: Results, case: str) -> list[Trial]:
    return [trial for result in results.cases if result.case == case for trial in result.trials]
