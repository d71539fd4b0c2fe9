"""Words for people, in English and in Chinese."""

from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The same in English and Chinese."""

    en: str
    zh: str

    def in_language(self, language: Language) -> str:
        return self.en if language == "en" else self.zh
