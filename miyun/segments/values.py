"""Values in segment expressions: their checks, their canonical form and their text."""

import calendar
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from miyun.errors import ExpressionError

NUMBER_DIGITS = 15
"""Significant digits of a number: as many as a 64-bit float always keeps."""

TEXT_CHARACTERS = 256
_AGE = re.compile(r"([0-9]{1,5})([dwmy])")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class AgeUnit(StrEnum):
    DAY = "d"
    MONTH = "m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """A length of time back from the day of evaluation, at most a century: ``30d``, ``6m``."""

    amount: int
    unit: AgeUnit

    def __post_init__(self) -> None:
        if not 0 <= self.amount <= (36_500 if self.unit is AgeUnit.DAY else 1_200):
            raise ExpressionError("a time span reaches back more than a century", hint="Use at most '100y'.")

    def __str__(self) -> str:
        return f"{self.amount}{self.unit}"

    def before(self, today: date) -> date:
        """The day that lies this long before ``today``; months end where the shorter month ends."""
        if self.unit is AgeUnit.DAY:
            return today - timedelta(days=self.amount)
        months = today.year * 12 + today.month - 1 - self.amount
        year, month = months // 12, months % 12 + 1
        return date(year, month, min(today.day, calendar.monthrange(year, month)[1]))


Value = bool | Decimal | str | date | Age
ListValue = Decimal | str


def parse_age(text: str) -> Age | None:
    """``30d``, ``4w``, ``6m`` or ``2y`` as days or months; None for another text."""
    found = _AGE.fullmatch(text)
    if found is None:
        return None
    amount, letter = int(found[1]), found[2]
    if letter in "dw":
        return Age(amount=amount * (7 if letter == "w" else 1), unit=AgeUnit.DAY)
    return Age(amount=amount * (12 if letter == "y" else 1), unit=AgeUnit.MONTH)


def parse_day(text: str) -> date | None:
    """A day of the calendar written ``2026-01-31``; None for another text."""
    if _DAY.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def normal_number(number: Decimal | int | float, position: int = 0) -> Decimal:
    """The number without needless digits: ``1000`` for ``1000.00``, ``0`` for ``-0``."""
    exact = Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
    if not exact.is_finite():
        raise ExpressionError("that is not a number", position=position, hint="Write digits, as in 1000 or 99.5.")
    plain = exact.normalize() + 0
    significant = len("".join(map(str, exact.as_tuple().digits)).strip("0"))
    if significant > NUMBER_DIGITS or not -NUMBER_DIGITS <= plain.adjusted() < NUMBER_DIGITS:
        raise ExpressionError(
            f"a number has more than {NUMBER_DIGITS} digits", position=position, hint="Use a rounder number."
        )
    return plain if plain else Decimal(0)


def check_text(text: str, position: int = 0) -> str:
    """The text, refused where it is too long or holds control characters."""
    if len(text) > TEXT_CHARACTERS:
        raise ExpressionError(
            f"a text is longer than {TEXT_CHARACTERS} characters", position=position, hint="Shorten it."
        )
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise ExpressionError(
            "a text holds a control character", position=position, hint="Remove line breaks and tabs from it."
        )
    return text


def value_text(value: Value) -> str:
    """How an expression writes the value."""
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case date():
            return f"'{value.isoformat()}'"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case Age():
            return f"'{value}'"
