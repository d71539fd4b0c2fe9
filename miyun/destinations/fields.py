"""What leaves beside the id: own columns and identifiers, spelled by named profiles and hashed where that is asked for.

::

    [destinations.member-messages.fields]
    phone = { identifier = "phone" }                                # spelled as for matching
    mobile = { identifier = "phone", profile = "e164", hash = "sha256" }
    name = { column = "first name" }                                # as it is in the source
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from miyun.errors import ConfigError
from miyun.members.cells import is_broken
from miyun.members.config import MembersConfig
from miyun.members.profiles import COMPOSITE, PROFILES, normalise_column
from miyun.members.reasons import Reason, Rejected

EXAMPLES: Mapping[str, str] = {
    "uid2": "person@example.com",
    "data-manager": "person@example.com",
    "pair": "person@example.com",
    "meta": "person@example.com",
    "plain": "person@example.com",
    "e164-cn": "+8613800000000",
    "e164": "+8613800000000",
    "openid": "oExampleExampleExampleExamp1",
    "oaid": "1f2e3d4c5b6a7988",
    "idfa": "FF1999CD-7177-4937-A474-74937A102630",
    "imei": "a000002c9060f7",
    "digits": "8613800000000",
    "text": "example",
    COMPOSITE: "7:example,",
}
"""Values of nobody, as each profile spells them."""


class HashName(StrEnum):
    """Of the UTF-8 bytes of the spelled value; written in lower-case hex."""

    SHA256 = "sha256"
    MD5 = "md5"


_HASHES: Mapping[HashName, Callable[[bytes], str]] = {
    HashName.SHA256: lambda data: hashlib.sha256(data).hexdigest(),
    HashName.MD5: lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}


class FieldSource(BaseModel):
    """One field: an identifier type of ``[members.identifiers]``, or a column of the member table.

    ``profile`` spells the value, several one after the other; an identifier's own profile where none is named.
    A member without a value is refused where the field is ``required``, which identifiers are unless it says no.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    identifier: str = ""
    column: str = ""
    profile: str | tuple[str, ...] = ()
    hash: HashName | None = None
    required: bool | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.identifier) is bool(self.column):
            raise ValueError("name either an identifier or a column")
        unknown = [name for name in self.profiles if name not in PROFILES]
        if unknown:
            raise ValueError(f"there is no profile {unknown[0]!r}")
        if COMPOSITE in self.profiles:
            raise ValueError(f"{COMPOSITE!r} belongs to an identifier of several columns; leave profile out")
        return self

    @property
    def profiles(self) -> tuple[str, ...]:
        return (self.profile,) if isinstance(self.profile, str) else self.profile

    @property
    def is_required(self) -> bool:
        return bool(self.identifier) if self.required is None else self.required

    def columns(self, members: MembersConfig) -> tuple[str, ...]:
        """The source columns that it is made of.

        Raises:
            ConfigError: the member table has no such identifier, or it has several columns and a profile is named.
        """
        if self.column:
            return (self.column,)
        identifier = members.identifiers.get(self.identifier)
        if identifier is None:
            raise ConfigError(
                f"a field is made of the identifier {self.identifier!r}, which [members.identifiers] lacks",
                hint=f"Name one of: {', '.join(members.identifiers)}.",
            )
        if identifier.profile == COMPOSITE and self.profiles:
            raise ConfigError(
                f"the identifier {self.identifier!r} has several columns; its spelling can't be chosen",
                hint="Leave profile out.",
            )
        return identifier.columns

    def spelling(self, members: MembersConfig) -> tuple[str, ...]:
        """The profiles that spell it, in their order."""
        if self.profiles or not self.identifier:
            return self.profiles
        return (members.identifiers[self.identifier].profile,)

    def spell(self, members: MembersConfig, columns: Sequence[Sequence[str | None]]) -> list[str | Rejected]:
        """The field of many members; ``columns`` are those that :meth:`columns` names."""
        spelling = self.spelling(members)
        values = normalise_column(spelling[0], columns) if spelling else [_plain(cell) for cell in columns[0]]
        for profile in spelling[1:]:
            spelled = normalise_column(profile, [[None if isinstance(one, Rejected) else one for one in values]])
            values = [
                before if isinstance(before, Rejected) else after for before, after in zip(values, spelled, strict=True)
            ]
        return [value if isinstance(value, Rejected) else self._hashed(value) for value in values]

    def example(self, members: MembersConfig) -> str:
        """What it looks like, of nobody."""
        spelling = self.spelling(members)
        return self._hashed(EXAMPLES[spelling[-1]] if spelling else "example")

    def _hashed(self, value: str) -> str:
        return value if self.hash is None else _HASHES[self.hash](value.encode())


def _plain(cell: str | None) -> str | Rejected:
    if cell is None or not cell:
        return Rejected(Reason.EMPTY)
    return Rejected(Reason.BAD_ENCODING) if is_broken(cell) else cell
