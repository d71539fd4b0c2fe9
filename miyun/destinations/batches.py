"""What a destination is given, and what it answers."""

import hashlib
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import rfc8785

_KEY_BYTES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One delivery: the audience of one job, through one channel of its contract.

    ``ends``: when its segment does, at the latest with the contract; nobody may be reached through it afterwards.
    """

    contract: str
    job: str
    segment: str
    version: int
    channel: str
    ends: datetime

    @property
    def name(self) -> str:
        """What a file of it is called: unique in a party's home."""
        return f"{self.segment}-v{self.version}-{self.job}"

    def key(self, index: int) -> str:
        """The idempotency key of a batch: 160 bits of SHA-256 in base32, the same whenever it is asked for."""
        digest = hashlib.sha256(b"miyun/v1/delivery\0" + rfc8785.dumps([self.contract, self.job, self.channel, index]))
        return f"batch-{b32encode(digest.digest()[:_KEY_BYTES]).decode().lower()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of one delivery. It never changes: the same index has the same rows and the same key for ever.

    But a receiver that ``takes_fewer`` is not told again of people who object by now.

    ``ids`` are the party's own ids, each once in an order; ``columns`` are parallel to them, by the names of the
    configured fields, spelled and hashed already; None where a field that is not required has no value.
    """

    order: Order
    index: int
    ids: tuple[str, ...]
    columns: Mapping[str, tuple[str | None, ...]]

    @property
    def key(self) -> str:
        return self.order.key(self.index)

    def rows(self, id_name: str) -> list[dict[str, str | None]]:
        """The rows as objects, the id first under ``id_name``."""
        names = (id_name, *self.columns)
        return [dict(zip(names, row, strict=True)) for row in zip(self.ids, *self.columns.values(), strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A row (its place in the batch, from 0) that the receiver will not take. ``words`` repeat no value of the row."""

    row: int
    code: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """So many rows of a batch that a receiver will not take, without saying which; 0 where it doesn't say how many."""

    code: str
    rows: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOutcome:
    """What became of a batch: every row is accepted but those ``refused``, ``counted``, and to be sent ``later``.

    ``counted`` has each code once; a row may count for several. With a ``handle`` nothing is known yet: the receiver is
    at work, and the plug-in's ``poll`` asks again.
    """

    refused: tuple[Refused, ...] = ()
    later: tuple[int, ...] = ()
    counted: tuple[Counted, ...] = ()
    handle: str = ""

    @classmethod
    def refuse_all(cls, batch: Batch, code: str, words: str) -> "BatchOutcome":
        """Every row, for the same reason."""
        return cls(refused=tuple(Refused(row=row, code=code, words=words) for row in range(len(batch.ids))))

    def fault(self, rows: int) -> str:
        """Why this can't be the outcome of a batch of so many rows; empty where it can."""
        named = [*(refused.row for refused in self.refused), *self.later]
        if self.handle and (named or self.counted):
            return "it names rows before the receiver has finished"
        if len(set(named)) < len(named):
            return "it names a row twice"
        if any(not 0 <= row < rows for row in named):
            return "it names rows that the batch does not have"
        if any(not 0 <= counted.rows <= rows - len(named) for counted in self.counted):
            return "it counts rows that the batch does not have"
        if len({counted.code for counted in self.counted}) < len(self.counted):
            return "it counts for a reason twice"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would be sent for made-up rows, credentials left out. ``answer`` is the receiver's, where it was asked."""

    target: str
    text: str
    answer: str = ""
