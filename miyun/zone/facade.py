"""The Python API of a zone."""

import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from miyun.audit.chain import verify_chain
from miyun.contract.lifecycle import SignedContract
from miyun.errors import InputError
from miyun.kernels import kernels
from miyun.keys.home import Home, Role
from miyun.keys.identity import Identity
from miyun.keys.mark import Mark
from miyun.keys.unlock import Unlock
from miyun.privacy import noise
from miyun.psi.join_chunks import Room
from miyun.records import utc_now
from miyun.storage.database import open_database
from miyun.transport.join_code import JoinCode
from miyun.transport.tls import Authority
from miyun.zone.bell import Bell
from miyun.zone.config import ZoneConfig, load_config, with_port
from miyun.zone.core import Core
from miyun.zone.operations.enrolment import invite
from miyun.zone.operations.randomness import wanted_pools
from miyun.zone.operations.restoring import forget_check_ins, notice_restore
from miyun.zone.pools import Pools
from miyun.zone.serve import Ports
from miyun.zone.store.audit_log import list_entries
from miyun.zone.store.contracts import all_contracts
from miyun.zone.store.directory import Member, list_members
from miyun.zone.worker import Worker

MIGRATIONS = Path(__file__).parent / "migrations"
POOLS = "pools"
MARK = "charges.mark"
INVITATION_LIFETIME = timedelta(days=3)


class Zone:
    """One zone, by its home.

    >>> with Zone.open(Path("zone"), KeyFile(Path("zone.key"))) as zone:  # doctest: +SKIP
    ...     print(zone.invite(Role.PARTY, "tea-house").encode())
    ...     zone.serve()
    """

    def __init__(self, home: Home, config: ZoneConfig, authority: Authority, clock: Callable[[], datetime]) -> None:
        identity, signature = home.identity()
        self._home = home
        self._config = config
        self._authority = authority
        self._bell = Bell(config.workers // 2)
        self._worker = Worker()
        self._pools = Pools(home.path / POOLS, config.pool_values)
        self._core = Core(
            name=home.info.name,
            identity=identity,
            identity_signature=signature,
            signing_key=home.signing_key,
            engine=open_database(config.database_url(home.path), migrations=MIGRATIONS),
            bell=self._bell,
            waker=self._worker,
            mark=Mark(home.path / MARK, hint="Remove it, and run: miyun zone restored"),
            pools=self._pools,
            join_room=Room(memory_bytes=config.join_memory_mib << 20, folder=home.path),
            clock=clock,
        )
        self._address = config.address
        self._enrolment_address = config.enrolment_address
        self._running = ExitStack()
        self._stopping = threading.Event()

    @classmethod
    def open(cls, path: Path, unlock: Unlock, *, clock: Callable[[], datetime] = utc_now) -> Self:
        """Open a zone's home and its database; the first time, its certificate authority is generated.

        Raises:
            KeyAccessError: there is no home, or the passphrase or key file is not the right one.
            InputError: it is not a zone's home.
            ConfigError: ``zone.toml`` or the database can't be used.
        """
        home = Home.open(path, unlock)
        if home.info.role is not Role.ZONE:
            raise InputError(
                f"{path} is a home for the role {home.info.role}, not for a zone", hint="Give a zone's home."
            )
        config = load_config(path)
        with home.lock("authority", timeout=60):
            authority = Authority.open(home) if home.authority_path.exists() else Authority.create(home)
        return cls(home, config, authority, clock)

    @property
    def name(self) -> str:
        return self._core.name

    @property
    def identity(self) -> Identity:
        """Who this zone is, with its public key."""
        return self._core.identity

    @property
    def address(self) -> str:
        """What parties dial; with the port that was bound, once the zone is started."""
        return self._address

    @property
    def enrolment_address(self) -> str:
        """What newcomers dial; with the port that was bound, once the zone is started."""
        return self._enrolment_address

    def invite(self, role: Role, name: str, valid: timedelta = INVITATION_LIFETIME) -> JoinCode:
        """A join code for a newcomer, good once. Whoever lost a home is invited again by the same name.

        Raises:
            InputError: the name can't be one, or is taken by another role.
        """
        return JoinCode(
            address=self._address,
            enrolment_address=self._enrolment_address,
            authority_fingerprint=self._authority.fingerprint(),
            secret=invite(self._core, role, name, valid),
            role=role,
            name=name,
        )

    def members(self) -> tuple[Member, ...]:
        """Everybody who has enrolled."""
        with self._core.reading() as connection:
            return list_members(connection)

    def contracts(self) -> tuple[SignedContract, ...]:
        """All contracts, in any state."""
        with self._core.reading() as connection:
            return all_contracts(connection)

    def restored(self) -> None:
        """Say that the home and its database come from a backup: nothing new is released before the owners check in."""
        forget_check_ins(self._core)

    def audit_verify(self) -> dict[str, int]:
        """Check the audit chain of every contract; gives the number of entries of each.

        Raises:
            AuditError: the first entry that doesn't follow.
        """
        with self._core.reading() as connection:
            chains = {
                signed.contract.id: list_entries(connection, signed.contract.id, after=0, limit=None)
                for signed in all_contracts(connection)
            }
        for entries in chains.values():
            verify_chain(entries)
        return {contract: len(entries) for contract, entries in chains.items()}

    def start(self) -> None:
        """Listen on both ports, and go on with what was unfinished.

        Raises:
            ConfigError: ``MIYUN_BACKEND`` asks for what this installation has not.
            StateError: another process serves this home.
            TransportError: an address can't be bound.
        """
        kernels()
        noise.warm()
        with ExitStack() as starting:
            starting.enter_context(self._home.lock("zone"))
            notice_restore(self._core)
            ports = Ports(self._home, self._authority, self._config, self._core)
            members, newcomers = ports.start()
            starting.callback(ports.stop)
            self._address = _dialled(self._config.address, members)
            self._enrolment_address = _dialled(self._config.enrolment_address, newcomers)
            self._worker.start(self._core)
            starting.callback(self._worker.stop)
            self._pools.start(partial(wanted_pools, self._core))
            starting.callback(self._pools.stop)
            starting.callback(self._bell.close)
            self._running = starting.pop_all()

    def stop(self) -> None:
        """Take no new calls, finish the step under way, and let the home go. The zone can't be started again."""
        self._stopping.set()
        self._running.close()

    def serve(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Start, and return after SIGTERM, SIGINT or a call of `stop`. From the main thread only.

        ``on_ready`` is called once both ports are open.
        """
        self.start()
        handlers = {number: signal.signal(number, self._interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            on_ready()
            self._stopping.wait()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            self.stop()

    def close(self) -> None:
        """Stop, and close the database."""
        self.stop()
        self._core.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _interrupt(self, _number: int, _frame: object) -> None:
        self._stopping.set()


def _dialled(address: str, port: int) -> str:
    """The address, with the port that the system chose where it says 0."""
    return with_port(address, port) if address.endswith(":0") else address
