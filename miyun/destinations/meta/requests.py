"""The request of the users endpoint, with the limits of its reference, so that nothing else is ever sent.

https://developers.facebook.com/docs/marketing-api/reference/custom-audience/users
"""

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, model_validator

from miyun.destinations.hashed import MOST_ROWS

Sha256OrBlank = Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]
"""Blank where a person lacks this key."""

_SESSION_BITS = 53
"""Meta takes 64; so many are exact to every reader of JSON."""


class Key(StrEnum):
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    EXTERN_ID = "EXTERN_ID"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Payload(_Message):
    """A row of ``data`` has a value for each key of ``schema``, and at least one that is not blank."""

    keys: tuple[Key, ...] = Field(min_length=1, alias="schema")
    data: tuple[tuple[Sha256OrBlank, ...], ...] = Field(min_length=1, max_length=MOST_ROWS)

    @model_validator(mode="after")
    def _rows_fit(self) -> Self:
        if len(set(self.keys)) < len(self.keys):
            raise ValueError("a key twice")
        if any(len(row) != len(self.keys) or not any(row) for row in self.data):
            raise ValueError("a row that does not fit the schema, or that is blank")
        return self


class Session(_Message):
    session_id: int = Field(gt=0, lt=1 << _SESSION_BITS)
    batch_seq: int = 1
    last_batch_flag: bool = True
    estimated_num_total: int


class UsersRequest(_Message):
    """Each sending of a batch is a session of its own: none is begun anew, and none waits for another batch."""

    payload: Payload
    session: Session

    @classmethod
    def of(cls, key: str, at: datetime, keys: tuple[Key, ...], data: tuple[tuple[str, ...], ...]) -> Self:
        """``key`` is the batch's, ``at`` the time of sending, by which the session's id is its own."""
        digest = hashlib.sha256(f"{key} {at.isoformat()}".encode()).digest()
        session_id = (int.from_bytes(digest[:8], "big") >> (64 - _SESSION_BITS)) or 1
        return cls(
            payload=Payload.model_validate({"schema": keys, "data": data}),
            session=Session(session_id=session_id, estimated_num_total=len(data)),
        )

    def to_form(self, **others: str) -> bytes:
        """As a form, its parts as JSON."""
        parts = {"payload": self.payload.model_dump(by_alias=True), "session": self.session.model_dump()}
        return urlencode(
            {**{name: json.dumps(part, separators=(",", ":")) for name, part in parts.items()}, **others}
        ).encode()
