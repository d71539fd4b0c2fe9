"""Records to wire messages and back, field by field, by name.

Times travel as RFC 3339 in UTC, enumerations as their values, tuples as repeated fields; a field that may be None is
`optional` or a message.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from google.protobuf.message import Message

from miyun.errors import InternalError, MalformedError
from miyun.records import Record

M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Record)

LARGEST_INTEGER = 2**53 - 1
"""What RFC 8785 can write; a larger number could not have been signed."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")


def to_wire(record: Record, message_type: type[M]) -> M:
    """The message that mirrors ``record``.

    Raises:
        InternalError: a time of the record is not in UTC.
    """
    message = message_type()
    _fill(message, record)
    return message


def from_wire(message: Message, record_type: type[R]) -> R:
    """The record that ``message`` mirrors.

    Raises:
        MalformedError: a value that the record can't hold, or a missing nested message; the place is named.
    """
    return record_type(
        **{name: _take(message, name, hint, record_type.__name__) for name, hint in _hints(record_type).items()}
    )


_HINTS: dict[type[Any], Mapping[str, Any]] = {}


def _hints(record_type: type[Any]) -> Mapping[str, Any]:
    if record_type not in _HINTS:
        hints = get_type_hints(record_type)
        _HINTS[record_type] = {field.name: hints[field.name] for field in fields(record_type)}
    return _HINTS[record_type]


def _fill(message: Message, record: Record) -> None:
    for name in _hints(type(record)):
        _put(message, name, getattr(record, name))


def _put(message: Message, name: str, value: Any) -> None:
    if isinstance(value, Record):
        nested = getattr(message, name)
        nested.SetInParent()
        _fill(nested, value)
    elif isinstance(value, tuple):
        for item in value:
            if isinstance(item, Record):
                _fill(getattr(message, name).add(), item)
            else:
                getattr(message, name).append(_encode(item))
    elif isinstance(value, dict):
        getattr(message, name).update(value)
    elif value is not None:
        setattr(message, name, _encode(value))


def _take(message: Message, name: str, hint: Any, owner: str) -> Any:
    kind, optional = _without_none(hint)
    place = f"{owner}.{name}"
    value = getattr(message, name)
    if get_origin(kind) is tuple:
        return tuple(_decode(item, get_args(kind)[0], place) for item in value)
    if get_origin(kind) is dict:
        return {_decode(key, str, place): _decode(item, str, place) for key, item in value.items()}
    if (optional or _is_record(kind)) and not message.HasField(name):
        if optional:
            return None
        raise MalformedError(f"{place} is missing")
    return _decode(value, kind, place)


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in {Union, UnionType}:
        kinds = [kind for kind in get_args(hint) if kind is not NoneType]
        return kinds[0], True
    return hint, False


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Record)


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.utcoffset() != timedelta(0):
            raise InternalError("a time that is not in UTC")
        return value.replace(tzinfo=None).isoformat() + "Z"
    return value.value if isinstance(value, StrEnum) else value


def _decode(value: Any, kind: Any, place: str) -> Any:
    if _is_record(kind):
        return from_wire(value, kind)
    if issubclass(kind, StrEnum):
        return _decode_enum(value, kind, place)
    return _DECODERS[kind](value, place)


def _decode_enum(value: str, kind: type[StrEnum], place: str) -> StrEnum:
    try:
        return kind(value)
    except ValueError:
        raise MalformedError(f"{place} is none of: {', '.join(kind)}") from None


def _decode_text(value: str, place: str) -> str:
    if "\0" in value:
        raise MalformedError(f"{place} holds a zero character")
    return value


def _decode_integer(value: int, place: str) -> int:
    if abs(value) > LARGEST_INTEGER:
        raise MalformedError(f"{place} is larger than 2⁵³ - 1")
    return value


def _decode_time(value: str, place: str) -> datetime:
    if not _TIME.fullmatch(value):
        raise MalformedError(f"{place} is no time such as 2026-01-01T00:00:00Z")
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        raise MalformedError(f"{place} is no time of the calendar") from None


def _decode_plain(value: Any, _place: str) -> Any:
    return value


_DECODERS: Mapping[type, Callable[[Any, str], Any]] = {
    str: _decode_text,
    int: _decode_integer,
    datetime: _decode_time,
    bytes: _decode_plain,
    bool: _decode_plain,
}
