"""What an agent sees to whenever it polls: news of its contracts, leases for the zone, and what the parties publish."""

import time

from miyun.contract.lifecycle import ContractState
from miyun.contract.model import Contract
from miyun.errors import MiyunError, TransportError
from miyun.party.contract_views import read_view, take
from miyun.party.following import follow_segments, forget_audiences
from miyun.party.fusion_states import FusionState
from miyun.party.leases import Leases
from miyun.party.progress import OnEvent, Warned
from miyun.party.publishing import publish
from miyun.party.refreshes import settle
from miyun.party.schemas import fetch_catalogue, fetch_schema
from miyun.party.session import Session
from miyun.party.tasks.fuse import end_fusion, forget_secrets
from miyun.party.tasks.intersect import end_intersection
from miyun.wire.v1.contract_pb2 import ContractView, ListContractsRequest
from miyun.wire.v1.contract_pb2_grpc import ContractServiceStub

INTERVAL_SECONDS = 5.0
FETCH_SECONDS = 60.0
"""How often it looks what the other party published."""


class Upkeep:
    def __init__(self, session: Session, on_event: OnEvent) -> None:
        self._session = session
        self._on_event = on_event
        self._due_at = 0.0
        self._told: set[Warned] = set()
        self._fetched_at: dict[str, float] = {}

    def soon(self) -> None:
        """Something happened that may have used up a lease: see to it at the next turn."""
        self._due_at = 0.0

    def run(self) -> None:
        """Do it, if it is due.

        Raises:
            TransportError: no connection.
        """
        if time.monotonic() < self._due_at:
            return
        accepted = frozenset(self._session.accepted.ids())
        for view in self._session.stub(ContractServiceStub).ListContracts(ListContractsRequest()).contracts:
            self._look_at(view, accepted)
        self._due_at = time.monotonic() + INTERVAL_SECONDS

    def _look_at(self, view: ContractView, accepted: frozenset[str]) -> None:
        contract = ""
        try:
            signed = read_view(view)
            contract = signed.contract.id
            if contract in accepted:
                take(self._session, view, signed)
                self._see_to(contract)
        except TransportError:
            raise
        except MiyunError as error:
            self._tell(Warned(contract=contract, message=error.message, hint=error.hint))

    def _see_to(self, contract_id: str) -> None:
        now = self._session.now()
        if self._session.accepted.over(contract_id, now):
            self._close(contract_id)
        elif self._session.accepted.get(contract_id).state(now) is ContractState.ACTIVE:
            contract = self._session.accepted.active(contract_id, now)
            Leases(self._session, contract, self._tell).settle()
            settle(self._session, contract)
            self._publish(contract)

    def _publish(self, contract: Contract) -> None:
        """Publish what has changed here; see, now and then, what the other party published and which segments ended."""
        fetched_at = self._fetched_at.get(contract.id)
        if self._session.config_path.is_file():
            publish(self._session, contract, again=fetched_at is None)
        if fetched_at is None or time.monotonic() - fetched_at > FETCH_SECONDS:
            self._fetched_at[contract.id] = time.monotonic()
            follow_segments(self._session, contract)
            schema = fetch_schema(self._session, contract)
            if schema is not None:
                fetch_catalogue(self._session, contract, schema)

    def _close(self, contract_id: str) -> None:
        """A contract is over: nothing of its fusions is of use any more. Counts, ledger and history stay."""
        contract = self._session.accepted.get(contract_id).contract
        for fusion in self._session.fusions.of(contract_id):
            if fusion.state is FusionState.EXCHANGING:
                end_fusion(self._session, contract, fusion, FusionState.ABANDONED)
        for held in self._session.intersections.under_way(contract_id):
            end_intersection(self._session, contract_id, held.job)
        over = self._session.fusions.newest_epoch(contract_id) + 1
        forget_secrets(self._session, contract, before_epoch=over)
        self._session.roster_changes.forget(contract_id, before_epoch=over)
        self._session.generations.forget(contract_id, before_epoch=over)
        self._session.schedules.forget(contract_id)
        self._session.deliveries.end(contract_id)
        forget_audiences(self._session, contract_id)
        self._session.rosters.drop(contract_id)
        self._session.aggregate_files.drop(contract_id)
        self._session.aggregations.forget(contract_id, but_epoch=0)
        self._session.reader_keys.forget(contract)
        self._session.publications.forget(contract_id)
        self._session.given_schemas.forget(contract_id, contract.counterparty(self._session.name).name)

    def _tell(self, event: object) -> None:
        """Tell a warning once."""
        if isinstance(event, Warned) and event not in self._told:
            self._told.add(event)
            self._on_event(event)
