"""What all results can do: show themselves as table, JSON, data frame, notebook display and plot."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from miyun.errors import InputError
from miyun.insight.charts import Chart
from miyun.insight.estimates import Estimate
from miyun.insight.grid import Grid, Tables, plain, to_json
from miyun.insight.origin import Origin
from miyun.words import Language, Words

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 20
"""How many rows people are shown of a long list. JSON and data frames have them all."""

_PAGE = """\
<!doctype html>
<html lang="{language}"><meta charset="utf-8"><meta name="color-scheme" content="light"><title>{title}</title>
<style>
body{{font:15px system-ui,"Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif;max-width:60rem;
margin:2rem auto;padding:0 1rem;color:#24292f}}
table{{border-collapse:collapse;margin:1.5rem 0 .5rem;font-variant-numeric:tabular-nums}}
caption{{text-align:left;font-weight:600;padding-bottom:.4rem}}
th,td{{padding:.25rem .8rem .25rem 0;border-bottom:1px solid #d0d7de}}p{{margin:.2rem 0;color:#57606a}}
svg{{max-width:100%;height:auto}}
</style>
<h1>{title}</h1>
{body}</html>
"""


class Result(ABC):
    """A result of an insight."""

    __slots__ = ()

    @property
    def origin(self) -> Origin | None:
        """The question that it answers, if it answers one."""
        return None

    @abstractmethod
    def title(self) -> Words: ...

    @abstractmethod
    def grids(self, most: int | None = None) -> tuple[Grid, ...]:
        """The result as tables, the main one first, of at most so many rows (None: all)."""

    def figures(self) -> dict[str, Estimate]:
        """Single numbers beside the tables."""
        return {}

    @abstractmethod
    def charts(self) -> tuple[Chart, ...]: ...

    def table(self, language: Language = "en") -> Tables:
        """For ``rich.print``."""
        return Tables(grids=self.grids(SHOWN), language=language)

    def to_plain(self) -> dict[str, Any]:
        """The whole result as JSON values."""
        return self._beside_tables() | {grid.key: list(grid.plain()) for grid in self.grids()}

    def to_json(self) -> str:
        """The whole result, one row a line."""
        parts = [f"{to_json(key)}: {to_json(value)}" for key, value in self._beside_tables().items()]
        for grid in self.grids():
            rows = ",\n".join(to_json(row) for row in grid.plain())
            parts.append(f"{to_json(grid.key)}: [\n{rows}\n]")
        return "{" + ",\n".join(parts) + "}\n"

    def to_frame(self) -> "pd.DataFrame":
        """The main table, whole. An estimate takes three columns: its value, ``_low`` and ``_high``.

        Where it comes from is in ``attrs``, as in JSON.
        """
        frame = self.grids()[0].frame()
        frame.attrs.update(self._beside_tables())
        return frame

    def _beside_tables(self) -> dict[str, Any]:
        origin = {} if self.origin is None else self.origin.plain()
        return {"title": self.title().en} | origin | {key: plain(figure) for key, figure in self.figures().items()}

    def to_html(self, language: Language = "en") -> str:
        """Plot and tables as a fragment of a page."""
        from miyun.insight.plots import svg

        return "".join((svg(self.charts(), language), *(grid.html(language) for grid in self.grids(SHOWN))))

    def _repr_html_(self) -> str:
        return self.to_html()

    def plot(self, path: Path | str, language: Language = "en") -> Path:
        """Write a drawing (``.svg``, ``.png``) or a page with drawing and tables (``.html``).

        Raises:
            InputError: another kind of file.
        """
        from miyun.insight import plots

        path = Path(path)
        match path.suffix.lower():
            case ".svg":
                path.write_text(plots.svg(self.charts(), language), encoding="utf-8")
            case ".png":
                path.write_bytes(plots.png(self.charts(), language))
            case ".html":
                path.write_text(_page(self, language), encoding="utf-8")
            case other:
                raise InputError(
                    f"a plot can't be written as “{other}”", hint="End the file's name in .svg, .png or .html."
                )
        return path


def _page(result: Result, language: Language) -> str:
    title = escape(result.title().in_language(language))
    return _PAGE.format(language=language, title=title, body=result.to_html(language))


def same_in_both(text: str) -> Words:
    """A name, which is not translated."""
    return Words(en=text, zh=text)


def first(rows: Sequence[Any], most: int | None) -> Sequence[Any]:
    return rows if most is None else rows[:most]
