"""What an agent sees to whenever it polls: news of its contracts, and leases for the zone."""

import time

from miyun.errors import MiyunError, TransportError
from miyun.party.contract_views import refresh
from miyun.party.leases import Leases
from miyun.party.progress import OnEvent, Warned
from miyun.party.session import Session

INTERVAL_SECONDS = 5.0


class Upkeep:
    def __init__(self, session: Session, on_event: OnEvent) -> None:
        self._session = session
        self._on_event = on_event
        self._due_at = 0.0
        self._told: set[Warned] = set()

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
        refresh(self._session)
        for contract_id in self._session.accepted.ids():
            self._settle(contract_id)
        self._due_at = time.monotonic() + INTERVAL_SECONDS

    def _settle(self, contract_id: str) -> None:
        try:
            contract = self._session.accepted.active(contract_id, self._session.now())
        except MiyunError:
            return
        try:
            Leases(self._session, contract, self._tell).settle()
        except TransportError:
            raise
        except MiyunError as error:
            self._tell(Warned(contract=contract_id, message=error.message, hint=error.hint))

    def _tell(self, event: object) -> None:
        """Tell a warning once."""
        if isinstance(event, Warned) and event not in self._told:
            self._told.add(event)
            self._on_event(event)
