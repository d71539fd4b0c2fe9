"""A port for HTTP: its connections in an event loop, looked after every second."""

import asyncio
import ssl
import threading
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

from miyun.answers.config import split_address
from miyun.answers.http_connection import MESSAGE_SECONDS, Connection, Respond
from miyun.errors import TransportError

MOST_CONNECTIONS: Final = 1_024
HANDSHAKE_SECONDS: Final = 5.0
STOP_SECONDS: Final = 5.0

_CHECK_SECONDS = 1.0
_BACKLOG = 1_024


class HttpPort:
    """Belongs to the loop that it is started in."""

    def __init__(self, address: str, respond: Respond, tls: ssl.SSLContext | None = None) -> None:
        self.address = address
        self._respond = respond
        self._tls = tls
        self._connections: set[Connection] = set()
        self._server: asyncio.Server
        self._checks: asyncio.Task[None]

    async def start(self) -> None:
        """Listen; ``address`` then has the port that was bound.

        Raises:
            TransportError: the address is taken or not this machine's.
        """
        host, port = split_address(self.address)
        loop = asyncio.get_running_loop()
        timeouts: dict[str, Any] = (
            {"ssl_handshake_timeout": HANDSHAKE_SECONDS, "ssl_shutdown_timeout": HANDSHAKE_SECONDS} if self._tls else {}
        )
        make = partial(Connection, self._respond, self._connections, MOST_CONNECTIONS)
        try:
            self._server = await loop.create_server(
                make, host, port, ssl=self._tls, backlog=_BACKLOG, reuse_address=True, **timeouts
            )
        except OSError:
            raise TransportError(
                f"can't listen on {self.address}", hint="Stop what uses this port, or configure another address."
            ) from None
        self.address = f"{self.address.rpartition(':')[0]}:{self._server.sockets[0].getsockname()[1]}"
        self._checks = loop.create_task(self._look_after())

    async def stop(self) -> None:
        """Take no new connections; let messages that are coming in be answered, for some seconds."""
        self._server.close()
        self._checks.cancel()
        left = [connection for connection in self._connections if not connection.finish()]
        end = asyncio.get_running_loop().time() + STOP_SECONDS
        while self._connections.intersection(left) and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.abort()
        await asyncio.sleep(0)

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            for connection in list(self._connections):
                connection.check_time()


class HttpThread:
    """A thread with the loop of several ports, which start together or not at all."""

    def __init__(self, ports: list[HttpPort]) -> None:
        self._ports = ports
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="answers-http", daemon=True)
        self._ready: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop
        self._stopping: asyncio.Event

    def start(self) -> None:
        """Raises: TransportError: an address is taken or not this machine's."""
        self._thread.start()
        self._ready.result()

    def stop(self) -> None:
        """Return when all connections are closed."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(STOP_SECONDS + MESSAGE_SECONDS)

    async def _run(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        started: list[HttpPort] = []
        try:
            for port in self._ports:
                await port.start()
                started.append(port)
        except TransportError as error:
            self._ready.set_exception(error)
        else:
            self._ready.set_result(None)
            await self._stopping.wait()
        await asyncio.gather(*(port.stop() for port in started))
