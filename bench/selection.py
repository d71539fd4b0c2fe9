"""Which cases, at which sizes, how often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.cases.case import Case


class SelectionError(Exception):
    """No such case or size; the message says which there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    case: Case[Any]
    sizes: tuple[int, ...]


def choose(
    cases: Mapping[str, Case[Any]], names: str, sizes: str, contestants: str, *, full: bool
) -> tuple[Chosen, ...]:
    """``names`` are cases with commas between, or nothing for all of them.

    ``sizes`` are numbers, each for all chosen cases or, as ``fusion:100000``, for one; a case that none is for keeps
    its own small or full ones. ``contestants`` are parts of names; where there are any, no others run.

    Raises:
        SelectionError: there is no such case or contestant, or a size is no number above 1.
    """
    named = [_case(cases, name) for name in _split(names)] or list(cases.values())
    parts = [part.casefold() for part in _split(contestants)]
    chosen = [narrowed for case in named if (narrowed := _with(case, parts)).contestants]
    if not chosen:
        raise SelectionError(f"no contestant of these cases has a name with “{contestants}” in it")
    wanted = _sizes(cases, _split(sizes))
    return tuple(
        Chosen(case=case, sizes=wanted.get(case.name) or wanted.get("") or (case.full if full else case.small))
        for case in chosen
    )


def _with(case: Case[Any], parts: Sequence[str]) -> Case[Any]:
    kept = [one for one in case.contestants if not parts or any(part in one.name.casefold() for part in parts)]
    return replace(case, contestants=tuple(kept))


def _case(cases: Mapping[str, Case[Any]], name: str) -> Case[Any]:
    if name not in cases:
        raise SelectionError(f"there is no case “{name}”; there are {', '.join(cases)}")
    return cases[name]


def _sizes(cases: Mapping[str, Case[Any]], texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, _, number = text.rpartition(":")
        digits = number.replace("_", "")
        if name:
            _case(cases, name)
        if not digits.isdecimal() or int(digits) < 2:
            raise SelectionError(f"“{text}” is no size: a number from 2, or a case, a colon and a number")
        found[name] = (*found.get(name, ()), int(digits))
    return found


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
