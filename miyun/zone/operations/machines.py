"""The state machines of running fusions, kept in memory between messages and rebuilt from the database at need."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from miyun.contract.model import Contract
from miyun.errors import MiyunError
from miyun.psi.statements import FuseRequest
from miyun.psi.zone_fusion import ZoneFusion
from miyun.zone.core import Change, Core
from miyun.zone.store import fusions as store
from miyun.zone.store.fusions import Fusion
from miyun.zone.store.jobs import signed_request

MOST_MACHINES = 64


class Machines:
    """A machine is at hand only while it agrees with what is committed.

    ``changing`` lets one fusion message through at a time, so that a machine goes back only when its transaction is
    over. A machine that moved in a transaction that failed is dropped, and the next message rebuilds it; one that
    refused its message stays.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._machines: OrderedDict[tuple[str, str], ZoneFusion] = OrderedDict()

    @contextmanager
    def changing(self, core: Core) -> Iterator["MachineChange"]:
        with self._lock:
            taken = MachineChange(self._machines)
            try:
                with core.changing() as change:
                    taken.change = change
                    yield taken
            except MiyunError:
                if not taken.moved:
                    taken.give_back()
                raise
            taken.give_back()


class MachineChange:
    """A transaction with machines in it. ``moved``: one of them took something in."""

    change: Change

    def __init__(self, machines: OrderedDict[tuple[str, str], ZoneFusion]) -> None:
        self.moved = False
        self._machines = machines
        self._taken: dict[tuple[str, str], ZoneFusion] = {}

    def take(self, contract: Contract, fusion: Fusion) -> ZoneFusion:
        """The machine of a fusion, for this transaction."""
        key = (contract.id, fusion.job)
        machine = self._machines.pop(key, None) or _rebuild(self.change.connection, contract, fusion)
        self._taken[key] = machine
        return machine

    def drop(self, fusion: Fusion) -> None:
        """The fusion needs no machine any more."""
        self._taken.pop((fusion.contract, fusion.job), None)

    def give_back(self) -> None:
        self._machines.update(self._taken)
        while len(self._machines) > MOST_MACHINES:
            self._machines.popitem(last=False)


def _rebuild(connection: Connection, contract: Contract, fusion: Fusion) -> ZoneFusion:
    request = FuseRequest.from_canonical(signed_request(connection, contract.id, fusion.job).request)
    announced = store.list_announcements(connection, contract.id, fusion.job)
    rebinds = store.find_rebinds(connection, contract.id, fusion.job)
    handles = store.row_handles(connection, contract.id, fusion.epoch) if fusion.sequence else {}
    return ZoneFusion.restore(
        contract,
        request,
        announcements=[announcement for announcement, _ in announced.values()],
        points=store.list_points(connection, contract.id, fusion.job),
        tokens=store.list_tokens(connection, contract.id, fusion.job),
        rebinds=None if rebinds is None else rebinds[0],
        first_handle=handles.get(request.requester, 0),
    )
