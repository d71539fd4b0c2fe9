"""What the parts of a party's process share: home, configuration, database, clock, connection to the zone."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import grpc
from sqlalchemy import URL

from miyun.keys.home import Home
from miyun.keys.identity import Identity
from miyun.keys.unsealing import SealingKey, sealing_key
from miyun.party.accepted import AcceptedContracts
from miyun.party.audit_log import AuditLog
from miyun.party.config import PartyConfig, load_party_config
from miyun.party.receipts import Receipts
from miyun.storage.database import open_database
from miyun.transport.channel import connect

CONFIG_FILE = "party.toml"
DATABASE_FILE = "party.sqlite"
MIGRATIONS = Path(__file__).parent / "migrations"

S = TypeVar("S")


def utc_now() -> datetime:
    """Now, in whole seconds as statements carry it."""
    return datetime.now(UTC).replace(microsecond=0)


class Session:
    """An opened party home. The connection is made when it is first used."""

    def __init__(self, home: Home, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.home = home
        self.name = home.info.name
        self.now = clock
        self.engine = open_database(_url(home.path / DATABASE_FILE), migrations=MIGRATIONS)
        self.accepted = AcceptedContracts(self.engine)
        self.receipts = Receipts(self.engine)
        self.audit_log = AuditLog(self.engine, clock)
        self._channel: grpc.Channel | None = None
        self._lock = threading.Lock()

    @cached_property
    def config(self) -> PartyConfig:
        return load_party_config(self.home.path / CONFIG_FILE)

    @property
    def config_path(self) -> Path:
        return self.home.path / CONFIG_FILE

    @cached_property
    def identity(self) -> Identity:
        return self.home.identity()[0]

    @cached_property
    def sealing_key(self) -> SealingKey:
        return sealing_key(self.home)

    def stub(self, service: Callable[[grpc.Channel], S]) -> S:
        """A client of one of the zone's services."""
        with self._lock:
            if self._channel is None:
                self._channel = connect(self.home)
            return service(self._channel)

    def close(self) -> None:
        with self._lock:
            if self._channel is not None:
                self._channel.close()
                self._channel = None
        self.engine.dispose()


def _url(path: Path) -> str:
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)
