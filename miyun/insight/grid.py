"""A result as rows and columns, and their four forms: for the terminal, a notebook, a data frame, JSON."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from miyun.insight.estimates import Estimate
from miyun.insight.formats import Measure, readable, written
from miyun.words import Language, Words

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

Cell = str | Estimate

_NUMBERS_IN_A_LINE = 2
"""Of more columns with numbers the intervals go below the values, for terminals of 80 columns."""

_TEXT, _BETWEEN = 6, 3
"""Columns of the terminal: the least for a text, and what lies between two columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """``key`` names it in JSON and data frames. Without a ``measure`` it holds text."""

    key: str
    head: Words
    measure: Measure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """``key`` names it in JSON. ``notes`` say what one has to know to read it."""

    key: str
    title: Words
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Cell, ...]]
    notes: tuple[Words, ...] = ()

    def words(self, language: Language) -> list[list[str]]:
        """Every cell as people read it."""
        return [
            [_words(cell, column, language) for cell, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]

    def table(self, language: Language, width: int = 80) -> "Table":
        """For ``rich``, in so many columns if the numbers fit, or else folded."""
        from rich import box
        from rich.cells import cell_len
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        numeric = [column.measure is not None for column in self.columns]
        rows = self.words(language)
        if sum(numeric) > _NUMBERS_IN_A_LINE:
            rows = [[cell.replace(" (", "\n(", 1) for cell in row] for row in rows]
        heads = [column.head.in_language(language) for column in self.columns]
        texts = [
            [*head.split(), *(line for row in rows for line in row[place].split("\n"))]
            for place, head in enumerate(heads)
        ]
        widths = [max(map(cell_len, lines), default=1) for lines in texts]
        needed = sum(own if is_number else min(own, _TEXT) for own, is_number in zip(widths, numeric, strict=True))
        fits = needed + _BETWEEN * len(widths) <= width
        for head, own, is_number in zip(heads, widths, numeric, strict=True):
            table.add_column(
                Text(head),
                justify="right" if is_number else "left",
                overflow="fold",
                width=own if is_number and fits else None,
            )
        for row in rows:
            table.add_row(*map(Text, row))
        return table

    def html(self, language: Language) -> str:
        """A table that takes its colours from the page it is on."""
        align = ["left" if column.measure is None else "right" for column in self.columns]
        heads = "".join(
            f'<th style="text-align:{side}">{escape(column.head.in_language(language))}</th>'
            for side, column in zip(align, self.columns, strict=True)
        )
        rows = "".join(
            "<tr>"
            + "".join(
                f'<td style="text-align:{side}">{escape(cell)}</td>' for side, cell in zip(align, row, strict=True)
            )
            + "</tr>\n"
            for row in self.words(language)
        )
        notes = "".join(f"<p><small>{escape(note.in_language(language))}</small></p>" for note in self.notes)
        return (
            f"<table><caption>{escape(self.title.in_language(language))}</caption>\n"
            f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody></table>{notes}\n"
        )

    def frame(self) -> "pd.DataFrame":
        """One row each; an estimate takes three columns: ``key``, ``key_low`` and ``key_high``."""
        import pandas as pd

        columns: dict[str, list[Any]] = {}
        for place, column in enumerate(self.columns):
            cells = [row[place] for row in self.rows]
            if column.measure is None:
                columns[column.key] = cells
            else:
                estimates = [cell for cell in cells if isinstance(cell, Estimate)]
                columns[column.key] = [estimate.value for estimate in estimates]
                columns[f"{column.key}_low"] = [estimate.low for estimate in estimates]
                columns[f"{column.key}_high"] = [estimate.high for estimate in estimates]
        return pd.DataFrame(columns)

    def plain(self) -> Iterator[dict[str, Any]]:
        """The rows as JSON values, names as they are."""
        keys = [column.key for column in self.columns]
        return ({key: plain(cell) for key, cell in zip(keys, row, strict=True)} for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Grids below each other, for ``rich`` to lay out when it knows the width."""

    grids: Sequence[Grid]
    language: Language

    def __rich_console__(self, _console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.text import Text

        for grid in self.grids:
            yield Text(grid.title.in_language(self.language), "bold")
            if grid.rows:
                yield grid.table(self.language, options.max_width)
            for note in grid.notes:
                yield Text(note.in_language(self.language), "dim")
            yield Text()


def to_json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


def _words(cell: Cell, column: Column, language: Language) -> str:
    if isinstance(cell, str):
        return readable(cell, "–")
    return written(cell, column.measure or Measure.AMOUNT, language)


def plain(cell: Cell) -> str | dict[str, float | None]:
    """The cell as a JSON value; what is unknown or open is null."""
    if isinstance(cell, str):
        return cell
    ends = {"value": cell.value, "low": cell.low, "high": cell.high}
    return {name: end if math.isfinite(end) else None for name, end in ends.items()}
