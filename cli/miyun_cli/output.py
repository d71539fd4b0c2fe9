"""What a command prints: one JSON document, or words and tables for people."""

import dataclasses
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from miyun.words import visible

if TYPE_CHECKING:
    from rich.console import Console

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]


_MORE_POINTS = re.compile(r"(\(\([-0-9., ]+\), \([-0-9., ]+\))((?:, \([-0-9., ]+\)){2,})\)")


def shortened(definition: str) -> str:
    """A definition for people: of long lists of points, the first two and how many more there are."""
    return _MORE_POINTS.sub(lambda found: f"{found[1]}, … {found[2].count('('):,} more)", definition)


def plain(value: object) -> Plain:  # noqa: PLR0911
    """The value as JSON: times as RFC 3339 in UTC, bytes as hex, records as objects, sets in order."""
    match value:
        case StrEnum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        case bytes():
            return value.hex()
        case Path():
            return str(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case set() | frozenset():
            return [plain(item) for item in sorted(value)]
        case Iterable():
            return [plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no JSON form")


def write_json(document: object) -> None:
    """The one document that a command with ``--json`` prints."""
    sys.stdout.write(json.dumps(plain(document), ensure_ascii=False, indent=2) + "\n")


def words(value: object) -> str:  # noqa: PLR0911
    """One value as a person reads it."""
    match value:
        case None | "":
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        case str() | Path() | float():
            return visible(str(value))
        case set() | frozenset():
            return ", ".join(words(item) for item in sorted(value)) or "–"
        case Iterable():
            return ", ".join(words(item) for item in value) or "–"
    return str(value)


def rho(micro: int) -> str:
    """A share of a privacy budget, from millionths."""
    return f"ρ = {Decimal(micro) / 1_000_000:f}"


def show_fields(console: "Console", fields: Mapping[str, object]) -> None:
    """Names and values, one line each."""
    width = max(map(len, fields))
    for name, value in fields.items():
        console.print(f"{name:<{width}}  {words(value)}", markup=False, highlight=False, soft_wrap=True)


def show_table(console: "Console", heads: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Rows under heads, numbers to the right; ``empty`` where there are none."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    listed = list(rows)
    if not listed:
        console.print(empty, markup=False)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, head in enumerate(heads):
        numeric = all(isinstance(row[place], int) for row in listed)
        table.add_column(head, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        table.add_row(*(Text(words(cell)) for cell in row))
    console.print(table)
