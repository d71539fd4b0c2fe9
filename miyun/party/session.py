"""What the parts of a party's process share: home, configuration, stores, clock, connection to the zone."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import grpc
from sqlalchemy import URL

from miyun.destinations.batches import Order
from miyun.keys.home import Home
from miyun.keys.unsealing import SealingKey, sealing_key
from miyun.party.accepted import AcceptedContracts
from miyun.party.aggregate_files import AggregateFiles
from miyun.party.aggregations import Aggregations
from miyun.party.audit_log import AuditLog
from miyun.party.config import PartyConfig, load_party_config
from miyun.party.deliveries import Deliveries
from miyun.party.delivery_queue import DeliveryQueue
from miyun.party.evaluations import Evaluations
from miyun.party.fusion_states import FusionStates
from miyun.party.generations import Generations
from miyun.party.given_schemas import SCHEMA_FOLDER, GivenSchemas
from miyun.party.insight_answers import InsightAnswers
from miyun.party.intersection_files import IntersectionFiles
from miyun.party.intersection_states import IntersectionStates
from miyun.party.ledger import Ledger
from miyun.party.legs import Legs
from miyun.party.lookalike_store import LookalikeStore
from miyun.party.outbox import Outbox
from miyun.party.publications import Publications
from miyun.party.reader_keys import ReaderKeys
from miyun.party.receipts import Receipts
from miyun.party.requests import Requests
from miyun.party.roster_changes import RosterChanges
from miyun.party.rosters import Rosters
from miyun.party.schedules import Schedules
from miyun.records import Statement, utc_now
from miyun.storage.database import open_database, together
from miyun.transport.channel import connect

CONFIG_FILE = "party.toml"
DATABASE_FILE = "party.sqlite"
ROSTER_FOLDER = "rosters"
AGGREGATE_FOLDER = "aggregates"
RELEASED_FOLDER = "released"
INTERSECTION_FOLDER = "intersections"
MIGRATIONS = Path(__file__).parent / "migrations"

S = TypeVar("S")


class Session:
    """An opened party home. The connection is made when it is first used."""

    def __init__(self, home: Home, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.home = home
        self.name = home.info.name
        self.now = clock
        url = URL.create("sqlite", database=str(home.path / DATABASE_FILE))
        self._engine = open_database(url.render_as_string(hide_password=False), migrations=MIGRATIONS)
        self.accepted = AcceptedContracts(self._engine)
        self.requests = Requests(self._engine)
        self.receipts = Receipts(self._engine)
        self.audit_log = AuditLog(self._engine, clock)
        self.fusions = FusionStates(self._engine)
        self.outbox = Outbox(self._engine)
        self.evaluations = Evaluations(self._engine)
        self.legs = Legs(self._engine)
        self.generations = Generations(self._engine)
        self.schedules = Schedules(self._engine)
        self.deliveries = Deliveries(self._engine)
        self.ledger = Ledger(self._engine, self.name)
        self.roster_changes = RosterChanges(self._engine)
        self.rosters = Rosters(home.path / ROSTER_FOLDER, self.fusions, self.roster_changes)
        self.publications = Publications(self._engine)
        self.given_schemas = GivenSchemas(home.path / SCHEMA_FOLDER)
        self.reader_keys = ReaderKeys(self._engine, home)
        self.aggregations = Aggregations(self._engine, home.path / RELEASED_FOLDER)
        self.aggregate_files = AggregateFiles(home.path / AGGREGATE_FOLDER)
        self.answers = InsightAnswers(self._engine)
        self.intersections = IntersectionStates(self._engine, home.path / RELEASED_FOLDER)
        self.intersection_files = IntersectionFiles(home.path / INTERSECTION_FOLDER)
        self.lookalikes = LookalikeStore(self._engine, home.path / RELEASED_FOLDER)
        self._channel: grpc.Channel | None = None
        self._lock = threading.Lock()

    def together(self) -> AbstractContextManager[None]:
        """What the block stores in this party's database, in one transaction. Send nothing of it before its end."""
        return together(self._engine)

    def queue(self, order: Order) -> DeliveryQueue:
        """The batches of one delivery."""
        return DeliveryQueue(self._engine, order)

    @property
    def config_path(self) -> Path:
        return self.home.path / CONFIG_FILE

    @cached_property
    def config(self) -> PartyConfig:
        return load_party_config(self.config_path)

    @cached_property
    def sealing_key(self) -> SealingKey:
        return sealing_key(self.home)

    def sign(self, statement: Statement) -> bytes:
        """The party's signature over it."""
        return self.home.signing_key.sign(statement)

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
        self._engine.dispose()
