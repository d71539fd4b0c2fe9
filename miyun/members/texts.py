"""What the profiles share about characters."""

import re
import unicodedata

HASH = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}").fullmatch
"""MD5, SHA-1 and SHA-256 in hexadecimal."""

_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff"
_SEPARATORS = str.maketrans(dict.fromkeys(" \t\r\n-‐‑‒–—―−().·" + _INVISIBLE, ""))
_WHOLE = re.compile(r"(\+?[0-9]{1,15})\.0+").fullmatch
"""A spreadsheet keeps 15 significant digits."""


def strip(raw: str) -> str:
    """Without white space, byte-order marks and direction marks at either end."""
    return raw.strip().strip(_INVISIBLE).strip()


def whole_number(raw: str) -> str:
    """Without separators between digits, full-width digits made plain, and ``.0`` of a spreadsheet dropped."""
    text = raw if raw.isascii() else unicodedata.normalize("NFKC", raw)
    text = text.strip().removeprefix("'")
    whole = _WHOLE(text)
    return (whole.group(1) if whole else text).translate(_SEPARATORS)


def fold(raw: str) -> str:
    """Text compared without regard to case, width and runs of white space (NFKC, case folding)."""
    if not raw.isascii():
        raw = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", raw).casefold())
    return " ".join(raw.lower().split())
