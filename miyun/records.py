"""Immutable records and signed statements, and the bytes they stand for.

A *record* is a frozen dataclass. A *statement* is a record that somebody signs: the bytes under the signature are
``"miyun/v1/" + KIND + NUL + RFC 8785 JSON``, so that a signature for one kind never fits another. Bytes are written
as URL-safe base64, times as RFC 3339 in UTC, enumerations as their values.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

import rfc8785
from pydantic import ConfigDict, TypeAdapter, ValidationError

from miyun.errors import MalformedError

DIGEST_BYTES = 32


class Record:
    """Base of the immutable records: subclasses are ``@dataclass(frozen=True, slots=True, kw_only=True)``."""

    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        ser_json_bytes="base64", val_json_bytes="base64", extra="forbid"
    )

    def to_plain(self) -> dict[str, Any]:
        """The record as JSON values."""
        plain: dict[str, Any] = adapter(type(self)).dump_python(self, mode="json")
        return plain

    def canonical_bytes(self) -> bytes:
        """RFC 8785 JSON of the record."""
        return rfc8785.dumps(self.to_plain())

    @classmethod
    def from_canonical(cls, data: bytes) -> Self:
        """Read a record back from its canonical bytes.

        Raises:
            MalformedError: the bytes are no such record, or not its canonical form.
        """
        try:
            record: Self = adapter(cls).validate_json(data)
            canonical = record.canonical_bytes()
        except ValidationError as error:
            raise MalformedError(f"not a valid {cls.__name__}: {first_fault(error)}") from None
        except rfc8785.CanonicalizationError:
            raise MalformedError(f"a {cls.__name__} with a number beyond those of RFC 8785") from None
        if canonical != data:
            raise MalformedError(f"a {cls.__name__} that is not in canonical form (RFC 8785)")
        return record

    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes, 32 bytes."""
        return hashlib.sha256(self.canonical_bytes()).digest()


class Statement(Record):
    """A record that somebody signs. ``KIND`` separates the signatures of different kinds."""

    __slots__ = ()
    KIND: ClassVar[str]

    def signing_bytes(self) -> bytes:
        """What the signature covers."""
        return b"miyun/v1/" + self.KIND.encode() + b"\0" + self.canonical_bytes()


def first_fault(error: ValidationError) -> str:
    """The first thing that was found wrong, as ``place: message``; the value itself is not repeated."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "document"
    return f"{place}: {first['msg']}"


def utc_now() -> datetime:
    """Now, in whole seconds as statements carry it."""
    return datetime.now(UTC).replace(microsecond=0)


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def adapter(cls: type[Any]) -> TypeAdapter[Any]:
    """What validates a type; made once, which takes longer than to validate with it."""
    if cls not in _ADAPTERS:
        _ADAPTERS[cls] = TypeAdapter(cls)
    return _ADAPTERS[cls]
