"""The report: one HTML page that needs nothing but itself."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from demo import figures
from demo.results import Results

TEMPLATE = "report.html.j2"


def render(results: Results) -> str:
    """The page as text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"bytes": figures.size_of, "duration": figures.duration, "thousands": "{:,}".format}
    return environment.get_template(TEMPLATE).render(r=results, figures=figures)


def write(results: Results, path: Path) -> None:
    """Write the page."""
    path.write_text(render(results), encoding="utf-8")
