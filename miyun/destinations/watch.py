"""Cutting the connection of a call whose time is up: one that drips bytes would never time out by itself."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Watch:
    """Over one call of this thread, from entering to leaving. ``cut``: its time was up."""

    _of_thread = threading.local()

    def __init__(self, seconds: float) -> None:
        self.cut = False
        self._shut: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    @classmethod
    def of_this_thread(cls) -> "Watch | None":
        """The one that is over the present call, if there is one."""
        return getattr(cls._of_thread, "watch", None)

    def __enter__(self) -> "Watch":
        self._of_thread.watch = self
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._of_thread.watch = None
        with self._lock:
            self._shut = None

    def attend(self, shut: Callable[[], None]) -> None:
        """From here on ``shut`` is what ends the call; it is called at once where that is due."""
        with self._lock:
            self._shut = shut
            if self.cut:
                shut()

    def _end(self) -> None:
        with self._lock:
            self.cut = True
            if self._shut is not None:
                self._shut()


def shut(connected: socket.socket) -> None:
    """End a connection in both directions; of TLS as well, whose own end would wait for the other side."""
    with suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
