"""Estimates and names of tags as people read them."""

import math
import re
import unicodedata
from enum import Enum

from miyun.insight.estimates import Estimate
from miyun.words import Language, Words

_UNKNOWN = Words(en="unknown", zh="未知")
_TO = Words(en=" to ", zh=" 至 ")
_FROM = Words(en="at least {}", zh="至少 {}")
_UP_TO = Words(en="at most {}", zh="至多 {}")

_JOINERS = "\u200c\u200d"
_MOST_MARKS = 4
_UNSEEN = {"Cc": " ", "Cf": "", "Cs": ""}
"""What stands for control characters, format characters and halves of characters."""


class Measure(Enum):
    """What a number is: how many decimals it may have, what follows it, whether its sign is always shown."""

    COUNT = (0, 1, "", False)
    INDEX = (0, 1, "", False)
    AMOUNT = (2, 1, "", False)
    SHARE = (4, 100, " %", False)
    MORE_PEOPLE = (0, 1, "", True)
    MORE_AMOUNT = (2, 1, "", True)
    MORE_POINTS = (4, 100, " pp", True)
    MORE_PERCENT = (2, 100, " %", True)

    @property
    def signed(self) -> bool:
        return self.value[3]

    @property
    def factor(self) -> int:
        """What the value is shown multiplied with."""
        return self.value[1]

    @property
    def unit(self) -> str:
        return self.value[2]

    def decimals(self, estimate: Estimate) -> int:
        """As many as two digits of the interval's width need, or three of the largest number: more pretend to know."""
        ends = [abs(end) for end in (estimate.low, estimate.value, estimate.high) if math.isfinite(end)]
        largest = max(ends, default=0.0) * self.factor
        width = (estimate.high - estimate.low) * self.factor
        wanted = [self.value[0]]
        if largest > 0:
            wanted.append(2 - math.floor(math.log10(largest)))
        if math.isfinite(width) and width > 0:
            wanted.append(1 - math.floor(math.log10(width)))
        return max(0, min(wanted))


def written(estimate: Estimate, measure: Measure, language: Language = "en") -> str:
    """The value and its interval: ``12.3 % (11.4–13.2)``."""
    if not estimate.known:
        return _UNKNOWN.in_language(language) + _interval(estimate, measure, language)
    decimals = measure.decimals(estimate)
    return (
        _number(estimate.value, measure, decimals)
        + measure.unit
        + (_interval(estimate, measure, language) if estimate.low != estimate.high else "")
    )


def _interval(estimate: Estimate, measure: Measure, language: Language) -> str:
    decimals = measure.decimals(estimate)
    low, high = (_number(end, measure, decimals) for end in (estimate.low, estimate.high))
    match math.isfinite(estimate.low), math.isfinite(estimate.high):
        case True, True:
            to = _TO.in_language(language) if measure.signed or estimate.low < 0 else "–"
            return f" ({low}{to}{high})"
        case True, False:
            return f" ({_FROM.in_language(language).format(low)})"
        case False, True:
            return f" ({_UP_TO.in_language(language).format(high)})"
    return ""


def _number(value: float, measure: Measure, decimals: int) -> str:
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞"
    rounded = round(value * measure.factor, decimals) + 0.0  # no −0
    return f"{rounded:{'+' if measure.signed and rounded else ''},.{decimals}f}".replace("-", "−")


def readable(name: str, instead: str) -> str:
    """A name from somebody else's catalogue, safe to show: one line, no control or direction marks; else ``instead``.

    Letters of all scripts, emoji with their joiners and normal accents stay.
    """
    text = "".join(
        letter if letter in _JOINERS else _UNSEEN.get(unicodedata.category(letter), letter)
        for letter in unicodedata.normalize("NFC", name)
    )
    shown, marks = "", 0
    for letter in re.sub(r"\s+", " ", text).strip(" " + _JOINERS):
        marks = marks + 1 if unicodedata.combining(letter) else 0
        shown += letter if marks <= _MOST_MARKS else ""
    return shown or instead


def shortened(text: str, width: int) -> str:
    """The text in so many columns, of which Chinese letters take two."""
    used = 0
    for place, letter in enumerate(text):
        used += columns_of(letter)
        if used > width:
            return text[: max(1, place - 1)].rstrip() + "…"
    return text


def columns_of(text: str) -> int:
    return sum(
        0 if unicodedata.combining(letter) or letter in _JOINERS else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )
