"""A port: its connections in an event loop, looked after every second."""

import asyncio
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Final

from miyun.answers.config import split_address
from miyun.answers.crowd import Crowd
from miyun.answers.door import Door
from miyun.answers.http_connection import MESSAGE_SECONDS
from miyun.errors import TransportError

MOST_CONNECTIONS: Final = 1_024
STOP_SECONDS: Final = 5.0

_CHECK_SECONDS = 1.0
_BACKLOG = 1_024


class Port:
    """Belongs to the loop that it is started in. ``make`` gives a connection's protocol, which enters the crowd."""

    def __init__(
        self, address: str, make: Callable[[Crowd], asyncio.Protocol], tls: ssl.SSLContext | None = None
    ) -> None:
        self.address = address
        self._make = make
        self._tls = tls
        self._crowd: Crowd
        self._server: asyncio.Server
        self._checks: asyncio.Task[None]

    async def start(self) -> None:
        """Listen; ``address`` then has the port that was bound.

        Raises:
            TransportError: the address is taken or not this machine's.
        """
        host, port = split_address(self.address)
        loop = asyncio.get_running_loop()
        self._crowd = Crowd(MOST_CONNECTIONS)
        make: Callable[[], asyncio.Protocol] = partial(self._make, self._crowd)
        if self._tls is not None:
            make = partial(Door, self._crowd, self._tls, make)
        try:
            self._server = await loop.create_server(make, host, port, backlog=_BACKLOG, reuse_address=True)
        except OSError:
            raise TransportError(
                f"can't listen on {self.address}", hint="Stop what uses this port, or configure another address."
            ) from None
        self.address = f"{self.address.rpartition(':')[0]}:{self._server.sockets[0].getsockname()[1]}"
        self._checks = loop.create_task(self._look_after())

    async def stop(self) -> None:
        """Take no new connections; let what is under way be answered, for some seconds."""
        self._server.close()
        self._checks.cancel()
        left = [guest for guest in self._crowd if not guest.finish()]
        end = asyncio.get_running_loop().time() + STOP_SECONDS
        while set(left).intersection(self._crowd) and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.02)
        for guest in self._crowd:
            guest.abort()
        await asyncio.sleep(0)

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            for guest in self._crowd:
                guest.check_time()


class PortThread:
    """A thread with the loop of several ports, which start together or not at all."""

    def __init__(self, ports: list[Port]) -> None:
        self._ports = ports
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="answers", daemon=True)
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
        started: list[Port] = []
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
