"""What all operations of the zone share: its database, key and clock, and the transaction in which they change it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, Engine

from miyun.audit.statements import AuditEntry
from miyun.keys.identity import Identity
from miyun.keys.mark import Mark
from miyun.keys.signing import SigningKey
from miyun.psi.join_chunks import Room
from miyun.records import utc_now
from miyun.storage.database import reading
from miyun.zone.bell import Bell
from miyun.zone.pools import Pools


class Waker(Protocol):
    def wake(self, contracts: Iterable[str]) -> None:
        """Look for work under these contracts again."""


@dataclass(slots=True)
class Change:
    """One transaction that writes. Once it is committed, who listens to the names in ``news_for`` hears of it, and the
    worker looks after the contracts in ``work_for``. ``newest`` are the last entries of histories that were looked at.
    """

    connection: Connection
    at: datetime
    news_for: set[str] = field(default_factory=set)
    work_for: set[str] = field(default_factory=set)
    newest: dict[str, AuditEntry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    name: str
    identity: Identity
    identity_signature: bytes
    signing_key: SigningKey
    engine: Engine
    bell: Bell
    waker: Waker
    mark: Mark
    pools: Pools
    join_room: Room
    clock: Callable[[], datetime] = utc_now

    @contextmanager
    def changing(self) -> Iterator[Change]:
        """A transaction that may write; it is undone where the block raises. Only one runs at a time."""
        with self.engine.begin() as connection:
            change = Change(connection, self.clock())
            yield change
        if change.work_for:
            self.waker.wake(change.work_for)
            self.pools.wake()
        if change.news_for:
            self.bell.ring(change.news_for)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads, and waits for nobody."""
        with reading(self.engine) as connection:
            yield connection
