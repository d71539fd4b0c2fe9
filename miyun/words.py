"""Words for people, in English and in Chinese."""

import re
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]

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
