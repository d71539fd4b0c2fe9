"""How a failed command ends: a few lines or one JSON document on standard error, and the exit status."""

import json
import os
import sys
from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from unicodedata import east_asian_width

from miyun.errors import ExpressionError, MiyunError
from miyun.words import visible

DEBUG_VARIABLE = "MIYUN_DEBUG"
INTERRUPTED_STATUS = 130
USAGE_STATUS = 2
DEFECT_STATUS = 70
EXCERPT_CHARACTERS = 100


@runtime_checkable
class UsageFailure(Protocol):
    """An error of the command line's parser."""

    exit_code: int
    ctx: object

    def format_message(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    code: str
    message: str
    hint: str
    clause: str = ""
    position: int | None = None
    text: str = ""
    exit_status: int


def failure_of(error: Exception) -> Failure:
    """What to tell the user about an error; one that isn't meant to happen is told by its type only."""
    match error:
        case MiyunError():
            return Failure(
                code=error.code,
                message=error.message,
                hint=error.hint,
                clause=error.clause,
                position=error.position if isinstance(error, ExpressionError) else None,
                text=error.text if isinstance(error, ExpressionError) else "",
                exit_status=error.exit_status,
            )
        case UsageFailure():
            return Failure(
                code="usage",
                message=error.format_message().rstrip("."),
                hint=f"See: {getattr(error.ctx, 'command_path', 'miyun')} --help",
                exit_status=USAGE_STATUS,
            )
        case _:
            return Failure(
                code="internal",
                message=f"a defect of Miyun's own ({type(error).__name__})",
                hint=f"Run it again with {DEBUG_VARIABLE}=1 and report what it prints.",
                exit_status=DEFECT_STATUS,
            )


def report(failure: Failure, *, as_json: bool) -> None:
    """Write the failure to standard error."""
    if as_json:
        fields = ("code", "message", "hint", "clause", "position")
        error = {name: getattr(failure, name) for name in fields if getattr(failure, name) is not None}
        sys.stderr.write(json.dumps({"error": error}, ensure_ascii=False) + "\n")
        return
    clause = f" [{failure.clause}]" if failure.clause else ""
    place = "" if failure.position is None else f" (at {_place(failure.text, failure.position)})"
    sys.stderr.write(f"Error: {visible(failure.message)}{place}{visible(clause)}\n")
    if failure.position is not None and failure.text:
        sys.stderr.write(_excerpt(failure.text, failure.position))
    if failure.hint:
        sys.stderr.write(f"{visible(failure.hint)}\n")


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    return f"character {column}" if "\n" not in text else f"line {line}, character {column}"


def _excerpt(text: str, position: int) -> str:
    """The line of the place, at most `EXCERPT_CHARACTERS` of it, and a caret below."""
    begin = max(text.rfind("\n", 0, position) + 1, position - EXCERPT_CHARACTERS // 2)
    line = text[begin : begin + EXCERPT_CHARACTERS].split("\n", maxsplit=1)[0].replace("\t", " ")
    before = "".join("  " if east_asian_width(one) in "WF" else " " for one in line[: position - begin])
    shown = "".join(one if one.isprintable() else " " for one in line)
    return f"  {shown}\n  {before}^\n"


def debugging() -> bool:
    """Whether the user asked for tracebacks."""
    return os.environ.get(DEBUG_VARIABLE, "") not in ("", "0")
