"""Phone numbers, as E.164 with a plus sign.

Chinese mobile numbers (1, then 3 to 9, then nine digits) are recognised by rule and never by the numbering plan, so
that two parties with different releases of ``phonenumbers`` agree on them. Everything else goes through its plan.

A cell that a spreadsheet turned into ``13800138000.0`` is read as the whole number before the point: all its digits
are there. ``1.38E+10`` is refused: its last digits are gone.
"""

import re

from miyun.members.reasons import Reason, Rejected
from miyun.members.texts import HASH, whole_number

_MOBILE = re.compile(r"1[3-9][0-9]{9}").fullmatch
_PREFIXED_MOBILE = re.compile(r"(?:\+86|0086|86)?0?(1[3-9][0-9]{9})").fullmatch
_INTERNATIONAL_MOBILE = re.compile(r"\+861[3-9][0-9]{9}").fullmatch
_DIALLED = re.compile(r"\+?[0-9]+").fullmatch
_SCIENTIFIC = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?[eE]\+?[0-9]+").fullmatch
_MIN_DIGITS = 5
_MAX_DIGITS = 20
"""E.164 has 15; prefixes such as 0086 come on top."""


def chinese_phone(raw: str) -> str | Rejected:
    """A number without a country code is Chinese."""
    if _MOBILE(raw):
        return "+86" + raw
    number = dialled(raw)
    if isinstance(number, Rejected):
        return number
    mobile = _PREFIXED_MOBILE(number)
    return "+86" + mobile.group(1) if mobile else _by_plan(number, "CN")


def international_phone(raw: str) -> str | Rejected:
    """A number needs its country code, after ``+`` or ``00``."""
    if _INTERNATIONAL_MOBILE(raw):
        return raw
    number = dialled(raw)
    if isinstance(number, Rejected):
        return number
    if number.startswith("00"):
        number = "+" + number[2:]
    if not number.startswith("+"):
        return Rejected(Reason.NO_COUNTRY_CODE)
    return number if _INTERNATIONAL_MOBILE(number) else _by_plan(number, None)


def digits(raw: str) -> str | Rejected:
    """The digits alone, leading zeros kept: Meta's spelling of phones, and numbers of documents."""
    number = dialled(raw, min_digits=1, max_digits=64)
    return number if isinstance(number, Rejected) else number.removeprefix("+")


def dialled(raw: str, *, min_digits: int = _MIN_DIGITS, max_digits: int = _MAX_DIGITS) -> str | Rejected:
    """Digits after an optional plus sign, without what people write between them."""
    number = whole_number(raw)
    if not _DIALLED(number):
        return Rejected(_why_not_dialled(raw, number))
    count = len(number.removeprefix("+"))
    if count < min_digits:
        return Rejected(Reason.TOO_SHORT)
    return Rejected(Reason.TOO_LONG) if count > max_digits else number


def _why_not_dialled(raw: str, number: str) -> Reason:
    if not number:
        return Reason.EMPTY
    if _SCIENTIFIC(raw.strip()):
        return Reason.SCIENTIFIC_NOTATION
    if HASH(number):
        return Reason.ALREADY_HASHED
    return Reason.MASKED if "*" in number else Reason.UNEXPECTED_CHARACTER


def _by_plan(number: str, region: str | None) -> str | Rejected:
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return Rejected(Reason.NO_SUCH_NUMBER)
    if not phonenumbers.is_valid_number(parsed):
        return Rejected(Reason.NO_SUCH_NUMBER)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
