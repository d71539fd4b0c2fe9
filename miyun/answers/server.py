"""The answer server: its ports assembled, started and stopped."""

import ssl
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from functools import partial

import structlog

from miyun.answers.answering import Answering
from miyun.answers.askers import Askers, Tokens
from miyun.answers.config import AnswersConfig
from miyun.answers.desk import Desk
from miyun.answers.grpc_connection import GrpcConnection
from miyun.answers.grpc_routes import GrpcRoutes
from miyun.answers.http_connection import Connection
from miyun.answers.metrics import Metrics
from miyun.answers.port import Port, PortThread
from miyun.answers.reloading import Reloader
from miyun.answers.routes import AskingRoutes, StatusRoutes
from miyun.answers.store import AnswerStore
from miyun.errors import ConfigError, InputError
from miyun.keys.home import VAULT_FILE, Home
from miyun.records import utc_now

_log = structlog.get_logger(__name__)


class AnswerServer:
    """Answers from the sets of a home until it is stopped. Everything is read and checked when it is made."""

    def __init__(self, home: Home, config: AnswersConfig, *, clock: Callable[[], datetime] = utc_now) -> None:
        """Raises:
        InputError: nobody may ask yet.
        ConfigError: a certificate can't be used.
        KeyAccessError: a set is damaged.
        """
        store, tokens = AnswerStore(home), Tokens(home)
        hashes = tokens.hashes()
        without = [name for name in config.askers if name not in hashes]
        if not config.askers or without:
            name = without[0] if without else "NAME"
            raise InputError(
                f"the asker {name} has no token" if without else "nobody may ask: party.toml describes no asker",
                hint=f"Make one: miyun answers token {name}" if without else "Describe it in [answers.askers.NAME].",
            )
        answering = Answering(store.key, store.open(), config.cache_seconds, clock=lambda: clock().timestamp())
        desk = Desk(answering, Askers(config.askers, hashes), Metrics())
        self._asking = Port(config.listen, partial(Connection, AskingRoutes(desk).respond), _context(config))
        self._grpc = self._status = None
        if config.grpc_listen:
            service = GrpcRoutes(desk).service()
            self._grpc = Port(config.grpc_listen, partial(GrpcConnection, service), _grpc_context(config))
        if config.status_listen:
            self._status = Port(config.status_listen, partial(Connection, StatusRoutes(desk).respond))
        self._ports = PortThread([port for port in (self._asking, self._grpc, self._status) if port])
        self._reloader = Reloader(store, tokens, home.path / VAULT_FILE, desk, clock)
        self._running = ExitStack()

    @property
    def address(self) -> str:
        """Of HTTP; with the port that was bound, once it is started."""
        return self._asking.address

    @property
    def grpc_address(self) -> str:
        return self._grpc.address if self._grpc else ""

    @property
    def status_address(self) -> str:
        return self._status.address if self._status else ""

    def start(self) -> None:
        """Listen.

        Raises:
            TransportError: an address is taken or not this machine's.
        """
        with ExitStack() as starting:
            self._ports.start()
            starting.callback(self._ports.stop)
            self._reloader.start()
            starting.callback(self._reloader.stop)
            self._running = starting.pop_all()
        _log.info("listening", http=self.address, grpc=self.grpc_address, status=self.status_address)

    def stop(self) -> None:
        """Take no new questions, answer those that are under way, and close all connections."""
        self._running.close()


def _context(config: AnswersConfig) -> ssl.SSLContext | None:
    if config.certificate is None or config.private_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(config.resolve(config.certificate), config.resolve(config.private_key))
        if config.client_authority is not None:
            context.load_verify_locations(config.resolve(config.client_authority))
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise ConfigError(
            f"the certificate, key or authority in [answers] can't be used: {error.strerror}",
            hint="Give PEM files, the key without a passphrase.",
        ) from None
    return context


def _grpc_context(config: AnswersConfig) -> ssl.SSLContext | None:
    context = _context(config)
    if context is not None:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["h2"])
    return context
