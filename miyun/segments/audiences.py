"""Audiences that a platform curates: segments of its own rows, published with words for merchants to find them by."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from miyun.errors import InputError
from miyun.records import Record, Statement
from miyun.segments.listing import Segment

LONGEST_TITLE = 80
LONGEST_DESCRIPTION = 1000
LONGEST_CATEGORY = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication(Statement):
    """Another one of the same segment takes its place."""

    KIND: ClassVar[str] = "publication"

    contract: str
    contract_digest: bytes
    segment: str
    owner: str
    title_en: str
    title_zh: str
    description_en: str
    description_zh: str
    category: str
    at: datetime

    def check_words(self) -> None:
        """Pass where the words can be shown.

        Raises:
            InputError: a title or the category is missing, too long, or not in one line of plain text.
        """
        for name, words, longest in (
            ("an English title", self.title_en, LONGEST_TITLE),
            ("a Chinese title", self.title_zh, LONGEST_TITLE),
            ("a category", self.category, LONGEST_CATEGORY),
        ):
            _check(name, words, longest)
            if not words.strip():
                raise InputError(f"an audience without {name}", hint="Say it; in both languages where it is a title.")
        _check("an English description", self.description_en, LONGEST_DESCRIPTION)
        _check("a Chinese description", self.description_zh, LONGEST_DESCRIPTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal(Statement):
    """It is not listed any more. The segment stays, and so does what is made of it."""

    KIND: ClassVar[str] = "withdrawal"

    contract: str
    contract_digest: bytes
    segment: str
    owner: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience(Record):
    """A published segment. ``subjects`` are the things in it that need a grant; ``signature`` is its owner's."""

    segment: Segment
    subjects: tuple[str, ...]
    publication: Publication
    signature: bytes


def _check(name: str, words: str, longest: int) -> None:
    if len(words) > longest or not words.isprintable():
        raise InputError(
            f"{name} that is too long, or more than a line of text",
            hint=f"Use one line of at most {longest:,} characters.",
        )
