"""Who a process says it is."""

from dataclasses import dataclass
from typing import ClassVar

from miyun.records import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity(Statement):
    """Who a process says it is, signed with the key it names. Only a party has a kind and a sealing key."""

    KIND: ClassVar[str] = "identity"

    name: str
    role: str
    kind: str | None = None
    organisation: str
    signing_key: bytes
    sealing_key: bytes | None = None
