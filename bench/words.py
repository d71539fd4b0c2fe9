"""Figures as people read them."""

from math import floor, log10
from typing import Final

from bench.spread import Spread

UNITS: Final = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
SIZES: Final = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def number(value: float) -> str:
    """Three digits that matter, no exponent."""
    if value == 0:
        return "0"
    places = max(0, 2 - floor(log10(abs(value))))
    return f"{value:,.{places}f}"


def time(seconds: float) -> str:
    """In seconds, milliseconds or microseconds."""
    unit, sign = _unit(seconds)
    return f"{number(seconds / unit)} {sign}"


def times(spread: Spread) -> str:
    """The median, and in brackets from where to where."""
    unit, sign = _unit(spread.median)
    middle, least, greatest = (number(value / unit) for value in (spread.median, spread.least, spread.greatest))
    around = f" ({least} – {greatest})" if least != greatest else ""
    return f"{middle} {sign}{around}"


def amount(count: float) -> str:
    """Bytes, in binary units."""
    for size, unit in SIZES:
        if count >= size:
            return f"{number(count / size)} {unit}"
    return f"{count:,.0f} bytes"


def _unit(seconds: float) -> tuple[float, str]:
    return next((unit for unit in UNITS if seconds >= unit[0] * 0.9995), UNITS[-1])
