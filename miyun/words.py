"""Words for people, in English and in Chinese."""

import re
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]

_FORMULA = re.compile(r"[-=+@＝＋－＠\t\r\n\0]")
_NUMBER = re.compile(r"[-+][0-9 .,()-]*")
_OBEYED = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The same in English and Chinese."""

    en: str
    zh: str

    def in_language(self, language: Language) -> str:
        return self.en if language == "en" else self.zh


def visible(text: str) -> str:
    """A text of somebody else's, with � for what a terminal would obey, and for what can't be written as UTF-8.

    That is control characters but line breaks and tabs, changes of the direction of writing, and lone surrogates.
    """
    return _OBEYED.sub("\N{REPLACEMENT CHARACTER}", text)


def as_cell(text: str) -> str:
    """A text of somebody else's, for a CSV that people open: with ' before what a spreadsheet would run as a formula.

    Numbers and phone numbers with a sign stay as they are. It is for words and values that people look at, never for
    ids and fields that a machine reads back. https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
