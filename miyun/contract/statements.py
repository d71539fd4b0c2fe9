"""What parties sign about a contract, beside the contract itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from miyun.records import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation(Statement):
    KIND: ClassVar[str] = "revocation"

    contract: str
    contract_digest: bytes
    party: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation(Statement):
    """A party lets an analyst ask for sizes on its behalf, until ``expires``."""

    KIND: ClassVar[str] = "delegation"

    contract: str
    contract_digest: bytes
    party: str
    analyst: str
    analyst_key: bytes
    expires: datetime
    at: datetime
