"""What leaves for third parties: identifiers, each spelled as the receiver spells it and hashed by SHA-256.

A field is called by its sort: ``email = { identifier = "email" }``. Its spelling and its hash need not be written down,
and can't be others than the receiver compares with. A member may lack one of them; who lacks all is not sent.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from pydantic import Field, field_validator

from miyun.destinations.batches import Batch, Refused
from miyun.destinations.fields import FieldSource, HashName
from miyun.destinations.http import HttpConfig

MOST_ROWS = 10_000
"""Google and Meta take as many in one request."""

JUDGED = frozenset({401, 403, 429})
"""Statuses of which Google's and Meta's bodies say more."""


class Action(StrEnum):
    """Whether the people of a delivery are put on the receiver's list or taken off it."""

    ADD = "add"
    REMOVE = "remove"


class HashedConfig(HttpConfig):
    """``SPELLINGS`` has the profiles of each sort of field that the receiver takes, the first where none is named.

    With ``SEVERAL`` there may be more fields of a sort, called ``email_2`` or ``email_work``.
    """

    SPELLINGS: ClassVar[Mapping[str, tuple[tuple[str, ...], ...]]]
    SEVERAL: ClassVar[bool] = False

    fields: dict[str, FieldSource] = Field(min_length=1, max_length=10)
    action: Action = Action.ADD
    batch_rows: int = Field(default=MOST_ROWS, ge=1, le=MOST_ROWS)
    batches_per_second: float = Field(default=1, gt=0, le=100)

    @field_validator("fields")
    @classmethod
    def _as_sent(cls, fields: dict[str, FieldSource]) -> dict[str, FieldSource]:
        return {name: cls._hashed(name, source) for name, source in fields.items()}

    @classmethod
    def sort(cls, name: str) -> str:
        """The sort of the field called so."""
        return name.partition("_")[0] if cls.SEVERAL else name

    @classmethod
    def _hashed(cls, name: str, source: FieldSource) -> FieldSource:
        spellings = cls.SPELLINGS.get(cls.sort(name))
        if spellings is None:
            raise ValueError(f"there is no field {name!r} at this receiver; it takes {', '.join(cls.SPELLINGS)}")
        spelling = source.profiles or spellings[0]
        if spelling not in spellings:
            taken = " or ".join(" then ".join(one) or "it as it is" for one in spellings)
            raise ValueError(f"{name} can't be spelled by {' then '.join(spelling)}: the receiver compares {taken}")
        if source.hash not in {None, HashName.SHA256}:
            raise ValueError(f"{name} can't be hashed by {source.hash}: the receiver compares SHA-256")
        required = bool(source.required)
        return source.model_copy(update={"profile": spelling, "hash": HashName.SHA256, "required": required})


def sendable(batch: Batch) -> tuple[list[int], tuple[Refused, ...]]:
    """The rows that have an identifier, and those that have none."""
    known = [any(column[row] for column in batch.columns.values()) for row in range(len(batch.ids))]
    lacking = tuple(
        Refused(row=row, code="no-identifier", words="no identifier that the receiver knows people by")
        for row, has in enumerate(known)
        if not has
    )
    return [row for row, has in enumerate(known) if has], lacking
