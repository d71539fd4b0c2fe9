"""What connections of all ports have: a place in the crowd, a clock, and patience with a peer that does not read."""

import asyncio
from abc import ABC, abstractmethod

from miyun.answers.crowd import Crowd


class PortConnection(asyncio.Protocol, ABC):
    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._transport: asyncio.Transport
        self._now = asyncio.get_running_loop().time
        self._since = self._now()
        """When what is waited for began: a message or a call, the peer's reading, or nothing."""
        self._begun = self._since
        self._stalled = False
        self._over = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._over = True
        self._crowd.leave(self)

    def pause_writing(self) -> None:
        """The peer does not read what is sent: nothing more is read from it either."""
        self._stalled, self._since = True, self._now()
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._stalled, self._since = False, self._now()
        self._transport.resume_reading()

    @abstractmethod
    def check_time(self) -> None:
        """Close the connection if it has taken too long."""
        ...

    @abstractmethod
    def finish(self) -> bool:
        """Let what is under way come to its end, and nothing begin; whether nothing is."""
        ...

    def abort(self) -> None:
        """Close the connection whatever is under way."""
        self._over = True
        self._transport.abort()
