"""Results as a small run could leave them."""

from bench.results import CaseResult, Machine, Outcome, Process, Results, Run, Trial


def a_run(seconds: float, **figures: float) -> Run:
    processes = (
        Process(name="zone", peak_bytes=200 << 20, cpu_seconds=0.5),
        Process(name="merchant", peak_bytes=300 << 20, cpu_seconds=1.5),
    )
    return Run(figures={"seconds": seconds, **figures}, processes=processes, wire_bytes=3 << 20)


def a_trial(contestant: str, size: int, *seconds: float, outcome: Outcome = Outcome.RIGHT, reason: str = "") -> Trial:
    return Trial(
        contestant=contestant,
        own=contestant.startswith("Miyun"),
        size=size,
        outcome=outcome,
        reason=reason,
        version="1.2",
        apart={"start-up": 2.0},
        runs=tuple(a_run(one) for one in seconds),
    )


def some_results(*trials: Trial, case: str = "fusion") -> Results:
    return Results(
        machine=Machine(processor="A | B", cores=2, memory_bytes=8 << 30, system="Linux 6 x86_64", flags=("avx2",)),
        settings={"MIYUN_BACKEND": "auto"},
        cases=(CaseResult(case=case, date="2026-01-02", versions={"Python": "3.11.7"}, trials=trials),),
    )
