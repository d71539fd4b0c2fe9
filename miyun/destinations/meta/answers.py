"""What the Graph API answers, and what that means for the rows of a batch.

200 comes with the numbers of entries that were received and of those that were invalid, and samples of these: rows that
a sample shows are refused by name, the rest is counted. Errors have codes; Meta's own words may repeat a value, and are
not repeated.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from miyun.destinations.batches import BatchOutcome, Counted, Refused
from miyun.destinations.http import Answer
from miyun.errors import DestinationError, UnavailableError

LONGEST_WAIT_MINUTES = 24 * 60

_CROWDED = frozenset({4, 17, 32, 613, *range(80000, 80015)})
_PASSING = frozenset({1, 2, 2650})
_CREDENTIALS = frozenset({102, 104, 190, 463, 467})
_RIGHTS = frozenset({3, 10, 294, *range(200, 300)})
_BLOCKED = 1713230
_TRACE = re.compile(r"[A-Za-z0-9_-]{1,40}")


def read_users(answer: Answer, rows: Sequence[int], data: Sequence[Sequence[str]], place: str) -> BatchOutcome:
    """What became of ``rows``, which were sent as ``data``.

    Raises:
        UnavailableError: it says to wait.
        DestinationError: it refuses, or counts nothing.
    """
    content = require_success(answer, place)
    received, invalid = content.get("num_received"), content.get("num_invalid_entries", 0)
    if not (_is_count(received) and _is_count(invalid)):
        raise DestinationError(f"{place} answers 200 without numbers of entries", hint="Check url.")
    invalid = min(invalid, len(rows))  # Meta calls its count inexact
    samples = content.get("invalid_entry_samples")
    shown = {str(one) for pair in samples.items() for one in pair} if isinstance(samples, dict) else set()
    named = [row for row, values in zip(rows, data, strict=True) if any(value and value in shown for value in values)]
    named = named[:invalid]
    counted = {
        "invalid-entry": (invalid - len(named), "Meta could not read them"),
        "not-received": (max(0, len(rows) - received - invalid), "Meta did not receive them"),
    }
    return BatchOutcome(
        refused=tuple(Refused(row=row, code="invalid-entry", words="Meta could not read it") for row in named),
        counted=tuple(Counted(code=code, rows=many, words=words) for code, (many, words) in counted.items() if many),
    )


def require_success(answer: Answer, place: str) -> Mapping[str, Any]:
    """The content of an answer that is no error.

    Raises:
        UnavailableError: it says to wait.
        DestinationError: it refuses.
    """
    content = answer.content()
    error = content.get("error")
    if isinstance(error, dict) or answer.status != 200:
        raise _meant(error if isinstance(error, dict) else {}, answer, place)
    return content


def _meant(error: dict[str, Any], answer: Answer, place: str) -> DestinationError:
    code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
    trace = error.get("fbtrace_id")
    traced = f", trace {trace}" if isinstance(trace, str) and _TRACE.fullmatch(trace) else ""
    words = f"{place} answers {answer.status}, error {code}" + (f".{subcode}" if subcode else "") + traced
    if code in _CROWDED or answer.status == 429:
        after = max(answer.after_seconds, 60.0 * _minutes(answer.headers.get("x-business-use-case-usage", "")))
        return UnavailableError(f"{words}: too many calls", after_seconds=after, untouched=True, hint=_LATER)
    if code in _PASSING or error.get("is_transient") is True:
        return UnavailableError(words, after_seconds=answer.after_seconds, hint=_LATER)
    if code in _CREDENTIALS:
        return DestinationError(f"{words}: it refuses the token", hint="Put a valid one there: miyun secret set NAME")
    if code in _RIGHTS:
        return DestinationError(words, hint="The token needs ads_management and a role at the ad account.")
    if subcode == _BLOCKED:
        return DestinationError(f"{words}: the audience is restricted", hint="Appeal in Meta's Audience Manager.")
    return DestinationError(words, hint="Look the code up at Meta; check audience, and its terms of service.")


_LATER = "It is tried again."


def _minutes(header: str) -> int:
    """The longest ``estimated_time_to_regain_access`` of any limit, in minutes."""
    try:
        content = json.loads(header)
    except (ValueError, RecursionError):
        return 0
    if not isinstance(content, dict):
        return 0
    limits = [one for many in content.values() if isinstance(many, list) for one in many if isinstance(one, dict)]
    found = [_number(one.get("estimated_time_to_regain_access")) for one in limits]
    return min(max(found, default=0), LONGEST_WAIT_MINUTES)


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else 0


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
