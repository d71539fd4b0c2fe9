"""Figures as people read them."""

from math import floor, log10

from bench.cases.case import Unit
from bench.spread import Spread


def number(value: float) -> str:
    """Three digits that matter, no exponent."""
    if value == 0:
        return "0"
    places = max(0, 2 - floor(log10(abs(value))))
    return f"{value:,.{places}f}"


def in_unit(seconds: float, unit: Unit) -> str:
    return f"{number(seconds * unit.per_second)} {unit.sign}"


def spread_in_unit(spread: Spread, unit: Unit) -> str:
    """Median, and from where to where in brackets."""
    middle, least, greatest = (
        number(value * unit.per_second) for value in (spread.median, spread.least, spread.greatest)
    )
    around = f" ({least} – {greatest})" if least != greatest else ""
    return f"{middle} {unit.sign}{around}"


def bytes_in_words(count: float) -> str:
    """Binary units."""
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{number(count / size)} {unit}"
    return f"{count:,.0f} bytes"
