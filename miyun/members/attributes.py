"""Attribute values: numbers, texts, booleans and dates as people and systems write them. What can't be read is missing.

Places are read in :mod:`miyun.members.locations`.

Days and months are read only after a year, as no other order can be told from its opposite.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date

from miyun.contract.schema import ColumnType
from miyun.members.cells import is_broken
from miyun.members.locations import Position
from miyun.members.profiles import is_blank, is_empty
from miyun.members.reasons import Reason, Rejected
from miyun.members.texts import fold, strip

Attribute = float | str | bool | date | Position

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?").fullmatch
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?").fullmatch
_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0", "是"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0", "否"})
_DATES = (
    re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})(?:[T ].*)?").fullmatch,
    re.compile(r"([0-9]{4})()([0-9]{2})([0-9]{2})(?:[0-9]{6})?(?:\.0+)?").fullmatch,
    re.compile(r"([0-9]{4})(年)([0-9]{1,2})月([0-9]{1,2})[日号](?:.*)?").fullmatch,
)
_EMPTY = Rejected(Reason.EMPTY)


def read_attributes(type_: ColumnType, cells: Sequence[str | None]) -> list[Attribute | Rejected]:
    """One column's values; equal cells are read once."""
    read = _READERS[type_]
    known = {cell: _EMPTY if cell is None else read(cell) for cell in set(cells)}
    return [known[cell] for cell in cells]


def _text(raw: str) -> str | Rejected:
    if is_blank(raw):
        return _EMPTY
    return Rejected(Reason.BAD_ENCODING) if is_broken(raw) else strip(raw)


def _number(raw: str) -> float | Rejected:
    text = raw.strip() if raw.isascii() else unicodedata.normalize("NFKC", raw).strip()
    if not _NUMBER(text):
        text = text.removeprefix("¥").removeprefix("￥").removeprefix("$").removesuffix("元").strip()
        if _GROUPED(text):
            text = text.replace(",", "")
        if not _NUMBER(text):
            return _EMPTY if is_empty(raw) else Rejected(Reason.NO_NUMBER)
    number = float(text)
    return number if math.isfinite(number) else Rejected(Reason.NO_NUMBER)


def _boolean(raw: str) -> bool | Rejected:
    word = fold(raw)
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    return _EMPTY if is_empty(raw) else Rejected(Reason.NO_BOOLEAN)


def _date(raw: str) -> date | Rejected:
    text = unicodedata.normalize("NFKC", raw).strip()
    for matches in _DATES:
        if found := matches(text):
            year, _, month, day = found.groups()
            try:
                return date(int(year), int(month), int(day))
            except ValueError:
                return Rejected(Reason.NO_DATE)
    return _EMPTY if is_empty(raw) else Rejected(Reason.NO_DATE)


_READERS: dict[ColumnType, Callable[[str], Attribute | Rejected]] = {
    ColumnType.TEXT: _text,
    ColumnType.NUMBER: _number,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.DATE: _date,
}
