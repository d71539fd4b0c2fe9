"""What a typed cell of Parquet or a database is as text, so that every source reads alike."""

import re
from datetime import datetime
from decimal import Decimal

SURROGATE = re.compile("[\ud800-\udfff]").search
"""Finds a byte that was no text, as ``surrogateescape`` keeps it."""

_EXACT = 1e15
"""Floats below this are exact as whole numbers; a spreadsheet keeps 15 digits."""


def as_text(value: object) -> str | None:  # noqa: PLR0911 - one return per type
    """None for null and NaN; a whole float without ``.0``; bytes as UTF-8 with ``surrogateescape``."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return _float_text(value)
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat(sep=" ")
        case bytes():
            return value.decode("utf-8", "surrogateescape")
    return str(value)


def _float_text(value: float) -> str | None:
    if value != value:  # noqa: PLR0124 - NaN
        return None
    return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)


def is_broken(text: str) -> bool:
    """Whether the text holds bytes that were none."""
    return not text.isascii() and SURROGATE(text) is not None
