"""The contract as a document for people: YAML (or JSON, which is YAML) in, commented YAML out."""

import json
import re
from dataclasses import replace
from datetime import UTC
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from miyun.contract.model import Contract
from miyun.contract.validation import validate
from miyun.contract.writing import to_yaml
from miyun.contract.yaml_source import Path, YamlSource
from miyun.errors import ContractError

__all__ = ["parse_contract", "to_yaml", "validate"]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIMES = ("starts", "expires")
_EXPLANATIONS = {
    "missing": ("is missing", "Add it; a drafted contract shows every clause with its meaning."),
    "extra_forbidden": ("is no clause of a contract", "Remove it, or correct its spelling."),
    "string_type": ("must be text", "Put it in quotes."),
    "int_type": ("must be a whole number", "Write digits without quotes, such as 10_000."),
    "bool_type": ("must be true or false", "Write true or false without quotes."),
    "too_long": ("has too many entries", "A contract is between one merchant and one platform."),
    "tuple_type": ("must be a list", "Begin each entry on a line of its own with a dash."),
    "dataclass_type": ("must be a group of clauses", "Write its clauses below it, indented."),
    "bytes_invalid_encoding": ("is not base64", "Copy the key whole from the other side's identity."),
    "bytes_type": ("must be a key in base64", "Copy the key whole from the other side's identity."),
}
_TIME_EXPLANATION = (
    "is not a date",
    "Write a day such as 2027-06-30, or a moment with its time zone such as 2027-06-30T08:00:00+08:00.",
)


def parse_contract(text: str) -> Contract:
    """Read a contract and check it.

    A day stands for its first moment in UTC.

    Raises:
        ContractError: unreadable, an unknown or missing clause, or one that makes no sense; ``clause`` names it.
    """
    source = YamlSource(text)
    try:
        contract = TypeAdapter(Contract).validate_json(json.dumps(_with_times(source.value)), strict=True)
    except ValidationError as error:
        raise _explained(error.errors(include_url=False)[0], source) from None
    for name in _TIMES:
        if getattr(contract, name).tzinfo is None:
            raise _error(name, source, *_TIME_EXPLANATION)
    contract = replace(contract, starts=contract.starts.astimezone(UTC), expires=contract.expires.astimezone(UTC))
    validate(contract)
    return contract


def clause_path(path: Path) -> str:
    """``("grants", 3, "rung")`` as ``grants[3].rung``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _with_times(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    days = {
        name: f"{value[name]}T00:00:00Z"
        for name in _TIMES
        if isinstance(value.get(name), str) and _DAY.fullmatch(value[name])
    }
    return value | days


def _explained(detail: ErrorDetails, source: YamlSource) -> ContractError:
    kind, path = detail["type"], detail["loc"]
    if kind == "enum":
        return _error(clause_path(path), source, f"must be {detail['ctx']['expected']}", "Choose one of these.", path)
    if kind.startswith(("datetime", "timezone")):
        return _error(clause_path(path), source, *_TIME_EXPLANATION, path)
    words, hint = _EXPLANATIONS.get(kind, (f"is not valid: {detail['msg']}", "Compare it with a drafted contract."))
    return _error(clause_path(path), source, words, hint, path)


def _error(clause: str, source: YamlSource, words: str, hint: str, path: Path | None = None) -> ContractError:
    line = source.line((clause,) if path is None else path)
    return ContractError(f"{clause or 'the contract'} (line {line}) {words}", hint=hint, clause=clause)
