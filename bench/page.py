"""The page: docs/benchmarks.md and its drawings, wholly from the results."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bench.cases.case import Case
from bench.plots import Bar, Curve, bars, curves, decades, from_zero
from bench.results import CaseResult, Outcome, Results
from bench.table import peaks, spread_of, tables
from bench.targets import judge
from bench.words import amount, time

TEMPLATE: Final = "page.md.jinja"
FOLDER: Final = "benchmarks"


def write_page(results: Results, cases: Mapping[str, Case[Any]], docs: Path) -> None:
    """Write benchmarks.md, and beside it, anew, results.json and the drawings."""
    folder = docs / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    results.write(folder / "results.json")
    for name, svg in drawings(results, cases).items():
        (folder / name).write_text(svg, encoding="utf-8")
    (docs / f"{FOLDER}.md").write_text(render(results, cases), encoding="utf-8")


def render(results: Results, cases: Mapping[str, Case[Any]]) -> str:
    """The page's text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # Markdown, not HTML
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["cell"] = lambda text: str(text).replace("|", "\\|").replace("\n", " ")
    known = [(cases[result.case], result) for result in results.cases if result.case in cases]
    drawn = drawings(results, cases)
    return environment.get_template(TEMPLATE).render(
        results=results,
        memory=amount(results.machine.memory_bytes),
        judged=list(judge(results)),
        cases=[(case, result, list(tables(case, result)), _names_of(case, drawn)) for case, result in known],
        folder=FOLDER,
    )


def drawings(results: Results, cases: Mapping[str, Case[Any]]) -> dict[str, str]:
    """SVG by file name."""
    drawn: dict[str, str] = {}
    for result in results.cases:
        if result.case in cases:
            case = cases[result.case]
            drawn.update(_growth(case, result) if case.growth else _bars(case, result))
    return drawn


def _names_of(case: Case[Any], drawn: Mapping[str, str]) -> list[str]:
    return [name for name in drawn if name.startswith(f"{case.name}-")]


def _bars(case: Case[Any], result: CaseResult) -> Iterator[tuple[str, str]]:
    figure = case.figures[0]
    for size in dict.fromkeys(trial.size for trial in result.trials):
        rows = [
            Bar(label=trial.contestant, spread=spread, ours=trial.own)
            for trial in result.trials
            if trial.size == size and (spread := spread_of(trial, figure.name))
        ]
        if rows:
            title = f"{case.name}, {figure.title}, {size:,} {case.sized}"
            yield f"{case.name}-{size}.svg", bars(title, rows)


def _growth(case: Case[Any], result: CaseResult) -> Iterator[tuple[str, str]]:
    """Time by size for each contestant, and the first one's memory by process."""
    right = [trial for trial in result.trials if trial.outcome is Outcome.RIGHT]
    figure = case.figures[0]
    seconds: dict[str, dict[int, float]] = {}
    memory: dict[str, dict[int, float]] = {}
    for trial in right:
        spread = spread_of(trial, figure.name)
        if spread:
            seconds.setdefault(trial.contestant, {})[trial.size] = spread.median
        for name, peak in peaks(trial).items():
            memory.setdefault(name, {})[trial.size] = float(peak)
    for name, title, values, scale, words in (
        ("time", figure.title, seconds, decades, time),
        ("memory", "peak memory", memory, from_zero, amount),
    ):
        if values:
            lines = [Curve(label=label, points=points) for label, points in values.items()]
            axis = scale(value for line in lines for value in line.points.values())
            yield f"{case.name}-{name}.svg", curves(f"{case.name}, {title} by {case.sized}", lines, axis, words)
