"""Results survive being written, and faults are told."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from bench.results import Outcome, Results
from bench.spread import Spread
from tests.bench.sample import a_trial, some_results


def test_results_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    results = some_results(
        a_trial("Miyun native", 10, 1.5, 2.25), a_trial("other", 10, outcome=Outcome.UNAVAILABLE, reason="no wheel")
    )
    results.write(tmp_path / "results.json")
    assert Results.read(tmp_path / "results.json") == results


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"settings": {}}')
    with pytest.raises(ValidationError):
        Results.read(tmp_path / "results.json")


def test_a_wrong_result_of_anybody_is_a_fault_and_only_miyuns_own_failures_are() -> None:
    results = some_results(
        a_trial("Miyun native", 10, 1.0),
        a_trial("Miyun portable", 10, outcome=Outcome.FAILED, reason="broke"),
        a_trial("Miyun auto", 10, outcome=Outcome.UNAVAILABLE, reason="no kernels"),
        a_trial("peer", 10, outcome=Outcome.FAILED, reason="broke"),
        a_trial("other peer", 10, 1.0, outcome=Outcome.WRONG, reason="3 ids are missing"),
    )
    assert [fault.partition(": ")[0] for fault in results.faults] == [
        "fusion, Miyun portable, 10",
        "fusion, other peer, 10",
    ]


def test_the_spread_is_the_median_with_its_bounds() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(median=2.0, least=1.0, greatest=3.0, count=3)
    assert Spread.of([1.0, 4.0]).median == 2.5


def test_nothing_measured_has_no_spread() -> None:
    with pytest.raises(ValueError, match="nothing"):
        Spread.of([])


def test_a_size_that_was_measured_again_takes_the_place_of_the_earlier_one() -> None:
    earlier = some_results(a_trial("Miyun native", 10, 1.0), a_trial("Miyun native", 20, 3.0), a_trial("peer", 20, 9.0))
    later = some_results(a_trial("Miyun native", 20, 2.0))
    (case,) = earlier.renewed(later).cases
    assert case.trials == (a_trial("Miyun native", 10, 1.0), a_trial("Miyun native", 20, 2.0))


def test_figures_of_other_machines_and_versions_are_not_put_side_by_side() -> None:
    earlier = some_results(a_trial("Miyun native", 10, 1.0), a_trial("Miyun native", 20, 3.0))
    later = some_results(a_trial("Miyun native", 20, 2.0))
    (case,) = later.cases
    other = replace(later, cases=(replace(case, versions={"miyun": "other"}),))
    with pytest.raises(ValueError, match="another machine"):
        earlier.renewed(replace(later, settings={}))
    with pytest.raises(ValueError, match="other versions"):
        earlier.renewed(other)
    assert later.renewed(other) == other
