"""Whatever befalls a contestant, the others run and the report says it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bench import environments
from bench.cases import CASES
from bench.cases.case import Bout, Case, Figure, Place
from bench.environments import Environment, OwnEnvironment
from bench.failures import BenchError, TimeIsUpError, UnavailableError, WrongResultError
from bench.processes import Deadline, Worker
from bench.results import Outcome, Run, Trial
from bench.runner import Limits, Runner
from bench.selection import Chosen

LIMITS = Limits(runs=3, seconds=60, unlimited=False)


class Silent:
    def say(self, line: str) -> None: ...
    def begin(self, case: Case, contestant: str, size: int, run: int) -> None: ...
    def end(self, case: Case, trial: Trial) -> None: ...


@dataclass(kw_only=True)
class Scripted:
    """Does on each run what it was told to."""

    name: str
    acts: list[float | Exception] = field(default_factory=list)
    opens: Exception | None = None
    largest: int | None = None
    environment: OwnEnvironment | Environment = field(default_factory=OwnEnvironment)
    closed: bool = False

    @contextmanager
    def open(self, ground: int, place: Place, deadline: Deadline) -> Iterator[Bout]:
        if self.opens:
            raise self.opens
        acts = iter(self.acts)

        def run(_: Deadline) -> Run:
            act = next(acts)
            if isinstance(act, Exception):
                raise act
            return Run(figures={"seconds": act})

        assert list(place.folder.iterdir()) == []
        (place.folder / "litter").touch()
        yield Bout(run=run, apart={"start-up": 1.0}, version="7")
        self.closed = True


def play(*contestants: Scripted, limits: Limits = LIMITS, size: int = 10) -> list[Trial]:
    def lay(folder: Path, rows: int) -> int:
        return rows

    case = Case(
        name="play",
        title="Play",
        about="",
        sized="rows",
        small=(10,),
        full=(10,),
        figures=(Figure("seconds", "time"),),
        contestants=contestants,
        lay=lay,
    )
    (result,) = Runner(limits=limits, watcher=Silent()).run((Chosen(case=case, sizes=(size,)),))
    return list(result.trials)


def test_every_run_is_kept() -> None:
    (trial,) = play(Scripted(name="good", acts=[3.0, 1.0, 2.0]))
    assert trial.outcome is Outcome.RIGHT
    assert [run.figures["seconds"] for run in trial.runs] == [3.0, 1.0, 2.0]
    assert (trial.apart, trial.version, trial.own) == ({"start-up": 1.0}, "7", True)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (WrongResultError("3 are missing"), Outcome.WRONG),
        (BenchError("crashed"), Outcome.FAILED),
        (TimeIsUpError("too slow"), Outcome.TIME_IS_UP),
        (UnavailableError("no kernels"), Outcome.UNAVAILABLE),
    ],
)
def test_a_failure_is_told_and_the_next_contestant_runs(error: Exception, outcome: Outcome) -> None:
    bad, good = play(Scripted(name="bad", acts=[error]), Scripted(name="good", acts=[1.0] * 3))
    assert (bad.outcome, bad.reason) == (outcome, str(error))
    assert good.outcome is Outcome.RIGHT
    assert play(Scripted(name="bad", opens=error))[0].outcome is outcome


def test_one_wrong_run_among_right_ones_is_a_wrong_result() -> None:
    (trial,) = play(Scripted(name="bad", acts=[1.0, WrongResultError("off"), 1.0]))
    assert trial.outcome is Outcome.WRONG


def test_runs_that_ended_in_time_count_when_a_later_one_does_not() -> None:
    (trial,) = play(Scripted(name="slow", acts=[1.0, TimeIsUpError("slow")]))
    assert (trial.outcome, len(trial.runs)) == (Outcome.RIGHT, 1)


def test_a_contestant_is_left_out_where_it_takes_too_long_unless_somebody_insists() -> None:
    slow = Scripted(name="slow", acts=[1.0] * 3, largest=9)
    assert play(slow)[0].outcome is Outcome.LEFT_OUT
    assert play(slow, limits=replace(LIMITS, unlimited=True))[0].outcome is Outcome.RIGHT


def test_an_environment_that_can_not_be_installed_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nowhere.txt").write_text("nothing==1\n")
    monkeypatch.setattr(environments, "LISTS", tmp_path)
    monkeypatch.setattr(environments, "FOLDER", tmp_path / "environments")
    monkeypatch.setattr(environments.shutil, "which", lambda *_, **__: None)
    (trial,) = play(Scripted(name="peer", environment=Environment("nowhere")))
    assert trial.outcome is Outcome.UNAVAILABLE
    assert "uv" in trial.reason


def test_blinding_runs_in_a_process_of_its_own_and_is_compared() -> None:
    contestants = [one for one in CASES["blinding"].contestants if one.name == "Miyun portable"]
    chosen = Chosen(case=replace(CASES["blinding"], contestants=tuple(contestants)), sizes=(600,))
    ((trial,),) = (one.trials for one in Runner(limits=LIMITS, watcher=Silent()).run((chosen,)))
    assert (trial.outcome, trial.reason) == (Outcome.RIGHT, "")
    assert all(run.figures["blind"] > 0 for run in trial.runs)


def of_blinding(folder: Path, task: dict[str, str]) -> Worker:
    python = OwnEnvironment().python(print)
    return Worker("worker", python=python, script="miyun_blinding", task=task, folder=folder)


def test_a_worker_that_fails_says_why(tmp_path: Path) -> None:
    with of_blinding(tmp_path, {}) as worker, pytest.raises(BenchError, match="KeyError"):
        worker.ready(Deadline.after(60))


def test_a_worker_that_is_late_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(TimeIsUpError), of_blinding(tmp_path, {}) as worker:
        worker.ready(Deadline.after(0))
    assert not Path(f"/proc/{worker.pid}/status").exists()


@pytest.mark.slow
def test_a_fusion_by_real_processes_is_compared_and_measured() -> None:
    case = CASES["scaling"]
    ((trial,),) = (
        one.trials
        for one in Runner(limits=Limits(runs=2, seconds=200, unlimited=False), watcher=Silent()).run(
            (Chosen(case=case, sizes=(2_000,)),)
        )
    )
    assert (trial.outcome, trial.reason) == (Outcome.RIGHT, "")
    assert len(trial.runs) == 2
    for run in trial.runs:
        assert {process.name for process in run.processes} == {"zone", "merchant", "platform"}
        assert run.wire_bytes is not None
        assert run.wire_bytes > 2 * 2_000 * (32 + 16)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["portrait", "intersection-sum"])
def test_ciphertexts_by_real_processes_are_compared_and_measured(name: str) -> None:
    contestants = [one for one in CASES[name].contestants if one.name == "Miyun native"]
    chosen = Chosen(case=replace(CASES[name], contestants=tuple(contestants)), sizes=(1_001,))
    limits = Limits(runs=2, seconds=200, unlimited=False)
    ((trial,),) = (one.trials for one in Runner(limits=limits, watcher=Silent()).run((chosen,)))
    assert (trial.outcome, trial.reason) == (Outcome.RIGHT, "")
    assert len(trial.runs) == 2
    for run in trial.runs:
        assert {process.name for process in run.processes} == {"zone", "merchant", "platform", "user"}
        assert run.wire_bytes is not None
        assert run.wire_bytes > 1_001 * 768
