"""The page says what the results say."""

import xml.etree.ElementTree as ET
from pathlib import Path

import bench
from bench.cases import CASES
from bench.page import drawings, render, write_page
from bench.plots import Bar, Curve, bars, curves, decades, from_zero
from bench.results import Outcome, Results
from bench.spread import Spread
from bench.targets import Verdict, judge
from bench.words import amount, number, time, times
from tests.bench.sample import a_trial, some_results

DOCS = Path(bench.__file__).parent.parent / "docs"


def test_figures_versions_and_reasons_are_on_the_page() -> None:
    text = render(
        some_results(
            a_trial("Miyun native", 1000, 1.0, 3.0, 2.0),
            a_trial("SecretFlow KKRT", 1000, outcome=Outcome.UNAVAILABLE, reason="no | wheel"),
        ),
        CASES,
    )
    assert "### 1,000 rows a side" in text
    row = next(line for line in text.splitlines() if line.startswith("| Miyun native"))
    assert "2.00 s (1.00 – 3.00)" in row
    assert "300 MiB (zone 200 MiB, merchant 300 MiB)" in row
    assert "3.00 MiB" in row
    assert "start-up 2.00 s" in row
    assert "not available: no \\| wheel" in text
    assert "A | B" in text


def test_a_wrong_result_stands_out_and_has_no_time() -> None:
    results = some_results(
        a_trial("Miyun native", 1000, 1.0),
        a_trial("SecretFlow RR22", 1000, 0.5, outcome=Outcome.WRONG, reason="9 lost"),
    )
    row = next(line for line in render(results, CASES).splitlines() if line.startswith("| SecretFlow RR22"))
    assert "**WRONG RESULT: 9 lost**" in row
    assert "0.5" not in row
    assert "RR22" not in drawings(results, CASES)["fusion-1000.svg"]


def test_every_row_of_a_table_has_as_many_cells() -> None:
    results = some_results(a_trial("Miyun native", 10, 1.0), a_trial("x", 10, outcome=Outcome.FAILED, reason="y"))
    lines = [line for line in render(results, CASES).split("### 10 ")[1].splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1


def test_the_page_its_results_and_its_drawings_replace_older_ones(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "fusion-1.svg").touch()
    results = some_results(a_trial("Miyun native", 1000, 1.0))
    write_page(results, CASES, tmp_path)
    assert {path.name for path in (tmp_path / "benchmarks").iterdir()} == {"results.json", "fusion-1000.svg"}
    assert Results.read(tmp_path / "benchmarks" / "results.json") == results
    assert "(benchmarks/fusion-1000.svg)" in (tmp_path / "benchmarks.md").read_text("utf-8")


def test_the_committed_page_is_the_one_of_the_committed_results() -> None:
    results = Results.read(DOCS / "benchmarks" / "results.json")
    assert (DOCS / "benchmarks.md").read_text("utf-8") == render(results, CASES)
    drawn = {path.name: path.read_text("utf-8") for path in (DOCS / "benchmarks").glob("*.svg")}
    assert drawn == drawings(results, CASES)


def verdict(results: Results, words: str) -> tuple[str, Verdict]:
    (found,) = [one for one in judge(results) if one.words == words]
    return found.found, found.verdict


def test_targets_are_judged_at_their_size_by_medians() -> None:
    words = "fusion, beside openmined-psi"
    fast, slow = a_trial("Miyun native", 1_000_000, 10.0, 30.0, 20.0), a_trial("openmined-psi", 1_000_000, 320.0)
    assert verdict(some_results(fast, slow), words) == ("16.0 times at 1,000,000", Verdict.REACHED)
    slower = a_trial("openmined-psi", 1_000_000, 280.0)
    assert verdict(some_results(fast, slower), words) == ("14.0 times at 1,000,000", Verdict.MISSED)
    small = some_results(a_trial("Miyun native", 1000, 1.0), a_trial("openmined-psi", 1000, 40.0))
    assert verdict(small, words) == ("40.0 times at 1,000", Verdict.ELSEWHERE)
    wrong = a_trial("openmined-psi", 1_000_000, 320.0, outcome=Outcome.WRONG)
    assert verdict(some_results(fast, wrong), words)[1] is Verdict.UNKNOWN


def test_growth_is_judged_by_the_cost_of_a_row() -> None:
    words = "fusion, a row's cost as tables grow"
    linear = some_results(a_trial("Miyun", 10, 1.0), a_trial("Miyun", 100, 10.5), case="scaling")
    assert verdict(linear, words)[1] is Verdict.REACHED
    steeper = some_results(a_trial("Miyun", 10, 1.0), a_trial("Miyun", 100, 12.0), case="scaling")
    assert verdict(steeper, words)[1] is Verdict.MISSED
    assert verdict(linear, "fusion, memory of the largest process") == ("300 MiB at 100", Verdict.REACHED)


def test_a_limit_holds_for_the_time_and_for_the_largest_process() -> None:
    words = "portrait over 50 tags"
    quick = some_results(a_trial("Miyun native", 1_000_000, 70.0, 59.0, 50.0), case="few-tags")
    assert verdict(quick, words) == ("59.0 s at 1,000,000", Verdict.REACHED)
    assert verdict(quick, f"{words}, memory") == ("300 MiB at 1,000,000", Verdict.REACHED)
    slow = some_results(
        a_trial("Miyun native", 1_000_000, 61.0), a_trial("phe, scaled", 1_000_000, 1.0), case="few-tags"
    )
    assert verdict(slow, words) == ("61.0 s at 1,000,000", Verdict.MISSED)
    small = some_results(a_trial("Miyun native", 1_000, 1.0), a_trial("Miyun native", 100, 0.5), case="few-tags")
    assert verdict(small, words) == ("1.00 s at 1,000", Verdict.ELSEWHERE)
    wrong = some_results(a_trial("Miyun native", 1_000_000, 1.0, outcome=Outcome.WRONG), case="few-tags")
    assert verdict(wrong, words)[1] is verdict(wrong, f"{words}, memory")[1] is Verdict.UNKNOWN


def test_drawings_are_well_formed_and_fit_light_and_dark() -> None:
    spread = Spread.of([0.002, 0.5, 30.0])
    lines = [Curve(label="one", points={10: 1.0}), Curve(label="two", points={10: 1.0, 100: 9.0})]
    drawn = (
        bars("a < b", [Bar(label="x & y", spread=spread, ours=True)]),
        curves("grows", lines, decades([1.0, 9.0]), time),
        curves("grows", lines, from_zero([1.0, 9.0]), amount),
    )
    for svg in drawn:
        assert ET.fromstring(svg).attrib["role"] == "img"
        assert "prefers-color-scheme:dark" in svg


def test_figures_are_said_in_three_digits() -> None:
    assert [number(value) for value in (0, 0.001234, 1.0, 12.345, 123.4, 12345.6)] == [
        "0", "0.00123", "1.00", "12.3", "123", "12,346",
    ]  # fmt: skip
    assert [time(value) for value in (90.0, 0.0305, 4.4e-6, 1e-9)] == ["90.0 s", "30.5 ms", "4.40 µs", "0.00100 µs"]
    assert times(Spread.of([0.5])) == "500 ms"
    assert [amount(count) for count in (12, 2048, 5 << 20, 3 << 29)] == ["12 bytes", "2.00 KiB", "5.00 MiB", "1.50 GiB"]
