"""A connection until TLS is agreed on. It counts among the strangers of its port from the moment that it is there."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

from miyun.answers.crowd import Crowd

HANDSHAKE_SECONDS: Final = 5.0


class Door(asyncio.Protocol):
    """``make`` gives the protocol that is spoken behind it."""

    def __init__(self, crowd: Crowd, tls: ssl.SSLContext, make: Callable[[], asyncio.Protocol]) -> None:
        self._crowd = crowd
        self._tls = tls
        self._make = make
        self._transport: asyncio.Transport
        self._opening: asyncio.Task[None]
        self._early: list[bytes] = []
        self._over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection too many is closed at once."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream's protocol has a stream's transport
        self._transport = transport
        if self._crowd.enter(self):
            transport.pause_reading()
            self._opening = asyncio.get_running_loop().create_task(self._open())
        else:
            self.abort()

    def data_received(self, data: bytes) -> None:
        """What was sent with the end of the handshake comes before who called for it goes on."""
        self._early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._over = True
        self._crowd.leave(self)

    def check_time(self) -> None:
        """A handshake has a limit of its own."""

    def finish(self) -> bool:
        """Close it: nothing is under way."""
        self.abort()
        return True

    def abort(self) -> None:
        """Close it."""
        self._over = True
        self._transport.abort()

    async def _open(self) -> None:
        try:
            secured = await asyncio.get_running_loop().start_tls(
                self._transport,
                self,
                self._tls,
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=HANDSHAKE_SECONDS,
            )
        except OSError:
            secured = None
        self._crowd.leave(self)
        if secured is None or self._over:
            return
        inside = self._make()
        secured.set_protocol(inside)
        inside.connection_made(secured)
        for data in self._early:
            inside.data_received(data)
