"""What the Data Manager API answers, and what that means for the rows of a batch.

A request is taken or refused whole; a refusal names the fields at fault. What was taken is worked on for minutes to a
day; in the end there are counts of records by reason, and never which. Google's own words may repeat a value: only
codes, reasons and field names are repeated.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from miyun.destinations.batches import BatchOutcome, Counted, Refused
from miyun.destinations.http import Answer
from miyun.errors import DestinationError, UnavailableError

_MEMBER = re.compile(r"audience_?members(?:\.\w+)?\[(\d{1,5})\]", re.IGNORECASE)
_FIELD = re.compile(r"[A-Za-z0-9_.\[\]]{1,200}")
_WORD = re.compile(r"[A-Z0-9_]{1,80}")
_DELAY = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")
_REQUEST_ID = re.compile(r"[!-~]{1,200}")
_REASON = "PROCESSING_ERROR_REASON_"
_WORKING = frozenset({"PROCESSING", "REQUEST_STATUS_UNKNOWN", ""})
_FAILED = frozenset({"FAILED", "FAILURE"})


@dataclass(frozen=True, slots=True)
class Violation:
    """``row`` is a place among the members that were sent; None where the fault is not a member's."""

    row: int | None
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A google.rpc.Status, as far as it is understood."""

    status: str
    reason: str
    after_seconds: float
    violations: tuple[Violation, ...]

    @property
    def words(self) -> str:
        named = [f"{one.field} {one.reason}".strip() for one in self.violations[:3]]
        return ", ".join(dict.fromkeys(part for part in (self.status, self.reason, *named) if part)) or "no reason"


def read_request_id(answer: Answer, place: str) -> str:
    """The id under which Google works on a request.

    Raises:
        UnavailableError: it says to wait.
        DestinationError: it refuses, or its answer has no id.
    """
    if answer.status == 200:
        handle = answer.content().get("requestId")
        if isinstance(handle, str) and _REQUEST_ID.fullmatch(handle):
            return handle
        raise DestinationError(f"{place} answers without a request's id", hint="Check url.")
    raise refused_request(answer, place)


def refused_rows(answer: Answer, rows: Sequence[int]) -> BatchOutcome | None:
    """What becomes of a batch that was refused for some of its members, sent as ``rows``; None where it was not.

    All are refused with them, so the others are sent again, without those.
    """
    faults = read_refusal(answer).violations if answer.status == 400 else ()
    if not faults or any(fault.row is None or fault.row >= len(rows) for fault in faults):
        return None
    reasons = {rows[fault.row]: fault.reason for fault in reversed(faults) if fault.row is not None}
    return BatchOutcome(
        refused=tuple(
            Refused(row=row, code=code(reason), words=f"Google refuses it: {reason or 'no reason'}")
            for row, reason in sorted(reasons.items())
        ),
        later=tuple(row for row in rows if row not in reasons),
    )


def refused_request(answer: Answer, place: str) -> DestinationError:
    """The error that a refusal stands for."""
    refusal = read_refusal(answer)
    if answer.status == 429:
        after = max(answer.after_seconds, refusal.after_seconds)
        return UnavailableError(f"{place} asks to wait", after_seconds=after, untouched=True, hint="It is tried again.")
    hint = (
        "Check what the account and its credential may do, and accept Google's terms there."
        if answer.status == 403
        else "Check operating_account, login_account and audience."
    )
    return DestinationError(f"{place} refuses ({answer.status}: {refusal.words})", hint=hint)


def read_refusal(answer: Answer) -> Refusal:
    error = _mapping(answer.content().get("error"))
    details = [_mapping(one) for one in _list(error.get("details"))]
    by_type = {str(one.get("@type", "")).rpartition(".")[2]: one for one in details}
    violations = tuple(_violation(_mapping(one)) for one in _list(by_type.get("BadRequest", {}).get("fieldViolations")))
    delay = _DELAY.fullmatch(str(by_type.get("RetryInfo", {}).get("retryDelay", "")))
    return Refusal(
        _word(error.get("status")),
        _word(by_type.get("ErrorInfo", {}).get("reason")),
        float(delay[1]) if delay else 0.0,
        violations,
    )


def read_status(answer: Answer, handle: str, rows: Sequence[int], place: str) -> BatchOutcome:
    """What became of ``rows``, which were sent; with the handle again where Google is at work.

    Raises:
        UnavailableError, DestinationError: as in :func:`refused_request`.
    """
    if answer.status == 404:
        return BatchOutcome(handle=handle)  # the status of a new request may take a while to be there
    if answer.status != 200:
        raise refused_request(answer, place)
    statuses = _list(answer.content().get("requestStatusPerDestination"))
    if len(statuses) > 1:
        raise DestinationError(f"{place} answers for destinations that were not asked about", hint="Check url.")
    status = _mapping(statuses[0]) if statuses else {}
    state, counts = _word(status.get("requestStatus")), _counts(status)
    if state in _WORKING:
        return BatchOutcome(handle=handle)
    if state in _FAILED:
        reason = next(iter(counts)) if len(counts) == 1 else ""
        words = "Google took none of its batch: " + (", ".join(counts) or "no reason")
        return BatchOutcome(refused=tuple(Refused(row=row, code=code(reason), words=words) for row in rows))
    if state not in {"SUCCESS", "PARTIAL_SUCCESS"}:
        raise DestinationError(f"{place} answers with the unknown status {state}", hint="Update Miyun.")
    if state == "PARTIAL_SUCCESS" and not counts:
        return BatchOutcome(counted=(Counted(code="failed", rows=0, words="some failed; Google doesn't say how many"),))
    return BatchOutcome(
        counted=tuple(
            Counted(code=code(reason), rows=min(count, len(rows)), words=f"Google could not take them: {reason}")
            for reason, count in counts.items()
        )
    )


def code(reason: str) -> str:
    """The code of a reason of Google's: ``denied-consent`` for ``PROCESSING_ERROR_REASON_DENIED_CONSENT``."""
    return reason.removeprefix(_REASON).lower().replace("_", "-") or "failed"


def _counts(status: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in map(_mapping, _list(_mapping(status.get("errorInfo")).get("errorCounts"))):
        reason, count = _word(one.get("reason")) or "UNSPECIFIED", str(one.get("recordCount", "0"))
        if count.isascii() and count.isdigit() and len(count) < 10:
            found[reason] = found.get(reason, 0) + int(count)
    return found


def _violation(one: dict[str, Any]) -> Violation:
    field = str(one.get("field", ""))
    member = _MEMBER.search(field)
    shown_field = field if _FIELD.fullmatch(field) else ""
    return Violation(int(member[1]) if member else None, shown_field, _word(one.get("reason")))


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
