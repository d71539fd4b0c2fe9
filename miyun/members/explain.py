"""How each profile spells a value, and why two spellings would or wouldn't match."""

from dataclasses import dataclass

from miyun.members.profiles import COMPOSITE, PROFILES, Normalised, normalise
from miyun.members.reasons import Rejected
from miyun.members.tally import PART
from miyun.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling(Record):
    """What a profile makes of a value: ``value``, or a ``reason`` code for which it is refused, with words."""

    value: str | None
    reason: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileOutcome(Record):
    """One profile. ``matches`` and ``why`` are about the two values; None and empty where there is only one."""

    profile: str
    spelling: Spelling
    other: Spelling | None
    matches: bool | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation(Record):
    value: str
    other: str | None
    profiles: tuple[ProfileOutcome, ...]


def explain(value: str, other: str | None = None) -> Explanation:
    """One outcome per profile; ``composite`` only for values with several parts, divided by ``|``."""
    several = PART.strip() in value and (other is None or PART.strip() in other)
    profiles = [profile for profile in PROFILES if profile != COMPOSITE or several]
    return Explanation(
        value=value, other=other, profiles=tuple(_outcome(profile, value, other) for profile in profiles)
    )


def _outcome(profile: str, value: str, other: str | None) -> ProfileOutcome:
    first = _spelling(profile, value)
    if other is None:
        return ProfileOutcome(profile=profile, spelling=first, other=None, matches=None, why="")
    second = _spelling(profile, other)
    matches = first.value is not None and first.value == second.value
    return ProfileOutcome(
        profile=profile, spelling=first, other=second, matches=matches, why=_why(value, other, first, second)
    )


def _spelling(profile: str, value: str) -> Spelling:
    outcome = normalise(profile, value.split(PART.strip()) if profile == COMPOSITE else value)
    match outcome:
        case Normalised():
            return Spelling(value=outcome.value, reason="", words="")
        case Rejected():
            return Spelling(value=None, reason=outcome.reason.value, words=outcome.words)


def _why(value: str, other: str, first: Spelling, second: Spelling) -> str:
    if first.reason and first == second:
        return f"both are refused: {first.words}"
    refused = [
        f"{which} is refused: {spelling.words}"
        for which, spelling in (("the first", first), ("the second", second))
        if spelling.value is None
    ]
    if refused:
        return "; ".join(refused)
    if first.value != second.value:
        return f"{first.value} and {second.value} differ"
    return "both are spelled alike already" if value == other else f"both become {first.value}"
